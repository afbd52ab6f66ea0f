"""Opening a checkpointer from a URL: memory, an SQLite file, or PostgreSQL.

    with open_checkpointer("sqlite:///chat.db") as saver:
        graph = builder.compile(checkpointer=saver)

The saver that comes out is LangGraph's own, with nothing between it and the graph.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from course_lib.persistence.database_urls import CheckpointerError, parse_url
from course_lib.persistence.postgres_error import redact_url
from course_lib.persistence.postgres_pools import open_async_pool, open_pool
from course_lib.persistence.postgres_statements import COLUMNS
from course_lib.persistence.sqlite_files import closing_when_free, open_file
from course_lib.persistence.table_setup import make_postgres_tables
from course_lib.persistence.vector_index import one_copy_of_sqlite

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.serde.base import SerializerProtocol
    from psycopg_pool import ConnectionPool

SQLITE_TABLES = {
    "checkpoints": ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint"),
    "writes": ("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "channel", "value"),
}
"""The tables of LangGraph's SQLite saver, each with columns that it must have."""


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
            connection = open_file(place, setup, tables=SQLITE_TABLES)
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
            open_file(place, setup, tables=SQLITE_TABLES).close()
            async with aiosqlite.connect(place) as connection:
                yield AsyncSqliteSaver(connection, serde=serializer)
    else:
        # The synchronous saver looks after the tables first: same tables, plainer errors.
        with open_checkpointer(url, key=key, setup=setup):
            pass
        async with open_async_pool(place) as pool:
            yield _async_postgres_saver(encrypted=key is not None)(pool, serde=serializer)


def _serializer(key: bytes | None) -> SerializerProtocol:
    from course_lib.persistence.encryption import EncryptingSerializer, PlaintextSerializer

    return PlaintextSerializer() if key is None else EncryptingSerializer(key)


def _check_tables(pool: ConnectionPool[Any], url: str) -> None:
    from psycopg import errors, sql

    columns = [sql.Identifier(table, name) for table, names in COLUMNS.items() for name in names]
    question = sql.SQL("SELECT {} FROM {} LIMIT 0").format(
        sql.SQL(", ").join(columns), sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
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
