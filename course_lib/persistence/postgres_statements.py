"""The SQL for the tables of LangGraph's PostgreSQL saver."""

from __future__ import annotations

from collections.abc import Sequence

COLUMNS = {
    "checkpoint_blobs": ("thread_id", "checkpoint_ns", "channel", "version", "type", "blob"),
    "checkpoint_writes": (
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "task_id",
        "task_path",
        "idx",
        "channel",
        "type",
        "blob",
    ),
    "checkpoints": (
        "thread_id",
        "checkpoint_ns",
        "checkpoint_id",
        "parent_checkpoint_id",
        "type",
        "checkpoint",
        "metadata",
    ),
}
"""The tables and their columns, in the order in which a thread is restored."""

SIZES = {
    "checkpoints": "pg_column_size(checkpoint) + pg_column_size(metadata)",
    "checkpoint_writes": "pg_column_size(blob)",
    "checkpoint_blobs": "pg_column_size(blob)",
}
"""What a row of each table holds, compressed as it is stored."""

JSONB = ("checkpoint", "metadata")
"""Columns that are read and written as text, so that not one digit of a number changes."""

USER = "coalesce(metadata ->> 'user', metadata ->> 'user_id')"
"""Whom a run's metadata names."""

NAMED = f"""{USER} = %(user)s AND (%(tenant)s::text IS NULL OR metadata ->> 'tenant' IS NULL
    OR metadata ->> 'tenant' = %(tenant)s)"""

STILL_IDLE = """
SELECT thread_id FROM (
    SELECT thread_id, max(checkpoint_id) AS newest FROM checkpoints
    WHERE thread_id = ANY(%(ids)s) GROUP BY thread_id
) AS c
WHERE newest < %(cutoff)s AND substr(newest, 15, 1) = '6'
AND NOT EXISTS (
    SELECT 1 FROM checkpoint_writes AS w
    WHERE w.thread_id = c.thread_id
    AND (age(w.xmin) <= age(%(next)s::xid) OR w.xmin = ANY(%(running)s::xid[]))
)
AND pg_try_advisory_xact_lock(hashtextextended(thread_id, 0))
"""
"""Threads of a list in which nothing has happened: no new checkpoint, and no new write either.

`xmin` is the transaction that wrote a row: here one that began after the mark, or was running then.
The last line passes over a thread whose turn holds an advisory lock on the thread's id."""

GONE = ", ".join(
    f"""gone_{table} AS (
        DELETE FROM {table} WHERE thread_id = ANY(ARRAY(SELECT thread_id FROM idle))
        RETURNING {size} AS size
    ), sum_{table} AS (
        SELECT count(*) AS rows, coalesce(sum(size), 0) AS bytes FROM gone_{table}
    )"""
    for table, size in SIZES.items()
)

DELETE_IDLE = f"""
WITH idle AS MATERIALIZED ({STILL_IDLE}), {GONE}
SELECT ARRAY(SELECT thread_id FROM idle), c.rows, w.rows, b.rows,
    (c.bytes + w.bytes + b.bytes)::bigint
FROM sum_checkpoints AS c, sum_checkpoint_writes AS w, sum_checkpoint_blobs AS b
"""
"""Deletes a batch: one statement, because each one costs a way to the server and back."""

SHORT_WAIT = 0.1
"""How long a clean-up waits for a lock before it lets others pass, in seconds.

PostgreSQL looks for deadlocks after a second, and then ends one of the two at will."""

LOCK_OUT_WRITERS = f"""
SET LOCAL lock_timeout = {int(1000 * SHORT_WAIT)};
SET LOCAL synchronous_commit = off;
LOCK TABLE checkpoints, checkpoint_writes IN SHARE ROW EXCLUSIVE MODE
"""
"""Makes writers wait until the end of the transaction.

After a crash of the server a batch may have to be deleted once more, which is no harm. So a batch
does not wait until the disk has it."""


def idle(several: bool) -> str:
    """SQL for idle threads after an id and before a checkpoint.

    Args:
        several: only threads of two checkpoints or more.
    """
    more = " AND count(*) > 1" if several else ""
    return f"""SELECT thread_id, max(checkpoint_id) AS newest FROM checkpoints
        WHERE thread_id > %(after)s GROUP BY thread_id
        HAVING max(checkpoint_id) < %(cutoff)s AND substr(max(checkpoint_id), 15, 1) = '6'{more}"""


def selected(columns: Sequence[str]) -> str:
    """SQL that reads columns, those of JSON as text."""
    return ", ".join(f"{c}::text" if c in JSONB else c for c in columns)
