"""Erasing a person from the whole service: after it, no table of the database has their words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg
import pytest
from observed_service import observed_service, token_of
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from course_lib.models import OfflineChatModel
from course_lib.operations import erase_person, erasure, jobs
from course_lib.operations.job_log import JobLog
from course_lib.persistence import open_async_checkpointer, open_checkpointer, open_store, postgres

PEOPLE = {
    ("one", "ann"): "a teahouse for Ann of one",
    ("one", "bob"): "a teahouse for Bob of one",
    ("two", "ann"): "a teahouse for Ann of two",
}


@pytest.fixture
def database():
    with postgres("erasing", scratch=True) as running:
        yield running


@dataclass
class Office:
    """A database with a queue, and what works in it."""

    url: str
    queue: object
    job_log: JobLog

    async def defer(self, tenant: str, user: str, wish: str) -> UUID:
        job_id = uuid4()
        await self.job_log.begin(job_id, tenant, user, "day_plan")
        await jobs.defer_day_plan(self.queue, job_id, [wish, wish])
        return job_id

    async def work(self, model=None, **more) -> None:
        """Do jobs until there is none, or until the task is cancelled."""
        async with open_async_checkpointer(self.url) as saver:
            office = jobs.Office(self.url, model or OfflineChatModel(), saver, self.job_log)
            await self.queue.run_worker_async(
                additional_context={jobs.OFFICE: office},
                install_signal_handlers=False,
                update_heartbeat_interval=jobs.HEARTBEAT_SECONDS,
                fetch_job_polling_interval=0.2,
                shutdown_graceful_timeout=0.1,
                **more,
            )


@pytest.fixture
async def office(database):
    jobs.make_job_tables(database.url)
    with open_checkpointer(database.url), open_store(database.url):
        pass
    kwargs = {"autocommit": True, "row_factory": dict_row}
    queue = jobs.job_app(database.url)
    async with (
        AsyncConnectionPool(database.url, kwargs=kwargs, open=False) as pool,
        queue.open_async(),
    ):
        yield Office(database.url, queue, JobLog(pool))


def tables_with(url: str, words: str) -> set[str]:
    """Every table of the database with these words, whatever its columns are."""
    found = set()
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (name,) in names:
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name))
            )
            text = "\n".join(row[0] for row in rows)
            if words in text or words.encode().hex() in text:
                found.add(name)
    return found


def count(url: str, table: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


async def test_nothing_of_a_person_is_left_in_any_table_and_all_of_the_others(
    database, office, tmp_path
):
    limits = {"CHAT_TURNS_PER_MINUTE": "100"}
    async with observed_service(tmp_path, database.url, **limits) as service:
        for (tenant, user), wish in PEOPLE.items():
            said = await service.say(wish, headers=token_of(user, tenant))
            assert said.status_code == 200
    for (tenant, user), wish in PEOPLE.items():
        await office.defer(tenant, user, wish)
    await office.work(wait=False)
    waits = await office.defer("one", "ann", PEOPLE["one", "ann"])  # nobody has begun it
    where = {name: tables_with(database.url, wish) for name, wish in PEOPLE.items()}
    assert where["one", "bob"] > {
        "procrastinate_jobs",
        "long_job_events",
        "checkpoint_blobs",
        "checkpoint_writes",
        "chat_events",
    }
    buckets, events = count(database.url, "chat_buckets"), count(database.url, "chat_events")
    assert buckets == 3 and events > 3

    counted = await asyncio.to_thread(erase_person, database.url, "ann", tenant="one")
    assert tables_with(database.url, PEOPLE["one", "ann"]) == where["one", "ann"]
    done = await asyncio.to_thread(erase_person, database.url, "ann", tenant="one", dry_run=False)
    assert done.complete and jobs.thread_of(waits) in done.threads
    for table in (*erasure.TABLES, "chat_events", "chat_runs", "chat_buckets", "checkpoints"):
        # The job that waited was cancelled first, and the queue writes that down.
        more = 2 if table == "procrastinate_events" else 0
        assert done[table].erased == counted[table].found + more > 0, table
    assert done["long_jobs"].erased == 2 and done["chat_buckets"].erased == 1

    assert tables_with(database.url, PEOPLE["one", "ann"]) == set()
    for other in (("one", "bob"), ("two", "ann")):
        assert tables_with(database.url, PEOPLE[other]) == where[other]
    assert count(database.url, "long_jobs") == 2 and count(database.url, "chat_buckets") == 2
    again = await asyncio.to_thread(erase_person, database.url, "ann", tenant="one", dry_run=False)
    assert again.complete and not again.threads


class PausingModel(OfflineChatModel):
    """A model that answers after an hour."""

    async def _agenerate(self, *arguments, **more):
        await asyncio.sleep(3600)

    async def _astream(self, *arguments, **more):
        await asyncio.sleep(3600)
        yield


async def working(office, job_id):
    for _ in range(200):
        with psycopg.connect(office.url) as connection:
            status = connection.execute(
                "SELECT status::text FROM procrastinate_jobs WHERE queueing_lock = %s",
                [str(job_id)],
            ).fetchone()[0]
        if status == "doing":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("no worker began the job")


@pytest.mark.soak
async def test_a_job_that_a_worker_does_is_ended_before_its_rows_go(office):
    job_id = await office.defer("one", "ann", "a bridge for Ann")
    worker = asyncio.create_task(office.work(PausingModel()))
    await working(office, job_id)
    done = await asyncio.to_thread(erase_person, office.url, "ann", tenant="one", dry_run=False)
    assert done.complete and done["procrastinate_jobs"].erased == 1
    other = await office.defer("one", "bob", "a bridge for Bob")
    await working(office, other)  # the worker lives on
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert tables_with(office.url, "a bridge for Ann") == set()


@pytest.mark.soak
async def test_a_job_that_does_not_end_is_told_and_erased_by_the_next_call(office, monkeypatch):
    monkeypatch.setattr(erasure, "STOP_SECONDS", 0.3)
    job_id = await office.defer("one", "ann", "a tower for Ann")
    with psycopg.connect(office.url) as connection:  # a worker that hears no request to end
        connection.execute(
            "WITH w AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id) "
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = w.id FROM w "
            "WHERE queueing_lock = %s",
            [str(job_id)],
        )
    done = await asyncio.to_thread(erase_person, office.url, "ann", tenant="one", dry_run=False)
    assert not done.complete and done["procrastinate_jobs"].erased == 0
    assert "call erase again" in done["long_jobs"].note
    assert "procrastinate_jobs" in tables_with(office.url, "a tower for Ann")
    with psycopg.connect(office.url) as connection:  # it was killed
        connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'"
        )
    done = await asyncio.to_thread(erase_person, office.url, "ann", tenant="one", dry_run=False)
    assert done.complete and done["procrastinate_jobs"].erased == 1
    assert tables_with(office.url, "a tower for Ann") == set()


@pytest.mark.soak
def test_a_database_without_a_queue_is_erased_all_the_same(database):
    with open_checkpointer(database.url), open_store(database.url):
        pass
    done = erase_person(database.url, "ann", dry_run=False)
    assert done.complete and not done.threads
    with pytest.raises(ValueError, match="empty name"):
        erase_person(database.url, "")
