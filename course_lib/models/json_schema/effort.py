"""A limit on the work for one schema: how many values are tried, and for how long.

A few nested arrays or references can ask for more combinations than a computer can try. The limit
ends the search with an error that says so, and the caller's other work goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

MAX_TRIES = 50_000
"""How many values are tried for one schema."""
MAX_SECONDS = 30.0
"""How long the search for a value takes at most, in seconds."""


class UnsatisfiableSchema(ValueError):
    """The offline model finds no value that a schema accepts; the text names the field."""


class TooMuchWork(UnsatisfiableSchema):
    """A schema asks for more combinations than are tried."""

    def __init__(self) -> None:
        super().__init__(
            f"The offline model tried {MAX_TRIES} values, or searched for {MAX_SECONDS:g} seconds, "
            "and the schema is not filled. Make it simpler: fewer levels of arrays and "
            "alternatives, fewer references, simpler patterns. Or use a served model."
        )


class NeedsMoreTime(Exception):
    """The work is more than a quick try allows; nothing is known about its result."""


@dataclass
class _Effort:
    tries: int
    until: float
    is_quick: bool


_EFFORT: ContextVar[_Effort | None] = ContextVar("effort", default=None)


@contextmanager
def limited_effort(
    *, tries: int = MAX_TRIES, seconds: float = MAX_SECONDS, is_quick: bool = False
) -> Iterator[None]:
    """Limit the work inside of the block. A block inside of another one shares its limit.

    Args:
        tries: how many values may be tried.
        seconds: how long the search may take.
        is_quick: whether `NeedsMoreTime` is raised at the limit, so that the caller can start
            again with more time where nobody else has to wait for it.
    """
    if _EFFORT.get() is not None:
        yield
        return
    token = _EFFORT.set(_Effort(tries, time.monotonic() + seconds, is_quick))
    try:
        yield
    finally:
        _EFFORT.reset(token)


def spend(tries: int = 1) -> None:
    """Count values that are tried.

    Args:
        tries: how many.

    Raises:
        TooMuchWork: the limit of the block around is reached. Outside of a block there is none.
        NeedsMoreTime: the same, in a quick block.
    """
    effort = _EFFORT.get()
    if effort is None:
        return
    effort.tries -= tries
    if effort.tries < 0 or time.monotonic() > effort.until:
        raise NeedsMoreTime if effort.is_quick else TooMuchWork


def take_time() -> None:
    """Announce work that takes long.

    Raises:
        NeedsMoreTime: the block around is a quick one.
    """
    effort = _EFFORT.get()
    if effort is not None and effort.is_quick:
        raise NeedsMoreTime


def seconds_left() -> float:
    """Return how long the search may go on, in seconds."""
    effort = _EFFORT.get()
    return MAX_SECONDS if effort is None else max(0.0, effort.until - time.monotonic())
