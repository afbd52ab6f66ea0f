"""The words in which people say districts, moods and prices, and the words that say nothing."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from tools.tiny_model.frames import Language, parts, summary_words, words_of
from tools.tiny_model.places import FROZEN

NO_DISTRICT_WORD = re.compile("공원|숲|한옥|자락|seoul|^jung$|^강남고속$")


@lru_cache(maxsize=1)
def district_words() -> dict[str, dict[str, list[str]]]:
    """Return the words for each district, by its official name and by language."""
    entries = json.loads((FROZEN / "lexicon.json").read_text(encoding="utf-8"))["district"]
    return {
        name: {
            language: [word for word in words if not NO_DISTRICT_WORD.search(word)]
            for language, words in by_language.items()
        }
        for name, by_language in entries.items()
    }


@lru_cache(maxsize=2)
def alike_words(language: Language) -> set[str]:
    """Return words for districts that begin with a word for another one, and those words."""
    owners = {word: name for name, words in district_words().items() for word in words[language]}
    return {
        word
        for pair in itertools.permutations(owners, 2)
        if owners[pair[0]] != owners[pair[1]] and pair[1].startswith(pair[0])
        for word in pair
    }


@lru_cache(maxsize=2)
def other_words(language: Language) -> list[str]:
    """Return words of the places' summaries that no wish uses: the model must ignore them."""
    book = parts()
    telling: set[str] = set()
    for entry in (*book["nouns"].values(), book["any_noun"]):
        telling.update(word for form in entry[language] for word in words_of(form))
    for entry in (*book["moods"].values(), *book["prices"].values(), *book["indoor"].values()):
        telling.update(word for phrase in wordings_of(entry, language) for word in words_of(phrase))
    for words in district_words().values():
        telling.update(word for phrase in words[language] for word in words_of(phrase))
    for kind, frames in book["frames"].items():
        if kind not in ("search", "offtopic"):
            telling.update(
                word
                for text in frames[language]["seen"]
                for word in words_of(text)
                if "{" not in word
            )
    stems = {word[:2] for word in telling if len(word) > 1}  # Korean words change behind the stem
    said = summary_words(language)
    if language == "ko":
        return sorted(w for w in said if len(w) > 1 and not any(stem in w for stem in stems))
    return sorted(w for w in said if w.isalpha() and w.rstrip("s") not in telling | {""})


def wordings_of(entry: Mapping[str, Any], language: Language) -> list[str]:
    """Return all ways to say a mood, a price or a roof."""
    return entry["ko"] if language == "ko" else entry["en"]["before"] + entry["en"]["after"]


def as_said(tags: Sequence[str], sentence: str, language: Language) -> list[str]:
    """Return moods in the order in which a sentence says them.

    Args:
        tags: the moods.
        sentence: names them. A mood that is not found because of a typing error comes last.
        language: the language of the sentence.
    """
    text = sentence.lower().replace(" ", "")

    def place(tag: str) -> int:
        wordings = wordings_of(parts()["moods"][tag], language)
        found = [text.find(words.lower().replace(" ", "")) for words in wordings]
        return min((at for at in found if at >= 0), default=len(text))

    return sorted(tags, key=place)


def price_word(wish: Mapping[str, Any]) -> str | None:
    """Return `free`, `cheap`, `expensive` or None for the price bounds of a wish."""
    if "min_price" in wish:
        return "expensive"
    return {0: "free", 1: "cheap"}.get(wish.get("max_price", -1))
