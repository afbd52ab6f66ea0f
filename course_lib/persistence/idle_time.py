"""How long a thread has been idle, read from the ids of its checkpoints.

LangGraph names a checkpoint by a UUID of version 6. Such an id begins with the time at which it was
made, so ids sort by time. SQLite's tables hold the time nowhere else outside the serialised value.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

GREGORIAN_OFFSET = 0x01B21DD213814000
"""Steps of 100 nanoseconds between the start of UUIDs' time (1582) and 1970."""

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
"""The letters behind a number in a text such as `30d`."""


def parse_idle(idle: timedelta | str) -> timedelta:
    """Return a span of time.

    Args:
        idle: a `timedelta`, or a number with a letter: `90s`, `30m`, `12h`, `30d`, `4w`.

    Raises:
        ValueError: it is no span of time, or none above zero.
    """
    span = idle if isinstance(idle, timedelta) else None
    if isinstance(idle, str):
        match = re.fullmatch(r"\s*(-?\d+(?:\.\d+)?)\s*([smhdw])\s*", idle.lower())
        try:
            span = timedelta(**{UNITS[match[2]]: float(match[1])}) if match else None
        except OverflowError:
            span = timedelta.max
    if span is None:
        raise ValueError(
            f"{idle!r} is no span of time. Write a number and a letter, such as '90s', '30m', "
            "'12h', '30d' or '4w', or hand over a timedelta."
        )
    if span <= timedelta(0):
        raise ValueError(
            f"An idle time of {idle!r} would take every thread, also those in which somebody is "
            "talking right now. Name a time above zero, such as '30d'."
        )
    return span


def cutoff_id(idle: timedelta | str, now: datetime | None = None) -> str:
    """Return the id that a checkpoint made before the idle time sorts below.

    Args:
        idle: as for `parse_idle`.
        now: the moment to count back from, with a time zone; None for this moment.

    Raises:
        ValueError: no span above zero, or a moment without a time zone.
    """
    span = parse_idle(idle)
    now = datetime.now(UTC) if now is None else now
    if now.tzinfo is None:
        raise ValueError(
            f"now={now!r} has no time zone, so its moment is not certain. Use datetime.now(UTC)."
        )
    try:
        moment = now.astimezone(UTC) - span
    except OverflowError:
        return ""  # nothing is that old, and nothing sorts below an empty text
    micro = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    ticks = max(0, micro * 10 + GREGORIAN_OFFSET)
    return f"{ticks >> 28:08x}-{ticks >> 12 & 0xFFFF:04x}-6{ticks & 0xFFF:03x}-0000-000000000000"


def time_of(checkpoint_id: str) -> datetime | None:
    """Return when a checkpoint was made, in UTC; None where its id does not say so."""
    try:
        parsed = UUID(checkpoint_id)
    except ValueError:
        return None
    if parsed.version != 6:
        return None
    ticks = (parsed.time_low << 28) | (parsed.time_mid << 12) | (parsed.time_hi_version & 0x0FFF)
    micro = (ticks - GREGORIAN_OFFSET) // 10
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro)
    except OverflowError:
        return None
