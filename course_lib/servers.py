"""Real servers as child processes: start, wait until healthy, stop; always on 127.0.0.1.

    with langgraph_server() as server:
        client = get_sync_client(url=server.url)

A server never outlives the process that started it (see `course_lib.guard`).
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.settings import ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


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

    @property
    def log(self) -> str:
        """What the server has written so far, without colours."""
        path = self.folder / "server.log"
        text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
        return COLOUR.sub("", text)

    def stop(self) -> None:
        """Stop the server and all of its processes; harmless when it has stopped already."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()  # the guard sees the end of its input
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        if os.name != "nt":  # what a guard that was killed itself has left behind
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        elif self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        atexit.unregister(self.stop)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def langgraph_server(
    config: Path = ROOT / "langgraph.json", *, port: int | None = None, seconds: float = 60
) -> Server:
    """Start LangGraph's development server on the graphs of a `langgraph.json`.

    It needs no key and no net, keeps its threads in memory, and is meant by its makers for
    development and testing (its licence is Elastic 2.0).

    Args:
        config: the `langgraph.json`.
        port: TCP port on 127.0.0.1; a free one when left out.
        seconds: how long to wait until it is healthy.

    Raises:
        ServerError: no such file, the port is taken, or the server did not become healthy.
    """
    if not config.is_file():
        raise ServerError(f"There is no file {str(config)!r}. Name the langgraph.json to serve.")
    place = free_port() if port is None else port
    command = [
        *(sys.executable, "-m", "langgraph_cli", "dev", "--config", str(config.resolve())),
        *("--host", "127.0.0.1", "--port", str(place), "--no-browser", "--no-reload"),
        *("--n-jobs-per-worker", "10"),
    ]
    variables = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGSMITH_TRACING": "false"}
    return start(command, f"http://127.0.0.1:{place}", "/ok", variables=variables, seconds=seconds)


def start(
    command: Sequence[str],
    url: str,
    health: str,
    *,
    variables: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> Server:
    """Start a server and wait until it is healthy.

    Args:
        command: its command line.
        url: where it will answer.
        health: path that answers 200 once it is ready.
        variables: environment variables to add.
        seconds: how long to wait.

    Raises:
        ServerError: it ended, or was not healthy in time. Nothing is left running.
    """
    port = int(url.rsplit(":", 1)[1])
    if not _is_free(port):
        raise ServerError(
            f"Port {port} is taken by another program. Leave the port out, and a free one is taken."
        )
    folder = Path(tempfile.mkdtemp(prefix="course-server-"))
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.guard", *command],
            cwd=folder,
            env={**os.environ, **(variables or {}), "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a signal to the notebook's group is not for the server
        )
    server = Server(url, folder, process)
    atexit.register(server.stop)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and process.poll() is None:
            if _is_healthy(url + health) and process.poll() is None:
                return server
            time.sleep(0.1)
    except BaseException:  # an interrupt, say: nothing is left running
        server.stop()
        raise
    why = "ended at once" if process.poll() is not None else f"was not ready after {seconds:.0f} s"
    told = _telling_lines(server.log)
    server.stop()
    raise ServerError(f"The server {why}. Its log says: {told}")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_healthy(url: str) -> bool:
    # Whatever proxy the person uses, it is not on the way to 127.0.0.1.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as answer:
            return answer.status == 200
    except (OSError, http.client.HTTPException):
        return False


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _telling_lines(log: str) -> str:
    """The lines of a log that name an error, or its last ones."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): ", line)]
    errors = raised or [line for line in lines if "error" in line.lower()]
    return " / ".join(dict.fromkeys((errors or lines)[-3:])) or "nothing"
