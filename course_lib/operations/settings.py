"""What is observed and limited, from environment variables.

| variable                       | means                                              | default  |
|--------------------------------|----------------------------------------------------|----------|
| `PROMETHEUS_MULTIPROC_DIR`     | a folder in which workers share what they count    | none     |
| `CHAT_TRACES_FILE`             | gets a line of JSON for each span                  | none     |
| `CHAT_LOG_FILE`                | gets the log                                       | stderr   |
| `CHAT_AUDIT_FILE`              | gets prompts, tool calls and decisions, masked     | none     |
| `CHAT_TURNS_PER_MINUTE`        | how many turns a person may begin                  | no limit |
| `CHAT_TENANT_TURNS_PER_MINUTE` | how many turns all persons of a tenant may begin   | no limit |
| `CHAT_DRAIN_NOTICE_SECONDS`    | how long `/ready` says 503 before the worker stops | `0`      |
| `CHAT_SECRETS_DIR`             | a folder of secret files, instead of the variables | none     |
| `CHAT_VERSION`                 | the version of the service, for every line logged  | none     |
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class OperationsSettingsError(ValueError):
    """A variable cannot be used; the text names it and says what to set."""


class OperationsSettings(BaseSettings):
    """The settings of this module's table, read from the environment when it is made.

    Args:
        traces_file: of the spans.
        log_file: of the log.
        audit_file: of the audit log.
        turns_per_minute: of one person.
        tenant_turns_per_minute: of all persons of a tenant together.
        drain_notice_seconds: between the signal to stop and the end of the listening socket.
        secrets_dir: with the files `database_url` and `token_key`.
        version: of the service.
    """

    model_config = SettingsConfigDict(env_prefix="CHAT_", env_ignore_empty=True, extra="ignore")

    traces_file: Path | None = None
    log_file: Path | None = None
    audit_file: Path | None = None
    turns_per_minute: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    tenant_turns_per_minute: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    drain_notice_seconds: float = Field(default=0.0, ge=0, le=600)
    secrets_dir: Path | None = None
    version: str | None = Field(default=None, max_length=100)


def read_operations_settings() -> OperationsSettings:
    """Read the settings from the environment.

    Raises:
        OperationsSettingsError: a variable cannot be used.
    """
    try:
        settings = OperationsSettings()
    except ValidationError as error:
        fault = error.errors()[0]
        name = f"CHAT_{str(fault['loc'][0]).upper()}"
        raise OperationsSettingsError(f"{name} is {fault['input']!r}. {fault['msg']}.") from None
    shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if shared == "":
        raise OperationsSettingsError(
            "PROMETHEUS_MULTIPROC_DIR is ''. Set it to an empty folder, or unset it."
        )
    if shared is not None and not Path(shared).is_dir():
        raise OperationsSettingsError(
            f"PROMETHEUS_MULTIPROC_DIR is {shared!r}, and there is no such folder. "
            f"Run: mkdir -m 700 {shlex.quote(shared)}"
        )
    for name in ("traces_file", "log_file", "audit_file"):
        path = getattr(settings, name)
        if path is not None and not path.parent.is_dir():
            raise OperationsSettingsError(
                f"CHAT_{name.upper()} is {str(path)!r}, and there is no folder "
                f"{str(path.parent)!r}. Make it: mkdir -p {shlex.quote(str(path.parent))}"
            )
        if path is not None and (path.is_dir() or not os.access(_existing(path), os.W_OK)):
            what = "is a folder" if path.is_dir() else "cannot be written by this user"
            raise OperationsSettingsError(
                f"CHAT_{name.upper()} is {str(path)!r}, which {what}. Name another file."
            )
    return settings


def _existing(path: Path) -> Path:
    return path if path.exists() else path.parent
