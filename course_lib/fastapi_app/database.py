"""What a worker opens once: the tables, one pool of connections, several savers, the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from course_lib.persistence import keep_whole_nodes, open_checkpointer, open_store

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore

TABLES = """
CREATE TABLE IF NOT EXISTS chat_runs (
    run_id uuid PRIMARY KEY,
    thread_id text NOT NULL,
    begun timestamptz NOT NULL DEFAULT now(),
    ended timestamptz,
    stop boolean NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS chat_runs_thread ON chat_runs (thread_id, begun);
CREATE TABLE IF NOT EXISTS chat_events (
    run_id uuid NOT NULL REFERENCES chat_runs ON DELETE CASCADE,
    number integer NOT NULL,
    event text NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (run_id, number)
);
"""
MAKE_TABLES_LOCK = "SELECT pg_advisory_xact_lock(1667785076)"
"""`CREATE TABLE IF NOT EXISTS` by two workers at once can fail; the number is "chat" in ASCII."""


@dataclass
class Database:
    """What all requests of a worker share.

    Args:
        pool: connections of the savers and of the service's own tables.
        savers: over that pool. One saver runs one statement at a time, so there are several.
        store: who owns which thread, and what the graph remembers.
    """

    pool: AsyncConnectionPool[Any]
    savers: list[AsyncPostgresSaver]
    store: BaseStore


class GraphPool:
    """One compiled graph for each saver, handed out to where the fewest runs are.

    Args:
        graphs: the same graph, compiled with different savers.
    """

    def __init__(self, graphs: list[CompiledStateGraph]) -> None:
        self._graphs = graphs
        self._runs = [0] * len(graphs)
        self._next = count()

    @contextmanager
    def borrow(self) -> Iterator[CompiledStateGraph]:
        """Hand out the graph whose saver has the fewest runs, for the `with` block."""
        first = next(self._next)  # of several that are equally free, another one each time
        size = len(self._graphs)
        chosen = min(range(size), key=lambda n: (self._runs[n], (n - first) % size))
        self._runs[chosen] += 1
        try:
            yield self._graphs[chosen]
        finally:
            self._runs[chosen] -= 1


@asynccontextmanager
async def open_database(url: str, savers: int) -> AsyncIterator[Database]:
    """Make the tables if they are not there, and open everything; close it at the end.

    Args:
        url: the PostgreSQL database.
        savers: how many savers share the pool.

    Raises:
        PostgresError: the server does not answer.
    """
    with ExitStack() as stack:
        store = await asyncio.to_thread(lambda: stack.enter_context(open_store(url)))
        await asyncio.to_thread(_make_tables, url)
        options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
        async with AsyncConnectionPool(
            url,
            min_size=2,
            max_size=savers + 2,
            kwargs=options,
            check=AsyncConnectionPool.check_connection,
            open=False,
        ) as pool:
            whole = [keep_whole_nodes(AsyncPostgresSaver(pool)) for _ in range(savers)]
            yield Database(pool, whole, store)


def _make_tables(url: str) -> None:
    with open_checkpointer(url):  # the saver's tables, by one process at a time
        pass
    with psycopg.connect(url) as connection:
        connection.execute(MAKE_TABLES_LOCK)
        connection.execute(TABLES)
