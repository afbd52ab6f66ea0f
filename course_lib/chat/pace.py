"""How fast the screen follows a run: at once, at a pace a person can follow, or step by step."""

from __future__ import annotations

import asyncio
from typing import Literal, get_args

from course_lib.chat.events import Event, NodeEnded, NodeStarted, Token, ToolCalled

Pace = Literal["instant", "natural", "step by step"]

PACES: tuple[str, ...] = get_args(Pace)

SECONDS: dict[str, dict[type, float]] = {
    "instant": {},
    "natural": {Token: 0.02, NodeStarted: 0.25, ToolCalled: 0.25},
    "step by step": {NodeStarted: 0.6, NodeEnded: 0.6, ToolCalled: 0.6},
}
"""How long the screen rests after an event, by pace. The graph does not wait for the screen."""


async def rest(pace: str, event: Event) -> None:
    """Wait after an event.

    Args:
        pace: one of `PACES`; any other is `instant`.
        event: what was just shown.
    """
    seconds = SECONDS.get(pace, {}).get(type(event), 0.0)
    if seconds:
        await asyncio.sleep(seconds)
