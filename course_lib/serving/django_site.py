"""The Django site of chapter 14 as a child process on 127.0.0.1.

with langgraph_server() as server, django_site(server.url) as site:
    site.add_person("ann", "a password")
    httpx.get(f"{site.url}/login/")
    print(site.manage("cleanup_threads", "--dry-run"))
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from course_lib.serving.ports import free_port
from course_lib.serving.process import Server, ServerError, python_path, start

PROJECT = "course_lib.django_app"
"""The Django project: its settings, its commands and its ASGI application."""


@dataclass
class DjangoSite:
    """A running site.

    Args:
        server: the process that answers.
        variables: the environment variables that it was started with, its settings among them.
    """

    server: Server
    variables: Mapping[str, str] = field(repr=False)
    _folder: Path = field(repr=False)

    @property
    def url(self) -> str:
        """Where the site answers, without a slash at the end."""
        return self.server.url

    @property
    def log(self) -> str:
        """What the site has written so far."""
        return self.server.log

    def manage(self, *arguments: str, text: str = "") -> str:
        """Run a management command with the settings of the site, and return what it printed.

        Args:
            arguments: the command and its options, such as `"cleanup_threads", "--dry-run"`.
            text: its standard input.

        Raises:
            ServerError: the command failed; the text holds what it said.
        """
        return _manage(self.variables, *arguments, text=text)

    def add_person(self, name: str, password: str) -> None:
        """Add somebody who may sign in.

        Raises:
            ServerError: the name or the password is not accepted; the text says why.
        """
        self.manage("add_person", name, text=f"{password}\n")

    def kill(self) -> None:
        """End the site at once with SIGKILL, in the middle of whatever it does."""
        self.server.kill()

    def restart(self) -> None:
        """Start a site that ended again, on the same port and with the same database."""
        old = self.server
        old.stop()
        self.server = _start(old.url, self.variables)

    def stop(self) -> None:
        """Stop the site; harmless when it has stopped already. Its own SQLite file goes too."""
        self.server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def django_site(
    langgraph_url: str,
    *,
    assistant: str = "namu",
    database_url: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> DjangoSite:
    """Create the tables, start the site under uvicorn, and wait until it is healthy.

    Args:
        langgraph_url: the LangGraph server that it talks to.
        assistant: which graph or assistant of that server answers.
        database_url: `sqlite:///path` or a PostgreSQL address; a new SQLite file when left out.
        variables: environment variables to add.

    Raises:
        ServerError: the tables could not be made, or the site did not start. Nothing is left
            running.
    """
    folder = Path(tempfile.mkdtemp(prefix="course-django-"))
    key_file = folder / "secret.key"
    key_file.touch(mode=0o600)
    key_file.write_text(secrets.token_hex(32))
    settings = {
        "PYTHONPATH": python_path(),
        "DJANGO_SETTINGS_MODULE": f"{PROJECT}.settings",
        "CHAT_SECRET_KEY_FILE": str(key_file),
        "CHAT_DATABASE_URL": database_url or f"sqlite:///{folder / 'chat.sqlite3'}",
        "CHAT_LANGGRAPH_URL": langgraph_url,
        "CHAT_ASSISTANT": assistant,
        **(variables or {}),
    }
    try:
        _manage(settings, "migrate", "--verbosity=0")
        server = _start(f"http://127.0.0.1:{free_port()}", settings)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return DjangoSite(server, settings, folder)


def _start(url: str, variables: Mapping[str, str]) -> Server:
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        f"{PROJECT}.asgi:application",
        "--host=127.0.0.1",
        f"--port={url.rpartition(':')[2]}",
        "--lifespan=off",  # Django has none
        "--log-level=warning",
        # A stream that is open when the site ends is read again elsewhere.
        "--timeout-graceful-shutdown=5",
    ]
    return start(command, url, "/health/", variables=variables)


def _manage(variables: Mapping[str, str], *arguments: str, text: str = "") -> str:
    run = subprocess.run(
        [sys.executable, "-m", PROJECT, *arguments],
        env={**os.environ, **variables, "PYTHONUTF8": "1"},
        input=text,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    if run.returncode:
        told = (run.stderr or run.stdout).strip().splitlines() or ["nothing"]
        raise ServerError(f"The command {arguments[0]!r} failed. It says: {told[-1]}")
    return run.stdout.strip()
