"""Erasing a person from the whole service: also jobs, events of runs, and rate limits.

    print(erase_person(url, "ann", tenant="school"))
    erase_person(url, "ann", tenant="school", dry_run=False)

`course_lib.persistence.erase` walks through checkpoints, the store and the directory. The tables of
this package are its own, so it hands them over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from uuid import UUID

import procrastinate
import psycopg
from procrastinate import SyncPsycopgConnector

from course_lib.operations.jobs import STALLED_SECONDS, thread_of
from course_lib.persistence import ThreadDirectory, erase, open_checkpointer, open_store
from course_lib.persistence.retention_reports import ErasureRow

if TYPE_CHECKING:
    from course_lib.persistence.retention_reports import ErasureReport

STOP_SECONDS = 10.0
"""How long to wait until workers have ended a person's jobs, in seconds."""

TABLES = {
    "long_job_events": "SELECT count(*) FROM long_job_events WHERE job_id = ANY(%(ids)s)",
    "long_jobs": "SELECT count(*) FROM long_jobs WHERE id = ANY(%(ids)s)",
    "procrastinate_events": "SELECT count(*) FROM procrastinate_events AS e "
    "JOIN procrastinate_jobs AS j ON j.id = e.job_id WHERE j.args->>'job_id' = ANY(%(names)s)",
    "procrastinate_jobs": "SELECT count(*) FROM procrastinate_jobs "
    "WHERE args->>'job_id' = ANY(%(names)s)",
}
"""How many rows of some jobs each table has."""

DELETE = (
    # Events go with their jobs.
    "DELETE FROM procrastinate_jobs WHERE args->>'job_id' = ANY(%(names)s)",
    "DELETE FROM long_jobs WHERE id = ANY(%(ids)s)",
)

UNDER_WAY = """
SELECT j.id, j.args->>'job_id', j.status::text FROM procrastinate_jobs AS j
LEFT JOIN procrastinate_workers AS w ON w.id = j.worker_id
WHERE j.args->>'job_id' = ANY(%(names)s) AND (
    j.status = 'todo'
    OR j.status = 'doing' AND w.last_heartbeat > now() - make_interval(secs => %(stalled)s)
)
"""
"""Jobs that a worker does or may begin; the worker of any other one was killed."""


def erase_person(
    database_url: str, user: str, *, tenant: str = "default", dry_run: bool = True, **more: Any
) -> ErasureReport:
    """Erase a person from the database of the service, the job queue included.

    What `erase` says about backups and logs holds here too. The audit log and the other files are
    not reached: let them expire.

    Args:
        database_url: of the service.
        user: whose data.
        tenant: of which customer.
        dry_run: only count.
        more: other arguments of `erase`, such as `cache` or `keyed_by_user`.

    Returns:
        A report with one row for each place. A job that a worker did not end in time is found and
        not erased: call it again.

    Raises:
        ValueError: the user is no name.
        CheckpointerError: the database has no tables of a saver.
        PostgresError: the database does not answer.
    """
    with ExitStack() as stack:
        saver = stack.enter_context(open_checkpointer(database_url, setup=False))
        store = stack.enter_context(open_store(database_url))
        return erase(
            saver,
            user=user,
            directory=ThreadDirectory(store, tenant=tenant),
            others=[JobRows(database_url), RunRows(database_url)],
            dry_run=dry_run,
            **more,
        )


class JobRows:
    """A person's long work: whose it is, what it told, and its rows in the queue.

    Args:
        url: of the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def tables(self) -> list[str]:
        """Those of the tables that are there."""
        return _known(self._url, TABLES)

    def threads_of(self, user: str, tenant: str | None) -> list[str]:
        """The threads in which the person's jobs keep their steps."""
        return [thread_of(job_id) for job_id in self._ids(user, tenant)]

    def stop(self, user: str, tenant: str | None) -> None:
        """Have workers end the person's jobs, and begin none of those that wait."""
        ids = self._ids(user, tenant)
        waiting = self._under_way(ids)
        if not waiting:
            return
        connector = SyncPsycopgConnector(conninfo=self._url, min_size=1, max_size=1)
        with procrastinate.App(connector=connector).open() as app:
            for job, _, _ in waiting:
                app.job_manager.cancel_job_by_id(job, abort=True)
        deadline = time.monotonic() + STOP_SECONDS
        while self._under_way(ids) and time.monotonic() < deadline:
            time.sleep(0.1)

    def erase(
        self, user: str, tenant: str | None, threads: Sequence[str], dry_run: bool
    ) -> Iterator[ErasureRow]:
        """Delete the rows; those of a job that is still being done stay."""
        ids = self._ids(user, tenant)
        if not ids:
            return
        counted = self._counts(ids)
        left = dict.fromkeys(counted, 0) if not dry_run else counted
        note = ""
        if not dry_run:
            busy = {UUID(name) for _, name, _ in self._under_way(ids)}
            given = _named([each for each in ids if each not in busy])
            with psycopg.connect(self._url) as connection:  # all of them or none
                for statement in DELETE:
                    connection.execute(statement, given)
            left = self._counts(ids)
            note = "a worker has not ended it: call erase again" if busy else ""
        for table, count in counted.items():
            yield ErasureRow(table, max(count, left[table]), count - left[table], note)

    def _ids(self, user: str, tenant: str | None) -> list[UUID]:
        if len(self.tables) < len(TABLES):
            return []
        with psycopg.connect(self._url) as connection:
            rows = connection.execute(
                "SELECT id FROM long_jobs WHERE person = %(user)s "
                "AND coalesce(%(tenant)s, tenant) = tenant",
                {"user": user, "tenant": tenant},
            ).fetchall()
        return [row[0] for row in rows]

    def _under_way(self, ids: list[UUID]) -> list[tuple[int, str, str]]:
        if not ids:  # there may be no tables either
            return []
        with psycopg.connect(self._url) as connection:
            given = {**_named(ids), "stalled": STALLED_SECONDS}
            return connection.execute(UNDER_WAY, given).fetchall()

    def _counts(self, ids: list[UUID]) -> dict[str, int]:
        found = {}
        with psycopg.connect(self._url) as connection:
            for table, statement in TABLES.items():
                found[table] = connection.execute(statement, _named(ids)).fetchone()[0]  # type: ignore[index]
        return found


class RunRows:
    """What the service keeps of a person's runs for a while: their events, and the rate limit.

    Args:
        url: of the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def tables(self) -> list[str]:
        """Those of the tables that are there."""
        return _known(self._url, ("chat_events", "chat_runs", "chat_buckets"))

    def threads_of(self, user: str, tenant: str | None) -> list[str]:
        """None: the directory lists these."""
        return []

    def stop(self, user: str, tenant: str | None) -> None:
        """Do nothing: a run is stopped by its person, or by `python -m course_lib thread stop`."""

    def erase(
        self, user: str, tenant: str | None, threads: Sequence[str], dry_run: bool
    ) -> Iterator[ErasureRow]:
        """Delete the events of the person's threads, and the person's bucket."""
        runs = "chat_runs WHERE thread_id = ANY(%(given)s)"
        events = f"chat_events WHERE run_id IN (SELECT run_id FROM {runs})"
        buckets = "chat_buckets WHERE key = ANY(%(given)s)"
        there = self.tables
        with psycopg.connect(self._url) as connection:
            keys = _buckets_of(connection, user, tenant) if "chat_buckets" in there else []
            places = {"chat_events": events, "chat_runs": runs, "chat_buckets": buckets}
            for table, rows in places.items():
                given = {"given": keys if table == "chat_buckets" else list(threads)}
                if table in there:
                    what = "SELECT count(*)" if dry_run else "DELETE"
                    done = connection.execute(f"{what} FROM {rows}", given)
                    count = done.fetchone()[0] if dry_run else done.rowcount  # type: ignore[index]
                    yield ErasureRow(table, count, 0 if dry_run else count)


def _buckets_of(connection: psycopg.Connection[Any], user: str, tenant: str | None) -> list[str]:
    """The keys of a person's buckets, as `LimitHooks` makes them."""
    named = "SELECT key FROM chat_buckets WHERE starts_with(key, 'user ') AND strpos(key, %s) > 0"
    found = []
    for (key,) in connection.execute(named, [json.dumps(user)]):
        of_tenant, of_user = json.loads(key.removeprefix("user "))
        if of_user == user and tenant in (None, of_tenant):
            found.append(key)
    return found


def _named(ids: list[UUID]) -> dict[str, Any]:
    """The ids of jobs, as both kinds of tables write them."""
    return {"ids": ids, "names": [str(each) for each in ids]}


def _known(url: str, tables: Iterable[str]) -> list[str]:
    with psycopg.connect(url) as connection:
        statement = (
            "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
        )
        return [row[0] for row in connection.execute(statement, [list(tables)])]
