"""Traces by OpenTelemetry: which part of a turn took how long, as spans in a file.

A turn's spans: the HTTP request, `turn`, `lock wait`, `graph`, one for each node, model call and
tool call, and the request to the model server. The graph's span has an event for each checkpoint
that was stored, with its id.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import SpanKind, Status, StatusCode

from course_lib.fastapi_app import ServiceHooks
from course_lib.models.line_file import LineFile
from course_lib.operations.combined_hooks import with_callback
from course_lib.operations.node_spans import NodeSpans
from course_lib.operations.request_ids import ids_now

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint
    from opentelemetry.context import Context

    from course_lib.fastapi_app.run import Run

NAME = "course_lib.operations"

SECRET_PARTS = ("exception.message", "exception.stacktrace")
"""What an exception says may hold what a person wrote, so it is left out."""

ADDRESSES = ("http.url", "http.target", "url.full")
"""Attributes with an address, which is kept without its query."""


def open_tracing(path: Path, service: str = "chat") -> TracerProvider:
    """Return a provider of tracers whose spans go to a file, one line of JSON for each.

    A thread collects the spans and writes them every second, so a killed worker loses the last
    ones. Several workers may write to one file. A file that is moved away is begun again.

    Args:
        path: of the file; it is appended to.
        service: the name that the spans carry.
    """
    provider = TracerProvider(resource=Resource({"service.name": service}), shutdown_on_exit=False)
    provider.add_span_processor(_CopyIds())
    exporter = _LineExporter(LineFile(path, 0o666))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    return provider


class _LineExporter(ConsoleSpanExporter):
    """Writes spans as lines of a file, and closes it at the end."""

    def __init__(self, file: LineFile) -> None:
        super().__init__(out=file, formatter=line_of)  # type: ignore[arg-type]
        self._file = file

    def shutdown(self) -> None:
        super().shutdown()
        self._file.close()


def line_of(span: ReadableSpan) -> str:
    """Return a span as a line of JSON, without the text of exceptions and the queries of addresses.

    Args:
        span: that has ended.
    """
    context = span.get_span_context()
    attributes = {
        name: value.partition("?")[0] if name in ADDRESSES and isinstance(value, str) else value
        for name, value in (span.attributes or {}).items()
        if name != "url.query"
    }
    told = {
        "name": span.name,
        "trace_id": f"{context.trace_id:032x}",
        "span_id": f"{context.span_id:016x}",
        "parent_id": f"{span.parent.span_id:016x}" if span.parent else None,
        "start_ns": span.start_time,
        "end_ns": span.end_time,
        "ok": span.status.status_code is not StatusCode.ERROR,
        "attributes": attributes,
        "events": [
            {
                "name": event.name,
                "time_ns": event.timestamp,
                "attributes": {
                    name: value
                    for name, value in (event.attributes or {}).items()
                    if name not in SECRET_PARTS
                },
            }
            for event in span.events
        ],
    }
    return json.dumps(told, default=list) + "\n"


class _CopyIds(SpanProcessor):
    """Writes the ids of the running task onto every span, also those of HTTP clients."""

    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        span.set_attributes(ids_now())


class TracingHooks(ServiceHooks):
    """Makes the spans of turns.

    Args:
        provider: of `open_tracing`.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer(NAME)
        self._nodes: dict[UUID, NodeSpans] = {}

    @contextmanager
    def turn(self, run: Run) -> Iterator[None]:
        """The span of a whole run, from its begin to its last event."""
        with self._span("turn") as span:
            try:
                yield
            finally:
                span.set_attribute("outcome", run.status)
                if run.refusal is not None:
                    span.set_attribute("problem", run.refusal.kind)
                    span.set_status(Status(StatusCode.ERROR))

    @contextmanager
    def waiting(self, run: Run) -> Iterator[None]:
        """The span of the time in which a run waits for its thread."""
        with self._span("lock wait"):
            yield

    @contextmanager
    def graph(self, run: Run) -> Iterator[None]:
        """The span of the graph's work, with the spans of its nodes inside."""
        with self._span("graph"):
            nodes = self._nodes[run.id] = NodeSpans(self._tracer)
            try:
                yield
            finally:
                del self._nodes[run.id]
                nodes.close()

    def config(self, run: Run, config: dict[str, Any]) -> dict[str, Any]:
        """Let the graph report its nodes, model calls and tool calls."""
        return with_callback(config, self._nodes[run.id])

    def saver(self, saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
        """Note each checkpoint of a thread, with the time it took to store; none of subgraphs.

        The stream mode `checkpoints` tells of them too, and builds all values of the state for it.
        """
        put = saver.aput

        async def aput(
            config: RunnableConfig, checkpoint: Checkpoint, metadata: Any, versions: Any
        ) -> RunnableConfig:
            began = time.perf_counter()
            stored = await put(config, checkpoint, metadata, versions)
            if not config["configurable"].get("checkpoint_ns"):
                facts = {
                    "checkpoint_id": checkpoint["id"],
                    "step": metadata.get("step", 0),
                    "seconds": round(time.perf_counter() - began, 6),
                }
                trace.get_current_span().add_event("checkpoint", facts)
            return stored

        saver.aput = aput  # type: ignore[method-assign]
        return saver

    @contextmanager
    def _span(self, name: str) -> Iterator[trace.Span]:
        """A span that keeps the type of an error, and not its text."""
        with self._tracer.start_as_current_span(
            name, kind=SpanKind.INTERNAL, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise
