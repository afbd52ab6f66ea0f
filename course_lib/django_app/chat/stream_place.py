"""Where a page stands in the server's record of a run.

The development server makes the id of a part from the clock, in milliseconds, so parts that come
within one millisecond have the same id. It continues a stream with the parts whose id is greater
than the last one, and the second part of such a pair would be lost. So the id that the page gets
counts: `1795752738000-0/2` says that after the parts up to `1795752738000-0` two more have come.

A part that is made while a page connects comes twice: from the record, and once more live.
"""

from __future__ import annotations

import re
from typing import Any

FROM_THE_START = "-"
"""As the id of the last event: everything, from the first event on. It is less than any id."""

PART_ID = re.compile(r"[0-9]{1,20}-[0-9]{1,20}", re.ASCII)

EVENT_ID = re.compile(rf"(?P<behind>-|{PART_ID.pattern})(/(?P<seen>[0-9]{{1,9}}))?", re.ASCII)
"""What the page may name as the last event that it has."""


class StreamPlace:
    """Counts the parts of a stream that is read from somewhere on.

    Args:
        last_event_id: of the last event that the page has, by `EVENT_ID`.
    """

    def __init__(self, last_event_id: str) -> None:
        found = EVENT_ID.fullmatch(last_event_id)
        self.behind = found["behind"] if found else FROM_THE_START
        """What the server is asked for: the parts behind this id."""
        self._seen = int(found["seen"] or 0) if found else 0
        self._complete = self._newest = self.behind
        self._come = 0  # parts behind `_complete`
        self._all = 0
        self._alike: list[Any] = []  # what has come with the newest id

    def take(self, part_id: str | None, content: Any) -> bool:
        """Count a part, and return whether the page has not had it yet.

        Args:
            part_id: as the server gave it; a part without one is new and is not counted.
            content: of the part. Two equal ones of one millisecond are the same part.
        """
        if part_id is None:
            return True
        if _is_before(part_id, self._newest):
            return False
        if part_id != self._newest:
            # No part with the id before can come any more.
            self._complete, self._newest, self._come = self._newest, part_id, 0
            self._alike.clear()
        if content in self._alike:
            return False
        self._alike.append(content)
        self._come += 1
        self._all += 1
        return self._all > self._seen

    @property
    def event_id(self) -> str:
        """The id with which the page says that it has everything up to the last counted part."""
        return f"{self._complete}/{self._come}"


def _is_before(part_id: str, other: str) -> bool:
    if not PART_ID.fullmatch(part_id) or not PART_ID.fullmatch(other):
        return False
    return [*map(int, part_id.split("-"))] < [*map(int, other.split("-"))]
