"""Workers of the chat service of chapter 13, as child processes on 127.0.0.1.

with api_workers(2, database_url=postgres().url) as workers:
    token = workers.token("ann")
    httpx.post(f"{workers.urls[0]}/chat", headers={"Authorization": f"Bearer {token}"}, ...)
    workers.kill(0)                   # SIGKILL
    workers.restart(0)                # on the same port
"""

from __future__ import annotations

import atexit
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from course_lib.serving.ports import free_port
from course_lib.serving.process import Server, python_path, start

NAMU_APP = "course_lib.fastapi_app.namu_app:make_app"
"""The application with Namu in it."""


@dataclass
class ApiWorkers:
    """Several workers of one service, each a process with a port of its own.

    Args:
        servers: the running workers, in order.
        key: signs the tokens that they accept.
    """

    servers: list[Server]
    key: bytes = field(repr=False)
    _command: Mapping[str, Any] = field(repr=False)
    _folder: Path = field(repr=False)

    @property
    def urls(self) -> list[str]:
        """Where the workers answer, in order."""
        return [server.url for server in self.servers]

    def token(
        self, user: str, *, tenant: str = "default", roles: Sequence[str] = (), **more: Any
    ) -> str:
        """Make a token for a person, as a service does that signs people in."""
        from importlib import import_module

        make_token = import_module("course_lib.fastapi_app.auth").make_token
        return make_token(self.key, user, tenant=tenant, roles=roles, **more)

    def kill(self, number: int) -> None:
        """End a worker at once with SIGKILL, in the middle of whatever it does."""
        self.servers[number].kill()

    def restart(self, number: int) -> None:
        """Start a worker that ended again, on the same port."""
        old = self.servers[number]
        old.stop()
        self.servers[number] = start(url=old.url, **self._command_for(old.url))

    def stop(self) -> None:
        """Stop all workers; harmless when they have stopped already."""
        for server in self.servers:
            server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command_for(self, url: str) -> dict[str, Any]:
        address = ["--host", "127.0.0.1", "--port", url.rpartition(":")[2]]
        command = [*self._command["command"], *address]
        return {**self._command, "command": command}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def api_workers(
    count: int = 2,
    *,
    database_url: str,
    app: str = NAMU_APP,
    variables: Mapping[str, str] | None = None,
) -> ApiWorkers:
    """Start workers of the chat service and wait until all of them are healthy.

    Args:
        count: how many.
        database_url: the PostgreSQL database that they share.
        app: `module:factory` of the application.
        variables: environment variables to add.

    Raises:
        ServerError: a worker did not start. Nothing is left running.
    """
    folder = Path(tempfile.mkdtemp(prefix="course-api-"))
    # Registered before the servers, so it runs after they have ended: a key is not left behind.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    key_file = folder / "token.key"
    key = secrets.token_hex(32).encode()
    key_file.touch(mode=0o600)
    key_file.write_bytes(key)
    shared = {
        "command": [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            app,
            "--log-level",
            "warning",
            "--timeout-graceful-shutdown",
            "30",
        ],
        "health": "/health",
        "variables": {
            "PYTHONPATH": python_path(),
            "CHAT_DATABASE_URL": database_url,
            "CHAT_TOKEN_KEY_FILE": str(key_file),
            **(variables or {}),
        },
    }
    workers = ApiWorkers([], key, shared, folder)
    try:
        for _ in range(count):
            url = f"http://127.0.0.1:{free_port()}"
            workers.servers.append(start(url=url, **workers._command_for(url)))
    except BaseException:
        workers.stop()
        raise
    return workers
