"""Connections to PostgreSQL that come back after the server has closed them, and never hang.

A server closes idle connections, and restarts. LangGraph's savers and stores take a pool instead of
a connection; the pool tests a connection before it hands it out, and replaces one that was lost.

A statement waits without end where another program has locked the table. A time limit of the
server's own cannot be relied on: a pooler in transaction mode refuses it, or hands the setting on
to other clients. So the limit is the client's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from course_lib.persistence.databases import connect

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

WAIT_SECONDS = 8.0
"""How long a saver waits for a server that is away before it raises."""

ANSWER_SECONDS = 30.0
"""How long a saver or a store waits for the answer to one statement before it raises."""

CANCEL_SECONDS = 3.0
"""How long the server has to take note that nobody waits for a statement any more."""


def _options() -> dict[str, Any]:
    """How the connections are made.

    `prepare_threshold=None`: a prepared statement belongs to one connection of the server, and a
    pooler in transaction mode (PgBouncer, Supabase, Neon) uses another one for each transaction.
    """
    from psycopg.rows import dict_row

    return {
        "autocommit": True,
        "prepare_threshold": None,
        "row_factory": dict_row,
        "connect_timeout": 5,
    }


@contextmanager
def open_pool(url: str) -> Iterator[ConnectionPool[Any]]:
    """Open a pool, and close it at the end.

    Args:
        url: the database.

    Raises:
        PostgresError: the server does not answer.
    """
    from psycopg_pool import ConnectionPool

    connect(url).close()  # its error is plainer than a pool's, and comes at once
    with ConnectionPool(
        url,
        connection_class=_connection_classes()[0],
        min_size=1,
        max_size=2,
        timeout=WAIT_SECONDS,
        kwargs=_options(),
        check=ConnectionPool.check_connection,
        open=False,
    ) as pool:
        yield pool


@asynccontextmanager
async def open_async_pool(url: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    """Open a pool for asynchronous savers, and close it at the end; see `open_pool`."""
    from psycopg_pool import AsyncConnectionPool

    async with AsyncConnectionPool(
        url,
        connection_class=_connection_classes()[1],
        min_size=1,
        max_size=2,
        timeout=WAIT_SECONDS,
        kwargs=_options(),
        check=AsyncConnectionPool.check_connection,
        open=False,
    ) as pool:
        yield pool


@cache
def _connection_classes() -> tuple[type[Connection[Any]], type[AsyncConnection[Any]]]:
    """Connections that give up a statement after `ANSWER_SECONDS`: one to call, one to await.

    Everything that psycopg waits for goes through `wait`. A connection whose statement was given up
    is closed, because its answer may still come; the pool replaces it.
    """
    from psycopg import AsyncConnection, Connection, Error, OperationalError

    class LimitedConnection(Connection[Any]):
        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            if timeout is not None:
                return super().wait(gen, interval, timeout)
            end = monotonic() + ANSWER_SECONDS
            try:
                return super().wait(gen, interval, ANSWER_SECONDS)
            except OperationalError:
                if monotonic() < end:
                    raise
            with suppress(Error):
                self.cancel_safe(timeout=CANCEL_SECONDS)
            self.close()
            raise OperationalError(_no_answer())

    class LimitedAsyncConnection(AsyncConnection[Any]):
        async def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            if timeout is not None:
                return await super().wait(gen, interval, timeout)
            end = monotonic() + ANSWER_SECONDS
            try:
                return await super().wait(gen, interval, ANSWER_SECONDS)
            except OperationalError:
                if monotonic() < end:
                    raise
            with suppress(Error):
                await self.cancel_safe(timeout=CANCEL_SECONDS)
            await self.close()
            raise OperationalError(_no_answer())

    return LimitedConnection, LimitedAsyncConnection


def _no_answer() -> str:
    return (
        f"PostgreSQL has not answered for {ANSWER_SECONDS:.0f} seconds. Another program may hold a "
        "lock on the table; pg_stat_activity shows who waits for whom. End it, then try again."
    )
