"""Passages in PostgreSQL with the extension pgvector, searched by one SQL statement.

PostgreSQL's own dictionaries know no Korean: the default one takes a word with its particle for one
token. So the tokens are made in Python (`course_lib.retrieval.tokens`) and stored as a `tsvector`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from course_lib.namu.retrieval.identity import check_identity, embedding_identity, passage_vectors
from course_lib.namu.retrieval.passages import Hit, Passage, by_key
from course_lib.namu.retrieval.retrieval_error import (
    RetrievalError,
    checked_limit,
    checked_question,
)
from course_lib.persistence import connect, redact_url
from course_lib.retrieval import RRF_K, tokens

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

DEPTH = 50
"""How many passages each of the two searches hands on to the fusion."""

MAX_POSITION = 16_383
"""The highest position that a `tsvector` holds; what stands behind it has this one."""

MAX_LETTERS = 500
"""How long a word may be; PostgreSQL takes 2,046 bytes, and a letter has up to 4."""

TABLES = """
CREATE EXTENSION IF NOT EXISTS vector;
DROP TABLE IF EXISTS passages;
DROP TABLE IF EXISTS passage_index;
CREATE TABLE passages (
    key text PRIMARY KEY,
    language text NOT NULL,
    passage jsonb NOT NULL,
    tokens tsvector NOT NULL,
    vector vector({dimensions}) NOT NULL
);
CREATE TABLE passage_index (embedding jsonb NOT NULL);
"""

INDEXES = """
CREATE INDEX ON passages USING gin (tokens);
CREATE INDEX ON passages USING hnsw (vector vector_cosine_ops);
"""

SEARCH = """
WITH words AS (
    SELECT key, row_number() OVER (ORDER BY ts_rank(tokens, asked, 1) DESC, key) AS rank
    FROM passages, (SELECT %(asked)s::tsquery AS asked) AS question
    WHERE tokens @@ asked AND (%(language)s::text IS NULL OR language = %(language)s)
    ORDER BY rank
    LIMIT %(depth)s
), nearest AS (
    SELECT key, vector <=> %(vector)s::vector AS distance
    FROM passages
    WHERE %(language)s::text IS NULL OR language = %(language)s
    ORDER BY vector <=> %(vector)s::vector
    LIMIT %(depth)s
), meaning AS (
    SELECT key, 1 - distance AS similarity, row_number() OVER (ORDER BY distance, key) AS rank
    FROM nearest
)
SELECT passage,
       coalesce(1.0 / (%(k)s + words.rank), 0) + coalesce(1.0 / (%(k)s + meaning.rank), 0) AS score,
       similarity
FROM words FULL JOIN meaning USING (key) JOIN passages USING (key)
ORDER BY score DESC, key
LIMIT %(limit)s
"""
"""Both searches and their reciprocal rank fusion in one statement."""


class PostgresIndex:
    """An index in a PostgreSQL database, which many processes can search at once.

    Args:
        url: of the database, such as `postgres().url`.
        embedding: the one that made the vectors in it.

    Raises:
        RetrievalError: there is no index, or another embedding made it. It is not searched then.
        PostgresError: the server does not answer.
    """

    def __init__(self, url: str, embedding: Embeddings) -> None:
        from psycopg import errors

        self.url, self.embedding = url, embedding
        with connect(url) as connection:
            try:
                row = connection.execute("SELECT embedding FROM passage_index").fetchone()
            except errors.UndefinedTable as error:
                raise RetrievalError(
                    f"There is no index at {redact_url(url)}. Make one: PostgresIndex.build("
                    "passages, embeddings(), url)."
                ) from error
        check_identity(row[0] if row else None, embedding, redact_url(url))

    @classmethod
    def build(cls, passages: Sequence[Passage], embedding: Embeddings, url: str) -> PostgresIndex:
        """Store passages, instead of those that were in the database before.

        Everything happens in one transaction: who searches meanwhile waits, and never finds a part.

        Args:
            passages: at least one; each key once.
            embedding: a LangChain embedding.
            url: of the database.

        Raises:
            RetrievalError: no passages, or the server has no pgvector.
            PostgresError: the server does not answer.
        """
        from psycopg import errors

        keyed = by_key(passages)
        vectors = passage_vectors([p.meanings for p in keyed.values()], embedding)
        identity = embedding_identity(embedding)
        rows = [
            (p.key, p.language, json.dumps(asdict(p)), _tsvector(p.words), str(vector))
            for p, vector in zip(keyed.values(), vectors, strict=True)
        ]
        with connect(url) as connection:
            try:
                # The length of a vector is part of its type; it is a number of our own, no input.
                connection.execute(TABLES.format(dimensions=int(identity["dimensions"])))
            except (errors.FeatureNotSupported, errors.UndefinedFile) as error:
                raise RetrievalError(
                    f"The server of {redact_url(url)} has no extension pgvector. Install it there, "
                    "or use the course's own server: postgres().url."
                ) from error
            with connection.cursor() as cursor:
                cursor.executemany("INSERT INTO passages VALUES (%s, %s, %s, %s, %s)", rows)
            connection.execute("INSERT INTO passage_index VALUES (%s)", [json.dumps(identity)])
            connection.execute(INDEXES)
        return cls(url, embedding)

    def search(self, question: str, limit: int = 5, *, language: str | None = None) -> list[Hit]:
        """Return the passages that fit a question, the best first.

        Args:
            question: in any language that the embedding knows.
            limit: how many passages at most.
            language: only passages in this language; None for all.

        Raises:
            RetrievalError: the question is empty, or the limit is below 1.
            PostgresError: the server does not answer.
        """
        limit = checked_limit(limit)
        vector = self.embedding.embed_query(checked_question(question))
        values: dict[str, Any] = {
            "asked": " | ".join(f"'{token}'" for token in dict.fromkeys(_words(question))),
            # Some embeddings return numbers of NumPy, which are written in another way.
            "vector": str([float(number) for number in vector]),
            "language": language,
            "depth": DEPTH,
            "k": RRF_K,
            "limit": limit,
        }
        with connect(self.url) as connection:
            # With a filter, HNSW looks at its nearest candidates only and may find none that pass.
            connection.execute("SET LOCAL hnsw.iterative_scan = strict_order")
            rows = connection.execute(SEARCH, values).fetchall()
        return [
            Hit(
                Passage.from_dict(passage),
                float(score),
                None if similarity is None else float(similarity),
            )
            for passage, score, similarity in rows
        ]


def _words(text: str) -> list[str]:
    """Return the tokens of a text, cut to a length that PostgreSQL can store."""
    return [token[:MAX_LETTERS] for token in tokens(text)]


def _tsvector(text: str) -> str:
    """Return the tokens of a text with their positions, in PostgreSQL's notation.

    A token is made of letters and digits only, so the quotes around it cannot be broken.
    """
    places: dict[str, list[str]] = {}
    for position, token in enumerate(_words(text), 1):
        places.setdefault(token, []).append(str(min(position, MAX_POSITION)))
    return " ".join(f"'{token}':{','.join(at[:255])}" for token, at in places.items())
