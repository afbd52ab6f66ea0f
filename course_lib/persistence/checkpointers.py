"""Opening a checkpointer from a URL: memory, an SQLite file, or PostgreSQL.

    with open_checkpointer("sqlite:///chat.db") as saver:
        graph = builder.compile(checkpointer=saver)

The saver that comes out is LangGraph's own, with nothing between it and the graph.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from course_lib.persistence.postgres_error import hide_password, redact_url
from course_lib.persistence.postgres_pools import open_async_pool, open_pool
from course_lib.persistence.postgres_statements import COLUMNS
from course_lib.persistence.table_setup import make_postgres_tables
from course_lib.persistence.thread_records import is_odd
from course_lib.persistence.vector_index import one_copy_of_sqlite

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.serde.base import SerializerProtocol
    from psycopg_pool import ConnectionPool

MAX_READ_SECONDS = 10.0
"""How long the end of a `with` block waits for somebody who still reads, in seconds."""

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
"""The tables of LangGraph's PostgreSQL saver that hold conversations."""

SQLITE_TABLE = ("checkpoints", ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint"))
"""The table of LangGraph's SQLite saver by which a file is known, and columns that it must have."""


class CheckpointerError(RuntimeError):
    """A checkpointer could not be opened; the text names the URL and the remedy."""


@contextmanager
def open_checkpointer(
    url: str, *, key: bytes | None = None, setup: bool = True
) -> Iterator[BaseCheckpointSaver[Any]]:
    """Open a saver for synchronous graphs, and close it at the end.

    Args:
        url: `memory:`, `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://...`.
        key: 16, 24 or 32 bytes to encrypt with at rest; None to write in the clear.
        setup: make the tables if they are not there; with False, a missing table is an error.

    Raises:
        CheckpointerError: an unknown URL, a file that is no database, or tables not set up.
        PostgresError: the server does not answer.
        WrongKey: a key of the wrong size.
    """
    kind, place = parse_url(url)
    serializer = _serializer(key)
    if kind == "memory":
        from langgraph.checkpoint.memory import InMemorySaver

        yield InMemorySaver(serde=serializer)
    elif kind == "sqlite":
        from langgraph.checkpoint.sqlite import SqliteSaver

        with one_copy_of_sqlite(place, sqlite3):
            connection = open_file(place, setup, table=SQLITE_TABLE)
            saver = SqliteSaver(connection, serde=serializer)
            with closing_when_free(connection, saver.lock):
                yield saver
    else:
        saver_class = _postgres_saver(encrypted=key is not None)
        with open_pool(place) as pool:
            saver = saver_class(pool, serde=serializer)
            if setup:
                make_postgres_tables(
                    place,
                    lambda connection: saver_class(connection).setup(),
                    versions="checkpoint_migrations",
                    newest=len(saver.MIGRATIONS) - 1,
                )
            _check_tables(pool, place)
            yield saver


@asynccontextmanager
async def open_async_checkpointer(
    url: str, *, key: bytes | None = None, setup: bool = True
) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Open a saver for asynchronous graphs; arguments and errors as for `open_checkpointer`."""
    kind, place = parse_url(url)
    serializer = _serializer(key)
    if kind == "memory":
        from langgraph.checkpoint.memory import InMemorySaver

        yield InMemorySaver(serde=serializer)
    elif kind == "sqlite":
        import aiosqlite
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        with one_copy_of_sqlite(place, sqlite3):
            open_file(place, setup, table=SQLITE_TABLE).close()
            async with aiosqlite.connect(place) as connection:
                yield AsyncSqliteSaver(connection, serde=serializer)
    else:
        # The synchronous saver looks after the tables first: same tables, plainer errors.
        with open_checkpointer(url, key=key, setup=setup):
            pass
        async with open_async_pool(place) as pool:
            yield _async_postgres_saver(encrypted=key is not None)(pool, serde=serializer)


def parse_url(url: str) -> tuple[str, str]:
    """Return what a URL names, `memory`, `sqlite` or `postgres`, and where.

    Raises:
        CheckpointerError: it names neither, or a path that no file can have.
    """
    if not isinstance(url, str):
        raise CheckpointerError(
            f"{url!r} is a {type(url).__name__} and no address of a checkpointer. Hand it over as "
            "text: 'memory:', f'sqlite:///{path}' or 'postgresql://user@host/database'."
        )
    if is_odd(url):
        raise CheckpointerError(
            f"{hide_password(url)!r} holds a NUL or half of an emoji, which no file and no server "
            "has in its name. Take it out."
        )
    if url == "memory:":
        return "memory", ""
    if url.startswith("sqlite:///") and len(url) > len("sqlite:///"):
        return "sqlite", url.removeprefix("sqlite:///")  # a path, taken as it is
    if url.startswith(("postgresql://", "postgres://")):
        return "postgres", url
    raise CheckpointerError(
        f"{hide_password(url)!r} is no address of a checkpointer. Use 'memory:', "
        "'sqlite:///chat.db' (three slashes, four for an absolute path) or "
        "'postgresql://user@host/database'."
    )


def _serializer(key: bytes | None) -> SerializerProtocol:
    from course_lib.persistence.encryption import EncryptingSerializer, PlaintextSerializer

    return PlaintextSerializer() if key is None else EncryptingSerializer(key)


@contextmanager
def closing_when_free(connection: sqlite3.Connection, lock: threading.Lock) -> Iterator[None]:
    """Close a connection at the end, once nobody reads from it.

    A panel may read in a thread of its own while a cell leaves its `with` block. SQLite crashes
    the whole process when a connection is closed in the middle of a read.

    Args:
        connection: to close.
        lock: is held by every reader and writer.
    """
    try:
        yield
    finally:
        free = lock.acquire(timeout=MAX_READ_SECONDS)
        try:
            if free:  # else a reader was left half done: its connection ends with the process
                connection.close()
        finally:
            if free:
                lock.release()


def open_file(
    place: str,
    setup: bool = True,
    *,
    table: tuple[str, Collection[str]] | None = None,
    module: ModuleType = sqlite3,
) -> sqlite3.Connection:
    """Open an SQLite file, or say in one sentence why not.

    Args:
        place: the path.
        setup: make the file if it is not there; it will be written to.
        table: name and columns of a table that it must have if it has one of that name.
        module: `sqlite3`, or another one like it.

    Raises:
        CheckpointerError: there is no such folder or file, it is no database or somebody else's,
            or it cannot be written.
    """
    path = Path(place)
    if not path.parent.is_dir():
        raise CheckpointerError(
            f"The folder {str(path.parent)!r} is not there, so {path.name!r} cannot be made in it. "
            "Make the folder first, or correct the URL."
        )
    if not setup and not path.exists():
        raise CheckpointerError(
            f"There is no file {place!r}, and none is made here. Check the path. A database is "
            "made when a saver is opened with setup=True."
        )
    if setup and path.exists():
        for each in (path, path.parent):  # SQLite also writes files beside the database
            if not os.access(each, os.W_OK):
                raise CheckpointerError(
                    f"{str(each)!r} may not be written to by this user, so {place!r} cannot keep a "
                    "conversation. Change its permissions, name another file, or read it only, "
                    "with setup=False."
                )
    try:
        connection = module.connect(place, check_same_thread=False)
        connection.execute("SELECT count(*) FROM sqlite_master")
    except module.DatabaseError as error:
        raise CheckpointerError(
            f"{place!r} cannot be opened as an SQLite database: {error}. Name another file; this "
            "one was left as it is."
        ) from error
    if table is not None and not _is_ours(connection, *table):
        connection.close()
        raise CheckpointerError(
            f"{place!r} has a table or view {table[0]!r} that is not LangGraph's. Name another "
            "file; this one was left as it is."
        )
    return connection


def _is_ours(connection: sqlite3.Connection, name: str, columns: Collection[str]) -> bool:
    """Whether a database has no table of this name, or one with these columns."""
    kind = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", [name]).fetchone()
    if kind is None:
        return True
    found = connection.execute("SELECT name FROM pragma_table_info(?)", [name])
    return kind == ("table",) and set(columns) <= {column for (column,) in found}


def _check_tables(pool: ConnectionPool[Any], url: str) -> None:
    from psycopg import errors, sql

    columns = [sql.Identifier(table, name) for table in TABLES for name in COLUMNS[table]]
    question = sql.SQL("SELECT {} FROM {} LIMIT 0").format(
        sql.SQL(", ").join(columns), sql.SQL(", ").join(map(sql.Identifier, TABLES))
    )
    try:
        with pool.connection() as connection:
            connection.execute(question)
    except errors.UndefinedColumn as error:
        raise CheckpointerError(
            f"In {redact_url(url)} are tables named like the saver's that are not of today's "
            "LangGraph. Open it once without setup=False to bring tables of an older LangGraph up "
            "to date, or use a database of its own."
        ) from error
    except errors.UndefinedTable as error:
        raise CheckpointerError(
            f"The tables of the saver are not set up in {redact_url(url)}. Call saver.setup() "
            "once, or open_checkpointer(url) without setup=False."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise CheckpointerError(
            f"Your role may not read the tables of the saver in {redact_url(url)}. Let their owner "
            "grant it SELECT, INSERT, UPDATE and DELETE on them."
        ) from error


def _postgres_saver(*, encrypted: bool) -> type:
    from langgraph.checkpoint.postgres import PostgresSaver

    from course_lib.persistence.encryption import wrap_plain_values

    class EncryptedPostgresSaver(PostgresSaver):
        """The saver, handing the serialiser also what it would write in the clear."""

        def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
            checkpoint, new_versions = wrap_plain_values(checkpoint, new_versions)
            return super().put(config, checkpoint, metadata, new_versions)

    return EncryptedPostgresSaver if encrypted else PostgresSaver


def _async_postgres_saver(*, encrypted: bool) -> type:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    from course_lib.persistence.encryption import wrap_plain_values

    class EncryptedAsyncPostgresSaver(AsyncPostgresSaver):
        """The same for asynchronous graphs."""

        async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
            checkpoint, new_versions = wrap_plain_values(checkpoint, new_versions)
            return await super().aput(config, checkpoint, metadata, new_versions)

    return EncryptedAsyncPostgresSaver if encrypted else AsyncPostgresSaver
