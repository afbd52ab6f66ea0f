"""Every environment variable the course reads, in one place, validated when it is read.

| variable                    | means                                             | default        |
|-----------------------------|---------------------------------------------------|----------------|
| `COURSE_LLM_BASE_URL`       | an OpenAI-compatible server, `http://host/v1`     | offline model  |
| `COURSE_LLM_MODEL`          | the model name to ask that server for             | needed with it |
| `COURSE_LLM_API_KEY`        | its key; many local servers need none             | `not-needed`   |
| `COURSE_EMBEDDING_BASE_URL` | the same for `/embeddings`, `http(s)://host/v1`   | bundled        |
| `COURSE_EMBEDDING_MODEL`    | the name of the embedding model at that server    | needed with it |
| `COURSE_EMBEDDING_API_KEY`  | its key                                           | `not-needed`   |
| `COURSE_DATABASE_URL`       | a PostgreSQL server instead of the embedded one   | embedded       |
| `COURSE_REDIS_URL`          | a Redis server instead of one that is started     | started        |
| `COURSE_HOME`               | folder for progress and scratch databases         | user data dir  |
| `COURSE_CHECK_SECONDS`      | how long a check lets a learner's code run        | `10`           |
| `COURSE_NO_VLLM`            | `1`: chapter 16 shows stored loads, no new ones   | `0`            |
| `COURSE_CHROMIUM`           | path of the browser for the tests                 | looked for     |
| `COURSE_REQUIRE_BROWSER`    | `1`: a missing browser fails the tests            | `0`            |
| `COURSE_REQUIRE_REDIS`      | `1`: a missing Redis fails the tests              | `0`            |

The set-up alone reads two more: `COURSE_NO_UV=1` (use pip) and `COURSE_NO_BROWSER=1` (`make lab`
opens no window).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from course_lib.addresses import hide_password

ROOT = Path(__file__).resolve().parent.parent
"""The folder of the checkout: `notebooks/`, `data/` and the rest lie below it."""

DATA = ROOT / "data"
"""The folder of the course's own data."""

SERVED_MODELS = ("COURSE_LLM_", "COURSE_EMBEDDING_")
"""How the variables begin that have a served model answer in place of the course's own."""


class SettingsError(ValueError):
    """An environment variable has a value the course cannot use; the message says what to set."""


@dataclass(frozen=True)
class Settings:
    """The course's settings, one field for each variable of the module's table.

    Args:
        llm_base_url: OpenAI-compatible endpoint, or None for the offline model.
        llm_model: model name at that endpoint.
        llm_api_key: its key, kept out of `repr`.
        embedding_base_url: endpoint with `/embeddings`, or None for the bundled embedding.
        embedding_model: name of the embedding model at that endpoint.
        embedding_api_key: its key, kept out of `repr`.
        database_url: PostgreSQL URL, or None for the embedded server.
        redis_url: Redis URL, or None for a server that the course starts.
        home: folder for the learner's own files; created by whoever writes there first.
        chromium: path of a browser to use in the tests, or None to look for one.
        require_browser: whether a missing browser fails the tests instead of skipping them.
        require_redis: the same for a missing Redis server.
    """

    llm_base_url: str | None
    llm_model: str | None
    llm_api_key: str
    embedding_base_url: str | None
    embedding_model: str | None
    embedding_api_key: str
    database_url: str | None
    redis_url: str | None
    home: Path
    chromium: str | None
    require_browser: bool
    require_redis: bool

    def __repr__(self) -> str:
        return (
            f"Settings(llm_base_url={_shown(self.llm_base_url)}, llm_model={self.llm_model!r}, "
            f"llm_api_key=<hidden>, embedding_base_url={_shown(self.embedding_base_url)}, "
            f"embedding_model={self.embedding_model!r}, embedding_api_key=<hidden>, "
            f"database_url={'<set>' if self.database_url else None}, "
            f"redis_url={'<set>' if self.redis_url else None}, "
            f"require_browser={self.require_browser}, require_redis={self.require_redis})"
        )


def _shown(url: str | None) -> str:
    return repr(None if url is None else hide_password(url))


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and validate the settings.

    Args:
        environment: the variables to read; `os.environ` when left out.

    Raises:
        SettingsError: a value cannot be used; the text names it, its variable and what to do.
    """
    env = os.environ if environment is None else environment
    base_url, model = _endpoint(env, "COURSE_LLM", "the offline model")
    embedding_url, embedding_model = _endpoint(env, "COURSE_EMBEDDING", "the bundled embedding")
    database_url = _text(env, "COURSE_DATABASE_URL")
    if database_url is not None and not database_url.startswith(("postgresql://", "postgres://")):
        raise SettingsError(
            f"COURSE_DATABASE_URL begins with {hide_password(database_url).split(':')[0]!r}. "
            "Set it to a postgresql://user@host:port/database address, "
            "or unset it to use the embedded server."
        )
    redis_url = _text(env, "COURSE_REDIS_URL")
    if redis_url is not None and not redis_url.startswith(("redis://", "rediss://", "unix://")):
        raise SettingsError(
            f"COURSE_REDIS_URL begins with {hide_password(redis_url).split(':')[0]!r}. Set it to "
            "an address such as redis://127.0.0.1:6379/0, or unset it to let the course start a "
            "server."
        )
    return Settings(
        llm_base_url=base_url,
        llm_model=model,
        llm_api_key=_key(env, "COURSE_LLM_API_KEY"),
        embedding_base_url=embedding_url,
        embedding_model=embedding_model,
        embedding_api_key=_key(env, "COURSE_EMBEDDING_API_KEY"),
        database_url=database_url,
        redis_url=redis_url,
        home=read_home(env),
        chromium=_text(env, "COURSE_CHROMIUM"),
        require_browser=_flag(env, "COURSE_REQUIRE_BROWSER"),
        require_redis=_flag(env, "COURSE_REQUIRE_REDIS"),
    )


def _endpoint(env: Mapping[str, str], prefix: str, otherwise: str) -> tuple[str | None, str | None]:
    """Read the address and the model name of a server; `otherwise` is used where none is named."""
    url, model = _text(env, f"{prefix}_BASE_URL"), _text(env, f"{prefix}_MODEL")
    if url is None:
        return None, model
    parts = _split(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(
            f"{prefix}_BASE_URL is {hide_password(url)!r}, which is not an http(s) address. "
            "Set it to an OpenAI-compatible endpoint such as http://127.0.0.1:8000/v1, "
            f"or unset it to use {otherwise}."
        )
    if model is None:
        raise SettingsError(
            f"{prefix}_BASE_URL is {hide_password(url)!r} but {prefix}_MODEL is not set. "
            "Set it to a model that this server offers (its /models page lists them)."
        )
    return url, model


def _key(env: Mapping[str, str], name: str) -> str:
    key = _text(env, name) or "not-needed"
    if not key.isascii():
        raise SettingsError(
            f"{name} holds letters that no key has (it is not ASCII). Copy it again."
        )
    return key


def _text(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _flag(env: Mapping[str, str], name: str) -> bool:
    value = (_text(env, name) or "0").lower()
    if value not in ("0", "1", "true", "false", "yes", "no"):
        raise SettingsError(f"{name} is {value!r}; set it to 1 or 0.")
    return value in ("1", "true", "yes")


def _split(url: str) -> SplitResult | None:
    """The parts of a URL, or None where it is none (an unclosed bracket, an odd port)."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def read_home(environment: Mapping[str, str] | None = None) -> Path:
    """Read only where the learner's own files go; the folder may not exist yet.

    Raises:
        SettingsError: `COURSE_HOME` names a home folder of nobody.
    """
    env = os.environ if environment is None else environment
    named = _text(env, "COURSE_HOME")
    if named is not None:
        try:
            return Path(named).expanduser()
        except RuntimeError as error:
            raise SettingsError(f"COURSE_HOME is {named!r}: {error} Name a folder.") from error
    from platformdirs import user_data_path

    return user_data_path("namu-course", appauthor=False)


def read_check_seconds(environment: Mapping[str, str] | None = None) -> float:
    """Read only how long a check lets a learner's code run, in seconds.

    Args:
        environment: the variables to read; `os.environ` when left out.

    Raises:
        SettingsError: `COURSE_CHECK_SECONDS` is no number above zero.
    """
    env = os.environ if environment is None else environment
    named = _text(env, "COURSE_CHECK_SECONDS") or "10"
    try:
        seconds = float(named)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise SettingsError(
            f"COURSE_CHECK_SECONDS is {named!r}. Set it to a number of seconds, such as 10."
        )
    return seconds


def read_no_vllm(environment: Mapping[str, str] | None = None) -> bool:
    """Read only whether chapter 16 starts no model server.

    Args:
        environment: the variables to read; `os.environ` when left out.

    Raises:
        SettingsError: `COURSE_NO_VLLM` is neither yes nor no.
    """
    return _flag(os.environ if environment is None else environment, "COURSE_NO_VLLM")


def __getattr__(name: str) -> Settings:
    # `from course_lib.settings import settings` reads the environment at that moment.
    if name == "settings":
        return read_settings()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
