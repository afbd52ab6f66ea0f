"""Making the tables of savers and stores, one process at a time, with an end to every wait.

LangGraph's migrations are no transaction: two processes at once apply the same one, and the second
fails. One that was interrupted while it made an index leaves an index that is never used, and the
next one takes it for made; so it is removed first.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.persistence.databases import connect
from course_lib.persistence.postgres_error import PostgresError, redact_url

if TYPE_CHECKING:
    import psycopg

LOCK_QUESTION = "SELECT pg_try_advisory_xact_lock(1851878773)"
"""Takes the lock for making tables; its number is "namu" in ASCII.

Without a parameter psycopg sends it as a simple query. A query with parameters would leave a
snapshot behind, and LangGraph's `CREATE INDEX CONCURRENTLY` would wait for the end of its
transaction."""

UNFINISHED = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT i.indisvalid AND n.nspname = current_schema() AND t.relname IN
    ('checkpoints', 'checkpoint_blobs', 'checkpoint_writes', 'store', 'store_vectors')
    AND i.indexrelid NOT IN (SELECT index_relid FROM pg_stat_progress_create_index)
"""
"""Indexes of LangGraph's tables that an interrupted `CREATE INDEX CONCURRENTLY` has left, and that
nobody is making at this moment. PostgreSQL's manual says to drop them:
https://www.postgresql.org/docs/18/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY"""

WAIT_SECONDS = 60.0
"""How long to wait until another process has made its tables."""

GUARDED_SECONDS = 3.0
"""How long the lock is held. A pooler with one connection to its server cannot serve both the lock
and the work, so after this time the work continues without the lock."""


def make_postgres_tables(
    url: str, work: Callable[[psycopg.Connection[Any]], None], *, versions: str, newest: int
) -> None:
    """Make tables in a PostgreSQL database while no other process of the course does.

    The lock ends with its transaction. A lock of the session would stay with the server's
    connection behind a pooler in transaction mode, and block everybody else for ever.

    Args:
        url: the database.
        work: makes the tables, on a connection that is for nothing else.
        versions: LangGraph's table of the migrations that have been made.
        newest: number of the newest migration; where it has been made, nothing is done.

    Raises:
        PostgresError: another process has held the lock for too long, or the database is away, or
            it refuses to make the tables.
        Exception: whatever else `work` raises.
    """
    import psycopg

    try:
        _make_tables(url, work, versions, newest)
    except psycopg.Error as error:
        raise _refused(url, error) from error


def _make_tables(
    url: str, work: Callable[[psycopg.Connection[Any]], None], versions: str, newest: int
) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    with connect(url, limited=True) as connection:
        if _version(connection, versions) >= newest:
            return
        while not connection.execute(LOCK_QUESTION).fetchone()[0]:
            connection.rollback()  # else a pooler keeps a server connection for this wait
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"Another process has been making tables in {redact_url(url)} for "
                    f"{WAIT_SECONDS:.0f} seconds. Stop that process, then run this again."
                )
            time.sleep(0.05)
        job = _Job(lambda: _after_interruption(url, work))
        job.join(GUARDED_SECONDS)
        connection.rollback()
        job.join(max(0.0, deadline - time.monotonic()))
    if job.is_alive():
        raise PostgresError(
            f"The tables in {redact_url(url)} could not be made within {WAIT_SECONDS:.0f} "
            "seconds. Another client may lock them; end it, or use the server's direct address."
        )
    if job.error is not None:
        raise job.error


def _refused(url: str, error: psycopg.Error) -> PostgresError:
    """Say why a database does not make the tables, and who can change that."""
    from psycopg import errors

    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, errors.InsufficientPrivilege):
        remedy = (
            "Let the owner of the database run this once, or grant your role the rights to make "
            "tables in the schema and to use them."
        )
    elif isinstance(error, errors.ReadOnlySqlTransaction):
        remedy = (
            "This session may only read: name the primary server instead of a replica, or let the "
            "role write (default_transaction_read_only)."
        )
    elif isinstance(error, errors.InvalidSchemaName):
        remedy = (
            "The role has no schema to make tables in. Make one, and name it in its search_path: "
            "ALTER ROLE name SET search_path = schema."
        )
    elif isinstance(error, errors.QueryCanceled):
        remedy = "The server's statement_timeout is too short for that. Raise it for this role."
    elif "has not answered" in said:  # the error of a limited connection says what to do
        return PostgresError(f"The tables in {redact_url(url)} cannot be made. {said}")
    elif isinstance(error, errors.LockNotAvailable):
        remedy = (
            "Another client has locked the table; pg_stat_activity shows which. End it, then run "
            "this again."
        )
    else:
        remedy = (
            "Tables of these names may be there that are not LangGraph's; nothing was changed in "
            "them. Use a database of its own."
        )
    return PostgresError(f"The tables in {redact_url(url)} cannot be made: {said}. {remedy}")


def _after_interruption(url: str, work: Callable[[psycopg.Connection[Any]], None]) -> None:
    from psycopg import sql
    from psycopg.rows import dict_row

    with connect(url, autocommit=True, prepare_threshold=None) as connection:
        for (name,) in connection.execute(UNFINISHED).fetchall():
            connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.SQL(name)))
        connection.row_factory = dict_row
        work(connection)


def _version(connection: psycopg.Connection[Any], table: str) -> int:
    """The number of the newest migration that a table names, -1 where there is none."""
    from psycopg import errors, sql

    question = sql.SQL("SELECT coalesce(max(v), -1) FROM {}").format(sql.Identifier(table))
    try:
        return connection.execute(question).fetchone()[0]
    except errors.UndefinedTable:
        return -1
    finally:
        if not connection.closed:  # else the statement was given up, and its error tells why
            connection.rollback()


class _Job(threading.Thread):
    """Some work in a thread of its own, so that the wait for it can end."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="make tables", daemon=True)
        self._work = work
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001  handed to the thread that waits
            self.error = error


@contextmanager
def sqlite_tables_lock(place: str) -> Iterator[None]:
    """Let one process at a time make the tables of an SQLite file; the others wait.

    The lock is a file in the system's temporary folder, which every user may write to. It ends
    with the process that holds it.

    Args:
        place: path of the SQLite file.

    Raises:
        TimeoutError: another process has held the lock for too long.
    """
    import fasteners

    name = sha256(str(Path(place).resolve()).encode()).hexdigest()[:24]
    lock = fasteners.InterProcessLock(Path(tempfile.gettempdir()) / f"namu-course-{name}.lock")
    if not lock.acquire(timeout=WAIT_SECONDS):
        raise TimeoutError(
            f"Another process has been making the tables of {place!r} for {WAIT_SECONDS:.0f} "
            "seconds. Stop that process, then run this again."
        )
    try:
        yield
    finally:
        lock.release()
