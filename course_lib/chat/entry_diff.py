"""The difference between two lists of entries, as one replacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Entry = dict[str, Any]
"""One thing in the chat, ready for the browser: `kind`, `key`, and what the kind needs."""


@dataclass(frozen=True)
class Replaced:
    """Some entries are now others.

    Args:
        start: the first index that changed.
        removed: how many entries go.
        entries: what comes in their place.
    """

    start: int
    removed: int
    entries: list[Entry]


@dataclass(frozen=True)
class TextAppended:
    """An answer has become longer.

    Args:
        key: of the answer's entry.
        text: the new part.
    """

    key: str
    text: str


@dataclass(frozen=True)
class DraftFormatted:
    """An answer has become longer, and lines of it are whole.

    Args:
        key: of the answer's entry.
        text: the new part.
        done: HTML of the blocks that came to their end with it.
        block: HTML of the whole lines of the block that goes on.
        tail: the line that is being written.
    """

    key: str
    text: str
    done: str
    block: str
    tail: str


Change = Replaced | TextAppended | DraftFormatted
"""What a screen that shows the entries receives."""


def entry_diff(old: Sequence[Entry], new: Sequence[Entry]) -> Replaced | None:
    """Return the shortest single replacement that turns one list into another.

    Args:
        old: the entries as they were.
        new: the entries as they are.

    Returns:
        None where the two are equal.
    """
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and _is_same(old[start], new[start]):
        start += 1
    end = 0
    while end < shorter - start and _is_same(old[-1 - end], new[-1 - end]):
        end += 1
    removed, added = len(old) - start - end, list(new[start : len(new) - end])
    return Replaced(start, removed, added) if removed or added else None


def _is_same(one: Entry, other: Entry) -> bool:
    return one is other or one == other  # a dict compares itself with itself field by field
