"""What the service counts, for Prometheus, over all of its workers.

With `PROMETHEUS_MULTIPROC_DIR` set before a worker starts, each worker keeps its numbers in files
of that folder, and whichever of them is asked for `/metrics` adds up the files of all. The folder
has to be empty when the service starts. Labels have few values, and never a name or a text of a
person.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psutil
from langchain_core.callbacks import BaseCallbackHandler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from course_lib.fastapi_app import ServiceHooks
from course_lib.fastapi_app.run_events import END
from course_lib.operations.combined_hooks import with_callback
from course_lib.serving.ended import has_ended

if TYPE_CHECKING:
    from langchain_core.outputs import LLMResult

    from course_lib.fastapi_app.run import Run
    from course_lib.fastapi_app.run_events import Event

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The folder in which the workers share their numbers; `prometheus-client` reads it as well."""

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""The upper bounds of the histograms' buckets, in seconds."""

LIVE_FILE = re.compile(r"gauge_live[a-z]*_(\d+)\.db")


class TurnMetrics(ServiceHooks):
    """Counts turns; `text` is what Prometheus reads."""

    def __init__(self) -> None:
        self.folder = os.environ.get(FOLDER_VARIABLE)
        self.registry = CollectorRegistry()
        common = {"registry": self.registry}
        self.turns = Counter(
            "chat_turns",
            "Turns that ended, by how, and for which problem",
            ["outcome", "problem"],
            **common,
        )
        self.running = Gauge(
            "chat_turns_running",
            "Turns that run or wait for their thread",
            multiprocess_mode="livesum",
            **common,
        )
        self.first_token = Histogram(
            "chat_first_token_seconds",
            "From the begin of a turn to its first token",
            buckets=SECONDS,
            **common,
        )
        self.seconds = Histogram(
            "chat_turn_seconds", "From the begin of a turn to its end", buckets=SECONDS, **common
        )
        self.lock_wait = Histogram(
            "chat_lock_wait_seconds",
            "How long turns waited for their thread",
            buckets=SECONDS,
            **common,
        )
        self.questions = Counter(
            "chat_questions",
            "Questions the graph asked, and answers to them; the difference is "
            "about how many are open",
            ["what"],
            **common,
        )
        self.forks = Counter(
            "chat_forks",
            "Turns that went on from an earlier checkpoint: forks and rollbacks",
            **common,
        )
        self.tokens = Counter("chat_tokens", "Tokens, as the model counts them", ["kind"], **common)
        self.refused = Counter(
            "chat_turns_refused", "Turns that a rate limit refused", ["limit"], **common
        )
        self._began: dict[UUID, float] = {}
        self._unheard: set[UUID] = set()  # runs without a token so far
        self._worked: set[UUID] = set()  # runs of which a node has begun
        self._token_count = _TokenCount(self)

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text form, with those of the other workers."""
        if self.folder is None:
            return generate_latest(self.registry)
        forget_dead_workers(Path(self.folder))
        together = CollectorRegistry()
        MultiProcessCollector(together, self.folder)
        return generate_latest(together)

    @contextmanager
    def turn(self, run: Run) -> Iterator[None]:
        """Count a turn as running."""
        self._began[run.id] = time.perf_counter()
        self._unheard.add(run.id)
        if run.turn.checkpoint_id is not None:
            self.forks.inc()
        try:
            with self.running.track_inprogress():
                yield
        finally:
            for known in (self._unheard, self._worked):
                known.discard(run.id)
            self._began.pop(run.id, None)

    @contextmanager
    def waiting(self, run: Run) -> Iterator[None]:
        """Observe the wait for a thread, also one that was in vain."""
        with self.lock_wait.time():
            yield

    def config(self, run: Run, config: dict[str, Any]) -> dict[str, Any]:
        """Count the tokens of every call of a model."""
        return with_callback(config, self._token_count)

    def event(self, run: Run, event: Event) -> None:
        """Observe the first token of a turn and its end, and count its questions and answers."""
        if event.name == "token":
            if run.id in self._unheard:
                self._unheard.discard(run.id)
                self.first_token.observe(time.perf_counter() - self._began[run.id])
        elif event.name == "step":
            if run.id not in self._worked and run.turn.question_id is not None:
                self.questions.labels("answered").inc()
            self._worked.add(run.id)
        elif event.name == "question" and run.id in self._worked:  # else it was asked before
            self.questions.labels("asked").inc()
        elif event.name == END:  # nobody has heard of it yet: who has, finds it counted
            problem = "" if run.refusal is None else run.refusal.kind
            self.turns.labels(run.status, problem).inc()
            if run.id in self._began:
                self.seconds.observe(time.perf_counter() - self._began[run.id])


class _TokenCount(BaseCallbackHandler):
    run_inline = True
    # Without these, LangChain writes out every prompt for it.
    ignore_agent = ignore_chain = ignore_chat_model = ignore_retriever = True

    def __init__(self, metrics: TurnMetrics) -> None:
        self._metrics = metrics

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        usage = usage_of(response)
        for kind, name in (("prompt", "input_tokens"), ("answer", "output_tokens")):
            self._metrics.tokens.labels(kind).inc(usage.get(name, 0))


def usage_of(response: LLMResult) -> dict[str, int]:
    """The tokens of a model's answer as the model counted them; empty where it did not."""
    generations = response.generations[0] if response.generations else ()
    message = getattr(generations[0], "message", None) if generations else None
    return dict(getattr(message, "usage_metadata", None) or {})


def forget_dead_workers(folder: Path) -> None:
    """Remove what killed workers were doing: `livesum` would count their running turns for ever.

    A worker that is killed cannot say so itself. What it has counted to the end stays.

    Args:
        folder: of `PROMETHEUS_MULTIPROC_DIR`.
    """
    for path in folder.glob("gauge_live*.db"):
        found = LIVE_FILE.fullmatch(path.name)
        if found is not None and not _wrote(int(found[1]), path):
            with suppress(FileNotFoundError):  # another worker is asked at this moment as well
                mark_process_dead(int(found[1]), str(folder))


def _wrote(pid: int, path: Path) -> bool:
    """Whether a process lives and is the one that made a file, not a later one with its number."""
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        return not has_ended(process) and process.create_time() <= path.stat().st_mtime + 1
    return False
