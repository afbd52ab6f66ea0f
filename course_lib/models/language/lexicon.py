"""Finding the lexicon's words in a text.

English phrases are compared word by word and may have one typing error. Korean phrases are found
anywhere in the text, because particles are attached to them. The words are in
`data/lexicon.json`; `data/lexicon_card.md` says where they come from.
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
WORD = re.compile(r"#?[a-z0-9]+(?:['.&-][a-z0-9]+)*")
INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\x00-\x08\x0b-\x1f]")
MAX_TYPO_LENGTH = 2000
"""How much of a message is examined, in characters."""

SLOTS = ("category", "district", "tags", "price", "indoor")
"""The kinds of words that describe a wanted place."""

MISSPELT_KINDS = ("category", "district", "price", "indoor", "ordinals")
"""The kinds of words that are recognised with a typing error."""


class Hit(NamedTuple):
    """One lexicon entry that was found in a text.

    Args:
        kind: one of `SLOTS`, `signals`, `elsewhere` or `ordinals`.
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
    """Return a text in one form of width, case, quotes and white space, cut to 2,000 characters."""
    folded = unicodedata.normalize("NFKC", text[:MAX_TYPO_LENGTH]).casefold()
    folded = INVISIBLE.sub("", folded.translate({0x2019: "'", 0x2018: "'", 0x201C: '"'}))
    return re.sub(r"\s+", " ", folded).strip()[:MAX_TYPO_LENGTH]


def find(text: str) -> list[Hit]:
    """Return every entry of the lexicon that occurs in a text.

    If two phrases of one kind overlap, only the longer one is returned. Phrases of different
    kinds may share words ("night view" is a viewpoint and a tag).

    Args:
        text: a text from `normalise`.
    """
    return [*_english(text), *_korean(text), *_numbered(text)]


@lru_cache(maxsize=1)
def lexicon() -> dict[str, Any]:
    """Return the content of `data/lexicon.json`; the file is read once."""
    return json.loads((DATA / "lexicon.json").read_text(encoding="utf-8"))


def _entries(language: str) -> Iterator[tuple[str, str, str]]:
    data = lexicon()
    for kind in (*SLOTS, "signals", "elsewhere"):
        for value, words in data[kind].items():
            for phrase in words[language]:
                yield kind, value, phrase
    for value, phrases in data["ordinals"][language].items():
        for phrase in phrases:
            yield "ordinals", value, phrase


@lru_cache(maxsize=1)
def _english_index() -> dict[str, list[tuple[tuple[str, ...], str, str, str]]]:
    """Return the English phrases by their first word, the longest phrase first."""
    index: dict[str, list[tuple[tuple[str, ...], str, str, str]]] = {}
    for kind, value, phrase in _entries("en"):
        words = tuple(WORD.findall(normalise(phrase)))
        index.setdefault(words[0], []).append((words, kind, value, phrase))
    for phrases in index.values():
        phrases.sort(key=lambda entry: -len(entry[0]))
    return index


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[frozenset[str], frozenset[str]]:
    """Return all words of the English phrases, and those recognised with a typing error."""
    entries = [entry for phrases in _english_index().values() for entry in phrases]
    single = {e[0][0] for e in entries if e[1] in MISSPELT_KINDS and len(e[0]) == 1}
    long_words = {word for word in single if len(word) >= 5} | set(lexicon()["misspelt"])
    return frozenset(word for entry in entries for word in entry[0]), frozenset(long_words)


@lru_cache(maxsize=4096)
def _forms(token: str) -> tuple[str, ...]:
    """Return the lexicon's words that a typed word may stand for.

    These are the word itself, its singular, or else a word that differs in one letter.
    """
    words, long_words = _vocabulary()
    forms = [token]
    for ending, singular in (("'s", ""), ("ies", "y"), ("es", ""), ("s", "")):
        if token.endswith(ending) and len(token) > len(ending) + 2:
            forms.append(token[: -len(ending)] + singular)
    if token.endswith("gu") and len(token) > 5:
        forms += [
            token.removesuffix("gu").rstrip("-"),
            token.removesuffix("gu").rstrip("-") + "-gu",
        ]
    known = [form for form in forms if form in words]
    if known or len(token) < 4 or token in lexicon()["not_typos"]:
        return tuple(known)
    from rapidfuzz.distance import OSA

    near = [
        word
        for form in forms
        for word in long_words
        if abs(len(word) - len(form)) <= 1 and OSA.distance(form, word, score_cutoff=1) <= 1
    ]
    # A misspelt word keeps its first letter more often than not; ties go by the alphabet.
    return tuple(sorted(set(near), key=lambda word: (word[0] != token[0], word))[:1])


def _english(text: str) -> Iterator[Hit]:
    tokens = [(m.group(), m.start(), m.end()) for m in WORD.finditer(text)]
    # "mapo gu" and "mapo-gu" are one word.
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i + 1][0] == "gu":
            tokens[i : i + 2] = [(tokens[i][0] + "-gu", tokens[i][1], tokens[i + 1][2])]
    taken: dict[str, int] = {}
    index = _english_index()
    forms = [_forms(token) for token, _, _ in tokens]
    for i, (_, start, _) in enumerate(tokens):
        matches: dict[str, tuple[int, str, str]] = {}
        for first in forms[i]:
            for words, kind, value, phrase in index.get(first, ()):
                fits = len(words) <= len(tokens) - i and all(
                    word in forms[i + k] for k, word in enumerate(words)
                )
                group = f"signals:{value}" if kind == "signals" else kind
                if fits and i >= taken.get(group, 0) and len(words) > matches.get(group, (0,))[0]:
                    matches[group] = (len(words), value, phrase)
        for group, (length, value, phrase) in matches.items():
            taken[group] = i + length
            yield Hit(group.split(":")[0], value, start, tokens[i + length - 1][2], phrase)


@lru_cache(maxsize=1)
def _korean_patterns() -> list[tuple[str, str, str, re.Pattern[str]]]:
    particles = "|".join(sorted(lexicon()["particles"], key=len, reverse=True))
    patterns = []
    for kind, value, phrase in _entries("ko"):
        body = r"\s*".join(re.escape(part) if "\\" not in part else part for part in phrase.split())
        if len(phrase) == 1:
            body = rf"(?<![\uac00-\ud7a3]){body}(?:{particles})?(?![\uac00-\ud7a3])"
        elif phrase[0].isdigit():
            body = rf"(?<!\d){body}"
        patterns.append((kind, value, phrase, re.compile(body)))
    return sorted(patterns, key=lambda entry: -len(entry[2]))


def _korean(text: str) -> Iterator[Hit]:
    if not HANGUL.search(text):
        return
    taken: dict[str, list[tuple[int, int]]] = {}
    for kind, value, phrase, pattern in _korean_patterns():
        group = f"signals:{value}" if kind == "signals" else kind
        for match in pattern.finditer(text):
            start, end = match.span()
            spans = taken.setdefault(group, [])
            if not any(start < e and s < end for s, e in spans):
                spans.append((start, end))
                yield Hit(kind, value, start, start + len(match.group()), phrase)


def _numbered(text: str) -> Iterator[Hit]:
    for pattern in lexicon()["ordinal_patterns"]:
        for match in re.finditer(pattern, text):
            if int(match[1]):
                yield Hit("ordinals", match[1], match.start(), match.end(), match[0])
