"""Finding the lexicon's English words, which are compared word by word and may be misspelt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from course_lib.models.language.lexicon import Hit, entries, lexicon, normalise
from course_lib.models.language.place_names import english_names

WORD = re.compile(r"#?[a-z0-9]+(?:['.&-][a-z0-9]+)*")

BOOK = re.compile(
    r"(?:please |pls |can you |could you |ok |okay |yes |then |and )*(book) "
    r"(?!(?:stor|shop|cafe|street|fair|market|club|lover|place|cafes)\w*\b|and |or |$)"
)
"""A sentence that begins with the verb "book", which is no wish for books."""

MISSPELT_KINDS = ("category", "district", "price", "indoor", "ordinals")
"""The kinds of words that are recognised with a typing error."""

MANY_LETTERS = 6
"""Letters from which on two pairs of neighbours may be exchanged."""

LONG_NAME = 8
"""Letters from which on a word of a name may be misspelt."""

DEGREES = (("ier", "y"), ("iest", "y"), ("er", ""), ("est", ""), ("r", ""), ("st", ""))
"""How an adjective is compared, and how it ends otherwise."""

ABBREVIATIONS = {"stn": "station"}
"""Words that are typed in short."""

COMPARED_KINDS = ("tags", "indoor")
"""The kinds of words that are recognised in a comparison, such as `quieter`."""

Phrase = tuple[tuple[str, ...], str, str, str]
"""The words of a phrase, its kind, what it stands for, and the phrase itself."""


def find_english(text: str) -> Iterator[Hit]:
    """Yield every English entry that occurs in a text, the longest of each kind.

    Args:
        text: a text from `normalise`.
    """
    if verb := BOOK.match(text):
        yield Hit("signals", "book", verb.start(1), verb.end(1), "book")
    tokens = [(m.group(), m.start(), m.end()) for m in WORD.finditer(text)]
    # "mapo gu" and "mapo-gu" are one word.
    for i in range(len(tokens) - 2, -1, -1):
        if tokens[i + 1][0] == "gu":
            tokens[i : i + 2] = [(tokens[i][0] + "-gu", tokens[i][1], tokens[i + 1][2])]
    taken: dict[str, int] = {}
    index = _index()
    forms = [_forms(token) for token, _, _ in tokens]
    for i, (_, start, _) in enumerate(tokens):
        matches: dict[str, tuple[int, str, str]] = {}
        for first in forms[i]:
            for words, kind, value, phrase in index.get(first, ()):
                fits = len(words) <= len(tokens) - i and all(
                    word in forms[i + k] for k, word in enumerate(words)
                )
                several = kind in ("signals", "topics") or value in lexicon()["dishes"]
                group = f"{kind}:{value}" if several else kind
                if fits and i >= taken.get(group, 0) and len(words) > matches.get(group, (0,))[0]:
                    matches[group] = (len(words), value, phrase)
        for group, (length, value, phrase) in matches.items():
            taken[group] = i + length
            yield Hit(group.split(":")[0], value, start, tokens[i + length - 1][2], phrase)


@lru_cache(maxsize=1)
def _index() -> dict[str, list[Phrase]]:
    """Return the English phrases by their first word, the longest phrase first."""
    index: dict[str, list[Phrase]] = {}
    named = [(kind, value, name) for name, kind, value in english_names()]
    for kind, value, phrase in [*entries("en"), *named]:
        words = tuple(WORD.findall(normalise(phrase)))
        if words:
            index.setdefault(words[0], []).append((words, kind, value, phrase))
    for phrases in index.values():
        phrases.sort(key=lambda entry: -len(entry[0]))
    return index


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return all words of the English phrases, those with a typing error, those of comparisons."""
    phrases = [entry for each in _index().values() for entry in each]
    single = {e[0][0] for e in phrases if e[1] in MISSPELT_KINDS and len(e[0]) == 1}
    long_words = {word for word in single if len(word) >= 5} | set(lexicon()["misspelt"])
    long_words |= {
        word
        for words, kind, _, _ in phrases
        if kind in ("name", "area") and len(words) == 1
        for word in words
        if len(word) >= LONG_NAME
    }
    compared = {e[0][0] for e in phrases if e[1] in COMPARED_KINDS and len(e[0]) == 1}
    known = frozenset(word for entry in phrases for word in entry[0])
    return known, frozenset(long_words), frozenset(compared)


@lru_cache(maxsize=4096)
def _forms(token: str) -> tuple[str, ...]:
    """Return the lexicon's words that a typed word may stand for.

    These are the word itself, its singular, the adjective that is compared, or else a word that
    differs in one letter or has the same letters in another order.
    """
    words, long_words, compared = _vocabulary()
    forms = [ABBREVIATIONS.get(token, token)]
    for ending, singular in (("'s", ""), ("ies", "y"), ("es", ""), ("s", "")):
        if token.endswith(ending) and len(token) > len(ending) + 2:
            forms.append(token[: -len(ending)] + singular)
    if token.endswith("gu") and len(token) > 5:
        forms += [
            token.removesuffix("gu").rstrip("-"),
            token.removesuffix("gu").rstrip("-") + "-gu",
        ]
    if token.endswith("dong") and len(token) > 6:
        stem = token.removesuffix("dong").rstrip("-")
        forms += [stem, f"{stem}-dong", f"{stem}dong"]
    known = [form for form in forms if form in words]
    stems = (token.removesuffix(e) + rest for e, rest in DEGREES if token.endswith(e))
    known += [stem for stem in stems if stem in compared][:1]
    if known or len(token) < 4 or token in lexicon()["not_typos"]:
        return tuple(known)
    near = [word for form in forms for word in long_words if _is_near(form, word)]
    # A misspelt word keeps its first letter more often than not; ties go by the alphabet.
    return tuple(sorted(set(near), key=lambda word: (word[0] != token[0], word))[:1])


def _is_near(typed: str, word: str) -> bool:
    """Whether a word is typed with one error; two exchanges of neighbours count as one."""
    from rapidfuzz.distance import OSA

    if abs(len(word) - len(typed)) > 1:
        return False
    swapped = len(typed) >= MANY_LETTERS and sorted(typed) == sorted(word) and typed[0] == word[0]
    errors = 2 if swapped else 1
    return OSA.distance(typed, word, score_cutoff=errors) <= errors
