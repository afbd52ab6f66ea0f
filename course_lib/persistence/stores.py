"""Opening LangGraph's store from a URL: memory, an SQLite file, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from course_lib.persistence.checkpointers import closing_when_free, open_file, parse_url
from course_lib.persistence.postgres_pools import open_pool
from course_lib.persistence.table_setup import make_postgres_tables, sqlite_tables_lock

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore


@contextmanager
def open_store(url: str) -> Iterator[BaseStore]:
    """Open a store, make its tables if they are not there, and close it at the end.

    Args:
        url: as for `open_checkpointer`; both may share one database.

    Raises:
        CheckpointerError: an unknown URL, or a file that is no database.
        PostgresError: the server does not answer.
    """
    kind, place = parse_url(url)
    if kind == "memory":
        from langgraph.store.memory import InMemoryStore

        yield InMemoryStore()
    elif kind == "sqlite":
        from langgraph.store.sqlite import SqliteStore

        connection = open_file(place)
        connection.isolation_level = None  # the store begins and ends its transactions itself
        store = SqliteStore(connection)
        with closing_when_free(connection, store.lock):
            with sqlite_tables_lock(place):
                store.setup()
            yield store
    else:
        from langgraph.store.postgres import PostgresStore

        with open_pool(place) as pool:
            store = PostgresStore(pool)
            make_postgres_tables(
                place,
                store.setup,
                versions="store_migrations",
                newest=len(store.MIGRATIONS) - 1,
            )
            yield store
