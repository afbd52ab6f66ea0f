"""Putting the first results into a better order by looking at their parts.

A reranker that reads question and passage together (a cross-encoder) would need a model of its own,
and none comes in a package without a download. This one compares the question with the vectors of
single sentences or fields instead, which is a weaker, cheaper thing of the same purpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from course_lib.namu.retrieval.passages import Passage
from course_lib.retrieval import VectorIndex, best_first

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

WEIGHT = 0.5
"""How much the best field counts beside the fused score, which lies between 0 and 1."""

DEPTH = 50
"""How many of the first results are reranked."""


class FieldReranker:
    """Reranks by the field of a passage whose vector is nearest to the question.

    The fields of a passage are embedded when they are first needed, and kept.

    Args:
        embedding: a LangChain embedding.
    """

    def __init__(self, embedding: Embeddings) -> None:
        self._embedding = embedding
        self._indexes: dict[Passage, VectorIndex] = {}

    def prepare(self, passages: Iterable[Passage]) -> None:
        """Embed the fields of passages now, so that no question has to wait for it.

        Args:
            passages: any.
        """
        for passage in passages:
            self._index_of(passage)

    def field_scores(self, passage: Passage, vector: Sequence[float]) -> dict[str, float]:
        """Return the cosine of each field of a passage with a question.

        Args:
            passage: any.
            vector: of the question.
        """
        return self._index_of(passage).similarities(vector)

    def rerank(
        self,
        scores: Mapping[str, float],
        passages: Mapping[str, Passage],
        vector: Sequence[float],
        depth: int = DEPTH,
    ) -> dict[str, float]:
        """Return new scores for the best keys, and leave the order of the others.

        Args:
            scores: a fused score from 0 to 1 for each key.
            passages: by key.
            vector: of the question.
            depth: how many of the first keys are reranked.
        """
        order = best_first(scores)
        first = {
            # Everything that is reranked stays before everything that is not.
            key: 1
            + scores[key]
            + WEIGHT * (1 + max(self.field_scores(passages[key], vector).values()))
            for key in order[:depth]
        }
        return {**first, **{key: scores[key] for key in order[depth:]}}

    def _index_of(self, passage: Passage) -> VectorIndex:
        if passage not in self._indexes:
            texts = {field: field for field in passage.fields or (passage.text,)}
            self._indexes[passage] = VectorIndex(texts, self._embedding)
        return self._indexes[passage]
