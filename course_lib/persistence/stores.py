"""Opening LangGraph's store from a URL: memory, an SQLite file, or PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from course_lib.persistence.checkpointers import open_file, parse_url
from course_lib.settings import read_home

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

        open_file(place).close()
        with SqliteStore.from_conn_string(place) as store:
            with _making_tables():
                store.setup()
            yield store
    else:
        from langgraph.store.postgres import PostgresStore

        from course_lib.persistence.embedded_postgres import making_tables

        with making_tables(place), PostgresStore.from_conn_string(place) as store:
            store.setup()
        with PostgresStore.from_conn_string(place) as store:
            yield store


@contextmanager
def _making_tables() -> Iterator[None]:
    """Let one process at a time make the tables of an SQLite file; the others wait.

    LangGraph's migrations are no transaction: two at once apply the same one, and the second
    fails. The lock is SQLite's own, on an empty file, and goes with the process that holds it.
    """
    home = read_home()
    home.mkdir(parents=True, exist_ok=True)
    lock = sqlite3.connect(home / "tables.lock", timeout=60, isolation_level=None)
    with closing(lock):
        lock.execute("BEGIN EXCLUSIVE")
        yield
