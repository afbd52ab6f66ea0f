"""Real servers as child processes: start, wait until healthy, stop; always on 127.0.0.1.

    with langgraph_server() as server:
        client = get_sync_client(url=server.url)

    with vllm_server() as server:
        os.environ.update(server.variables)
        model = chat_model()

A server never outlives the process that started it (see `course_lib.serving.supervisor`).
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

import psutil

from course_lib.serving.ended import end_processes
from course_lib.serving.ports import is_free, local_opener, port_of
from course_lib.settings import ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PREFIX = re.compile(
    r"^(?:\(\w+ pid=\d+\) )?(?:(?:ERROR|INFO|WARNING) [\d-]+ [\d:]+ \[[\w.]+:\d+\] )?"
)
"""What vLLM writes before a line: the process, and the time and place."""

STOP_SECONDS = 15.0
"""How long `stop` waits for the guard, which gives the server `supervisor.GRACE_SECONDS`."""

S = TypeVar("S", bound="Server")


class ServerError(RuntimeError):
    """A server did not start; the text holds the telling lines of its log and the remedy."""


@dataclass
class Server:
    """A running server.

    Args:
        url: where it answers, without a slash at the end.
        folder: its scratch folder, with `server.log`; removed when the server stops.
    """

    url: str
    folder: Path
    _process: subprocess.Popen[bytes] = field(repr=False)
    _ended: bool = field(default=False, init=False, repr=False)

    @property
    def log(self) -> str:
        """What the server has written so far, without colours."""
        path = self.folder / "server.log"
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        return COLOUR.sub("", text)

    def kill(self) -> None:
        """End the server at once, in the middle of whatever it does, as a crash would.

        When this returns, none of its processes runs any more, and its port is free. What it has
        written stays to be read until `stop`.
        """
        self._end(self.processes())

    def _end(self, processes: list[psutil.Process]) -> None:
        if self._ended:  # by now its number may be another's
            return
        if os.name != "nt":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:  # the guard with all that it has started
            command = ["taskkill", "/T", "/F", "/PID", str(self._process.pid)]
            subprocess.run(command, capture_output=True)
        end_processes(processes)  # some are in sessions of their own, as PostgreSQL's backends
        self._process.wait()
        self._wait_for_the_port()
        self._ended = True

    def is_running(self) -> bool:
        """Whether the server's process runs; it may have ended by itself."""
        return self._process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """The processes of the server, the first one first; none when it has ended."""
        if not self.is_running():  # by now its number may be another's
            return []
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def pause(self) -> None:
        """Freeze the server with all that it started, as an overloaded machine does; see `resume`.

        Connections stay open, and nothing is answered. `stop` and `kill` end a frozen server too.
        """
        for process in self.processes():
            process.suspend()

    def resume(self) -> None:
        """Let a frozen server go on."""
        for process in self.processes():
            process.resume()

    def _wait_for_the_port(self, seconds: float = 5) -> None:
        # Those that a guard which was killed itself has left behind are not known.
        deadline = time.monotonic() + seconds
        while not is_free(port_of(self.url)) and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server and all of its processes; harmless when it has stopped already."""
        running = self.processes()
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()  # the guard sees the end of its input
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        self._end(running)  # what a guard that was killed itself has left behind
        atexit.unregister(self.stop)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def python_path() -> str:
    """Return `PYTHONPATH` for a child process in another folder: this package comes first.

    Not the notebook's folder, so that no file beside it hides a module.
    """
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))


def start(
    command: Sequence[str],
    url: str,
    health: str | Callable[[], bool],
    *,
    variables: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float = 60,
    watch: Callable[[str], None] | None = None,
    within: Path | None = None,
    server_class: Callable[[str, Path, subprocess.Popen[bytes]], S] = Server,
) -> S:
    """Start a server and wait until it is healthy.

    Args:
        command: its command line.
        url: where it will answer.
        health: path that answers 200 once it is ready; for a server that does not speak HTTP, a
            function that returns whether it is.
        variables: environment variables to add.
        cwd: the folder that it runs in; its scratch folder when left out.
        seconds: how long to wait.
        watch: is called with the whole log, again and again, until the server is healthy.
        within: the folder in which its scratch folder is made; the temporary one when left out.
        server_class: makes what is returned of the url, the scratch folder and the process.

    Raises:
        ServerError: it ended, or was not healthy in time. Nothing is left running.
    """
    port = port_of(url)
    if not is_free(port):
        raise ServerError(
            f"Port {port} is taken by another program. Leave the port out, and a free one is taken."
        )
    folder = Path(tempfile.mkdtemp(prefix="course-server-", dir=within))
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.serving.supervisor", *command],
            cwd=cwd or folder,
            env={**os.environ, **(variables or {}), "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a signal to the notebook's group is not for the server
        )
    is_healthy = health if callable(health) else lambda: _is_healthy(url + health)
    server = server_class(url, folder, process)
    atexit.register(server.stop)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and process.poll() is None:
            healthy = is_healthy()
            if watch:
                watch(server.log)
            if healthy and process.poll() is None:
                return server
            time.sleep(0.1)
    except BaseException:  # an interrupt, say: nothing is left running
        server.stop()
        raise
    why = (
        "ended before it was ready"
        if process.poll() is not None
        else f"was not ready after {seconds:.0f} s"
    )
    told = _error_lines(server.log)
    server.stop()
    raise ServerError(f"The server {why}. Its log says: {told}")


def _is_healthy(url: str) -> bool:
    try:
        with local_opener().open(url, timeout=2) as answer:
            return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False


def _error_lines(log: str) -> str:
    """The lines of a log that name an error, or its last ones."""
    lines = [PREFIX.sub("", line).strip() for line in log.splitlines()]
    lines = [line for line in lines if line]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): |Value error, ", line)]
    errors = raised or [line for line in lines if "error" in line.lower()]
    return " / ".join(dict.fromkeys((errors or lines)[-3:])) or "nothing"
