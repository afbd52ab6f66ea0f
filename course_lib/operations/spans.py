"""Reading traces back from the file, and finding one turn by any of its ids."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START = '{"name": "'
BEGIN = re.compile(r'\{"name": "(?:[^"\\]|\\.)*", "trace_id": "')
"""How a line of a span begins. A worker that was killed may have left half of one, and another one
may have written behind it."""

TYPES = {"name": str, "trace_id": str, "span_id": str, "start_ns": int, "end_ns": int}


@dataclass(frozen=True)
class SpanEvent:
    """Something that happened at one moment of a span, such as a stored checkpoint.

    Args:
        name: `checkpoint`, for example.
        time_ns: nanoseconds since 1970.
        attributes: its facts.
    """

    name: str
    time_ns: int
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Span:
    """A piece of work with its begin and its end.

    Args:
        name: such as `turn`, `lock wait`, `graph`, `node agent`, `model call`.
        trace_id: shared by all spans of one request.
        span_id: of this span.
        parent_id: the span it is a part of; None for the first one.
        start_ns: nanoseconds since 1970.
        end_ns: nanoseconds since 1970.
        ok: False where it failed.
        attributes: its facts; `thread_id`, `run_id` and `request_id` where they are known.
        events: what happened within it.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start_ns: int
    end_ns: int
    ok: bool = True
    attributes: dict[str, Any] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.end_ns - self.start_ns) / 1e9


def read_spans(path: Path) -> list[Span]:
    """Return the spans of a file that `open_tracing` writes, in the order of their begin.

    Args:
        path: of the file; or of a folder of such files, which end in `.jsonl`: each worker may have
            one of its own. Half a line, as a killed worker leaves it, is left out.

    Raises:
        ValueError: a line is neither a span nor the beginning of one.
    """
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    spans = [span for file in files for span in _spans_of_file(file)]
    return sorted(spans, key=lambda span: span.start_ns)


def _spans_of_file(path: Path) -> list[Span]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    spans = []
    for number, line in enumerate(lines, start=1):
        whole = [found.start() for found in BEGIN.finditer(line)]
        try:
            spans.append(_span(line[whole[-1] if whole else 0 :]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            if number < len(lines) and not _is_half(line):
                raise ValueError(
                    f"Line {number} of {path} is no span. Give the file of CHAT_TRACES_FILE."
                ) from None
    return spans


def _is_half(line: str) -> bool:
    """Whether a line is the beginning of a span, at which its worker was killed; or empty."""
    if not line.startswith(START[: len(line)]):
        return False
    try:
        json.loads(line)
    except ValueError:
        return True
    return False


def _span(line: str) -> Span:
    told = json.loads(line)
    events = tuple(SpanEvent(**event) for event in told.pop("events"))
    for name, kind in TYPES.items():
        if type(told[name]) is not kind:
            raise TypeError(name)
    return Span(**told, events=events)


def spans_of(
    spans: Iterable[Span],
    *,
    thread_id: str | None = None,
    run_id: str | None = None,
    checkpoint_id: str | None = None,
    request_id: str | None = None,
) -> list[Span]:
    """Return the spans of a thread, a run, a request, or the run that stored a checkpoint.

    The spans that contain them, such as the HTTP request, are among them.

    Args:
        spans: of `read_spans`.
        thread_id: all turns of one thread.
        run_id: one turn.
        checkpoint_id: the turn that stored it.
        request_id: whatever one request caused.

    Raises:
        ValueError: none of the ids is given.
    """
    found = list(spans)
    ids = {"thread_id": thread_id, "run_id": run_id, "request_id": request_id}
    wanted = {name: value for name, value in ids.items() if value is not None}
    if checkpoint_id is not None:
        stored = [span for span in found if checkpoint_id in checkpoints_of(span)]
        if not stored:
            return []
        wanted["run_id"] = stored[0].attributes.get("run_id", "")
    if not wanted:
        raise ValueError("Give a thread_id, a run_id, a checkpoint_id or a request_id.")
    by_id = {span.span_id: span for span in found}
    chosen: set[str] = set()
    for span in found:
        if all(span.attributes.get(name) == value for name, value in wanted.items()):
            each: Span | None = span
            while each is not None and each.span_id not in chosen:
                chosen.add(each.span_id)
                each = by_id.get(each.parent_id or "")
    return [span for span in found if span.span_id in chosen]


def checkpoints_of(span: Span) -> list[str]:
    """The ids of the checkpoints that were stored within a span, in their order."""
    stored = [event for event in span.events if event.name == "checkpoint"]
    return [str(event.attributes.get("checkpoint_id", "")) for event in stored]


def depth_of(span: Span, spans: Sequence[Span]) -> int:
    """How many of these spans a span is inside of.

    Args:
        span: one of them.
        spans: of one turn.
    """
    by_id = {each.span_id: each for each in spans}
    above: set[str] = set()
    parent = by_id.get(span.parent_id or "")
    while parent is not None and parent.span_id not in above:  # in a damaged file it may go round
        above.add(parent.span_id)
        parent = by_id.get(parent.parent_id or "")
    return len(above)
