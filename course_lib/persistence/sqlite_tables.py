"""The tables of LangGraph's SQLite saver: one row a checkpoint, one row a write.

SQLite has one writer at a time. A transaction that begins with `BEGIN IMMEDIATE` is that writer, so
what it looks at cannot change before it deletes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from course_lib.persistence.retention_reports import Amount
from course_lib.persistence.sqlite_history import remove_history

COLUMNS = {
    "checkpoints": (
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "parent_checkpoint_id",
        "type",
        "checkpoint",
        "metadata",
    ),
    "writes": (
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "task_id",
        "task_path",
        "idx",
        "channel",
        "type",
        "value",
    ),
}
"""The tables and their columns, in the order in which a thread is restored."""

IDS = "(SELECT value FROM json_each(?))"
"""Threads, handed over as one parameter: a list in JSON."""

USER = """coalesce(json_extract(CAST(metadata AS TEXT), '$.user'),
    json_extract(CAST(metadata AS TEXT), '$.user_id'))"""
"""Whom a run's metadata names."""

TENANT = "json_extract(CAST(metadata AS TEXT), '$.tenant')"

STILL_IDLE = f"""
SELECT c.thread_id, count(*), sum(length(checkpoint) + coalesce(length(metadata), 0))
FROM checkpoints AS c WHERE c.thread_id IN {IDS}
GROUP BY c.thread_id
HAVING max(c.checkpoint_id) < ? AND substr(max(c.checkpoint_id), 15, 1) = '6'
AND NOT EXISTS (SELECT 1 FROM writes AS w WHERE w.thread_id = c.thread_id AND w.rowid > ?)
"""
"""Threads of a list in which nothing has happened: no new checkpoint, and no new write either."""


class SqliteTables:
    """See `SaverTables`.

    Args:
        connection: in autocommit mode.
        place: the path of the file.
    """

    kind = "sqlite"
    columns = COLUMNS

    def __init__(self, connection: sqlite3.Connection, place: str) -> None:
        self._connection = connection
        self.place = place
        self.files = (place, f"{place}-wal", f"{place}-journal")

    def mark(self) -> dict[str, int]:
        """Return the highest row number of the writes; later ones have a higher number."""
        return {"rowid": self._highest()}

    def count_idle(self, cutoff: str, *, several: bool = False) -> int:
        """Return how many threads are idle."""
        sql = f"SELECT count(*) FROM ({_idle(several)})"
        return self._connection.execute(sql, ("", cutoff)).fetchone()[0]

    def idle_page(self, cutoff: str, after: str, size: int, *, several: bool = False) -> list[str]:
        """Return idle threads whose ids follow an id."""
        sql = f"{_idle(several)} ORDER BY thread_id LIMIT ?"
        return [row[0] for row in self._connection.execute(sql, (after, cutoff, size))]

    def oldest_idle(
        self, cutoff: str, limit: int | None, *, several: bool = False
    ) -> list[tuple[str, str]]:
        """Return idle threads and their newest checkpoints, the oldest first."""
        sql = f"{_idle(several)} ORDER BY newest, thread_id LIMIT ?"
        found = self._connection.execute(sql, ("", cutoff, -1 if limit is None else limit))
        return found.fetchall()

    def sizes(self, thread_ids: Sequence[str]) -> dict[str, Amount]:
        """Return what threads hold, by their ids."""
        given = json.dumps(list(thread_ids))
        amounts = {each: Amount(threads=1) for each in thread_ids}
        sql = f"""SELECT thread_id, count(*),
            sum(length(checkpoint) + coalesce(length(metadata), 0))
            FROM checkpoints WHERE thread_id IN {IDS} GROUP BY thread_id"""
        for thread_id, count, size in self._connection.execute(sql, (given,)):
            amounts[thread_id].add(Amount(checkpoints=count, bytes=size or 0))
        sql = f"""SELECT thread_id, count(*), sum(length(value)) FROM writes
            WHERE thread_id IN {IDS} GROUP BY thread_id"""
        for thread_id, count, size in self._connection.execute(sql, (given,)):
            amounts[thread_id].add(Amount(writes=count, bytes=size or 0))
        return amounts

    def delete_idle(
        self, thread_ids: Sequence[str], cutoff: str, mark: dict[str, int]
    ) -> tuple[list[str], Amount]:
        """Delete those of some threads that are still idle, in one transaction.

        After a loss of power a batch may have to be deleted once more, which is no harm. So a
        batch does not wait until the disk has it, where the file has a WAL.
        """
        if self._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            self._connection.execute("PRAGMA synchronous = NORMAL")
        with self._writing():
            given = json.dumps(list(thread_ids))
            rows = self._connection.execute(STILL_IDLE, (given, cutoff, mark["rowid"])).fetchall()
            taken = json.dumps([row[0] for row in rows])
            sizes = f"SELECT count(*), sum(length(value)) FROM writes WHERE thread_id IN {IDS}"
            writes, size = self._connection.execute(sizes, (taken,)).fetchone()
            for table in COLUMNS:
                self._connection.execute(f"DELETE FROM {table} WHERE thread_id IN {IDS}", (taken,))
            # Deleted numbers at the end are given out again.
            mark["rowid"] = min(mark["rowid"], self._highest())
        checkpoints = sum(row[1] for row in rows)
        held = sum(row[2] or 0 for row in rows) + (size or 0)
        amount = Amount(len(rows), checkpoints, writes, 0, held)
        return [row[0] for row in rows], amount

    def keep_latest(
        self, thread_id: str, cutoff: str, mark: dict[str, int], *, dry_run: bool
    ) -> Amount | str:
        """Remove a thread's history but the newest checkpoint of each namespace."""
        with self._writing(undo=dry_run):
            given = json.dumps([thread_id])
            if not self._connection.execute(STILL_IDLE, (given, cutoff, mark["rowid"])).fetchone():
                return "active"
            delta = """SELECT 1 FROM checkpoints WHERE thread_id = ? AND
                json_extract(CAST(metadata AS TEXT), '$.counters_since_delta_snapshot')
                IS NOT NULL LIMIT 1"""
            if self._connection.execute(delta, (thread_id,)).fetchone():
                return "delta"
            before = self.sizes([thread_id])[thread_id]
            remove_history(self._connection, thread_id)
            removed = before.minus(self.sizes([thread_id])[thread_id])
            mark["rowid"] = min(mark["rowid"], self._highest())
        return Amount(min(1, removed.checkpoints), *_rest(removed))

    def threads_of(self, user: str, tenant: str | None) -> list[str]:
        """Return the threads whose first run names a user."""
        # Beside min() SQLite takes the other columns from the row with the minimum.
        sql = f"""SELECT thread_id FROM (
            SELECT thread_id, min(checkpoint_id), {USER} AS owner, {TENANT} AS tenant
            FROM checkpoints WHERE {USER} IS NOT NULL GROUP BY thread_id)
            WHERE CAST(owner AS TEXT) = ?1 AND (?2 IS NULL OR tenant IS NULL OR tenant = ?2)"""
        return [row[0] for row in self._connection.execute(sql, (user, tenant))]

    def delete_threads(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """Delete threads whatever their age; zeros take the place of what they held."""
        self._connection.execute("PRAGMA secure_delete = ON")
        given = json.dumps(list(thread_ids))
        with self._writing():
            return {
                table: self._connection.execute(
                    f"DELETE FROM {table} WHERE thread_id IN {IDS}", (given,)
                ).rowcount
                for table in reversed(COLUMNS)
            }

    def count_rows(self, thread_ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers of rows of threads by table."""
        given = json.dumps(list(thread_ids))
        return {
            table: self._connection.execute(
                f"SELECT count(*) FROM {table} WHERE thread_id IN {IDS}", (given,)
            ).fetchone()[0]
            for table in COLUMNS
        }

    def mentions(self, user: str, tenant: str | None, besides: Sequence[str]) -> int:
        """Return how many checkpoints of other threads name a user."""
        sql = f"""SELECT count(*) FROM checkpoints WHERE {_named()}
            AND thread_id NOT IN (SELECT value FROM json_each(?3))"""
        given = (user, tenant, json.dumps(list(besides)))
        return self._connection.execute(sql, given).fetchone()[0]

    def remove_mentions(self, user: str, tenant: str | None) -> int:
        """Remove a user's name from the metadata of all checkpoints."""
        with self._writing():
            return self._connection.execute(
                f"""UPDATE checkpoints SET metadata = CAST(
                json_remove(CAST(metadata AS TEXT), '$.user', '$.user_id') AS BLOB)
                WHERE {_named()}""",
                (user, tenant),
            ).rowcount

    def overwrite_free_space(self, tables: Sequence[str]) -> str:
        """Write the file anew without its free pages, and empty the WAL; `tables` is not used."""
        self._connection.execute("PRAGMA secure_delete = ON")
        try:
            self._connection.execute("VACUUM")
        except sqlite3.OperationalError as error:
            return f"not done, {error}: end the other transactions, then call erase again"
        busy = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            return "not done, somebody still reads: end that, then call erase again"
        return ""

    def store_tables(self) -> list[str]:
        """Return which tables of a store lie in the same file."""
        rows = self._connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name IN "
            "('store', 'store_vectors')"
        )
        return [row[0] for row in rows]

    def read_thread(self, thread_id: str) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows of a thread by table, read in one transaction."""
        self._connection.execute("BEGIN")
        try:
            return {
                table: self._connection.execute(
                    f"SELECT {', '.join(columns)} FROM {table} WHERE thread_id = ? "
                    "ORDER BY checkpoint_ns, checkpoint_id",
                    (thread_id,),
                ).fetchall()
                for table, columns in COLUMNS.items()
            }
        finally:
            self._connection.execute("COMMIT")

    def write_thread(self, thread_id: str, rows: Mapping[str, Sequence[tuple[Any, ...]]]) -> bool:
        """Insert a thread's rows in one transaction, unless the thread exists."""
        with self._writing():
            if any(self.count_rows([thread_id]).values()):
                return False
            for table, columns in COLUMNS.items():
                marks = ", ".join("?" * len(columns))
                self._connection.executemany(
                    f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows[table]
                )
        return True

    def all_rows(self) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
        """Yield every row: its table, its thread, its values."""
        for table, columns in COLUMNS.items():
            for row in self._connection.execute(f"SELECT {', '.join(columns)} FROM {table}"):
                yield table, row[0], row

    def _highest(self) -> int:
        sql = "SELECT coalesce(max(rowid), 0) FROM writes"
        return self._connection.execute(sql).fetchone()[0]

    @contextmanager
    def _writing(self, *, undo: bool = False) -> Iterator[None]:
        """Be the one writer for a block; with `undo` nothing of the block stays."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("ROLLBACK" if undo else "COMMIT")


def _idle(several: bool) -> str:
    """SQL for idle threads after an id (first parameter) and before a checkpoint (second)."""
    more = " AND count(*) > 1" if several else ""
    return f"""SELECT thread_id, max(checkpoint_id) AS newest FROM checkpoints
        WHERE thread_id > ? GROUP BY thread_id
        HAVING max(checkpoint_id) < ? AND substr(max(checkpoint_id), 15, 1) = '6'{more}"""


def _named() -> str:
    return f"CAST({USER} AS TEXT) = ?1 AND (?2 IS NULL OR {TENANT} IS NULL OR {TENANT} = ?2)"


def _rest(amount: Amount) -> tuple[int, int, int, int]:
    return amount.checkpoints, amount.writes, amount.blobs, amount.bytes
