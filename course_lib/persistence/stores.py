"""Opening LangGraph's store from a URL: memory, an SQLite file, or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from course_lib.persistence.database_urls import parse_url
from course_lib.persistence.postgres_error import redact_url
from course_lib.persistence.postgres_pools import open_pool
from course_lib.persistence.sqlite_files import closing_when_free, open_file
from course_lib.persistence.table_setup import make_postgres_tables, sqlite_tables_lock
from course_lib.persistence.vector_index import (
    VectorIndexError,
    check_stored_dimensions,
    checked_index,
    one_copy_of_sqlite,
    postgres_dimensions,
    sqlite_dimensions,
    sqlite_with_extensions,
)

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore


SQLITE_TABLES = {"store": ("prefix", "key", "value")}
"""The table of LangGraph's SQLite store, with columns that it must have."""


@contextmanager
def open_store(url: str, *, index: Mapping[str, Any] | None = None) -> Iterator[BaseStore]:
    """Open a store, make its tables if they are not there, and close it at the end.

    Args:
        url: as for `open_checkpointer`; both may share one database. With an index, an SQLite file
            may need to be the store's alone: the error says so.
        index: for semantic search, `{"embed": embeddings(), "fields": ["text"]}`; the same in all
            three stores. None for a store without it.

    Raises:
        CheckpointerError: an unknown URL, or a file that is no database.
        PostgresError: the server does not answer.
        VectorIndexError: the index cannot work here, or does not fit what is stored.
    """
    kind, place = parse_url(url)
    wanted = None if index is None else checked_index(index, kind)
    if kind == "memory":
        from langgraph.store.memory import InMemoryStore

        yield InMemoryStore(index=wanted)
    elif kind == "sqlite":
        with _sqlite_store(place, wanted) as store:
            yield store
    else:
        with _postgres_store(place, wanted) as store:
            yield store


@contextmanager
def _sqlite_store(place: str, index: dict[str, Any] | None) -> Iterator[BaseStore]:
    from langgraph.store.sqlite import SqliteStore

    module = sqlite3 if index is None else sqlite_with_extensions()
    with one_copy_of_sqlite(place, module):
        connection = open_file(place, tables=SQLITE_TABLES, module=module)
        connection.isolation_level = None  # the store begins and ends its transactions itself
        if index is not None:
            try:
                check_stored_dimensions(sqlite_dimensions(connection), index, repr(place))
            except VectorIndexError:
                connection.close()
                raise
        store = SqliteStore(connection, index=index)
        with closing_when_free(connection, store.lock):
            with sqlite_tables_lock(place):
                store.setup()
            yield store


@contextmanager
def _postgres_store(url: str, index: dict[str, Any] | None) -> Iterator[BaseStore]:
    from langgraph.store.postgres import PostgresStore

    def set_up(connection: Any) -> None:
        PostgresStore(connection, index=index).setup()

    with open_pool(url) as pool:
        store = PostgresStore(pool, index=index)
        make_postgres_tables(
            url, set_up, versions="store_migrations", newest=len(store.MIGRATIONS) - 1
        )
        if index is not None:
            with pool.connection() as connection:
                stored = postgres_dimensions(connection)
            check_stored_dimensions(stored, index, redact_url(url))
            make_postgres_tables(
                url,
                set_up,
                versions="vector_migrations",
                newest=len(store.VECTOR_MIGRATIONS) - 1,
            )
        yield store
