"""Search by words and by meaning together, in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from course_lib.models.language.message_parser import language_of
from course_lib.namu.retrieval.passages import Hit, Passage, by_key
from course_lib.namu.retrieval.reranking import FieldReranker
from course_lib.namu.retrieval.retrieval_error import (
    RetrievalError,
    checked_limit,
    checked_question,
)
from course_lib.retrieval import (
    LexicalIndex,
    VectorIndex,
    best_first,
    fuse,
    fuse_scores,
    stretch,
)

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

Way = Literal["words", "meaning", "by rank", "by score", "reranked"]
"""How results are ordered: by one search alone, by the fusion of both, or reranked after it."""

WAYS: tuple[Way, ...] = ("words", "meaning", "by rank", "by score", "reranked")

WORDS_WEIGHT = 1.5
"""How much the words count beside the meaning, where one passage has all words of the question."""

OTHER_LANGUAGE = 0.8
"""What a passage in another language gets for its words: so much of what its meaning got."""


NAMED = 0.5
"""What a passage gets on top where the question has the name of its subject."""


class HybridIndex:
    """BM25 and vectors over passages, fused and reranked.

    Args:
        passages: at least one; each key once.
        embedding: a LangChain embedding, such as `course_lib.models.embeddings()`.

    Raises:
        RetrievalError: there are no passages, or two have one key.
    """

    def __init__(self, passages: Sequence[Passage], embedding: Embeddings) -> None:
        self.passages = by_key(passages)
        self.embedding = embedding
        self._words = LexicalIndex({key: p.words for key, p in self.passages.items()})
        most = max(len(passage.meanings) for passage in passages)
        self._meanings = [
            VectorIndex(
                {key: p.meanings[n % len(p.meanings)] for key, p in self.passages.items()},
                embedding,
            )
            for n in range(most)
        ]
        self.reranker = FieldReranker(embedding)

    def search(
        self,
        question: str,
        limit: int = 5,
        *,
        language: str | None = None,
        way: Way = "by score",
    ) -> list[Hit]:
        """Return the passages that fit a question, the best first.

        Args:
            question: in any language that the embedding knows.
            limit: how many passages at most.
            language: only passages in this language; None for all.
            way: how the results are ordered.

        Raises:
            RetrievalError: the question is empty, the limit is below 1, or there is no such way.
        """
        if way not in WAYS:
            raise RetrievalError(f"There is no way {way!r} to order results. Use one of {WAYS}.")
        limit = checked_limit(limit)
        vector = self.embedding.embed_query(checked_question(question))
        meaning = self._by_meaning(vector)
        scores = self._scores(question, vector, meaning, way)
        keys = [
            key
            for key in best_first(scores)
            if language is None or self.passages[key].language == language
        ]
        return [Hit(self.passages[key], scores[key], meaning[key]) for key in keys[:limit]]

    def _scores(
        self, question: str, vector: Sequence[float], meaning: dict[str, float], way: Way
    ) -> dict[str, float]:
        if way == "meaning":
            return meaning
        words = self._words.scores(question)
        if way == "words":
            return words
        if way == "by rank":
            order = fuse([best_first(words), best_first(meaning)])
            return {key: 1 / rank for rank, key in enumerate(order, 1)}
        fused = self._by_score(question, words, stretch(meaning))
        return fused if way == "by score" else self.reranker.rerank(fused, self.passages, vector)

    def _by_score(
        self, question: str, words: dict[str, float], meaning: dict[str, float]
    ) -> dict[str, float]:
        """Return the weighted mean of both searches.

        The words count as much as the best passage has of the question's words. A passage in
        another language cannot have them, which says nothing against it, so it gets what its
        meaning makes expect.
        """
        language = language_of(question)
        told = {
            key: OTHER_LANGUAGE * score
            for key, score in meaning.items()
            if self.passages[key].language != language
        }
        found = stretch(words, 0.0)
        expected = {key: max(score, found.get(key, 0.0)) for key, score in told.items()}
        weight = WORDS_WEIGHT * self._words.coverage(question)
        fused = fuse_scores([{**found, **expected}, meaning], [weight, 1.0])
        text = question.lower()
        named = {key for key, p in self.passages.items() if any(is_in(n, text) for n in p.names)}
        return {key: score + (key in named) * NAMED for key, score in fused.items()}

    def _by_meaning(self, vector: Sequence[float]) -> dict[str, float]:
        """Return the mean cosine of each passage's texts with the question."""
        parts = [index.similarities(vector) for index in self._meanings]
        return {key: sum(part[key] for part in parts) / len(parts) for key in self.passages}


def is_in(name: str, text: str) -> bool:
    """Whether a text has a name: an English one as whole words, a Korean one before any particle.

    Args:
        name: a proper name.
        text: in lower case.
    """
    pattern = re.escape(name.lower())
    return re.search(rf"\b{pattern}\b" if name.isascii() else pattern, text) is not None
