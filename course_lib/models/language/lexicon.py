"""The words of `data/lexicon.json`, and what a text is brought into before they are looked up.

`data/lexicon_card.md` says where the words come from. `english` and `korean` find them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from course_lib.settings import DATA

HANGUL = re.compile(r"[\uac00-\ud7a3]")
KOREAN = re.compile(r"[\uac00-\ud7a3\u3131-\u318e]")
"""A syllable of Hangul, or one of its letters typed alone."""

LETTERS = r"\u3131-\u318e"
"""Single letters of Hangul (jamo), as a range for a pattern."""

INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b-\x1f]")
MAX_TYPO_LENGTH = 2000
"""How much of a message is examined, in characters."""

SLOTS = ("category", "district", "tags", "price", "indoor")
"""The kinds of words that describe a wanted place."""


class Hit(NamedTuple):
    """One lexicon entry that was found in a text.

    Args:
        kind: one of `SLOTS`, or `signals`, `elsewhere`, `ordinals`, `topics`, `name`, `area`.
        value: what the phrase stands for, such as `Mapo-gu`.
        start: index of its first character in the text.
        end: index behind its last character.
        phrase: the lexicon's phrase.
    """

    kind: str
    value: str
    start: int
    end: int
    phrase: str


def normalise(text: str) -> str:
    """Return a text in one form of width, case, quotes and white space, cut to 2,000 characters.

    Letters of Hangul typed alone (`ㅋㅋ`) stay: their compatibility form is another character.
    """
    folded = re.sub(
        rf"[^{LETTERS}]+",
        lambda found: unicodedata.normalize("NFKC", found[0]),
        text[:MAX_TYPO_LENGTH],
    ).casefold()
    folded = INVISIBLE.sub("", folded.translate({0x2019: "'", 0x2018: "'", 0x201C: '"'}))
    return re.sub(r"\s+", " ", folded).strip()[:MAX_TYPO_LENGTH]


@lru_cache(maxsize=1)
def lexicon() -> dict[str, Any]:
    """Return the content of `data/lexicon.json`; the file is read once."""
    return json.loads((DATA / "lexicon.json").read_text(encoding="utf-8"))


def entries(language: str) -> Iterator[tuple[str, str, str]]:
    """Yield every phrase of a language as its kind, what it stands for, and itself.

    Args:
        language: `ko` or `en`.
    """
    data = lexicon()
    for kind in (*SLOTS, "signals", "elsewhere", "topics"):
        for value, words in data[kind].items():
            for phrase in words[language]:
                yield kind, value, phrase
    for dish, words in data["dishes"].items():  # a dish is looked for in what is said of a place
        for phrase in words[language]:
            yield "category", words["kind"], phrase
            yield "tags", dish, phrase
    for value, phrases in data["ordinals"][language].items():
        for phrase in phrases:
            yield "ordinals", value, phrase


def numbered(text: str) -> Iterator[Hit]:
    """Yield the ordinals that are written with digits, such as `2번` or `#2`.

    A message that is nothing but a small number is one too.

    Args:
        text: a text from `normalise`.
    """
    if alone := re.fullmatch(r"(\d{1,2})[\s.!?~]*", text):
        if int(alone[1]):
            yield Hit("ordinals", alone[1], 0, len(text), alone[0])
        return
    for pattern in lexicon()["ordinal_patterns"]:
        for match in re.finditer(pattern, text):
            if int(match[1]):
                yield Hit("ordinals", match[1], match.start(), match.end(), match[0])
