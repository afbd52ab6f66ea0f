"""Connections to PostgreSQL that come back after the server has closed them.

A server closes idle connections, and restarts. LangGraph's savers and stores take a pool instead of
a connection; the pool tests a connection before it hands it out, and replaces one that was lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from course_lib.persistence.databases import connect
from course_lib.persistence.limited_connections import CONNECTING, connection_classes

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

WAIT_SECONDS = 8.0
"""How long a saver waits for a server that is away before it raises."""


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
        **CONNECTING,
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
        connection_class=connection_classes()[0],
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
        connection_class=connection_classes()[1],
        min_size=1,
        max_size=2,
        timeout=WAIT_SECONDS,
        kwargs=_options(),
        check=AsyncConnectionPool.check_connection,
        open=False,
    ) as pool:
        yield pool
