"""Passages in Qdrant, a vector database, in its local mode: a folder, and no server.

Each passage has two vectors. The **dense** one comes from the embedding. The **sparse** one has a
number for each token that occurs, and stands for BM25: Qdrant multiplies it with the rarity of each
token. One request asks both and fuses the two results by rank or by score, inside Qdrant.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal
from uuid import NAMESPACE_URL, uuid5

from course_lib.namu.retrieval.identity import check_identity, embedding_identity, passage_vectors
from course_lib.namu.retrieval.passages import Hit, Passage, by_key
from course_lib.namu.retrieval.retrieval_error import (
    RetrievalError,
    checked_limit,
    checked_question,
)
from course_lib.retrieval import RRF_K, tokens

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from qdrant_client import QdrantClient

COLLECTION = "passages"

DEPTH = 50
"""How many passages each of the two searches hands on to the fusion."""

K1, B = 1.5, 0.75
"""BM25's constants: how fast repeated words count less, and how much long texts are damped."""


class QdrantIndex:
    """An index in a folder that one process at a time may open.

    Use `QdrantIndex.build` or `QdrantIndex.open`, in a `with` block or with `close()` at the end.

    Args:
        client: of Qdrant.
        embedding: the one that made the vectors in it.
    """

    def __init__(self, client: QdrantClient, embedding: Embeddings) -> None:
        self._client, self.embedding = client, embedding

    @classmethod
    def build(
        cls, passages: Sequence[Passage], embedding: Embeddings, folder: Path | str | None = None
    ) -> QdrantIndex:
        """Store passages, instead of those that were in the folder before.

        Args:
            passages: at least one; each key once.
            embedding: a LangChain embedding.
            folder: where; in memory when left out.

        Raises:
            RetrievalError: no passages, or another process has the folder open.
        """
        from qdrant_client import models

        keyed = by_key(passages)
        vectors = passage_vectors([p.meanings for p in keyed.values()], embedding)
        counts = [Counter(tokens(p.words)) for p in keyed.values()]
        mean_length = sum(map(Counter.total, counts)) / len(counts)
        client = _client(folder)
        try:
            if client.collection_exists(COLLECTION):
                client.delete_collection(COLLECTION)
            client.create_collection(
                COLLECTION,
                vectors_config={
                    "meaning": models.VectorParams(
                        size=len(vectors[0]), distance=models.Distance.COSINE
                    )
                },
                sparse_vectors_config={
                    "words": models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
                metadata={"embedding": embedding_identity(embedding)},
            )
            client.upsert(
                COLLECTION,
                [
                    models.PointStruct(
                        id=str(uuid5(NAMESPACE_URL, passage.key)),
                        vector={
                            "meaning": vector,
                            "words": _sparse(_damped(count, mean_length)),
                        },
                        payload=asdict(passage),
                    )
                    for passage, vector, count in zip(keyed.values(), vectors, counts, strict=True)
                ],
            )
        except BaseException:
            client.close()
            raise
        return cls(client, embedding)

    @classmethod
    def open(cls, folder: Path | str, embedding: Embeddings) -> QdrantIndex:
        """Open an index that was built before.

        Args:
            folder: of the index.
            embedding: the one that made it.

        Raises:
            RetrievalError: there is no index, another process has it open, or another embedding
                made it. It is not searched then.
        """
        if not (Path(folder) / "meta.json").exists():
            raise RetrievalError(
                f"There is no index in {str(folder)!r}. Make one: QdrantIndex.build(passages, "
                "embeddings(), folder)."
            )
        client = _client(folder)
        try:
            if not client.collection_exists(COLLECTION):
                raise RetrievalError(
                    f"The folder {str(folder)!r} has no collection {COLLECTION!r}: its index was "
                    "not finished. Build it again: QdrantIndex.build(passages, embeddings(), "
                    "folder)."
                )
            kept = client.get_collection(COLLECTION).config.metadata or {}
            check_identity(kept.get("embedding"), embedding, repr(str(folder)))
        except BaseException:
            client.close()
            raise
        return cls(client, embedding)

    def search(
        self,
        question: str,
        limit: int = 5,
        *,
        language: str | None = None,
        fusion: Literal["rank", "score"] = "score",
    ) -> list[Hit]:
        """Return the passages that fit a question, the best first.

        Args:
            question: in any language that the embedding knows.
            limit: how many passages at most.
            language: only passages in this language; None for all.
            fusion: `rank` for reciprocal rank fusion, `score` for Qdrant's distribution-based
                score fusion (DBSF).

        Raises:
            RetrievalError: the question is empty, or the limit is below 1.
        """
        from qdrant_client import models

        limit = checked_limit(limit)
        vector = self.embedding.embed_query(checked_question(question))
        only = None
        if language is not None:
            match = models.MatchValue(value=language)
            only = models.Filter(must=[models.FieldCondition(key="language", match=match)])
        parts = [models.Prefetch(query=vector, using="meaning", filter=only, limit=DEPTH)]
        asked = _sparse(dict.fromkeys(tokens(question), 1.0))
        if asked.indices:
            parts.append(models.Prefetch(query=asked, using="words", filter=only, limit=DEPTH))
        query: Any = models.RrfQuery(rrf=models.Rrf(k=RRF_K))
        if fusion == "score":
            query = models.FusionQuery(fusion=models.Fusion.DBSF)
        found = self._client.query_points(COLLECTION, prefetch=parts, query=query, limit=limit)
        return [Hit(Passage.from_dict(p.payload or {}), p.score) for p in found.points]

    def close(self) -> None:
        """Release the folder for other processes; harmless a second time."""
        self._client.close()

    def __enter__(self) -> QdrantIndex:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _client(folder: Path | str | None) -> QdrantClient:
    from qdrant_client import QdrantClient

    if folder is None:
        return QdrantClient(":memory:")
    try:
        return QdrantClient(path=str(folder))
    except RuntimeError as error:
        if "already accessed" not in str(error):
            raise
        raise RetrievalError(
            f"The index in {str(folder)!r} is open already, in this process or in another one, and "
            "Qdrant's local mode lets one client in at a time. Close it there (close(), or the end "
            "of the `with` block; restart a notebook's kernel), use another folder, or store the "
            "passages in PostgreSQL (PostgresIndex), which many processes can read."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RetrievalError(
            f"The index in {str(folder)!r} is damaged ({type(error).__name__}: {error}). Delete "
            "the folder and build it again: QdrantIndex.build(passages, embeddings(), folder)."
        ) from error
    except OSError as error:
        raise RetrievalError(
            f"The folder {str(folder)!r} cannot be used for an index ({error}). Name a folder that "
            "you may write to."
        ) from error


def _damped(counts: Counter[str], mean_length: float) -> dict[str, float]:
    """Return BM25's part of each token that does not depend on how rare the token is."""
    norm = K1 * (1 - B + B * counts.total() / mean_length) if mean_length else K1
    return {token: count * (K1 + 1) / (count + norm) for token, count in counts.items()}


def _sparse(weights: dict[str, float]) -> Any:
    """Return a sparse vector; a token's number is its checksum, the same in every process."""
    from qdrant_client import models

    numbered: dict[int, float] = {}
    for token, weight in weights.items():
        number = zlib.crc32(token.encode())
        numbered[number] = numbered.get(number, 0.0) + weight
    return models.SparseVector(indices=list(numbered), values=list(numbered.values()))
