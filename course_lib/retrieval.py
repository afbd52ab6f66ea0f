"""Finding texts for a question: by words, by meaning, and by both.

    index = LexicalIndex(texts)
    fused = fuse([index.rank(question), by_meaning])

`LexicalIndex` is BM25 over the words of English and the pairs of letters of Korean. `fuse` joins
several rankings into one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from course_lib.settings import DATA

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from course_lib.places import Place

WORD = re.compile(r"[a-z0-9]+|[\uac00-\ud7a3]+")

RRF_K = 10
"""What `fuse` adds to each rank; the smaller it is, the more the first ranks count."""


def tokens(text: str) -> list[str]:
    """Cut a text into what BM25 counts: stems of English words, pairs of Korean syllables.

    Korean puts particles at the end of a word (`카페에서`, in a cafe). The pairs of syllables that
    follow each other (`카페`, `페에`, `에서`) match without a dictionary of these endings.

    Args:
        text: in Korean or English.
    """
    import Stemmer

    stem = Stemmer.Stemmer("english").stemWord
    found: list[str] = []
    for word in WORD.findall(text.lower()):
        if word[0] < "\uac00":
            found.append(stem(word))
        elif len(word) == 1:
            found.append(word)
        else:
            found.extend(a + b for a, b in pairwise(word))
    return found


class LexicalIndex:
    """BM25 over texts: a text ranks high if it holds rare words of the question.

    Args:
        texts: a text for each key.

    Raises:
        ValueError: there are no texts.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        import bm25s

        if not texts:
            raise ValueError("There are no texts to search. Give at least one.")
        self._keys = list(texts)
        cut = [tokens(text) for text in texts.values()]
        self._vocabulary = {token for each in cut for token in each}
        self._scorer = bm25s.BM25()
        self._scorer.index(cut, show_progress=False)

    def rank(self, question: str) -> list[str]:
        """Return the keys of all texts that share a word with a question, the best first.

        Args:
            question: in the language of the texts.
        """
        asked = [token for token in tokens(question) if token in self._vocabulary]
        if not asked:
            return []
        scores = self._scorer.get_scores(asked)
        order = sorted(range(len(self._keys)), key=lambda n: (-scores[n], n))
        return [self._keys[n] for n in order if scores[n] > 0]


class VectorIndex:
    """Texts by the cosine of their vectors with that of a question.

    Args:
        texts: a text for each key.
        embedding: a LangChain embedding, such as `course_lib.models.embeddings()`.

    Raises:
        ValueError: there are no texts.
    """

    def __init__(self, texts: Mapping[str, str], embedding: Embeddings) -> None:
        import numpy as np

        if not texts:
            raise ValueError("There are no texts to search. Give at least one.")
        self._keys, self._embedding = list(texts), embedding
        vectors = np.array(embedding.embed_documents(list(texts.values())))
        self._vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def rank(self, question: str) -> list[str]:
        """Return the keys of all texts, the nearest to a question first.

        Args:
            question: in any language that the embedding knows.
        """
        scores = self._vectors @ self._embedding.embed_query(question)
        return [self._keys[n] for n in sorted(range(len(scores)), key=lambda n: -scores[n])]


def fuse(rankings: Sequence[Sequence[str]], *, k: int = RRF_K) -> list[str]:
    """Join rankings by reciprocal rank fusion: a key scores 1 / (k + rank) in each, added up.

    Args:
        rankings: keys, the best first; a key may be missing in some.
        k: dampens the first ranks.

    Returns:
        Every key once, the best first. See Cormack, Clarke and Buettcher (2009).
    """
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (k + rank)
    return sorted(scores, key=lambda key: -scores[key])


def place_text(place: Place, language: str) -> str:
    """Return what a search compares of a place: its name, kind, district, tags and summary.

    Kind and tags are English words in the data. In a Korean text they are Korean words, so that a
    Korean question finds them.

    Args:
        place: any place.
        language: `ko` or `en`.
    """
    name, summary = (getattr(place, f"{field}_{language}") for field in ("name", "summary"))
    if language == "en":
        return f"{name}. {place.category}, {place.district}. {', '.join(place.tags)}. {summary}"
    words = _korean_words()
    return f"{name}. {', '.join(words.get(w, w) for w in (place.category, *place.tags))}. {summary}"


@lru_cache(maxsize=1)
def _korean_words() -> dict[str, str]:
    """What Namu calls each category in Korean, and the lexicon's first Korean word of each tag."""
    replies, lexicon = (
        json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("replies", "lexicon")
    )
    tags = {tag: words["ko"][0] for tag, words in lexicon["tags"].items() if words.get("ko")}
    return tags | {category: words["ko"] for category, words in replies["categories"].items()}
