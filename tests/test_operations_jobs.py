"""Long work that fails, that is asked for twice or by too many, and what its worker writes down."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from contextlib import closing
from types import SimpleNamespace
from uuid import uuid4

import httpx
import procrastinate
import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from observed_service import KEY, environment, token_of, untouched_logging
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from course_lib.models import OfflineChatModel
from course_lib.operations import job_routes, jobs
from course_lib.operations.job_log import CHANNEL, JobEvent, JobLog
from course_lib.operations.job_worker import main as work_main
from course_lib.operations.job_worker import serve
from course_lib.persistence import postgres
from course_lib.serving import free_port, start
from course_lib.settings import ROOT

WISH = "a wish that nobody else may read"


@pytest.fixture(scope="module")
def database():
    with postgres("jobs", scratch=True) as running:
        jobs.make_job_tables(running.url)
        yield running


@pytest.fixture
async def job_log(database):
    kwargs = {"autocommit": True, "row_factory": dict_row}
    async with AsyncConnectionPool(database.url, kwargs=kwargs, open=False) as pool:
        yield JobLog(pool)


@pytest.fixture
async def queue(database):
    with psycopg.connect(database.url) as connection:
        connection.execute("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE")
    app = jobs.job_app(database.url)
    async with app.open_async():
        yield app


def rows(database, statement):
    with psycopg.connect(database.url) as connection:
        return connection.execute(statement).fetchall()


async def stalled_job(database, queue, job_id, attempts=0):
    """A job whose worker was killed long ago, in the table as it leaves it."""
    await jobs.defer_day_plan(queue, job_id, [WISH])
    with psycopg.connect(database.url) as connection:
        worker = connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour') "
            "RETURNING id"
        ).fetchone()[0]
        connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s, attempts = %s "
            "WHERE status = 'todo'",
            [worker, attempts],
        )


class FailingModel(OfflineChatModel):
    """A model that has a fault."""

    def _generate(self, *arguments, **more):
        return 1 / 0

    async def _agenerate(self, *arguments, **more):
        return 1 / 0

    def _stream(self, *arguments, **more):
        yield 1 / 0

    async def _astream(self, *arguments, **more):
        yield 1 / 0


async def test_a_person_is_told_of_a_plan_that_nobody_tries_again(database, job_log):
    job_id = uuid4()
    await job_log.begin(job_id, "one", "ann", "day_plan")
    await job_log.tell(job_id, JobEvent(1, "progress", {}))
    office = jobs.Office(database.url, FailingModel(), InMemorySaver(), job_log)
    for attempts in (jobs.ATTEMPTS - 1, jobs.ATTEMPTS, jobs.ATTEMPTS):
        context = SimpleNamespace(
            additional_context={jobs.OFFICE: office}, job=SimpleNamespace(attempts=attempts)
        )
        with pytest.raises(ZeroDivisionError):
            await jobs.day_plan(context, str(job_id), [WISH])
        if attempts < jobs.ATTEMPTS:
            assert len(await job_log.read(job_id)) == 1
    async with asyncio.timeout(10):
        told = [event async for event in job_log.follow(job_id)]
    assert [event.name for event in told] == ["progress", "problem", "end"]
    assert "new request_id" in told[1].data["detail"] and told[2].data == {"status": "failed"}


async def test_a_job_that_kills_every_worker_is_given_up(database, queue, job_log):
    job_id = uuid4()
    await job_log.begin(job_id, "one", "ann", "day_plan")
    await stalled_job(database, queue, job_id, attempts=jobs.ATTEMPTS - 1)
    assert await jobs.sweep(queue, job_log) == 1
    assert rows(database, "SELECT status, attempts FROM procrastinate_jobs") == [
        ("todo", jobs.ATTEMPTS)
    ]
    await stalled_job(database, queue, job_id, attempts=jobs.ATTEMPTS)
    assert await jobs.sweep(queue, job_log) == 1
    assert rows(database, "SELECT DISTINCT status FROM procrastinate_jobs") == [("failed",)]
    assert [event.name for event in await job_log.read(job_id)] == ["problem", "end"]


async def test_a_stalled_job_that_waits_a_second_time_does_not_hold_up_the_others(
    database, queue, job_log
):
    first, second = uuid4(), uuid4()
    await stalled_job(database, queue, first)
    task = queue.tasks[jobs.DAY_PLAN].configure(queueing_lock=str(first), lock=str(first))
    await stalled_job(database, queue, second)
    await task.defer_async(job_id=str(first), wishes=[WISH])  # by a request that came at once
    assert await jobs.sweep(queue, job_log) == 2
    found = rows(database, "SELECT queueing_lock, status FROM procrastinate_jobs")
    assert sorted(found) == sorted(
        [(str(first), "failed"), (str(first), "todo"), (str(second), "todo")]
    )
    assert await jobs.sweep(queue, job_log) == 0


async def test_what_persons_wrote_weeks_ago_is_forgotten_everywhere(database, queue, job_log):
    saver = InMemorySaver()
    office = jobs.Office(database.url, OfflineChatModel(), saver, job_log)
    old, new = uuid4(), uuid4()
    for job_id in (old, new):
        await job_log.begin(job_id, "one", "ann", "day_plan")
        await jobs.defer_day_plan(queue, job_id, [WISH])
    await queue.run_worker_async(
        wait=False,
        additional_context={jobs.OFFICE: office},
        install_signal_handlers=False,
        listen_notify=False,
    )
    assert [event.name for event in await job_log.read(old)] == ["progress", "end"]
    with psycopg.connect(database.url) as connection:
        ago = f"now() - interval '{jobs.KEEP_DAYS + 1} days'"
        connection.execute(f"UPDATE long_jobs SET begun = {ago} WHERE id = %s", [old])
        connection.execute(
            f"UPDATE procrastinate_events SET at = {ago} WHERE job_id = (SELECT id FROM "
            "procrastinate_jobs WHERE queueing_lock = %s)",
            [str(old)],
        )
    context = SimpleNamespace(additional_context={jobs.OFFICE: office}, app=queue)
    assert await jobs.forget_jobs(context, 0) == 1
    assert await job_log.read(old) == [] and len(await job_log.read(new)) == 2
    found = rows(database, "SELECT queueing_lock FROM procrastinate_jobs WHERE lock IS NOT NULL")
    assert found == [(str(new),)]
    for job_id, kept in ((old, False), (new, True)):
        config = {"configurable": {"thread_id": jobs.thread_of(job_id)}}
        assert (await saver.aget_tuple(config) is not None) is kept


async def test_whoever_notifies_nonsense_ends_nothing(database, job_log):
    listening = asyncio.create_task(job_log.listen(database.url))
    job_id = uuid4()
    await job_log.begin(job_id, "one", "ann", "day_plan")
    with psycopg.connect(database.url, autocommit=True) as connection:
        for _ in range(30):
            connection.execute("SELECT pg_notify(%s, 'no id')", [CHANNEL])
            await asyncio.sleep(0.02)
    assert not listening.done()
    listening.cancel()


def test_tables_that_two_make_at_once_or_one_was_interrupted_at_are_whole():
    with postgres("jobtables", scratch=True) as database:
        with closing(psycopg.connect(database.url)) as connection:  # killed before its commit
            schema = procrastinate.schema.SchemaManager.get_schema()
            connection.execute(jobs.MAKE_TABLES_LOCK)
            connection.execute(schema.encode())
            errors = []

            def make():
                try:
                    jobs.make_job_tables(database.url)
                except psycopg.Error as error:
                    errors.append(error)

            threads = [threading.Thread(target=make) for _ in range(4)]
            for thread in threads:
                thread.start()
            with psycopg.connect(database.url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
            for thread in threads:
                thread.join(60)
        assert not errors
        made = "SELECT to_regclass('procrastinate_jobs'), to_regclass('long_job_events')"
        assert rows(database, made) == [("procrastinate_jobs", "long_job_events")]


@pytest.mark.soak
@pytest.mark.slow
async def test_the_worker_writes_down_no_wish(database, queue, job_log):
    job_id = uuid4()
    await job_log.begin(job_id, "one", "ann", "day_plan")
    await jobs.defer_day_plan(queue, job_id, [WISH])
    with psycopg.connect(database.url) as connection:  # the last try
        connection.execute("UPDATE procrastinate_jobs SET attempts = %s", [jobs.ATTEMPTS])
    port = free_port()
    server = start(
        [sys.executable, "-m", "course_lib.operations.job_worker", f"--port={port}"],
        f"http://127.0.0.1:{port}",
        "/metrics",
        variables={
            "PYTHONPATH": str(ROOT),
            "CHAT_DATABASE_URL": database.url,
            "COURSE_LLM_BASE_URL": f"http://127.0.0.1:{free_port()}/v1",
            "COURSE_LLM_MODEL": "nobody",
            "COURSE_LLM_MAX_RETRIES": "0",
        },
    )
    with server:
        async with asyncio.timeout(60):
            while '"error"' not in server.log:  # of the job, whose model is away
                await asyncio.sleep(0.1)
        assert WISH not in server.log
    async with asyncio.timeout(10):
        told = [event.name async for event in job_log.follow(job_id)]
    assert told == ["problem", "end"]


async def test_a_port_that_is_taken_is_named(database):
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(OSError, match=f"served at 127.0.0.1:{port}: .* another --port"):
            await serve(database.url, port)


async def test_plans_count_for_the_rate_limit_and_belong_to_one_person(database, tmp_path):
    key = tmp_path / "token.key"
    key.touch(mode=0o600)
    key.write_bytes(KEY)
    given = {
        "CHAT_DATABASE_URL": database.url,
        "CHAT_TOKEN_KEY_FILE": str(key),
        "CHAT_LOG_FILE": str(tmp_path / "log.jsonl"),
        "CHAT_TURNS_PER_MINUTE": "2",
    }
    with environment(given), untouched_logging():
        app = job_routes.make_app()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as client,
        ):

            async def plan(wishes, user="ann"):
                body = {"request_id": str(uuid4()), "wishes": wishes}
                return await client.post("/jobs/day-plan", json=body, headers=token_of(user))

            longest = [f"{n} " + "가" * 390 for n in range(job_routes.MAX_WISHES)]
            made = await plan(longest)
            assert made.status_code == 202
            for bad in ([], ["\x00"], ["a\ud800"], [" "], [*longest, "one more"], ["a" * 401]):
                refused = await client.post(
                    "/jobs/day-plan",
                    content=json.dumps({"request_id": str(uuid4()), "wishes": bad}),
                    headers={**token_of("eve"), "Content-Type": "application/json"},
                )
                assert refused.status_code == 422, (bad, refused.text)
            assert (await plan(["a cafe"])).status_code == 202
            limited = await plan(["a park"])
            assert limited.status_code == 429 and limited.headers["Retry-After"]
            events = made.json()["events"]
            for user in ("bob", "eve"):
                other = await client.get(events, headers=token_of(user))
                assert other.status_code == 404 and other.json()["type"] == "/problems/job-unknown"
            assert (await client.get(events, headers=token_of("ann", "two"))).status_code == 404


@pytest.mark.parametrize("port", ["0", "70000"])
def test_the_worker_refuses_what_is_no_port(capsys, port):
    with pytest.raises(SystemExit) as ended:
        work_main(["--port", port])
    assert ended.value.code == 2
    assert f"--port={port} is no TCP port" in capsys.readouterr().err
