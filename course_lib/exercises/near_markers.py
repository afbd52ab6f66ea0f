"""Lines and tags that look like the marks of a solution and are none, so they would publish it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

EDGES = ("begin", "end", "start", "stop")
HIDES = ("solution", "answer", "hidden", "hiddentests", "secret", "scheme")
FILLERS = frozenset(
    {"a", "an", "the", "of", "my", "your", "our", "sample", "model", "reference", "mark", "marking"}
    | {"test", "tests", "code", "cell", "here", "no", "prompt", "point", "points"}
)
"""What may stand beside these in a line that is a mark and no sentence."""

COMMENT = re.compile(r"#|//|--|<!--|%%")
LOOKALIKES = str.maketrans("авсеніјкморѕтух", "abcehijkmopstyx")
"""Cyrillic letters that look like Latin ones."""

LIKE = 0.8
"""Two words are alike from this share of equal letters on: one letter of six may be wrong."""


def looks_like_marker(line: str, *, is_code: bool) -> bool:
    """Return whether a line looks like the begin or the end of something to be hidden.

    Args:
        line: of a cell.
        is_code: whether the cell holds code. Only comments are looked at there.
    """
    plain = unicodedata.normalize("NFKC", line)
    plain = "".join(ch for ch in plain if unicodedata.category(ch) != "Cf").casefold()
    parts = COMMENT.split(plain)[1:] if is_code else [plain]
    if is_code and COMMENT.match(plain.strip()):
        parts.append(plain)
    return any(_is_mark(_words(part), is_code=is_code) for part in parts)


def looks_like_tag(tag: str, wanted: str) -> bool:
    """Return whether a tag is one that somebody wrote for another.

    Args:
        tag: of a cell.
        wanted: the tag it may have been meant to be.
    """
    return tag != wanted and any(_is_like(word, (wanted,)) for word in _words(tag.casefold()))


def _is_mark(words: list[str], *, is_code: bool) -> bool:
    if is_code and len(words) == 1:
        return words[0] in ("solution", "solutions")
    if not any(_is_like(word, EDGES) for word in (*words[:1], *words[-1:])):
        return False
    hides = [word for word in words if _is_like(word, HIDES)]
    rest = (word for word in words if word not in FILLERS and word not in hides)
    return bool(hides) and all(_is_like(word, EDGES) for word in rest)


def _words(text: str) -> list[str]:
    return [word.translate(LOOKALIKES) for word in re.findall(r"[^\W\d_]+", text)]


def _is_like(word: str, others: Iterable[str]) -> bool:
    """Whether a word is one of others, perhaps misspelt or in the plural."""
    return any(
        SequenceMatcher(None, word, other).ratio() >= LIKE
        or (len(word) > 2 and sorted(word) == sorted(other))
        for other in others
    )
