"""Finding texts for a question: by words, by meaning, and by both.

    index = LexicalIndex(texts)
    fused = fuse([index.rank(question), by_meaning])

`LexicalIndex` is BM25 over the words of English and the pairs of letters of Korean, `VectorIndex`
compares vectors. `fuse` joins several rankings into one by rank, `fuse_scores` by score. Chapter 17
builds on these in `course_lib.namu.retrieval`.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
        cut: cuts a text into what is counted; `tokens` when left out.

    Raises:
        ValueError: there are no texts.
    """

    def __init__(
        self, texts: Mapping[str, str], cut: Callable[[str], list[str]] | None = None
    ) -> None:
        import bm25s

        if not texts:
            raise ValueError("There are no texts to search. Give at least one.")
        self._keys = list(texts)
        self._cut = tokens if cut is None else cut
        parts = [self._cut(text) for text in texts.values()]
        self._tokens = [frozenset(each) for each in parts]
        self._counts = Counter(token for each in self._tokens for token in each)
        self._scorer = bm25s.BM25()
        if self._counts:  # texts of punctuation only have no words
            self._scorer.index(parts, show_progress=False)

    def scores(self, question: str) -> dict[str, float]:
        """Return the BM25 score of each text that shares a word with a question.

        Args:
            question: in the language of the texts.
        """
        asked = [token for token in self._cut(question) if token in self._counts]
        if not asked:
            return {}
        scores = self._scorer.get_scores(asked)
        return {
            key: float(score) for key, score in zip(self._keys, scores, strict=True) if score > 0
        }

    def coverage(self, question: str) -> float:
        """Return how much of a question the best text holds, from 0 to 1.

        Rare words count more. Near 0, the texts do not have the words of the question, and the
        search by words knows little about it.

        Args:
            question: in any language.
        """
        asked = {token: self._rarity(token) for token in self._cut(question)}
        if not asked:
            return 0.0
        best = max(sum(asked[t] for t in asked.keys() & each) for each in self._tokens)
        return best / sum(asked.values())

    def _rarity(self, token: str) -> float:
        """Return the inverse document frequency of a token, as BM25 computes it."""
        count = self._counts.get(token, 0)
        return math.log(1 + (len(self._tokens) - count + 0.5) / (count + 0.5))

    def rank(self, question: str) -> list[str]:
        """Return the keys of all texts that share a word with a question, the best first.

        Args:
            question: in the language of the texts.
        """
        return best_first(self.scores(question))


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

    def scores(self, question: str) -> dict[str, float]:
        """Return the cosine of each text's vector with that of a question.

        Args:
            question: in any language that the embedding knows.
        """
        return self.similarities(self._embedding.embed_query(question))

    def similarities(self, vector: Sequence[float]) -> dict[str, float]:
        """Return the cosine of each text's vector with a vector.

        Args:
            vector: of a question, by the same embedding, of length 1.
        """
        cosines = (self._vectors @ vector).tolist()
        return dict(zip(self._keys, cosines, strict=True))

    def rank(self, question: str) -> list[str]:
        """Return the keys of all texts, the nearest to a question first.

        Args:
            question: in any language that the embedding knows.
        """
        return best_first(self.scores(question))


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
    return best_first(scores)


def stretch(scores: Mapping[str, float], low: float | None = None) -> dict[str, float]:
    """Return scores from 0 to 1, so that those of different searches can be added.

    Args:
        scores: a score for each key; BM25 has no upper bound, a cosine has one.
        low: the score that becomes 0; the lowest of them when left out.
    """
    if not scores:
        return {}
    low, high = min(scores.values()) if low is None else low, max(scores.values())
    span = high - low
    return {key: (score - low) / span if span > 0 else 1.0 for key, score in scores.items()}


def fuse_scores(
    parts: Sequence[Mapping[str, float]], weights: Sequence[float] | None = None
) -> dict[str, float]:
    """Join the scores of several searches to their weighted mean.

    Args:
        parts: a score from 0 to 1 for each key, as from `stretch`, one mapping for each search. A
            key that a search did not return has 0 there.
        weights: how much each search counts; all the same when left out.

    Returns:
        A score from 0 to 1 for every key. Known as min-max fusion, see Lee, "Analyses of multiple
        evidence combination" (1997).
    """
    shares = [1.0] * len(parts) if weights is None else list(weights)
    fused: dict[str, float] = {}
    for scores, share in zip(parts, shares, strict=True):
        for key, score in scores.items():
            fused[key] = fused.get(key, 0.0) + score * share / sum(shares)
    return fused


def best_first(scores: Mapping[str, float]) -> list[str]:
    """Return keys by falling score; keys with the same score stay in their order.

    Args:
        scores: a score for each key.
    """
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
