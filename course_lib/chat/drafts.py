"""Answers while they are being written: their whole lines as Markdown, the last one as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from course_lib.chat.entries import MAX_MARKDOWN_LENGTH
from course_lib.chat.entry_diff import DraftFormatted, Entry, TextAppended
from course_lib.chat.markup import plain, to_html

FENCE = re.compile(r"\s{0,3}(```|~~~)")
FREELY_FORMATTED = 1_000
"""Up to so many characters, a block is made anew with each of its lines."""

GROWTH = 8
"""A longer block is made anew when it has grown by this part of it, so that a list or a table of
thousands of lines costs time in proportion to its length and not to the square of it."""

CONTINUES = re.compile(r"\s|[-*+]\s|\d{1,9}[.)]\s|\d{0,9}$|[-*+]$")
"""The begin of a line that may belong to the list above an empty line."""


class Draft:
    """An answer that is being written.

    Args:
        key: of its message.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.text = ""
        self._shown = ""  # the same, with what could mislead made visible
        self._open = ""  # what was written since the last block came to its end
        self._formatted = 0  # how much of that was there when it was made last
        self._done = ""
        self._block = ""
        self._tail = ""

    def append(self, text: str) -> TextAppended | DraftFormatted:
        """Add a piece, and return what changes on the screen."""
        shown = plain(text)
        self.text += text
        self._shown += shown
        self._open += text
        if "\n" not in text or not self._is_worth_formatting():
            self._tail += shown
            return TextAppended(self.key, shown)
        end = _end_of_blocks(self._open)
        done = to_html(self._open[:end]) if end else ""
        self._open = self._open[end:]
        self._formatted = len(self._open)
        lines, _, tail = self._open.rpartition("\n")
        self._done += done
        self._block, self._tail = to_html(lines), plain(tail)
        return DraftFormatted(self.key, shown, done, self._block, self._tail)

    def _is_worth_formatting(self) -> bool:
        """Whether the open block is made anew with the line that has just ended."""
        length = len(self._open)
        if length <= FREELY_FORMATTED:
            return True
        grown = length - self._formatted
        return length <= MAX_MARKDOWN_LENGTH and grown >= self._formatted // GROWTH

    def entry(self) -> Entry:
        """Return its entry for the browser."""
        draft = {"done": self._done, "block": self._block, "tail": self._tail}
        shown = {"kind": "answer", "key": self.key, "text": self._shown}
        return {**shown, "kept": False, "draft": draft}


class Drafts:
    """The answers that are being written in a run, by the key of their message."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._drafts

    def __iter__(self) -> Iterator[Draft]:
        return iter(self._drafts.values())

    def append(self, key: str, text: str) -> TextAppended | DraftFormatted:
        """Add a piece to a draft, or begin one."""
        return self._drafts.setdefault(key, Draft(key)).append(text)

    def entry(self, key: str) -> Entry:
        """Return the entry of one draft."""
        return self._drafts[key].entry()

    def clear(self) -> None:
        """Forget all of them."""
        self._drafts.clear()


def _end_of_blocks(text: str) -> int:
    """Where the last block ends that nothing can be added to: at an empty line outside a fence."""
    lines = text.splitlines(keepends=True)
    end, position, fenced = 0, 0, False
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        position += len(line)
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced and not line.strip() and not CONTINUES.match(following):
            end = position
    return end
