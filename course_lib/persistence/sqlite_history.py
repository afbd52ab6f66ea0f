"""Removing the history of a thread from SQLite, whose saver has no `prune`."""

from __future__ import annotations

import sqlite3

TABLES = ("checkpoints", "writes")


def remove_history(connection: sqlite3.Connection, thread_id: str) -> None:
    """Remove all checkpoints of a thread but the newest of each namespace, and their writes.

    It removes the same rows as `PostgresSaver.prune`. A subgraph's namespace belongs to one call,
    and goes with the checkpoint that the call began from. The namespace of a subgraph with
    `checkpointer=True` has no `:` in its name, and its newest checkpoint stays.

    Args:
        connection: in a transaction that began with `BEGIN IMMEDIATE`.
        thread_id: of a thread without delta channels.
    """
    heads = dict(
        connection.execute(
            """SELECT checkpoint_ns, max(checkpoint_id) FROM checkpoints
            WHERE thread_id = ? GROUP BY checkpoint_ns""",
            (thread_id,),
        ).fetchall()
    )
    keys = [(thread_id, namespace, head) for namespace, head in heads.items()]
    ended = [
        key for key in keys if ":" in key[1] and _began_earlier(connection, key, heads.get(""))
    ]
    for key in keys:
        if key in ended:
            for table in TABLES:
                connection.execute(
                    f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns = ?", key[:2]
                )
        else:
            _keep_head(connection, key)


def _keep_head(connection: sqlite3.Connection, key: tuple[str, str, str]) -> None:
    """Remove a namespace's checkpoints but one; writes that have no checkpoint yet stay."""
    connection.execute(
        """DELETE FROM writes WHERE thread_id = ?1 AND checkpoint_ns = ?2
        AND checkpoint_id IN (SELECT checkpoint_id FROM checkpoints
            WHERE thread_id = ?1 AND checkpoint_ns = ?2 AND checkpoint_id <> ?3)""",
        key,
    )
    connection.execute(
        """DELETE FROM checkpoints
        WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id <> ?""",
        key,
    )
    connection.execute(
        """UPDATE checkpoints SET parent_checkpoint_id = NULL
        WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?""",
        key,
    )


def _began_earlier(
    connection: sqlite3.Connection, key: tuple[str, str, str], newest: str | None
) -> bool:
    """Whether a subgraph's call began from a saved checkpoint that is not the newest."""
    root = connection.execute(
        """SELECT (SELECT value FROM json_each(CAST(metadata AS TEXT), '$.parents') WHERE key = '')
        FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?""",
        key,
    ).fetchone()[0]
    if root is None or root == newest:
        return False
    saved = connection.execute(
        """SELECT 1 FROM checkpoints
        WHERE thread_id = ? AND checkpoint_ns = '' AND checkpoint_id = ?""",
        (key[0], root),
    )
    return saved.fetchone() is not None
