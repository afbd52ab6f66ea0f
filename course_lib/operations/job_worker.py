"""A worker of the job queue, as a process of its own.

    CHAT_DATABASE_URL=... python -m course_lib.operations.job_worker --port 9100

Its numbers can be read at `/metrics` once it works.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import time
from typing import Any

import psycopg
from procrastinate import JobContext
from prometheus_client import Counter, Histogram, start_http_server
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from course_lib.models import chat_model
from course_lib.operations.job_log import JobLog
from course_lib.operations.jobs import (
    HEARTBEAT_SECONDS,
    OFFICE,
    QUEUE,
    STALLED_SECONDS,
    Office,
    job_app,
    keep_sweeping,
    make_job_tables,
)
from course_lib.operations.logs import write_logs
from course_lib.persistence import keep_whole_nodes, open_async_checkpointer
from course_lib.serving.ports import check_port_number

CONCURRENT = 4
"""How many jobs one worker does at the same time; they mostly wait for the model."""

DRAIN_SECONDS = 20.0
"""How long a worker that is asked to end lets its jobs go on, in seconds."""

LOST_DATABASE = 75
"""The exit status when the database went away: EX_TEMPFAIL of sysexits.h, a passing failure."""

WATCH = "job worker"
"""The name of the watched connection, in `pg_stat_activity`."""

KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2}
"""Seconds and tries after which a server that says nothing is taken for gone."""

JOBS = Counter("jobs_total", "Jobs that have ended, by task and outcome", ["task", "outcome"])
SECONDS = Histogram("job_seconds", "How long jobs took", ["task"])


async def serve(database_url: str, port: int, host: str = "127.0.0.1") -> None:
    """Work until SIGTERM.

    Args:
        database_url: the database.
        port: for the numbers.
        host: the address of this machine at which the numbers can be read.
    """
    await asyncio.to_thread(make_job_tables, database_url)
    app = job_app(database_url)
    async with (
        app.open_async(),
        open_async_checkpointer(database_url) as saver,
        AsyncConnectionPool(
            database_url,
            min_size=1,
            max_size=2,
            kwargs={"autocommit": True, "row_factory": dict_row, "connect_timeout": 5},
            check=AsyncConnectionPool.check_connection,
            open=False,
        ) as pool,
    ):
        office = Office(database_url, chat_model(), keep_whole_nodes(saver), JobLog(pool))
        try:
            server, thread = start_http_server(port, addr=host)
        except OSError as error:
            raise OSError(
                f"The numbers cannot be served at {host}:{port}: {error.strerror}. Give another "
                "--port."
            ) from error
        watching = asyncio.create_task(end_with_the_connection(database_url))
        sweeping = asyncio.create_task(keep_sweeping(app, office.job_log))
        try:
            await app.run_worker_async(
                queues=[QUEUE],
                concurrency=CONCURRENT,
                additional_context={OFFICE: office},
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
                fetch_job_polling_interval=1.0,
                shutdown_graceful_timeout=DRAIN_SECONDS,
                task_middleware=[count],
            )
        finally:
            for task in (watching, sweeping):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            server.shutdown()
            thread.join()


async def end_with_the_connection(database_url: str) -> None:
    """End this process at once when its connection to the database breaks, as in a fail-over.

    After that the queue's own connections may wait forever: the worker would look alive, and take
    no job. Whoever started it starts it again, and its jobs go on behind their last checkpoints.

    Args:
        database_url: the database.
    """
    try:
        async with await psycopg.AsyncConnection.connect(
            database_url, autocommit=True, connect_timeout=5, application_name=WATCH, **KEEPALIVES
        ) as connection:
            async for _ in connection.notifies():  # none is asked for: it ends when it breaks
                pass
    except psycopg.OperationalError as error:
        print(f"The worker ends: its database went away. {error}", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(LOST_DATABASE)


async def count(process_task: Any, context: JobContext, worker: Any) -> Any:
    """Count a job, however it ends."""
    task, began, outcome = context.job.task_name, time.perf_counter(), "failed"
    try:
        result = await process_task()
        outcome = "done"
        return result
    finally:
        JOBS.labels(task, outcome).inc()
        SECONDS.labels(task).observe(time.perf_counter() - began)


def main(arguments: list[str]) -> int:
    """Read the command line, and work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9100, help="for /metrics (default: 9100)")
    parser.add_argument("--host", default="127.0.0.1", help="in a container: 0.0.0.0")
    asked = parser.parse_args(arguments)
    try:
        check_port_number(asked.port, "--port")
    except ValueError as error:
        parser.error(str(error))
    url = os.environ.get("CHAT_DATABASE_URL", "")
    if not url:
        print("CHAT_DATABASE_URL is not set. Set it to a postgresql:// address.")  # noqa: T201
        return 2
    # As in the API: the queue's own lines quote the arguments of jobs, which persons wrote.
    listener = write_logs()
    try:
        asyncio.run(serve(url, asked.port, asked.host))
    finally:
        listener.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
