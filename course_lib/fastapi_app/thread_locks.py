"""One run at a time on a thread, over all workers of the service.

Two runs that write to one thread at once both succeed, and the output of one of them is lost.
PostgreSQL's advisory locks prevent that across processes. A worker holds all of its locks on *one*
connection of its own: a connection for each waiting request would use up the server's connections,
and a lock on the savers' pool would wait behind the statements of the runs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg

from .problems import Problem

TAKE = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
GIVE_BACK = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"
ASK_AGAIN_SECONDS = 0.05
"""How often a worker asks for a lock that another worker holds."""

HEARTBEAT_SECONDS = 1.0
"""How often a worker looks whether the connection with its locks is still there."""


@dataclass
class _Waiting:
    """The requests of this worker for one thread: they take turns in the order they came."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    requests: int = 0


class ThreadLocks:
    """The locks of one worker.

    The server gives the locks back when the connection ends, so a worker that is killed blocks
    nobody. Where the connection ends and the worker lives on (the database was restarted), the
    locks are lost: the runs that held them are cancelled, since another worker may begin one.

    Args:
        url: the database. Behind a pooler in transaction mode the locks do not hold: give the
            direct address.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._statement = asyncio.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._holders: dict[str, asyncio.Task[Any]] = {}
        self._heartbeat: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect.

        Raises:
            psycopg.OperationalError: the server does not answer.
        """
        await self._connected()
        self._heartbeat = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Give all locks back."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            with suppress(asyncio.CancelledError):
                await self._heartbeat
        if self._connection is not None:
            await self._connection.close()

    @asynccontextmanager
    async def hold(self, thread_id: str, seconds: float) -> AsyncIterator[None]:
        """Hold a thread for the `with` block.

        Args:
            thread_id: which thread.
            seconds: how long to wait for it.

        Raises:
            Problem: 409; somebody else held it for all that time.
        """
        waiting = self._waiting.setdefault(thread_id, _Waiting())
        waiting.requests += 1
        try:
            try:
                async with asyncio.timeout(seconds):
                    await waiting.lock.acquire()
            except TimeoutError:
                raise _busy(thread_id, seconds) from None
            try:
                await self._take(thread_id, seconds)
                self._holders[thread_id] = asyncio.current_task()  # type: ignore[assignment]
                try:
                    yield
                finally:
                    self._holders.pop(thread_id, None)
                    # Shielded: a cancelled run gives its lock back all the same.
                    await asyncio.shield(self._give_back(thread_id))
            finally:
                waiting.lock.release()
        finally:
            waiting.requests -= 1
            if waiting.requests == 0:
                self._waiting.pop(thread_id, None)

    async def is_free(self, thread_id: str) -> bool:
        """Whether no worker runs anything on a thread at this moment."""
        if thread_id in self._waiting or not await self._try(thread_id):
            return False
        await asyncio.shield(self._give_back(thread_id))
        return True

    async def _take(self, thread_id: str, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not await self._try(thread_id):
            if loop.time() > deadline:
                raise _busy(thread_id, seconds)
            await asyncio.sleep(ASK_AGAIN_SECONDS * (0.5 + random.random()))  # not in step

    async def _try(self, thread_id: str) -> bool:
        """Ask for a lock once. Whoever is cancelled meanwhile may have got it: it goes back."""
        asking = asyncio.create_task(self._ask(TAKE, thread_id))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            await asyncio.shield(self._undo(asking, thread_id))
            raise

    async def _undo(self, asking: asyncio.Task[bool], thread_id: str) -> None:
        with suppress(psycopg.Error):
            if await asking:
                await self._give_back(thread_id)

    async def _give_back(self, thread_id: str) -> None:
        with suppress(psycopg.OperationalError):  # then the server has given it back already
            await self._ask(GIVE_BACK, thread_id)

    async def _ask(self, statement: str, thread_id: str) -> bool:
        async with self._statement:
            for tries_left in (1, 0):
                connection = await self._connected()
                try:
                    cursor = await connection.execute(statement, [thread_id])
                    row = await cursor.fetchone()
                except psycopg.OperationalError:
                    if not tries_left or not connection.closed:
                        raise
                else:
                    return bool(row and row[0])
            raise AssertionError("the last try returns or raises")

    async def _connected(self) -> psycopg.AsyncConnection[Any]:
        """The connection. Where it has ended, its locks are lost, and another one is opened."""
        if self._connection is None or self._connection.closed:
            self._cancel_holders()  # also when a request finds it out before the heartbeat does
            self._connection = await psycopg.AsyncConnection.connect(
                self._url, autocommit=True, connect_timeout=5, prepare_threshold=None
            )
        return self._connection

    def _cancel_holders(self) -> None:
        holders, self._holders = self._holders, {}  # each is told once
        for task in holders.values():
            task.cancel("the lock of this thread was lost with the database's connection")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            try:
                async with self._statement:
                    connection = await self._connected()
                    await connection.execute("SELECT 1")
            except psycopg.Error:
                self._cancel_holders()
                if self._connection is not None:
                    with suppress(psycopg.Error):
                        await self._connection.close()


def _busy(thread_id: str, seconds: float) -> Problem:
    return Problem(
        409,
        "thread-busy",
        f"Another run held thread {thread_id!r} for {seconds:.0f} seconds. Send the message again, "
        "with its id.",
        headers={"Retry-After": "5"},
    )
