"""The tool with which Namu searches the guides."""

from __future__ import annotations

import json
from typing import Annotated, Any

from langchain_core.embeddings import Embeddings
from langchain_core.tools import BaseTool, tool
from pydantic import AfterValidator

from course_lib.models import embeddings
from course_lib.namu.retrieval.passages import Passage, PassageIndex
from course_lib.namu.retrieval.reranking import FieldReranker
from course_lib.namu.retrieval.retrieval_error import checked_question
from course_lib.retrieval import tokens

MAX_PASSAGES = 3
"""How many passages the model gets."""

DEPTH = 10
"""Among how many passages they are chosen."""

MIN_COSINE = 0.2
"""A passage further from the question is left out, unless its title has a word of the question."""

HIGHLIGHTS = 2
"""How many sentences of a passage are marked as the nearest to the question."""


def _not_empty(question: str) -> str:
    if not question.strip():
        raise ValueError("the question is empty")
    return question


def guides_tool(index: PassageIndex, embedding: Embeddings | None = None) -> BaseTool:
    """Make the tool `search_guides` for an index.

    Args:
        index: of guides, wherever it is stored.
        embedding: compares the sentences of a passage with the question; `embeddings()` when left
            out.
    """
    compared = embeddings() if embedding is None else embedding
    reranker = FieldReranker(compared)

    @tool
    def search_guides(question: Annotated[str, AfterValidator(_not_empty)]) -> str:
        """Search short texts on how things work in Seoul and what its neighbourhoods are like.

        They cover transport, tickets, palaces and museums, manners, baths, hiking, lost property,
        emergencies, and some neighbourhoods. Each passage that is returned has a mark. Say only
        what a passage says, and put its mark after each sentence, such as [1].

        Args:
            question: the whole question, in the words of the person.
        """
        vector = compared.embed_query(checked_question(question))
        asked = set(tokens(question))
        near = []
        for hit in index.search(question, DEPTH):
            scores = reranker.field_scores(hit.passage, vector)
            best = max(*scores.values(), hit.similarity or 0.0)
            if best >= MIN_COSINE or asked & set(tokens(hit.passage.title)):
                near.append((hit.passage, scores))
        # The passages of the best document first: what it says further on may be the answer.
        first = near[0][0].document if near else ""
        near.sort(key=lambda each: each[0].document != first)
        found = [
            _shown(mark, passage, scores)
            for mark, (passage, scores) in enumerate(near[:MAX_PASSAGES], 1)
        ]
        return json.dumps({"passages": found}, ensure_ascii=False)

    return search_guides


def _shown(mark: int, passage: Passage, scores: dict[str, float]) -> dict[str, Any]:
    """Return what the model sees of a passage."""
    nearest = sorted(scores, key=lambda field: -scores[field])[:HIGHLIGHTS]
    return {
        "mark": mark,
        "id": passage.key,
        "title": passage.title,
        "language": passage.language,
        "text": passage.text,
        "highlights": [field for field in passage.fields if field in nearest],
        "sources": [{"title": source.title, "url": source.url} for source in passage.sources],
    }
