"""vLLM's OpenAI-compatible server as a child process."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from course_lib.serving.ports import port_or_free
from course_lib.serving.process import Server, ServerError, start
from course_lib.settings import DATA, ROOT, read_no_vllm

ONE_PROCESS = (
    "--distributed-executor-backend",
    "vllm.v1.executor.uniproc_executor.UniProcExecutor",
)
"""Lets vLLM's engine compute in its own process. On a CPU it would start a worker beside it, and
the two wait for each other busily: on two cores that left little for server and client (16
conversations: 1,970 tokens/s with a worker, 3,310 without). vLLM wants the worker so that it can
choose OpenMP's threads for it; `vllm_server` sets their number itself."""


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

    def metrics(self) -> dict[str, float]:
        """Return every number of its page `/metrics` by name, summed over labels.

        Raises:
            httpx.HTTPError: the server does not answer.
        """
        page = httpx.get(f"{self.url}/metrics", timeout=10, trust_env=False).raise_for_status()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(page.text):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0) + sample.value
        return found


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
    one. A model in a folder needs no network. Any other name is downloaded by vLLM from its hub.

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
        ValueError: the port is no TCP port.
        ServerError: there is no vLLM or no such model, the port is taken, or the server did not
            become healthy; the text holds the lines of its log that say why.
    """
    program = vllm_program()
    folder = Path(model).expanduser()
    if not folder.is_dir() and len(folder.parts) > 2:
        raise ServerError(f"There is no folder {str(model)!r}. Name one that holds a model.")
    if folder.is_dir() and not (folder / "config.json").is_file():
        raise ServerError(f"{str(model)!r} holds no model: there is no config.json in it.")
    called = name or folder.name
    place = port_or_free(port)
    on_gpu = shutil.which("nvidia-smi") is not None
    command = [
        str(program),
        "serve",
        str(folder.resolve()) if folder.is_dir() else str(model),
        f"--served-model-name={called}",
        "--host=127.0.0.1",
        f"--port={place}",
        f"--max-model-len={context}",
        f"--max-num-seqs={sequences}",
        "--enable-auto-tool-choice",
        "--tool-call-parser=hermes",
    ]
    if not on_gpu:
        command += ["--dtype=float32", "--enforce-eager", *ONE_PROCESS]
    if kv_gib:
        command.append(f"--kv-cache-memory-bytes={int(kv_gib * 2**30)}")
    command += options
    variables = {
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "VLLM_HOST_IP": "127.0.0.1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(threads),
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
            "chapter 15 can be read and its exercises done, and Namu can talk to a server that "
            "runs on another machine: set COURSE_LLM_BASE_URL and COURSE_LLM_MODEL."
        )
    return Path(found)


def has_vllm() -> bool:
    """Whether chapter 16 measures here: there is a vLLM, and `COURSE_NO_VLLM` is not set."""
    try:
        return not read_no_vllm() and vllm_program().exists()
    except ServerError:
        return False


class _Stages:
    """Reports each stage of vLLM's start once, in order, as soon as its log shows it."""

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
