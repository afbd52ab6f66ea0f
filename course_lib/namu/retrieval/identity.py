"""Which embedding made an index: vectors of two embeddings cannot be compared.

An index that was made with one embedding and is searched with another returns passages, and they
are the wrong ones. Nothing fails. So every stored index keeps the vector of one fixed sentence, and
an embedding that gives another vector for it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib.namu.retrieval.retrieval_error import RetrievalError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

PROBE = "Which bus goes from the palace to the river? 궁에서 강까지 어느 버스가 가나요?"
"""The sentence whose vector tells embeddings apart."""

SAME = 0.999
"""Cosine from which on two vectors of the probe come from one embedding; rounding costs less."""


def embedding_identity(embedding: Embeddings) -> dict[str, Any]:
    """Return what an index keeps of the embedding that made it.

    Args:
        embedding: a LangChain embedding.

    Returns:
        `name` for the error text, `dimensions`, and `probe`, the vector of `PROBE`.
    """
    probe = [float(number) for number in embedding.embed_query(PROBE)]
    name = getattr(embedding, "model", None) or type(embedding).__name__
    return {"name": str(name), "dimensions": len(probe), "probe": probe}


def check_identity(
    stored: Mapping[str, Any] | None, embedding: Embeddings, place: str
) -> dict[str, Any]:
    """Refuse an index that another embedding made.

    Args:
        stored: what the index kept, as from `embedding_identity`; None if it kept nothing.
        embedding: with which it is to be searched.
        place: name of the index, for the error.

    Returns:
        The identity of `embedding`.

    Raises:
        RetrievalError: the index belongs to another embedding, or does not say to which.
    """
    own = embedding_identity(embedding)
    remedy = "Open it with the embedding that made it, or build it again with this one."
    if not stored or not stored.get("probe"):
        raise RetrievalError(
            f"The index in {place} does not say which embedding made it, so it is not searched. "
            "Build it again."
        )
    if stored["dimensions"] != own["dimensions"]:
        raise RetrievalError(
            f"The index in {place} was made with {stored['name']}, whose vectors have "
            f"{stored['dimensions']} numbers; those of {own['name']} have {own['dimensions']}. "
            f"{remedy}"
        )
    cosine = _cosine(stored["probe"], own["probe"])
    if cosine < SAME:
        raise RetrievalError(
            f"The index in {place} was made with {stored['name']}, and {own['name']} gives another "
            f"vector for the same sentence (cosine {cosine:.2f} instead of 1.00). A search would "
            f"return wrong passages without an error. {remedy}"
        )
    return own


def _cosine(a: list[float], b: list[float]) -> float:
    lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0


def passage_vectors(
    texts_of_each: list[tuple[str, ...]], embedding: Embeddings
) -> list[list[float]]:
    """Return one vector of length 1 for each passage: the mean of those of its texts.

    Args:
        texts_of_each: the texts of each passage, at least one.
        embedding: a LangChain embedding.
    """
    import numpy as np

    flat = [text for texts in texts_of_each for text in texts]
    vectors = np.array(embedding.embed_documents(flat), dtype=float)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    means, begin = [], 0
    for texts in texts_of_each:
        mean = vectors[begin : begin + len(texts)].mean(axis=0)
        means.append((mean / np.linalg.norm(mean)).tolist())
        begin += len(texts)
    return means
