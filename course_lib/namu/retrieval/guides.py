"""The course's short texts about Seoul, from `data/guides/`, and their passages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from course_lib.namu.retrieval.passages import MAX_WORDS, Passage, Source, cut, sentences
from course_lib.namu.retrieval.retrieval_error import RetrievalError
from course_lib.settings import DATA

GUIDES = DATA / "guides"


@dataclass(frozen=True)
class Guide:
    """A text about how something works in Seoul, or what a neighbourhood is like.

    Args:
        id: names the text for good.
        language: `ko` or `en`.
        kind: `how-to` or `neighbourhood`.
        title: what it is about.
        names: proper names of its subject, in both languages; none for a subject without a name.
        sources: the pages that it was written from, at least one.
        text: paragraphs, divided by empty lines.
    """

    id: str
    language: Literal["ko", "en"]
    kind: Literal["how-to", "neighbourhood"]
    title: str
    names: tuple[str, ...]
    sources: tuple[Source, ...]
    text: str


@lru_cache(maxsize=4)
def load_guides(folder: Path = GUIDES) -> tuple[Guide, ...]:
    """Read every guide of a folder, ordered by id.

    Args:
        folder: holds one JSON file for each guide.

    Raises:
        RetrievalError: a file is no guide, or names no source. A text without a source cannot be
            cited.
    """
    return tuple(_read(path) for path in sorted(folder.glob("*.json")))


def guide_passages(
    guides: tuple[Guide, ...] | None = None, max_words: int = MAX_WORDS
) -> list[Passage]:
    """Cut guides into passages. The title is searched with every passage, but not cited.

    Args:
        guides: which; those of the course when left out.
        max_words: how many words a passage has at most.
    """
    found = []
    for guide in load_guides() if guides is None else guides:
        for n, text in enumerate(cut(guide.text, max_words), 1):
            found.append(
                Passage(
                    key=f"{guide.id}#{n}",
                    document=guide.id,
                    language=guide.language,
                    title=guide.title,
                    text=text,
                    sources=guide.sources,
                    words=f"{guide.title}. {text}",
                    meanings=(f"{guide.title}. {text}",),
                    fields=tuple(sentences(text)),
                    names=guide.names,
                )
            )
    return found


def _read(path: Path) -> Guide:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        sources = tuple(Source(**source) for source in stored["sources"])
        guide = Guide(**{**stored, "sources": sources, "names": tuple(stored["names"])})
    except (ValueError, TypeError, KeyError) as error:
        raise RetrievalError(
            f"{path.name} is no guide ({type(error).__name__}: {error}). A guide has the fields "
            "that data/guides_card.md lists."
        ) from error
    if not guide.sources:
        raise RetrievalError(
            f"{path.name} names no source, so nothing in it can be cited. Add the page it was "
            "written from to its field 'sources'."
        )
    return guide
