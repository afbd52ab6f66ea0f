"""What is searched: passages, each a few sentences long, that know the document they come from.

A long text holds many thoughts, and its one vector is a mixture of them all. So a document is cut
into **passages** (also called chunks) at the ends of sentences, and the passages are searched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from course_lib.namu.retrieval.retrieval_error import RetrievalError, is_text

MAX_WORDS = 60
"""How many words a passage has at most, unless one sentence alone is longer."""

SENTENCE_END = re.compile(r"(?<=[.!?])[\s]+(?=[\w\"'(“‘])")


@dataclass(frozen=True)
class Source:
    """A page that a text was written from.

    Args:
        title: of the page.
        url: its address.
        opened: the day it was read, as `YYYY-MM-DD`.
    """

    title: str
    url: str
    opened: str


@dataclass(frozen=True)
class Passage:
    """A piece of a document that is found, shown and cited as a whole.

    Args:
        key: names the passage in an index.
        document: id of the document that it belongs to.
        language: `ko` or `en`.
        title: title of the document.
        text: the sentences, as they are cited.
        sources: the pages that the document was written from.
        words: what the search by words reads.
        meanings: what the search by meaning reads; with several, the mean of their cosines counts.
        fields: short texts, such as single sentences, by whose vectors a result is reranked.
        names: proper names of what the document is about; a question that has one means it.
    """

    key: str
    document: str
    language: str
    title: str
    text: str
    sources: tuple[Source, ...]
    words: str
    meanings: tuple[str, ...]
    fields: tuple[str, ...]
    names: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Passage:
        """Return a passage from what `dataclasses.asdict` made of it, for example in a database.

        Args:
            stored: the fields of a passage.
        """
        return cls(
            **{
                **stored,
                "sources": tuple(Source(**source) for source in stored["sources"]),
                "meanings": tuple(stored["meanings"]),
                "fields": tuple(stored["fields"]),
                "names": tuple(stored.get("names", ())),
            }
        )


@dataclass(frozen=True)
class Hit:
    """A passage that a search returned.

    Args:
        passage: what was found.
        score: how well it fits; only comparable with other hits of the same search.
        similarity: cosine of its vector with that of the question, from -1 to 1; None where the
            index does not return it.
    """

    passage: Passage
    score: float
    similarity: float | None = None


class PassageIndex(Protocol):
    """What every index of this package can do, wherever its passages are stored."""

    def search(self, question: str, limit: int = 5, *, language: str | None = None) -> list[Hit]:
        """Return the passages that fit a question, the best first.

        Args:
            question: in any language.
            limit: how many passages at most.
            language: only passages in this language; None for all.
        """
        ...


def sentences(text: str) -> list[str]:
    """Cut a text at the ends of its sentences; `3.5 km` stays whole.

    Args:
        text: in Korean or English.
    """
    found = [part.strip() for line in text.splitlines() for part in SENTENCE_END.split(line)]
    return [part for part in found if part]


def cut(text: str, max_words: int = MAX_WORDS) -> list[str]:
    """Cut a text into passages of whole sentences.

    A paragraph is not mixed with the next one. A paragraph that is too long is divided into parts
    of about the same length.

    Args:
        text: paragraphs, divided by empty lines.
        max_words: how many words a passage has at most; one longer sentence stays whole.

    Raises:
        RetrievalError: the text is empty, or `max_words` is not positive.
    """
    if max_words < 1:
        raise RetrievalError(
            f"max_words is {max_words}. A passage needs at least 1 word; 60 is a good start."
        )
    if not text.strip():
        raise RetrievalError("The text is empty. Pass a text of at least one word.")
    found: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        found += _parts(sentences(paragraph), max_words)
    return found


def _parts(parts: Sequence[str], max_words: int) -> list[str]:
    """Join sentences to passages of at most `max_words` words, all about as long."""
    total = sum(len(part.split()) for part in parts)
    wanted = total / -(-total // max_words)  # words for each of as few passages as possible
    passages: list[list[str]] = [[]]
    length = 0
    for part in parts:
        words = len(part.split())
        too_long = length + words > max_words
        is_full = length + words / 2 > wanted
        if passages[-1] and (too_long or is_full):
            passages.append([])
            length = 0
        passages[-1].append(part)
        length += words
    return [" ".join(each) for each in passages]


def _fault(passage: Passage) -> str | None:
    """Return why a passage can be stored in no index, None if it can."""
    texts = (passage.key, passage.title, passage.text, passage.words, *passage.meanings)
    if not passage.text.strip() or not passage.meanings:
        return "has no text, or no text for the search by meaning. Leave it out."
    if not all(is_text(text) and "\0" not in text for text in (*texts, *passage.fields)):
        return "has a character that is no text (NUL or half of a surrogate pair). Remove it."
    return None


def by_key(passages: Sequence[Passage]) -> dict[str, Passage]:
    """Return passages by their key.

    Args:
        passages: at least one.

    Raises:
        RetrievalError: there are none, two have one key, or one holds what no index can store.
    """
    if not passages:
        raise RetrievalError("There are no passages to search. Give at least one.")
    for passage in passages:
        fault = _fault(passage)
        if fault:
            raise RetrievalError(f"The passage {passage.key!r} {fault}")
    keyed = {passage.key: passage for passage in passages}
    if len(keyed) < len(passages):
        seen: set[str] = set()
        twice = next(p.key for p in passages if p.key in seen or seen.add(p.key))  # type: ignore[func-returns-value]
        raise RetrievalError(f"Two passages have the key {twice!r}. Give each a key of its own.")
    return keyed
