"""The parts of the stack: how each is started, watched, killed and started again."""

from __future__ import annotations

import errno
import os
import random
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from course_lib.models.gateway.command import KEY_VARIABLE
from course_lib.operations.database_programs import variables as package_variables
from course_lib.serving.gateway_process import ModelGateway
from course_lib.serving.ports import is_free
from course_lib.serving.process import Server, ServerError, start

PORTS = range(20_000, 32_000)
"""Ports of the parts are below those that systems give to outgoing connections: a part that is
started again must find its old port free."""

START_SECONDS = 120.0
"""How long a part may take until it is healthy, in seconds; a laptop may be busy."""

DRAIN_SECONDS = 30
"""How long a worker that is asked to end lets open requests go on, in seconds."""


def quiet_port() -> int:
    """Return a free port of 127.0.0.1 that no outgoing connection will take.

    Raises:
        OSError: none of many was free.
    """
    for port in random.sample(PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"No port between {PORTS.start} and {PORTS.stop} is free. Stop what uses them.")


@dataclass
class Part:
    """One child process of the stack.

    Args:
        name: such as `worker-1`.
        port: on 127.0.0.1; the same one after every start.
        begin: starts it and waits until it is healthy.
        server: the running process; None before the first start.
        starts: how often it was started.
    """

    name: str
    port: int
    begin: Callable[[], Server] = field(repr=False)
    server: Server | None = field(default=None, repr=False)
    starts: int = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return self.server.url if self.server else f"http://127.0.0.1:{self.port}"

    def is_running(self) -> bool:
        """Whether its process runs."""
        return self.server is not None and self.server.is_running()

    def start(self) -> None:
        """Start it, after what is left of an earlier process was removed.

        Raises:
            ServerError: it did not start.
        """
        if self.server is not None:
            self.server.stop()
        self.server = self.begin()
        self.starts += 1

    def kill(self) -> None:
        """End it at once with SIGKILL."""
        if self.server is not None:
            self.server.kill()

    def stop(self) -> None:
        """Stop it; harmless when it has stopped."""
        if self.server is not None:
            self.server.stop()

    def processes(self) -> list[psutil.Process]:
        """Its processes, the first one first."""
        return self.server.processes() if self.server else []


def api_worker(
    port: int,
    *,
    app: str,
    variables: Mapping[str, str],
    within: Path,
    seconds: float = START_SECONDS,
) -> Server:
    """Start a worker of the API and wait until it is healthy.

    Args:
        port: on 127.0.0.1.
        app: `module:factory` of the application.
        variables: environment variables to add.
        within: the folder in which its scratch folder is made.
        seconds: how long to wait.

    Raises:
        ServerError: it did not start.
    """
    command = [sys.executable, "-m", "uvicorn", "--factory", app, "--log-level", "warning"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--timeout-graceful-shutdown", str(DRAIN_SECONDS)]
    return start(
        command,
        f"http://127.0.0.1:{port}",
        "/health",
        variables=_with_path(variables),
        within=within,
        seconds=seconds,
    )


def replica(
    port: int,
    *,
    size: str,
    key: str,
    options: Mapping[str, float | Path],
    within: Path,
    seconds: float = START_SECONDS,
) -> ModelGateway:
    """Start a replica of the model and wait until it is healthy; see `api_worker`.

    Args:
        port: on 127.0.0.1.
        size: `small`, `medium` or `large`.
        key: the only API key that it accepts.
        options: such as `tokens_per_second`, as `model_gateway` takes them.
        within: the folder in which its scratch folder is made.
        seconds: how long to wait.
    """
    command = [sys.executable, "-m", "course_lib", "gateway", f"--port={port}", f"--size={size}"]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return start(
        command,
        f"http://127.0.0.1:{port}",
        "/health",
        variables=_with_path({KEY_VARIABLE: key}),
        within=within,
        seconds=seconds,
        server_class=partial(ModelGateway, model=f"namu-{size}", _key=key),
    )


def job_worker(
    port: int, *, variables: Mapping[str, str], within: Path, seconds: float = START_SECONDS
) -> Server:
    """Start the worker of the job queue and wait until its numbers can be read at `/metrics`.

    Args:
        port: of its numbers, on 127.0.0.1.
        variables: environment variables to add.
        within: the folder in which its scratch folder is made.
        seconds: how long to wait.
    """
    return start(
        [sys.executable, "-m", "course_lib.operations.job_worker", f"--port={port}"],
        f"http://127.0.0.1:{port}",
        "/metrics",
        variables=_with_path(variables),
        within=within,
        seconds=seconds,
    )


def check_port(name: str, port: int) -> None:
    """Refuse a port on which nobody could listen now.

    Args:
        name: of the part, for the message.
        port: a TCP port of 127.0.0.1.

    Raises:
        ServerError: it is taken, or this user may not have it; the text names the part and the
            port.
    """
    why = "is taken by another program" if not is_free(port) else _refused(port)
    if why:
        raise ServerError(
            f"Port {port}, for the part {name!r}, {why}. Give that part another port, or leave the "
            "port out, and a free one is taken."
        )


def _refused(port: int) -> str:
    """Why the system does not give this process a port; an empty text where it does."""
    with socket.socket() as probe:
        if os.name != "nt":  # there, this option would take the port from whoever has it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "is taken by another program"
            return f"cannot be used: {error.strerror}"
    return ""


def memory_of(processes: list[psutil.Process]) -> int:
    """Bytes of memory that processes use; what they share is divided among those that share it."""
    total = 0
    for process in processes:
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", 0) or full.uss
        except psutil.AccessDenied:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def _with_path(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, and where this package is, beside a path that they name themselves."""
    own = package_variables()
    own.pop("LC_ALL")
    path = os.pathsep.join(filter(None, [variables.get("PYTHONPATH", ""), own["PYTHONPATH"]]))
    return {**variables, "PYTHONPATH": path}
