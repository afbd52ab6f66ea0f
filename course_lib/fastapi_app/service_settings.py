"""What the service is told from outside: the database, the key of its tokens, its limits.

| variable              | means                                            | default |
|-----------------------|--------------------------------------------------|---------|
| `CHAT_DATABASE_URL`   | the PostgreSQL database of the threads           | needed  |
| `CHAT_TOKEN_KEY_FILE` | a file with the key that signs tokens (32 bytes) | needed  |
| `CHAT_ORIGINS`        | web pages of other origins that may call         | none    |
| `CHAT_MAX_LETTERS`    | the longest message                              | `4000`  |
| `CHAT_WAIT_SECONDS`   | how long a request waits for its thread          | `60`    |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

MIN_KEY_BYTES = 32
"""HMAC with SHA-256 wants a key of at least as many bytes as its result (RFC 7518, 3.2)."""

MAKE_KEY = "python -c 'import secrets; print(secrets.token_hex(32))'"
"""Makes a key as text. White space at its ends is not part of a key that is read from a file, so
random bytes that begin or end with it would be cut."""


class ServiceSettingsError(ValueError):
    """A variable is missing or cannot be used; the text names it and says what to set."""


@dataclass(frozen=True)
class ServiceSettings:
    """The settings of one service.

    Args:
        database_url: `postgresql://...`, shared by all workers.
        token_key: signs the tokens; the service that signs people in has the same one.
        origins: web pages of other origins that a browser may call from.
        max_letters: the longest message, in characters.
        max_body_bytes: the longest request body, in bytes.
        wait_seconds: how long a request waits for its turn on a thread, in seconds.
        savers: how many savers share the pool of one worker. One asynchronous saver runs one
            statement at a time.
        keep_events_seconds: how long the events of a finished run can be read again, in seconds.
    """

    database_url: str = field(repr=False)
    token_key: bytes = field(repr=False)
    origins: tuple[str, ...] = ()
    max_letters: int = 4_000
    max_body_bytes: int = 65_536
    wait_seconds: float = 60.0
    savers: int = 4
    keep_events_seconds: float = 3_600.0

    def __post_init__(self) -> None:
        if not self.database_url.startswith(("postgresql://", "postgres://")):
            kind = self.database_url.split(":")[0]
            raise ServiceSettingsError(
                f"The database's address begins with {kind!r}. Two workers share PostgreSQL: give "
                "a postgresql://user@host/database address."
            )
        _long_enough(self.token_key)


def read_service_settings(environment: Mapping[str, str] | None = None) -> ServiceSettings:
    """Read the settings from environment variables.

    Args:
        environment: the variables; `os.environ` when left out.

    Raises:
        ServiceSettingsError: a variable is missing or cannot be used.
    """
    env = os.environ if environment is None else environment
    origins = tuple(each.strip() for each in env.get("CHAT_ORIGINS", "").split(",") if each.strip())
    return ServiceSettings(
        database_url=_needed(env, "CHAT_DATABASE_URL", "a postgresql://user@host/database address"),
        token_key=read_token_key(env),
        origins=origins,
        max_letters=int(_number(env, "CHAT_MAX_LETTERS", 4_000)),
        wait_seconds=_number(env, "CHAT_WAIT_SECONDS", 60.0),
    )


def read_token_key(environment: Mapping[str, str]) -> bytes:
    """Read the key that signs tokens, from the file that `CHAT_TOKEN_KEY_FILE` names.

    Raises:
        ServiceSettingsError: the variable is missing, or the key is missing, too short, or can be
            read by others.
    """
    path = _needed(environment, "CHAT_TOKEN_KEY_FILE", "the path of a key file")
    return _long_enough(_read_key(Path(path)))


def _long_enough(key: bytes) -> bytes:
    if len(key) < MIN_KEY_BYTES:
        raise ServiceSettingsError(
            f"The key of the tokens has {len(key)} bytes and needs {MIN_KEY_BYTES}. "
            f"Make one with: {MAKE_KEY}"
        )
    return key


def _needed(env: Mapping[str, str], name: str, what: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise ServiceSettingsError(f"{name} is not set. Set it to {what}.")
    return value


def _read_key(path: Path) -> bytes:
    """The key in a file that nobody but its owner can read."""
    try:
        mode, text = path.stat().st_mode, path.read_bytes().strip()
    except OSError as error:
        raise ServiceSettingsError(
            f"CHAT_TOKEN_KEY_FILE names {str(path)!r}, which cannot be read: {error.strerror}. "
            f"Make one: umask 077; {MAKE_KEY} > chat.key"
        ) from error
    if os.name != "nt" and mode & 0o077:
        raise ServiceSettingsError(
            f"The key file {str(path)!r} can be read by others. Run: chmod 600 {path}"
        )
    return text


def _number(env: Mapping[str, str], name: str, otherwise: float) -> float:
    text = env.get(name, "").strip()
    try:
        value = float(text) if text else otherwise
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise ServiceSettingsError(f"{name} is {text!r}. Set it to a number above zero.")
    return value
