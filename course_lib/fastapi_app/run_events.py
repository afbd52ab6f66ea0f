"""The events of runs: a table to append to, from which a stream that broke is read again.

The checkpoints know what a turn came to; they do not know what a person saw of it. This table does,
token by token, and every worker can read it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from .problems import cause

WRITE_SECONDS = 0.05
"""How long events are collected before they are written together."""

AGAIN_SECONDS = 1.0
"""How long to wait before writing again, where the database did not answer."""

MAX_UNWRITTEN_EVENTS = 50_000
"""How many events wait for a database that is away. Of more, the oldest are given up."""

READ_SECONDS = 0.1
"""How often a run of another worker is asked for new events."""

FORGET_SECONDS = 600.0
"""How often old events are deleted."""

MAX_RUN_SECONDS = 86_400.0
"""A run that began so long ago and has no end belonged to a worker that was killed."""

WRITE = (
    "INSERT INTO chat_events (run_id, number, event, data) "
    "SELECT run_id, %s, %s, %s FROM chat_runs WHERE run_id = %s FOR KEY SHARE "
    "ON CONFLICT DO NOTHING"
)
"""The events of a run that was deleted meanwhile are left out: an error of theirs would take the
events of other runs with it, which are written together with them."""

OVER = "UPDATE chat_runs SET ended = now() WHERE run_id = ANY(%s)"

log = logging.getLogger("chat")

END = "end"
"""The last event of every run."""


@dataclass(frozen=True)
class Event:
    """One event of a run.

    Args:
        number: counts from 1 within the run.
        name: `start`, `token`, `step`, `progress`, `question`, `answer`, `problem` or `end`.
        data: its fields.
    """

    number: int
    name: str
    data: dict[str, Any]


class EventLog:
    """Writes events into the table, and reads them.

    Args:
        pool: connections to the database.
    """

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._unwritten: list[tuple[int, str, Jsonb, UUID]] = []
        self._ended: list[UUID] = []
        self._writer: asyncio.Task[None] | None = None
        self._writing = asyncio.Lock()

    async def begin(self, run_id: UUID, thread_id: str) -> None:
        """Note that a run begins."""
        statement = "INSERT INTO chat_runs (run_id, thread_id) VALUES (%s, %s)"
        await self._execute(statement, [run_id, thread_id])

    def append(self, run_id: UUID, event: Event) -> None:
        """Keep an event; it is written a moment later, together with others."""
        self._unwritten.append((event.number, event.name, Jsonb(event.data), run_id))
        if self._writer is None:  # it writes until nothing is left
            self._writer = asyncio.create_task(self._write_soon())

    async def end(self, run_id: UUID) -> None:
        """Write what is unwritten, and note that a run is over."""
        self._ended.append(run_id)
        await self.flush()

    async def flush(self) -> None:
        """Write what has been kept so far.

        Raises:
            psycopg.OperationalError: the database did not answer; the events are kept, and written
                as soon as it does.
        """
        async with self._writing:
            rows, self._unwritten = self._unwritten, []
            ended, self._ended = self._ended, []
            if not rows and not ended:
                return
            try:
                async with self._pool.connection() as connection, connection.cursor() as cursor:
                    await cursor.executemany(WRITE, rows)
                    if ended:
                        await cursor.execute(OVER, [ended])
            except (psycopg.OperationalError, asyncio.CancelledError):
                self._unwritten = [*rows, *self._unwritten][-MAX_UNWRITTEN_EVENTS:]
                self._ended = [*ended, *self._ended]
                raise

    async def thread_of(self, run_id: UUID) -> str | None:
        """The thread that a run belongs to, None where there is no such run."""
        rows = await self._fetch("SELECT thread_id FROM chat_runs WHERE run_id = %s", [run_id])
        return rows[0]["thread_id"] if rows else None

    async def read(self, run_id: UUID, after: int) -> list[Event]:
        """The events of a run behind a number, in order."""
        rows = await self._fetch(
            "SELECT number, event, data FROM chat_events WHERE run_id = %s AND number > %s "
            "ORDER BY number",
            [run_id, after],
        )
        return [Event(row["number"], row["event"], row["data"]) for row in rows]

    async def follow(self, run_id: UUID, after: int) -> AsyncIterator[list[Event]]:
        """The events of a run of another worker, as they are written; empty lists in between.

        It ends with the run's last event. Whoever iterates decides when a run is given up for
        lost.
        """
        while True:
            events = await self.read(run_id, after)
            yield events
            if events:
                after = events[-1].number
                if events[-1].name == END:
                    return
            await asyncio.sleep(READ_SECONDS)

    async def ask_to_stop(self, thread_id: str, besides: Iterable[UUID] = ()) -> bool:
        """Ask whichever worker runs something on a thread to stop it; not for some runs."""
        rows = await self._fetch(
            "UPDATE chat_runs SET stop = true WHERE thread_id = %s AND ended IS NULL "
            "AND NOT run_id = ANY(%s) RETURNING run_id",
            [thread_id, list(besides)],
        )
        return bool(rows)

    async def asked_to_stop(self, run_ids: Iterable[UUID]) -> list[UUID]:
        """Which of these runs somebody asked to stop."""
        rows = await self._fetch(
            "SELECT run_id FROM chat_runs WHERE run_id = ANY(%s) AND stop", [list(run_ids)]
        )
        return [row["run_id"] for row in rows]

    async def is_told(self, run_id: UUID, after: int) -> bool:
        """Whether a run has ended, and nothing of it is behind a number."""
        rows = await self._fetch(
            "SELECT 1 FROM chat_events WHERE run_id = %s AND event = %s AND number <= %s",
            [run_id, END, after],
        )
        return bool(rows)

    async def forget(self, older_than_seconds: float) -> None:
        """Delete the events of runs that ended so long ago; the conversation stays."""
        lost = max(older_than_seconds, MAX_RUN_SECONDS)
        await self._execute(
            "DELETE FROM chat_runs WHERE ended < now() - make_interval(secs => %s) "
            "OR (ended IS NULL AND begun < now() - make_interval(secs => %s))",
            [older_than_seconds, lost],
        )

    async def keep_forgetting(self, older_than_seconds: float) -> None:
        """Delete old events again and again, until the task is cancelled."""
        while True:
            try:
                await self.forget(older_than_seconds)
            except psycopg.Error as error:  # the next time may go through
                log.warning("old events were not deleted: %s", cause(error))
            await asyncio.sleep(min(FORGET_SECONDS, older_than_seconds))

    async def forget_thread(self, thread_id: str) -> None:
        """Delete the runs and events of a thread."""
        await self._execute("DELETE FROM chat_runs WHERE thread_id = %s", [thread_id])

    async def close(self) -> None:
        """Write what is left, in one try."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer
        try:
            await self.flush()
        except psycopg.Error as error:
            log.error("%s events are lost: %s", len(self._unwritten), cause(error))

    async def _write_soon(self) -> None:
        wait = WRITE_SECONDS
        while self._unwritten:
            await asyncio.sleep(wait)
            try:
                await self.flush()
                wait = WRITE_SECONDS
            except Exception as error:  # noqa: BLE001  # the next events are written all the same
                log.warning("events were not written: %s", cause(error))
                wait = AGAIN_SECONDS
        self._writer = None

    async def _execute(self, statement: str, values: list[Any]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(statement, values)

    async def _fetch(self, statement: str, values: list[Any]) -> list[dict[str, Any]]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall()
