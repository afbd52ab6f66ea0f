"""The tables of LangGraph's PostgreSQL saver: checkpoints, their larger values, and writes.

A statement of PostgreSQL sees what was there when it began. A checkpoint that is inserted while a
`DELETE` runs is not seen by it, and would lose the values that it shares with older ones. So a
batch first takes a lock that makes writers wait, for the fraction of a second that it lasts.
Readers do not wait.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from course_lib.persistence.postgres_statements import (
    COLUMNS,
    DELETE_IDLE,
    JSONB,
    LOCK_OUT_WRITERS,
    NAMED,
    SHORT_WAIT,
    SIZES,
    STILL_IDLE,
    USER,
    idle,
    selected,
)
from course_lib.persistence.retention_reports import Amount

if TYPE_CHECKING:
    import psycopg


class PostgresTables:
    """See `SaverTables`.

    Args:
        connection: in autocommit mode.
        place: the database, for messages.
        wait: how long to wait for a lock, in seconds.
    """

    kind = "postgresql"
    columns = COLUMNS
    files: tuple[str, ...] = ()

    def __init__(self, connection: psycopg.Connection[Any], place: str, wait: float) -> None:
        self._connection = connection
        self.place = place
        self._wait = wait

    def mark(self) -> dict[str, Any]:
        """Return which transaction comes next, and which ones are running."""
        sql = """SELECT pg_snapshot_xmax(s)::xid::text,
            ARRAY(SELECT x::xid::text FROM pg_snapshot_xip(s) AS x)
            FROM pg_current_snapshot() AS s"""
        upcoming, running = self._connection.execute(sql).fetchone()
        return {"next": upcoming, "running": running}

    def count_idle(self, cutoff: str, *, several: bool = False) -> int:
        """Return how many threads are idle."""
        given = {"after": "", "cutoff": cutoff}
        return self._one(f"SELECT count(*) FROM ({idle(several)}) AS idle", given)

    def idle_page(self, cutoff: str, after: str, size: int, *, several: bool = False) -> list[str]:
        """Return idle threads whose ids follow an id."""
        sql = f"{idle(several)} ORDER BY thread_id LIMIT %(size)s"
        given = {"after": after, "cutoff": cutoff, "size": size}
        return [row[0] for row in self._connection.execute(sql, given)]

    def oldest_idle(
        self, cutoff: str, limit: int | None, *, several: bool = False
    ) -> list[tuple[str, str]]:
        """Return idle threads and their newest checkpoints, the oldest first."""
        sql = f"{idle(several)} ORDER BY newest, thread_id LIMIT %(limit)s"
        given = {"after": "", "cutoff": cutoff, "limit": limit}
        return self._connection.execute(sql, given).fetchall()

    def sizes(self, thread_ids: Sequence[str]) -> dict[str, Amount]:
        """Return what threads hold, by their ids."""
        amounts = {each: Amount(threads=1) for each in thread_ids}
        for table, size in SIZES.items():
            name = table.removeprefix("checkpoint_")
            sql = f"""SELECT thread_id, count(*), coalesce(sum({size}), 0)::bigint FROM {table}
                WHERE thread_id = ANY(%s) GROUP BY thread_id"""
            for thread_id, count, held in self._connection.execute(sql, (list(thread_ids),)):
                amounts[thread_id].add(Amount(**{name: count}, bytes=held))
        return amounts

    def delete_idle(
        self, thread_ids: Sequence[str], cutoff: str, mark: dict[str, Any]
    ) -> tuple[list[str], Amount]:
        """Delete those of some threads that are still idle, in one transaction.

        Whoever waits for a lock on a table makes all later writers wait behind. So a batch waits
        for a moment, lets the others pass, and begins again. In a deadlock it gives way first.
        """
        from psycopg.errors import LockNotAvailable

        given = {"ids": list(thread_ids), "cutoff": cutoff, **mark}
        deadline = time.monotonic() + self._wait
        while True:
            try:
                with self._connection.transaction():
                    self._connection.execute(LOCK_OUT_WRITERS)
                    row = self._connection.execute(DELETE_IDLE, given).fetchone()
                taken, checkpoints, writes, blobs, held = row
                return taken, Amount(len(taken), checkpoints, writes, blobs, held)
            except LockNotAvailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(SHORT_WAIT)

    def keep_latest(
        self, thread_id: str, cutoff: str, mark: dict[str, Any], *, dry_run: bool
    ) -> Amount | str:
        """Remove a thread's history with LangGraph's own `prune`, on one snapshot."""
        import psycopg
        from langgraph.checkpoint.postgres import PostgresSaver

        given = {"ids": [thread_id], "cutoff": cutoff, **mark}
        try:
            with self._transaction(undo=dry_run, snapshot=True):
                if not self._connection.execute(STILL_IDLE, given).fetchone():
                    return "active"
                before = self.sizes([thread_id])[thread_id]
                PostgresSaver(self._connection).prune([thread_id], strategy="keep_latest")
                removed = before.minus(self.sizes([thread_id])[thread_id])
        except NotImplementedError:
            return "delta"
        except psycopg.errors.SerializationFailure:  # somebody wrote to the rows meanwhile
            return "active"
        removed.threads = min(1, removed.checkpoints)
        return removed

    def threads_of(self, user: str, tenant: str | None) -> list[str]:
        """Return the threads whose first run names a user."""
        sql = f"""SELECT thread_id FROM (
            SELECT DISTINCT ON (thread_id) thread_id, metadata FROM checkpoints
            WHERE {USER} IS NOT NULL ORDER BY thread_id, checkpoint_id
        ) AS first WHERE {NAMED}"""
        found = self._connection.execute(sql, {"user": user, "tenant": tenant})
        return [row[0] for row in found]

    def delete_threads(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """Delete threads whatever their age, in one transaction."""
        with self._transaction():
            return {
                table: self._connection.execute(
                    f"DELETE FROM {table} WHERE thread_id = ANY(%s)", (list(thread_ids),)
                ).rowcount
                for table in COLUMNS
            }

    def count_rows(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers of rows of threads by table."""
        return {
            table: self._one(
                f"SELECT count(*) FROM {table} WHERE thread_id = ANY(%s)", (list(thread_ids),)
            )
            for table in reversed(COLUMNS)
        }

    def mentions(self, user: str, tenant: str | None, besides: Sequence[str]) -> int:
        """Return how many checkpoints of other threads name a user."""
        sql = f"SELECT count(*) FROM checkpoints WHERE {NAMED} AND thread_id <> ALL(%(ids)s)"
        return self._one(sql, {"user": user, "tenant": tenant, "ids": list(besides)})

    def remove_mentions(self, user: str, tenant: str | None) -> int:
        """Remove a user's name from the metadata of all checkpoints."""
        sql = f"UPDATE checkpoints SET metadata = metadata - 'user' - 'user_id' WHERE {NAMED}"
        return self._connection.execute(sql, {"user": user, "tenant": tenant}).rowcount

    def overwrite_free_space(self, tables: Sequence[str]) -> str:
        """Write tables anew without their dead rows, and their statistics too.

        PostgreSQL keeps frequent values of a table in its statistics, so `ANALYZE` belongs to it.
        """
        import psycopg
        from psycopg import sql

        refused: list[str] = []
        self._connection.add_notice_handler(
            lambda notice: refused.append(notice.message_primary or "")
        )
        self._set_wait("SET")
        try:
            for table in tables:
                self._connection.execute(
                    sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(table))
                )
        except psycopg.Error as error:
            return f"not done, {str(error).splitlines()[0]}: call erase again later"
        finally:
            self._connection.execute("RESET lock_timeout")
        skipped = [text for text in refused if "skipping" in text or "permission" in text]
        return f"not done, {skipped[0]}: let the owner of the tables call erase" if skipped else ""

    def store_tables(self) -> list[str]:
        """Return which tables of a store lie in the same database."""
        sql = """SELECT relname FROM pg_class WHERE relkind = 'r'
            AND relname IN ('store', 'store_vectors') AND pg_table_is_visible(oid)"""
        return [row[0] for row in self._connection.execute(sql)]

    def read_thread(self, thread_id: str) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of a thread by table, read on one snapshot."""
        with self._transaction(snapshot=True):
            return {
                table: self._connection.execute(
                    f"SELECT {selected(columns)} FROM {table} WHERE thread_id = %s", (thread_id,)
                ).fetchall()
                for table, columns in COLUMNS.items()
            }

    def write_thread(self, thread_id: str, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> bool:
        """Insert a thread's rows in one transaction, unless the thread exists."""
        with self._transaction():
            self._connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (thread_id,)
            )
            if any(self.count_rows([thread_id]).values()):
                return False
            with self._connection.cursor() as cursor:
                for table, columns in COLUMNS.items():
                    marks = ", ".join("%s::jsonb" if c in JSONB else "%s" for c in columns)
                    cursor.executemany(
                        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
                        list(rows[table]),
                    )
        return True

    def all_rows(self) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
        """Yield every row: its table, its thread, its values."""
        for table, columns in COLUMNS.items():
            with self._connection.transaction(), self._connection.cursor("every_row") as cursor:
                cursor.itersize = 500
                for row in cursor.execute(f"SELECT {selected(columns)} FROM {table}"):
                    yield table, row[0], row

    def _set_wait(self, how: str) -> None:
        self._connection.execute(f"{how} lock_timeout = {int(1000 * self._wait)}")

    def _one(self, sql: str, given: Any = None) -> Any:
        return self._connection.execute(sql, given).fetchone()[0]

    @contextmanager
    def _transaction(self, *, undo: bool = False, snapshot: bool = False) -> Iterator[None]:
        """Run a block in one transaction that does not wait for ever; see `SqliteTables`."""
        with self._connection.transaction(force_rollback=undo):
            if snapshot:
                self._connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            self._set_wait("SET LOCAL")
            yield
