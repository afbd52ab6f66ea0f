"""The job queue: long work, a task of every night, and the rescue of jobs whose worker was killed.

The queue is `procrastinate`, in the same PostgreSQL as everything else: a job is a row, and it is
there or not there in one commit. The jobs' worker is `course_lib.operations.job_worker`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import procrastinate
import psycopg
from procrastinate import JobContext, PsycopgConnector, RetryStrategy
from procrastinate.jobs import Status

from course_lib.fastapi_app.problems import Problem
from course_lib.operations.day_plan import build_day_plan, plan_stops
from course_lib.operations.job_log import END, TABLES, JobEvent, JobLog

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langgraph.checkpoint.base import BaseCheckpointSaver

MAKE_TABLES_LOCK = "SELECT pg_advisory_xact_lock(1785685875)"
"""Two processes that make the tables at once would fail; the number is "jobs" in ASCII."""

HEARTBEAT_SECONDS = 1.0
"""How often a worker of the queue says that it lives, in seconds."""

STALLED_SECONDS = 4.0
"""A worker that said nothing for so long was killed, and its jobs are given to another one."""

NIGHTLY = "0 3 * * *"
"""When the index of the guides is built and old jobs are forgotten: every night at three, by the
worker's clock in UTC."""

QUEUE = "long"
DAY_PLAN, REBUILD_GUIDES = "course:day_plan", "course:rebuild_guides"
FORGET_JOBS = "course:forget_jobs"
"""The queue, and the names of its tasks."""

CONNECTIONS = 4
"""How many connections a worker of the queue takes for it, at most."""

ATTEMPTS = 10
"""How often a plan is tried again after an error, and after a worker that was killed with it."""

FAILED = Problem(
    500, "plan-failed", "The plan could not be finished. Ask for it again, with a new request_id."
)
"""What a person is told of a plan that nobody tries again."""

KEEP_DAYS = 30
"""How long the wishes and the answers of a job are kept: in the queue, events and threads."""

log = logging.getLogger("chat.jobs")


@dataclass
class Office:
    """What jobs work with; the worker hands it to them.

    Args:
        database_url: the database.
        model: which Namu asks.
        saver: of the jobs' threads.
        job_log: where jobs tell how far they are.
    """

    database_url: str
    model: BaseChatModel
    saver: BaseCheckpointSaver[Any]
    job_log: JobLog


OFFICE = "office"
"""The name of the `Office` in a job's context."""


async def day_plan(context: JobContext, job_id: str, wishes: list[str]) -> None:
    """Plan a day: one stop for each wish. It goes on where an earlier worker was killed.

    An error is tried again. When the last try has failed, the person who follows the job is told.
    """
    office: Office = context.additional_context[OFFICE]
    try:
        await _plan_day(office, UUID(job_id), wishes)
    except Exception:
        if context.job.attempts >= ATTEMPTS:
            await office.job_log.give_up(UUID(job_id), FAILED.body)
        raise


async def _plan_day(office: Office, told: UUID, wishes: list[str]) -> None:
    graph = build_day_plan(office.model, office.saver)
    number = 0
    async for number, stop in plan_stops(graph, thread_of(told), wishes):
        data = {"done": number, "of": len(wishes), "stop": dict(stop)}
        await office.job_log.tell(told, JobEvent(number, "progress", data))
    await office.job_log.tell(told, JobEvent(number + 1, END, {"status": "done"}))


async def rebuild_guides(context: JobContext, timestamp: int) -> int:
    """Build the index of the guides again, while searches go on; return how many passages it has.

    Args:
        context: holds the `Office`.
        timestamp: for which moment the queue planned it, in seconds since 1970.
    """
    office: Office = context.additional_context[OFFICE]
    return await asyncio.to_thread(_rebuild_guides, office.database_url)


def _rebuild_guides(database_url: str) -> int:
    from course_lib.models import embeddings
    from course_lib.namu.retrieval import PostgresIndex, guide_passages

    passages = guide_passages()
    PostgresIndex.build(passages, embeddings(), database_url)
    log.info("the index of the guides has %s passages", len(passages))
    return len(passages)


async def forget_jobs(context: JobContext, timestamp: int) -> int:
    """Delete what persons wrote into jobs some weeks ago; return how many jobs there were.

    Args:
        context: holds the `Office`.
        timestamp: as `rebuild_guides` takes it.
    """
    office: Office = context.additional_context[OFFICE]
    old = await office.job_log.forget(KEEP_DAYS)
    for job_id in old:
        await office.saver.adelete_thread(thread_of(job_id))
    await context.app.job_manager.delete_old_jobs(24 * KEEP_DAYS, include_failed=True)
    return len(old)


def thread_of(job_id: UUID) -> str:
    """The thread that a job's checkpoints are kept under; no conversation has such an id."""
    return f"job-{job_id}"


def job_app(database_url: str, connections: int = CONNECTIONS) -> procrastinate.App:
    """Return the queue's application, not yet connected.

    Args:
        database_url: the database.
        connections: how many it may open.
    """
    connector = PsycopgConnector(
        conninfo=database_url,
        min_size=1,
        max_size=connections,
        kwargs={"connect_timeout": 5},
    )
    app = procrastinate.App(connector=connector)
    app.task(
        name=DAY_PLAN,
        queue=QUEUE,
        pass_context=True,
        retry=RetryStrategy(max_attempts=ATTEMPTS, wait=1, linear_wait=1),
    )(day_plan)
    rebuild = app.task(
        name=REBUILD_GUIDES,
        queue=QUEUE,
        queueing_lock="rebuild_guides",
        pass_context=True,
        retry=RetryStrategy(max_attempts=3, wait=60),
    )(rebuild_guides)
    app.periodic(cron=NIGHTLY)(rebuild)
    forget = app.task(
        name=FORGET_JOBS,
        queue=QUEUE,
        queueing_lock="forget_jobs",
        pass_context=True,
        retry=RetryStrategy(max_attempts=3, wait=60),
    )(forget_jobs)
    app.periodic(cron=NIGHTLY)(forget)
    return app


def make_job_tables(database_url: str) -> None:
    """Make the tables of the queue and of the jobs' events, if they are not there.

    Raises:
        psycopg.OperationalError: the database does not answer.
    """
    with psycopg.connect(database_url) as connection:
        connection.execute(MAKE_TABLES_LOCK)
        row = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
        if row == (None,):
            schema = procrastinate.schema.SchemaManager.get_schema()
            connection.execute(schema.encode())
        connection.execute(TABLES.encode())


async def defer_day_plan(app: procrastinate.App, job_id: UUID, wishes: list[str]) -> None:
    """Put a plan into the queue, unless this very one is there already.

    A client sends a request again when it heard nothing. The job's id makes the second one the same
    job, while it waits (`queueing_lock`) and after it began (the row is looked for).

    Args:
        app: connected.
        job_id: of the job.
        wishes: what the person wants.
    """
    known = await app.job_manager.list_jobs_async(queueing_lock=str(job_id))
    if list(known):
        return
    try:
        task = app.tasks[DAY_PLAN]
        await task.configure(queueing_lock=str(job_id), lock=str(job_id)).defer_async(
            job_id=str(job_id), wishes=wishes
        )
    except procrastinate.exceptions.AlreadyEnqueued:
        pass


async def sweep(app: procrastinate.App, job_log: JobLog) -> int:
    """Give the jobs of killed workers back to the queue, and return how many there were.

    A job whose worker was killed with it again and again may be what killed it, and is given up.

    Args:
        app: connected.
        job_log: where a person is told of a job that is given up.
    """
    stalled = list(await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS))
    for job in stalled:
        if job.attempts < ATTEMPTS:
            log.warning("job %s lost its worker and is started again", job.id)
            try:
                await app.job_manager.retry_job(job)
                continue
            except procrastinate.exceptions.UniqueViolation:
                log.warning("job %s is in the queue a second time: that one is done", job.id)
        else:
            log.error("job %s lost %s workers and is given up", job.id, job.attempts + 1)
            if "job_id" in job.task_kwargs:
                await job_log.give_up(UUID(job.task_kwargs["job_id"]), FAILED.body)
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)
    return len(stalled)


async def keep_sweeping(app: procrastinate.App, job_log: JobLog) -> None:
    """Look for jobs of killed workers again and again, until the task is cancelled.

    Args:
        app: connected.
        job_log: as `sweep` takes it.
    """
    while True:
        try:
            await sweep(app, job_log)
        except (psycopg.Error, procrastinate.exceptions.ProcrastinateException) as error:
            # Its text may quote a row, and a row holds what somebody wrote.
            log.warning("stalled jobs were not looked for: %s", type(error).__name__)
        await asyncio.sleep(HEARTBEAT_SECONDS)
