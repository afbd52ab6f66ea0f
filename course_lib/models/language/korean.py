"""Finding the lexicon's Korean words.

A word of Korean begins an eojeol (what stands between two spaces), or follows another known
word in it (`마포구카페추천`), and particles stand behind it. So `평양냉면` is no Pyongyang, and
`젓가락` is not Garak. Of two readings the longer one wins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from course_lib.models.language.jamo import slang
from course_lib.models.language.korean_words import (
    Entry,
    everyday_words,
    misspellings,
    tails,
    word_index,
)
from course_lib.models.language.lexicon import HANGUL, KOREAN, Hit, lexicon

ANYWHERE = frozenset(
    ("reject", "wish", "recommend", "narrow", "ask", "book", "which", "other", "more", "widen")
)
"""Signals that are found inside an eojeol too: verbs and endings, which follow other words."""

OWNERS = ("everyday", "name", "area", "district", "elsewhere")
"""Kinds of words whose letters belong to no shorter word."""

STRICT = ("name", "area", "district", "elsewhere")
"""Kinds of words behind which only particles or another known word may stand."""

HEADS = ("category", "tags")
"""Kinds of words that may end a compound with an unknown first part, such as `룸카페`."""


class Span(NamedTuple):
    """An entry at a place in the text without spaces, from `start` up to `end`."""

    start: int
    end: int
    entry: Entry


def find_korean(text: str) -> Iterator[Hit]:
    """Yield every Korean entry that occurs in a text.

    Args:
        text: a text from `normalise`.
    """
    if not KOREAN.search(text):
        return
    line = _Line(text)
    for span in line.spans():
        start, end = line.at[span.start], line.at[span.end - 1] + 1
        yield Hit(span.entry.kind, span.entry.value, start, end, span.entry.phrase)
    yield from slang(text)


class _Line:
    """A text without its spaces, and the entries in it.

    Args:
        text: a text from `normalise`.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = [n for n, sign in enumerate(text) if not sign.isspace()]
        self.plain = "".join(text[n] for n in self.at)
        self.gaps = {n for n in range(1, len(self.at)) if self.at[n] != self.at[n - 1] + 1}

    def spans(self) -> list[Span]:
        """Return the entries that hold: the longest of each kind, and none inside an owner."""
        found = self._anchored()
        found += self._misspelt(found)
        kept: list[Span] = []
        for span in sorted(found, key=lambda s: (s.start - s.end, s.start)):
            if not any(_displaces(other, span) for other in kept):
                kept.append(span)
        return sorted(span for span in kept if span.entry.kind != "everyday")

    def begins_word(self, n: int) -> bool:
        """Whether an eojeol, or a run of letters of one script, begins at an index."""
        if n == 0 or n in self.gaps:
            return True
        before, here = self.plain[n - 1], self.plain[n]
        return not before.isalnum() or bool(HANGUL.match(here)) != bool(HANGUL.match(before))

    def ends_word(self, n: int) -> bool:
        """Whether an eojeol ends before an index."""
        return n >= len(self.plain) or n in self.gaps or not HANGUL.match(self.plain[n])

    def behind(self, end: int, table: str = "particles") -> set[int]:
        """Return the indices that particles behind an index can reach, itself among them."""
        reached, fresh = {end}, {end}
        while fresh:
            steps = {
                n + size
                for n in fresh
                if n == end or n not in self.gaps
                for size in range(1, 5)
                if self.plain[n : n + size] in tails()[table]
                and not any(k in self.gaps for k in range(n, n + size))
            }
            fresh = steps - reached
            reached |= fresh
        return reached

    def _candidates(self, start: int) -> Iterator[Span]:
        lengths = word_index().get(self.plain[start])
        if lengths is None:
            return
        for length, phrases in lengths.items():
            for entry in phrases.get(self.plain[start : start + length], ()):
                inner = {n - start for n in self.gaps if start < n < start + length}
                if entry.is_loose or inner <= entry.breaks:
                    yield Span(start, start + length, entry)

    def _anchored(self) -> list[Span]:
        found: list[Span] = []
        reach: set[int] = set()
        for start in range(len(self.plain)):
            is_first = self.begins_word(start)
            for span in self._candidates(start):
                entry, length = span.entry, span.end - span.start
                alone = length == 1 and entry.kind != "everyday"
                if alone and not (is_first and any(map(self.ends_word, self.behind(span.end)))):
                    continue
                if entry.phrase[0].isdigit() and start and self.plain[start - 1].isdigit():
                    continue
                loose = length > 1 and entry.kind == "signals" and entry.value in ANYWHERE
                if is_first or start in reach or loose or self._is_head(span):
                    if entry.kind in STRICT and not self._is_closed(span):
                        continue
                    found.append(span)
                    if entry.kind != "everyday":
                        reach |= self.behind(span.end) | self.behind(span.end, "endings")
        return found

    def _is_head(self, span: Span) -> bool:
        """Whether a word ends a compound, as in `대형카페`."""
        if span.entry.kind not in HEADS or span.end - span.start < 2:
            return False
        return any(self.ends_word(n) or self._goes_on(n) for n in self.behind(span.end))

    def _goes_on(self, n: int) -> bool:
        return any(s.entry.kind == "signals" and s.end - s.start > 1 for s in self._candidates(n))

    def _is_closed(self, span: Span) -> bool:
        """Whether what stands behind a name leaves it a name."""
        kind = span.entry.kind
        ends = self.behind(span.end)
        if kind in ("area", "district"):
            places = {n for end in ends for n in self.behind(end, "places")}
            ends |= {n for place in places for n in self.behind(place)}
        if any(map(self.ends_word, ends)):
            return True
        if kind == "elsewhere":
            return any(
                s.entry.kind == "category" and s.entry.phrase not in lexicon()["weak"]
                for s in self._candidates(span.end)
            )
        allowed = ("category", "signals", "topics", "indoor", "price")
        return any(
            s.entry.kind in allowed and s.end - s.start > 1 for n in ends for s in self._after(n)
        )

    def _after(self, n: int) -> Iterator[Span]:
        if n < len(self.plain):
            yield from self._candidates(n)

    def _misspelt(self, found: list[Span]) -> list[Span]:
        """Return words with a letter wrong, in the eojeols that no entry begins."""
        known: dict[int, int] = {}
        for span in found:
            known[span.start] = max(known.get(span.start, 0), span.end)
        more = []
        for start in range(len(self.plain)):
            if not self.begins_word(start) or not HANGUL.match(self.plain[start]):
                continue
            end = start + 1
            while not self.ends_word(end):
                end += 1
            words, meant = misspellings()
            # A shorter word at the beginning may be the half of a misspelt one: 미술|간.
            least = known.get(start, start + 1)
            if start in known and any(map(self.ends_word, self.behind(least))):
                continue
            for stop in range(min(end, start + words.longest), least, -1):
                typed = self.plain[start:stop]
                if typed in everyday_words():
                    break
                word = words.nearest(typed)
                if word is None:
                    continue
                entry = meant[word]
                ends = self.behind(stop)
                if any(self.ends_word(n) or self._is_known(n) for n in ends):
                    more.append(Span(start, stop, entry))
                    break
        return more

    def _is_known(self, n: int) -> bool:
        return any(s.end - s.start > 1 for s in self._after(n))


def _displaces(longer: Span, span: Span) -> bool:
    """Whether an entry that is kept leaves no room for another one."""
    if longer.end <= span.start or span.end <= longer.start:
        return False
    one, other = longer.entry, span.entry
    if _group(one) == _group(other):
        return one.kind != "topics" or one.value == other.value
    if longer.end - longer.start == span.end - span.start:
        return False
    # "이대로" is no Idae: a longer word of any kind is not a name with a particle.
    return one.kind in OWNERS or (other.kind in STRICT and longer.start == span.start)


def _group(entry: Entry) -> str:
    """Entries of one group exclude one another where they overlap."""
    if entry.kind == "signals":
        return f"signals:{entry.value}"
    if entry.value in lexicon()["dishes"]:
        return "dish" if entry.kind == "tags" else entry.kind
    return "area" if entry.kind == "district" else entry.kind
