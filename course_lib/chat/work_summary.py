"""What the graph did in a turn, in one line: `6 steps · 1 tool · 0.3 s · 412 tokens`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from course_lib.chat.chips import Chip

STATES = {"failed": "failed", "stopped": "stopped", "waiting": "waits for you"}


class Clock:
    """How long the runs of a turn took together; the time a person thinks does not count."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._seconds = 0.0

    @property
    def seconds(self) -> float | None:
        """Seconds of the runs that are over; None before the first, as in a reopened thread."""
        return self._seconds or None

    def start(self) -> None:
        """Note that a run begins."""
        self._began = time.monotonic()

    def stop(self) -> None:
        """Note that the run is over."""
        if self._began is not None:
            self._seconds += time.monotonic() - self._began
            self._began = None


def tokens_of(messages: Sequence[BaseMessage]) -> int:
    """Return how many tokens the models report for the messages of a turn, in and out together."""
    total = 0
    for message in messages:
        usage: Any = getattr(message, "usage_metadata", None) or {}
        count = usage.get("total_tokens", 0)
        total += count if isinstance(count, int) else 0
    return total


def work_summary(chips: Sequence[Chip], seconds: float | None, tokens: int) -> str:
    """Return what the graph did, in one line.

    Args:
        chips: the steps of the turn.
        seconds: how long its runs took, where that is known.
        tokens: how many the models reported; 0 where they report none.
    """
    running = [chip.name for chip in chips if chip.state == "running" and chip.kind != "progress"]
    parts = [f"running: {running[-1]}"] if running else []
    for kind, word in (("node", "step"), ("tool", "tool")):
        if count := sum(chip.kind == kind for chip in chips):
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
    if seconds is not None and not running:
        parts.append(f"{seconds:.1f} s")
    if tokens:
        parts.append(f"{tokens:,} tokens")
    ends = dict.fromkeys(STATES[chip.state] for chip in chips if chip.state in STATES)
    return " \u00b7 ".join([*parts, *ends]) or "progress"
