"""What the graph did in a turn, in one line: `6 steps · 1 tool · 0.3 s · 412 tokens`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.chat.chips import Chip

STATES = {"failed": "failed", "stopped": "stopped", "waiting": "waits for you"}


def work_summary(chips: Sequence[Chip], cost: Sequence[str]) -> str:
    """Return what the graph did, in one line.

    Args:
        chips: the steps of the turn.
        cost: seconds and tokens, as `cost_parts` returns them; they are left out while a step runs.
    """
    running = [chip.name for chip in chips if chip.state == "running" and chip.kind != "progress"]
    parts = [f"running: {running[-1]}"] if running else []
    for kind, word in (("node", "step"), ("tool", "tool")):
        if count := sum(chip.kind == kind for chip in chips):
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
    if not running:
        parts += cost
    ends = dict.fromkeys(STATES[chip.state] for chip in chips if chip.state in STATES)
    return " \u00b7 ".join([*parts, *ends]) or "progress"
