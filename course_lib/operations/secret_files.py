"""Secrets as files of a folder, which only their owner can read: not variables, and not in code.

A variable is seen by every child process and in `/proc`. The folder is what Kubernetes and Docker
mount, and what `write_secrets` makes on a laptop.
"""

from __future__ import annotations

import os
import secrets
import shlex
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from course_lib.fastapi_app import ServiceSettings, read_service_settings
from course_lib.fastapi_app.service_settings import MAKE_KEY

COMMANDS = {
    "database_url": "umask 077; printf %s 'postgresql://USER:PASSWORD@HOST/DATABASE' > {path}",
    "token_key": f"umask 077; {MAKE_KEY} > {{path}}",
}
"""How each file is made."""


class SecretsError(ValueError):
    """A secret is missing or can be read by others; the text has the command that mends it."""


class ServiceSecrets(BaseSettings):
    """The secrets of the service. Printing them shows `**********`.

    Args:
        database_url: the address of the database, with its password.
        token_key: signs the tokens of persons.
    """

    database_url: SecretStr
    token_key: SecretStr

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the files only: a variable that happens to be set must not win over a file."""
        return (file_secret_settings,)


def read_secrets(folder: Path) -> ServiceSecrets:
    """Read the secrets of a folder.

    Args:
        folder: with one file for each secret, named like it.

    Raises:
        SecretsError: one is missing, empty, no text, or can be read by somebody else.
    """
    try:
        if not folder.is_dir():
            raise SecretsError(
                f"There is no folder of secrets {str(folder)!r}. Make it: mkdir -m 700 "
                f"{shlex.quote(str(folder))}"
            )
        for name, command in COMMANDS.items():
            _check(name, folder / name, command)
        return ServiceSecrets(_secrets_dir=folder)
    except OSError as error:
        raise SecretsError(
            f"The secrets in {str(folder)!r} cannot be read: {error.strerror}. Run: chown -R "
            f"$(id -u) {shlex.quote(str(folder))}"
        ) from error
    except ValidationError as error:  # its text would show the value
        fault = error.errors(include_input=False)[0]
        raise SecretsError(f"The secret {fault['loc'][0]!r}: {fault['msg']}.") from None


def _check(name: str, path: Path, command: str) -> None:
    """Refuse a file that holds no secret, or does not keep it."""
    quoted = shlex.quote(str(path))
    make = command.format(path=quoted)
    if path.is_dir():
        raise SecretsError(
            f"The secret {name!r} is a folder: Docker makes one where a mounted file is missing. "
            f"Remove it, then make the file: rmdir {quoted}; {make}"
        )
    if not path.is_file():
        raise SecretsError(f"The secret {name!r} is missing. Make the file: {make}")
    if path.parent.resolve() not in path.resolve().parents:  # as Kubernetes links, within it
        raise SecretsError(
            f"The secret file {str(path)!r} is a link to another folder, from which nothing is "
            f"taken. Put the file there: install -m 600 "
            f"{shlex.quote(str(path.resolve()))} {quoted}"
        )
    if os.name != "nt" and path.stat().st_mode & 0o077:
        raise SecretsError(
            f"The secret file {str(path)!r} can be read by others. Run: chmod 600 {quoted}"
        )
    if not os.access(path, os.R_OK):
        raise SecretsError(
            f"The secret file {str(path)!r} cannot be read by this user. Run: chown $(id -u) "
            f"{quoted}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # without its text, which shows bytes of the file
        text = "\0"
    if "\0" in text:
        raise SecretsError(f"The secret file {str(path)!r} holds no text. Write it: {make}")
    if not text.strip():
        raise SecretsError(f"The secret file {str(path)!r} is empty. Write it: {make}")


def write_secrets(folder: Path, *, database_url: str, token_key: str | None = None) -> Path:
    """Make a folder of secrets that only its owner can read.

    Args:
        folder: is made where it is missing.
        database_url: of the service.
        token_key: a new one when left out.

    Returns:
        The folder.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = {"database_url": database_url, "token_key": token_key or secrets.token_hex(32)}
    for name, value in found.items():
        path = folder / name
        path.unlink(missing_ok=True)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(value)
    return folder


def settings_with_secrets(folder: Path) -> ServiceSettings:
    """Return the service's settings: the secrets of a folder, the rest from the environment.

    Args:
        folder: as `read_secrets` takes it.

    Raises:
        SecretsError: a secret is missing or can be read by others.
        ServiceSettingsError: a secret or a setting cannot be used.
    """
    secrets_ = read_secrets(folder)
    given = {
        "CHAT_DATABASE_URL": secrets_.database_url.get_secret_value(),
        "CHAT_TOKEN_KEY_FILE": str(folder / "token_key"),
    }
    return read_service_settings({**os.environ, **given})
