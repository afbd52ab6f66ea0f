"""The tables behind a saver, for work that no saver offers: by age, in batches, as raw rows.

    with open_tables(saver) as tables:      # or a URL
        tables.count_idle(cutoff)

The tables are reached by a connection of their own. The saver's connection, its lock and its
transactions are left alone, so graphs go on running meanwhile.
"""

from __future__ import annotations

import inspect
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from course_lib.persistence.database_urls import parse_url
from course_lib.persistence.databases import connect
from course_lib.persistence.postgres_error import redact_url
from course_lib.persistence.retention_reports import Amount, RetentionError
from course_lib.persistence.sqlite_files import open_file
from course_lib.persistence.vector_index import one_copy_of_sqlite

BUSY_SECONDS = 10.0
"""How long to wait for a lock that another program holds, in seconds."""

Row = tuple[Any, ...]


class SaverTables(Protocol):
    """What both kinds of database can do; the SQL is in `sqlite_tables` and `postgres_tables`."""

    kind: str
    place: str
    files: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]

    def mark(self) -> Any:
        """Return a mark of this moment, by which later writes are recognised."""

    def count_idle(self, cutoff: str, *, several: bool = False) -> int:
        """Return how many threads are idle; with `several` those of two checkpoints or more."""

    def idle_page(self, cutoff: str, after: str, size: int, *, several: bool = False) -> list[str]:
        """Return idle threads whose ids follow an id, in the order of the ids."""

    def oldest_idle(
        self, cutoff: str, limit: int | None, *, several: bool = False
    ) -> list[tuple[str, str]]:
        """Return idle threads and their newest checkpoints, the oldest first."""

    def sizes(self, thread_ids: Sequence[str]) -> dict[str, Amount]:
        """Return what threads hold, by their ids."""

    def delete_idle(
        self, thread_ids: Sequence[str], cutoff: str, mark: Any
    ) -> tuple[list[str], Amount]:
        """Delete those of some threads that are still idle; return which, and what they held."""

    def keep_latest(self, thread_id: str, cutoff: str, mark: Any, *, dry_run: bool) -> Amount | str:
        """Remove a thread's history; return how much, or `active` or `delta` if it was left."""

    def threads_of(self, user: str, tenant: str | None) -> list[str]:
        """Return the threads whose first run names a user in its metadata."""

    def delete_threads(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """Delete threads whatever their age; return the numbers of rows by table."""

    def count_rows(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers of rows of threads by table."""

    def mentions(self, user: str, tenant: str | None, besides: Sequence[str]) -> int:
        """Return how many checkpoints of other threads name a user in their metadata."""

    def remove_mentions(self, user: str, tenant: str | None) -> int:
        """Remove a user's name from the metadata of all checkpoints; return of how many."""

    def overwrite_free_space(self, tables: Sequence[str]) -> str:
        """Give back what deleted rows left in the files; return "" or the reason why not."""

    def store_tables(self) -> list[str]:
        """Return which tables of a store lie in the same database."""

    def read_thread(self, thread_id: str) -> dict[str, list[Row]]:
        """Return all rows of a thread by table, read at one moment."""

    def write_thread(self, thread_id: str, rows: Mapping[str, Sequence[Row]]) -> bool:
        """Insert a thread's rows; return False where the thread exists already."""

    def all_rows(self) -> Iterator[tuple[str, str, Row]]:
        """Yield every row: its table, its thread, its values."""


@contextmanager
def open_tables(where: Any) -> Iterator[SaverTables]:
    """Open the tables behind a saver or a URL, and close them at the end.

    Args:
        where: a saver on SQLite or PostgreSQL, an adapter or a cache around one, or a URL as
            `open_checkpointer` takes it.

    Raises:
        RetentionError: it is no such saver, or the database refuses: it is busy, read-only, or
            has no tables of a saver.
        CheckpointerError: there is no such file, or the URL cannot be read.
        PostgresError: the server does not answer.
    """
    kind, place = address_of(where)
    if kind == "sqlite":
        from course_lib.persistence.sqlite_tables import SqliteTables

        with one_copy_of_sqlite(place, sqlite3), closing(open_file(place, False)) as connection:
            connection.isolation_level = None  # the transactions begin and end where they are named
            connection.execute(f"PRAGMA busy_timeout = {int(1000 * BUSY_SECONDS)}")
            with explained(place):
                yield SqliteTables(connection, place)
    else:
        from course_lib.persistence.postgres_tables import PostgresTables

        name = redact_url(place)
        with connect(place, autocommit=True, prepare_threshold=None) as connection:
            with explained(name):
                yield PostgresTables(connection, name, BUSY_SECONDS)


def unwrapped(where: Any) -> Any:
    """Return the saver inside an adapter or a cache; a URL and a bare saver as they are."""
    while not isinstance(where, str) and "saver" in getattr(where, "__dict__", {}):
        where = where.saver
    return where


def address_of(where: Any) -> tuple[str, str]:
    """Return `sqlite` or `postgres`, and the path of the file or the address of the database.

    Args:
        where: a saver or a URL.

    Raises:
        RetentionError: it keeps nothing that outlives the process, or is no saver.
        CheckpointerError: a URL that cannot be read.
    """
    where = unwrapped(where)
    if isinstance(where, str):
        kind, place = parse_url(where)
        if kind == "memory":
            raise RetentionError(
                "'memory:' names a new and empty memory, so there is nothing to clean up or to "
                "erase. Hand over the URL of an SQLite file or of a PostgreSQL database."
            )
        return kind, str(Path(place).resolve()) if kind == "sqlite" else place
    modules = [kind.__module__ for kind in type(where).__mro__]
    if any(
        name.startswith(("langgraph.checkpoint.sqlite", "langgraph.store.sqlite"))
        for name in modules
    ):
        return "sqlite", _sqlite_path(where.conn)
    if any(
        name.startswith(("langgraph.checkpoint.postgres", "langgraph.store.postgres"))
        for name in modules
    ):
        return "postgres", _postgres_url(where.conn)
    raise RetentionError(
        f"A {type(where).__name__} keeps nothing in SQLite or PostgreSQL. Hand over a saver of "
        "open_checkpointer, or its URL. What a saver in memory holds ends with the process; "
        "delete_thread(thread_id) removes one thread from it at once."
    )


def _sqlite_path(connection: Any) -> str:
    if hasattr(connection, "_connector"):
        path = _path_of_aiosqlite(connection)
    else:
        try:
            path = connection.execute("PRAGMA database_list").fetchone()[2]
        except sqlite3.ProgrammingError:  # it is closed
            path = None
    if not path or path == ":memory:":
        raise RetentionError(
            "This saver's SQLite database lives in memory, or its connection is closed, so no "
            "second connection can reach it. Keep it in a file, and hand over "
            "'sqlite:///chat.db', or a saver that is open."
        )
    return str(Path(path).resolve())


def _path_of_aiosqlite(connection: Any) -> str | None:
    # The connection of aiosqlite may be used by its own thread only, so it cannot be asked here.
    named = inspect.getclosurevars(connection._connector).nonlocals.get("database")
    return named.decode() if isinstance(named, bytes) else str(named) if named else None


def _postgres_url(connection: Any) -> str:
    from psycopg.conninfo import make_conninfo

    if hasattr(connection, "conninfo"):  # a pool
        named = connection.conninfo
        return named() if callable(named) else named
    info = connection.info
    password = {"password": info.password} if info.password else {}
    return make_conninfo(**info.get_parameters(), **password)


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn what a database refuses in a block into a `RetentionError` that says what to do.

    Args:
        place: the database, for the text.
    """
    try:
        yield
    except Exception as error:
        reason = _reason(error, place)
        if reason is None:
            raise
        raise RetentionError(reason) from error


def _reason(error: Exception, place: str) -> str | None:
    text, name = str(error), type(error).__name__
    of_sqlite = isinstance(error, sqlite3.Error)
    of_postgres = type(error).__module__.partition(".")[0] == "psycopg"
    if not of_sqlite and not of_postgres:
        return None
    if "locked" in text or "busy" in text or name in ("LockNotAvailable", "DeadlockDetected"):
        return (
            f"{place} is busy: another program holds a lock and did not let go within "
            f"{BUSY_SECONDS:g} seconds. What was done so far is kept. Run the same call again "
            "later; it continues where this one stopped."
        )
    if "readonly" in text or name == "ReadOnlySqlTransaction":
        return (
            f"{place} is read-only here, so nothing can be removed or written. Allow this user to "
            "write to the file and its folder, or use the address of the primary server. A dry "
            "run works."
        )
    if name == "InsufficientPrivilege":
        return (
            f"This role may not do that in {place}: {text.splitlines()[0]}. Use the role that owns "
            "the tables."
        )
    if "no such table" in text or name == "UndefinedTable":
        return (
            f"{place} has no tables of a checkpointer. Check the URL; a saver makes its tables "
            "when it is opened or used for the first time."
        )
    if of_sqlite and ("full" in text or "disk I/O" in text):
        return f"{place}: {text}. Make room on the disk, then run the same call again."
    return None
