"""Connections to PostgreSQL that never wait without end.

A statement waits where another program has locked the table, or where the network is silent. A time
limit of the server's own cannot be relied on: a pooler in transaction mode refuses it, or hands the
setting on to other clients, and a silent server keeps none. So the limit is the client's.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import AsyncConnection, Connection

CONNECTING = {"connect_timeout": 5, "client_encoding": "utf8"}
"""How every connection is made. A database in another encoding would give and take its own, bytes
even."""

ANSWER_SECONDS = 30.0
"""How long a saver or a store waits for the answer to one statement before it raises."""

CANCEL_SECONDS = 3.0
"""How long the server has to take note that nobody waits for a statement any more."""


@cache
def connection_classes() -> tuple[type[Connection[Any]], type[AsyncConnection[Any]]]:
    """Return connections that give up a statement: one to call, one to await.

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
