"""The Korean words that are looked for: an index of them, and those that may be misspelt."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from course_lib.models.language.jamo import Misspellings
from course_lib.models.language.lexicon import entries, lexicon
from course_lib.models.language.place_names import korean_names
from course_lib.places import load_places


class Entry(NamedTuple):
    """A phrase of the lexicon.

    Args:
        kind: as in `Hit`, or `everyday` for a word that means nothing to Namu.
        value: what it stands for.
        phrase: as the lexicon has it.
        breaks: where it may be written with a space.
        is_loose: whether it may be written with a space anywhere.
    """

    kind: str
    value: str
    phrase: str
    breaks: frozenset[int]
    is_loose: bool


@lru_cache(maxsize=1)
def tails() -> dict[str, frozenset[str]]:
    """Return what may stand behind a word: `particles`, `endings` of stems, and `places`."""
    return {name: frozenset(lexicon()[name]) for name in ("particles", "endings", "places")}


@lru_cache(maxsize=1)
def everyday_words() -> frozenset[str]:
    """Return words that are no misspelt ones: the lexicon's, and those of the places' summaries."""
    written = {
        word for place in load_places() for word in re.findall(r"[가-힣]{2,}", place.summary_ko)
    }
    particles = tails()["particles"]
    stems = {
        word.removesuffix(particle)
        for word in written
        for particle in particles
        if word.endswith(particle) and len(word) > len(particle) + 1
    }
    return frozenset(word.replace(" ", "") for word in lexicon()["everyday"]) | written | stems


@lru_cache(maxsize=1)
def _all_entries() -> list[tuple[str, Entry]]:
    found = []
    everyday = (("everyday", word, word) for word in lexicon()["everyday"])
    for kind, value, phrase in (*entries("ko"), *everyday):
        parts = phrase.split(" ")
        breaks = [sum(map(len, parts[: n + 1])) for n in range(len(parts) - 1)]
        found.append(("".join(parts), Entry(kind, value, phrase, frozenset(breaks), False)))
    for name, kind, value in korean_names():
        found.append((name, Entry(kind, value, name, frozenset(), len(name) > 2)))
    return found


@lru_cache(maxsize=1)
def word_index() -> dict[str, dict[int, dict[str, list[Entry]]]]:
    """Return the entries by their first letter, their length, and themselves; longest first."""
    index: dict[str, dict[int, dict[str, list[Entry]]]] = {}
    for phrase, entry in sorted(_all_entries(), key=lambda pair: -len(pair[0])):
        by_length = index.setdefault(phrase[0], {})
        by_length.setdefault(len(phrase), {}).setdefault(phrase, []).append(entry)
    return index


@lru_cache(maxsize=1)
def misspellings() -> tuple[Misspellings, dict[str, Entry]]:
    """Return the words that are recognised with a letter wrong, and what they stand for."""
    words: dict[str, Entry] = {}
    usual = set(lexicon()["misspelt_ko"])
    for phrase, entry in _all_entries():
        is_place = entry.kind in ("category", "district", "area", "name")
        is_place = is_place and phrase not in lexicon()["weak"]
        fits = (is_place and len(phrase) >= 3) or phrase in usual
        if fits and re.fullmatch(r"[가-힣]+", phrase) and not phrase.endswith("구"):
            words.setdefault(phrase, entry)
    return Misspellings(words), words
