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
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from course_lib.settings import DATA, ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
PREFIX = re.compile(
    r"^(?:\(\w+ pid=\d+\) )?(?:(?:ERROR|INFO|WARNING) [\d-]+ [\d:]+ \[[\w.]+:\d+\] )?"
)
"""What vLLM writes before a line: the process, and the time and place."""

ONE_PROCESS = (
    "--distributed-executor-backend",
    "vllm.v1.executor.uniproc_executor.UniProcExecutor",
)
"""Lets vLLM's engine compute in its own process. On a CPU it would start a worker beside it, and
the two wait for each other busily: on two cores that left little for server and client (16
conversations: 1,970 tokens/s with a worker, 3,310 without). vLLM wants the worker so that it can
choose OpenMP's threads for it; `vllm_server` sets their number itself."""
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

        What it has written stays to be read until `stop`, and its port is free.
        """
        if self._ended:  # by now its number may be another's
            return
        if os.name != "nt":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        else:  # the guard with all that it has started
            command = ["taskkill", "/T", "/F", "/PID", str(self._process.pid)]
            subprocess.run(command, capture_output=True)
        self._process.wait()
        self._wait_for_the_port()
        self._ended = True

    def _wait_for_the_port(self, seconds: float = 5) -> None:
        # The process waited for is the guard: those behind it end at the same time or soon after.
        deadline = time.monotonic() + seconds
        while not _is_free(_port_of(self.url)) and time.monotonic() < deadline:
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server and all of its processes; harmless when it has stopped already."""
        if self._process.stdin and not self._process.stdin.closed:
            self._process.stdin.close()  # the guard sees the end of its input
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        self.kill()  # what a guard that was killed itself has left behind
        atexit.unregister(self.stop)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
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
    watch: Callable[[str], None] | None = None,
    server_class: Callable[[str, Path, subprocess.Popen[bytes]], S] = Server,
) -> S:
    """Start a server and wait until it is healthy.

    Args:
        command: its command line.
        url: where it will answer.
        health: path that answers 200 once it is ready.
        variables: environment variables to add.
        seconds: how long to wait.
        watch: is called with the whole log, again and again, until the server is healthy.
        server_class: makes what is returned of the url, the scratch folder and the process.

    Raises:
        ServerError: it ended, or was not healthy in time. Nothing is left running.
    """
    port = _port_of(url)
    if not _is_free(port):
        raise ServerError(
            f"Port {port} is taken by another program. Leave the port out, and a free one is taken."
        )
    folder = Path(tempfile.mkdtemp(prefix="course-server-"))
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.serving.supervisor", *command],
            cwd=folder,
            env={**os.environ, **(variables or {}), "PYTHONUTF8": "1"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a signal to the notebook's group is not for the server
        )
    server = server_class(url, folder, process)
    atexit.register(server.stop)
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and process.poll() is None:
            healthy = _is_healthy(url + health)
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
    told = _telling_lines(server.log)
    server.stop()
    raise ServerError(f"The server {why}. Its log says: {told}")


@dataclass
class ModelServer(Server):
    """A running server that speaks the OpenAI protocol.

    Args:
        model: the name its model goes by.
    """

    model: str = ""

    @property
    def api(self) -> str:
        """The address that clients are given."""
        return f"{self.url}/v1"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables by which the course's `chat_model()` reaches this server."""
        return {"COURSE_LLM_BASE_URL": self.api, "COURSE_LLM_MODEL": self.model}


def vllm_server(
    model: str | Path = DATA / "models" / "namu-tiny",
    *,
    name: str | None = None,
    port: int | None = None,
    context: int = 2048,
    sequences: int = 16,
    kv_gib: float | None = 1,
    threads: int = 1,
    options: Sequence[str] = (),
    seconds: float = 300,
    on_progress: Callable[[str], None] | None = print,
) -> ModelServer:
    """Start vLLM's OpenAI-compatible server.

    It runs from `.venv-vllm`, which `make vllm` builds: on a CPU, or on the GPU where there is
    one. A model in a folder needs no net; any other name is fetched by vLLM from its hub.

    Args:
        model: a folder with the weights, or a name on the hub.
        name: what the server calls it; the folder's name when left out.
        port: TCP port on 127.0.0.1; a free one when left out.
        context: longest conversation, prompt and answer together, in tokens.
        sequences: conversations that are worked on at the same time; more wait.
        kv_gib: GiB for the KV cache; None for what vLLM finds fit, on a GPU all that is left.
        threads: CPU threads that compute. One is fastest for a model as small as the course's.
        options: more command-line options for `vllm serve`; the last of a kind counts.
        seconds: how long to wait until it is healthy.
        on_progress: is called with a line for each stage of the start; None for silence.

    Raises:
        ServerError: there is no vLLM or no such model, the port is taken, or the server did not
            become healthy; the text holds the telling lines of its log.
    """
    program = vllm_program()
    folder = Path(model).expanduser()
    if not folder.is_dir() and len(folder.parts) > 2:
        raise ServerError(f"There is no folder {str(model)!r}. Name one that holds a model.")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ServerError(f"{str(model)!r} holds no model: there is no config.json in it.")
    called = name or folder.name
    place = free_port() if port is None else port
    on_gpu = shutil.which("nvidia-smi") is not None
    command = [
        *(str(program), "serve", str(folder.resolve()) if folder.is_dir() else str(model)),
        *("--served-model-name", called, "--host", "127.0.0.1", "--port", str(place)),
        *("--max-model-len", str(context), "--max-num-seqs", str(sequences)),
        *("--enable-auto-tool-choice", "--tool-call-parser", "hermes"),
        *(() if on_gpu else ("--dtype", "float32", "--enforce-eager", *ONE_PROCESS)),
        *(("--kv-cache-memory-bytes", str(int(kv_gib * 2**30))) if kv_gib else ()),
        *options,
    ]
    variables = {
        **{"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "VLLM_HOST_IP": "127.0.0.1"},
        **{"VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": str(threads)},
        "PYTHONWARNINGS": "ignore",
    }
    if folder.is_dir():
        variables |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    return start(
        command,
        f"http://127.0.0.1:{place}",
        "/health",
        variables=variables,
        seconds=seconds,
        watch=_Stages(on_progress) if on_progress else None,
        server_class=partial(ModelServer, model=called),
    )


def vllm_program() -> Path:
    """Return the `vllm` command of `.venv-vllm`, or of the path.

    Raises:
        ServerError: there is none.
    """
    own = ROOT / ".venv-vllm" / "bin" / "vllm"
    found = own if own.exists() else shutil.which("vllm")
    if found is None:
        raise ServerError(
            "There is no vLLM here. Build its environment with `make vllm` (Linux). Elsewhere "
            "chapter 14 can be read and its exercises done, and Namu can talk to a server that "
            "runs on another machine: set COURSE_LLM_BASE_URL and COURSE_LLM_MODEL."
        )
    return Path(found)


class _Stages:
    """Tells each stage of vLLM's start once, in order, as its log comes to it."""

    MARKS = (
        (re.compile("Initializing a V1 LLM engine"), "vLLM: the engine starts"),
        (re.compile("Loading weights took"), "vLLM: the weights are loaded"),
        (re.compile(r"KV cache size: ([\d,]+) tokens"), "vLLM: room for {} tokens in the KV cache"),
        (re.compile("Application startup complete"), "vLLM: ready"),
    )

    def __init__(self, on_progress: Callable[[str], None]) -> None:
        self.on_progress, self.told = on_progress, 0

    def __call__(self, log: str) -> None:
        while self.told < len(self.MARKS):
            mark, text = self.MARKS[self.told]
            found = mark.search(log)
            if not found:
                return
            self.on_progress(text.format(*found.groups()))
            self.told += 1


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


def _port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _telling_lines(log: str) -> str:
    """The lines of a log that name an error, or its last ones."""
    lines = [PREFIX.sub("", line).strip() for line in log.splitlines()]
    lines = [line for line in lines if line]
    raised = [line for line in lines if re.match(r"[\w.]*(Error|Exception): |Value error, ", line)]
    errors = raised or [line for line in lines if "error" in line.lower()]
    return " / ".join(dict.fromkeys((errors or lines)[-3:])) or "nothing"
