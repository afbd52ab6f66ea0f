"""Repair of one thread from outside of the service: who holds it, stop it, go back in it.

The chat service of chapter 13 keeps its threads in PostgreSQL: the saver's tables, the table
`chat_runs`, and one advisory lock for each thread that runs. So an operator who reaches the
database can look at a thread and free it, whichever worker works on it. The table of locks is
described in PostgreSQL's manual, section "pg_locks".
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.persistence import connect, open_checkpointer

if TYPE_CHECKING:
    import psycopg

HOLDER = """
SELECT a.pid, coalesce(host(a.client_addr), 'a socket of that machine'),
    extract(epoch FROM now() - a.backend_start)
FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended(%s, 0)
"""
"""PostgreSQL shows a lock's number of 64 bits as two numbers of 32."""

ASK_TO_STOP = """
UPDATE chat_runs SET stop = true WHERE thread_id = %s AND ended IS NULL RETURNING run_id
"""
CHECKPOINTS = """
SELECT checkpoint_id FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = ''
ORDER BY checkpoint_id DESC
"""
NEWER = "thread_id = %(thread)s AND checkpoint_ns = '' AND checkpoint_id > %(kept)s"
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))"
TABLES = ("checkpoints", "checkpoint_writes")

LOOK_SECONDS = 0.2
"""How often a held lock is looked at, in seconds."""


class RepairError(RuntimeError):
    """A thread cannot be repaired as asked; the text says why and what to do."""


@dataclass(frozen=True)
class Holder:
    """The worker that holds a thread.

    Args:
        pid: of the worker's connection at the server, as `pg_stat_activity` shows it.
        address: where the worker's machine is.
        seconds: for how long the connection has been there, in seconds.
    """

    pid: int
    address: str
    seconds: float

    def __str__(self) -> str:
        return f"connection {self.pid} from {self.address}, open for {self.seconds:.0f} s"


@dataclass(frozen=True)
class Fault:
    """A checkpoint that cannot be read.

    Args:
        checkpoint_id: which one.
        reason: the kind of the error and its first line, cut to 100 characters.
    """

    checkpoint_id: str
    reason: str


@dataclass(frozen=True)
class Restored:
    """What going back in a thread has removed, or would remove.

    Args:
        kept: the checkpoint that is the newest one now.
        removed: the checkpoints that are gone, newest first.
        rows: of both tables.
        file: where those rows are, or None where nothing was removed.
    """

    kept: str
    removed: list[str]
    rows: int
    file: Path | None


def thread_holder(url: str, thread_id: str) -> Holder | None:
    """Return which worker holds a thread at this moment, None where nobody does.

    Args:
        url: the service's database, `postgresql://...`.
        thread_id: which thread.

    Raises:
        PostgresError: the server does not answer.
    """
    with connect(url, autocommit=True) as connection:
        return _holder(connection, thread_id)


def stop_thread(
    url: str, thread_id: str, *, seconds: float = 10.0, force: bool = False
) -> Holder | None:
    """Ask the worker that runs a thread to stop that run, and wait until the thread is free.

    Args:
        url: the service's database.
        thread_id: which thread.
        seconds: how long to wait, in seconds.
        force: end the connection of a worker that does not react. All of its runs end with it,
            since it holds all of its locks on that connection; each can be continued by sending
            its message again.

    Returns:
        Who held the thread when this was called, None where it was free.

    Raises:
        RepairError: the thread is still held.
        PostgresError: the server does not answer.
    """
    with connect(url, autocommit=True) as connection:
        held_by = _holder(connection, thread_id)
        if held_by is None:
            return None
        if connection.execute("SELECT to_regclass('chat_runs')").fetchone()[0] is not None:
            connection.execute(ASK_TO_STOP, [thread_id])
        if _is_free_within(connection, thread_id, seconds):
            return held_by
        if force and (last := _holder(connection, thread_id)) is not None:
            connection.execute("SELECT pg_terminate_backend(%s)", [last.pid])
            if _is_free_within(connection, thread_id, seconds):
                return held_by
        raise RepairError(
            f"Thread {thread_id!r} is still held after {seconds:g} s, by {held_by}. "
            + (
                "End that worker with SIGKILL: its connection ends with it."
                if force
                else "Run the command again with --force: it ends that worker's connection, and "
                "all of its runs with it."
            )
        )


def unreadable_checkpoints(url: str, thread_id: str, *, limit: int = 100) -> list[Fault]:
    """Read the newest checkpoints of a thread one by one, and return those that cannot be read.

    Args:
        url: the service's database.
        thread_id: which thread.
        limit: how many checkpoints are read at most.

    Raises:
        RepairError: there is no such thread.
        PostgresError: the server does not answer.
    """
    found = []
    with open_checkpointer(url) as saver, connect(url, autocommit=True) as connection:
        for checkpoint_id in _checkpoints(connection, thread_id)[:limit]:
            reason = _reason(saver, thread_id, checkpoint_id)
            if reason is not None:
                found.append(Fault(checkpoint_id, reason))
    return found


def restore_thread(
    url: str, thread_id: str, *, to: str | None = None, keep_in: Path | None, dry_run: bool = False
) -> Restored:
    """Make an older checkpoint of a thread its newest one, by removing those behind it.

    The removed rows go to a file first, one JSON object a line with `table` and `row`. PostgreSQL
    takes such a row back with `INSERT INTO checkpoints SELECT * FROM
    jsonb_populate_record(NULL::checkpoints, '...')`.

    Args:
        url: the service's database.
        thread_id: which thread. Nobody may run it meanwhile.
        to: the checkpoint to go back to; the newest one that can be read when left out.
        keep_in: the file for the removed rows. It must not exist.
        dry_run: only say what would be removed.

    Raises:
        RepairError: the thread is unknown or runs, no checkpoint can be read, or the file exists.
        PostgresError: the server does not answer.
    """
    with open_checkpointer(url) as saver, connect(url) as connection:
        if not connection.execute(LOCK, [thread_id]).fetchone()[0]:
            raise RepairError(
                f"Thread {thread_id!r} runs at this moment: {_holder(connection, thread_id)}. Stop "
                "it first: python -m course_lib thread stop"
            )
        ids = _checkpoints(connection, thread_id)
        if to is not None and to not in ids:
            raise RepairError(
                f"Thread {thread_id!r} has no checkpoint {to!r}. Its newest one is {ids[0]!r}; GET "
                "/history lists them."
            )
        wanted = [to] if to else ids
        kept = next((each for each in wanted if _reason(saver, thread_id, each) is None), None)
        if kept is None:
            raise RepairError(
                f"None of the {len(wanted)} checkpoints looked at in thread {thread_id!r} can be "
                "read. Restore the thread from a backup of the database."
            )
        removed = [each for each in ids if each > kept]
        given = {"thread": thread_id, "kept": kept}
        rows = [
            {"table": table, "row": row}
            for table in TABLES
            for (row,) in connection.execute(
                f"SELECT to_jsonb(t) FROM {table} AS t WHERE {NEWER}", given
            )
        ]
        if dry_run or not removed:
            return Restored(kept, removed, len(rows), None)
        if keep_in is None:
            raise RepairError("Name a file for the removed rows: --keep-in FILE")
        _write_new(keep_in, rows)
        for table in TABLES:
            connection.execute(f"DELETE FROM {table} WHERE {NEWER}", given)
        connection.commit()
        return Restored(kept, removed, len(rows), keep_in)


def _holder(connection: psycopg.Connection[Any], thread_id: str) -> Holder | None:
    row = connection.execute(HOLDER, [thread_id]).fetchone()
    return None if row is None else Holder(row[0], row[1], float(row[2]))


def _is_free_within(connection: psycopg.Connection[Any], thread_id: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _holder(connection, thread_id) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _checkpoints(connection: psycopg.Connection[Any], thread_id: str) -> list[str]:
    ids = [row[0] for row in connection.execute(CHECKPOINTS, [thread_id])]
    if not ids:
        raise RepairError(
            f"The database has no checkpoint of a thread {thread_id!r}. Its id is in the answer of "
            "GET /threads and in the log line of a failed run."
        )
    return ids


def _reason(saver: Any, thread_id: str, checkpoint_id: str) -> str | None:
    """Why a checkpoint cannot be read, None where it can."""
    place = {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
    try:
        saver.get_tuple({"configurable": place})
    except Exception as error:  # noqa: BLE001  # whatever is raised, a run would fail on it too
        return f"{type(error).__name__}: {error}".splitlines()[0][:100]
    return None


def _write_new(path: Path, rows: list[dict[str, Any]]) -> None:
    with _told(path), path.open("x", encoding="utf-8") as out:
        path.chmod(0o600)  # they hold what people wrote
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RepairError(
            f"The removed rows cannot be kept in {str(path)!r}: {error.strerror}. Nothing was "
            "removed. Name another file."
        ) from error
