"""What long jobs tell while they run: a table to append to, and a notice to whoever listens.

PostgreSQL's NOTIFY reaches every worker of the API that listens, so progress arrives at once. The
table is what counts: who missed a notice finds the same events there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

TABLES = """
CREATE TABLE IF NOT EXISTS long_jobs (
    id uuid PRIMARY KEY,
    tenant text NOT NULL,
    person text NOT NULL,
    kind text NOT NULL,
    begun timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE IF NOT EXISTS long_job_events (
    job_id uuid NOT NULL REFERENCES long_jobs ON DELETE CASCADE,
    number integer NOT NULL,
    event text NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (job_id, number)
);
"""
CHANNEL = "long_job_events"
END = "end"
"""The last event of every job."""

LOOK_SECONDS = 1.0
"""How often a follower looks into the table, whether it was told of anything or not."""

log = logging.getLogger("chat.jobs")


@dataclass(frozen=True)
class JobEvent:
    """One event of a job.

    Args:
        number: counts from 1 within the job; the same step has the same number after a restart.
        name: `progress`, `problem` or `end`.
        data: its fields.
    """

    number: int
    name: str
    data: dict[str, Any]


class JobLog:
    """Writes what jobs tell, and reads it.

    Args:
        pool: connections to the database; their rows are dicts.
    """

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool
        self._news: dict[UUID, set[asyncio.Event]] = defaultdict(set)

    async def begin(self, job_id: UUID, tenant: str, person: str, kind: str) -> None:
        """Note whose job it is; harmless a second time."""
        statement = (
            "INSERT INTO long_jobs (id, tenant, person, kind) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT DO NOTHING"
        )
        async with self._pool.connection() as connection:
            await connection.execute(statement, [job_id, tenant, person, kind])

    async def belongs_to(self, job_id: UUID, tenant: str, person: str) -> bool:
        """Whether a job is this person's."""
        statement = "SELECT 1 FROM long_jobs WHERE id = %s AND tenant = %s AND person = %s"
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, [job_id, tenant, person])
            return await cursor.fetchone() is not None

    async def tell(self, job_id: UUID, event: JobEvent) -> None:
        """Write an event, and notify whoever listens. An event that was told already stays."""
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO long_job_events VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [job_id, event.number, event.name, Jsonb(event.data)],
            )
            await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(job_id)])

    async def give_up(self, job_id: UUID, problem: dict[str, Any]) -> None:
        """Tell that a job has failed for good: a problem, and the end.

        Args:
            job_id: of the job.
            problem: what went wrong and what to do, with the fields of RFC 9457.
        """
        told = await self.read(job_id)
        if told and told[-1].name == END:
            return
        number = told[-1].number if told else 0
        await self.tell(job_id, JobEvent(number + 1, "problem", problem))
        await self.tell(job_id, JobEvent(number + 2, END, {"status": "failed"}))

    async def forget(self, days: int) -> list[UUID]:
        """Delete what jobs told that were begun some days ago, and return which jobs."""
        statement = (
            "DELETE FROM long_jobs WHERE begun < now() - make_interval(days => %s) RETURNING id"
        )
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(statement, [days])).fetchall()
        return [row["id"] for row in rows]

    async def read(self, job_id: UUID, after: int = 0) -> list[JobEvent]:
        """The events of a job behind a number, in order."""
        statement = (
            "SELECT number, event, data FROM long_job_events WHERE job_id = %s AND number > %s "
            "ORDER BY number"
        )
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement, [job_id, after])
            rows = await cursor.fetchall()
        return [JobEvent(row["number"], row["event"], row["data"]) for row in rows]

    async def follow(self, job_id: UUID, after: int = 0) -> AsyncIterator[JobEvent]:
        """The events of a job behind a number, as they come, to its last one.

        A job that is between two workers, since one was killed, tells nothing for some seconds.
        A database that is away is asked again.
        """
        news = asyncio.Event()
        self._news[job_id].add(news)
        try:
            while True:
                news.clear()
                try:
                    events = await self.read(job_id, after)
                except psycopg.OperationalError as error:
                    log.warning(
                        "job %s cannot be followed at the moment: %s", job_id, type(error).__name__
                    )
                    events = []
                for event in events:
                    yield event
                    after = event.number
                    if event.name == END:
                        return
                try:
                    async with asyncio.timeout(LOOK_SECONDS):
                        await news.wait()
                except TimeoutError:
                    pass
        finally:
            self._news[job_id].discard(news)
            if not self._news[job_id]:
                del self._news[job_id]

    async def listen(self, url: str) -> None:
        """Wake followers when something is told, until the task is cancelled.

        Args:
            url: the database. One connection listens for all followers of this process.
        """
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    url, autocommit=True, connect_timeout=5
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    async for notice in connection.notifies():
                        with contextlib.suppress(ValueError):  # whoever is in may send anything
                            for news in self._news.get(UUID(notice.payload), ()):
                                news.set()
            except psycopg.Error as error:  # followers look by themselves meanwhile
                log.warning("nothing is heard of jobs at the moment: %s", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)
