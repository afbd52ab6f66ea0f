"""Checks of the appendix A3, Inside a checkpointer."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from course_lib.exercises.conversations import HOSTILE, conversations, rows_of, say, texts_of
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.stored_values import READINGS, what_comes_back

CHAPTER = "A3"
quiz = quiz_of(CHAPTER)


def _undone(undo: Any, connection: sqlite3.Connection, path: Path, thread: str) -> None:
    """Undo a thread's last turn and compare every row with what should be left."""
    before = rows_of(path)
    (begin,) = connection.execute(
        "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? "
        "AND checkpoint_ns = '' AND metadata ->> 'source' = 'input'",
        [thread],
    ).fetchone()
    wanted = {row for row in before if row[1] != thread or row[2] < begin}
    _call(undo, connection, thread)
    after = rows_of(path)
    require(
        after != before,
        f"after undo_last_turn(connection, {thread!r}) another program sees every row as before. "
        "Delete rows, and commit.",
    )
    for table in ("checkpoints", "writes"):
        for name in dict.fromkeys(("ann", "bo", "cho", thread)):
            left = [sum(r[:2] == (table, name) for r in rows) for rows in (wanted, after)]
            look = "A turn begins at the source input with checkpoint_ns empty; it goes, and all "
            look += "after it." if thread == name else "after it: of this thread only."
            shown = f"{name}'s rows in the table {table} after undo_last_turn(.., {thread!r})"
            expect(shown, *left, look)
    require(after == wanted, "The right number of rows is left, but not the right ones.")


def _call(undo: Any, connection: sqlite3.Connection, thread: str) -> None:
    try:
        undo(connection, thread)
    except sqlite3.Error as error:
        look = HAND_OVER if thread == QUOTED else "The tables are checkpoints and writes."
        raise IncorrectAnswer(
            f"undo_last_turn(connection, {thread!r}) raised {type(error).__name__}: {error}. {look}"
        ) from error


def _check_undo(undo: Any) -> None:
    for reverse in (True, False):  # without an ORDER BY, rows come in any order
        _check_undo_among(undo, reverse=reverse)


def _check_undo_among(undo: Any, *, reverse: bool) -> None:
    with conversations(subgraph=True, reverse=reverse) as (connection, path):
        _undone(undo, connection, path, "ann")  # of more steps than the other turns
        _undone(undo, connection, path, "bo")  # the only turn of its thread
        saver = SqliteSaver(connection)
        for thread, texts in (("ann", ["four", "echo: four"]), ("bo", [])):
            say(saver, thread, "another")
            expect(
                f"{thread}'s last texts after going on",
                [*texts, "another", "echo: another"],
                texts_of(saver, thread)[-4:],
                "The thread must be usable afterwards.",
            )
        say(saver, QUOTED, "hello")
        connection.commit()
        _undone(undo, connection, path, QUOTED)
        before = rows_of(path)
        try:
            undo(connection, HOSTILE)
        except Exception as error:
            raise IncorrectAnswer(
                f"undo_last_turn(connection, {HOSTILE!r}) raised {type(error).__name__}: {error}. "
                "A thread that does not exist changes nothing."
            ) from error
        connection.commit()
        require(
            rows_of(path) == before,
            f"undo_last_turn(connection, {HOSTILE!r}) took rows, and there is no such thread. "
            f"{HAND_OVER}",
        )


HAND_OVER = "Hand the id over as a parameter (?), in every statement."
QUOTED = "o'brien"
SECRET = "my secret plan " * 20
SHARED = 40  # of so many equal bytes in a row two encrypted texts have none


def _blobs(connection: sqlite3.Connection, thread: str = "ann") -> bytes:
    """What the tables hold of a thread's checkpoints and writes."""
    sql = "SELECT checkpoint FROM checkpoints WHERE thread_id = :thread UNION ALL "
    sql += "SELECT value FROM writes WHERE thread_id = :thread"
    return b"".join(bytes(blob) for (blob,) in connection.execute(sql, {"thread": thread}))


def _check_locked(locked_saver: Any) -> None:
    key, other = bytes(range(200, 232)), bytes([*range(200, 231), 0])  # no texts; alike for long
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "locked.db"
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            try:
                saver = locked_saver(connection, key)
            except UnicodeError as error:
                raise IncorrectAnswer(
                    f"locked_saver raised {type(error).__name__}: {error}. A key is bytes, and "
                    "random bytes are no text. Hand the key over as it is."
                ) from error
            require(
                hasattr(saver, "get_tuple"),
                f"locked_saver returned a {type(saver).__name__}. Return the saver.",
            )
            say(saver, "ann", SECRET)
            expect(
                "what the same key reads",
                [SECRET, f"echo: {SECRET}"],
                texts_of(locked_saver(connection, key), "ann"),
                "The key that wrote must be able to read.",
            )
            stored = _blobs(connection)
            require(
                b"secret plan" not in stored,
                "the tables hold 'secret plan' as readable text. Give the saver a serializer that "
                "encrypts: serde=...",
            )
            say(locked_saver(connection, other), "bo", SECRET)
            repeated = [stored[i : i + SHARED] for i in range(0, len(stored) - SHARED, SHARED)]
            both = _blobs(connection, "bo")
            require(
                not any(piece in both for piece in repeated) and key not in stored,
                "the same text, stored with two keys, looks the same in the tables. It is packed "
                "in another form, and not encrypted: anybody can unpack it without the key.",
            )
            try:
                read = texts_of(locked_saver(connection, other), "ann")
            except Exception:  # noqa: BLE001 - any refusal is the right answer here
                return
            raise IncorrectAnswer(
                f"another key read {read!r}. Encrypt with the key that locked_saver was handed."
            )


def _check_prediction(prediction: Any) -> None:
    compare(
        prediction,
        what_comes_back(),
        {case: reason for case, (_, _, reason) in READINGS.items()},
        choices=(True, False),
        write="True if an object of the same class comes back, and False if it does not",
    )


def _check_cache(saver_class: Any) -> None:
    saver = saver_class()
    require(
        isinstance(saver, InMemorySaver),
        f"check got a {type(saver).__name__}. Derive the class from StaleSaver.",
    )
    config = {"configurable": {"thread_id": "ann", "checkpoint_ns": ""}}
    inner = {"configurable": {"thread_id": "ann", "checkpoint_ns": "inner:1"}}
    first, within = (_stored(saver, each, 1) for each in (config, inner))
    require(all(map(saver.get_tuple, (config, inner))), "After put, get_tuple returned None.")
    saver.get_tuple(first)
    for each in (first, within, first):  # a task that is tried again writes the same
        saver.put_writes(each, [("turns", 2), ("mood", "curious")], "task-1")
    for shown, asked in (("the newest", config), ("this", first), ("a subgraph's", inner)):
        expect(
            f"the pending writes of {shown} checkpoint, after put, get_tuple and put_writes",
            [("task-1", "turns", 2), ("task-1", "mood", "curious")],
            [tuple(each) for each in saver.get_tuple(asked).pending_writes],
            "put_writes changes what get_tuple must return. It must also store the writes.",
        )
    _stored(saver, first, 2)
    for shown, asked, turns in (("the newest", config, 2), ("the first", first, 1)):
        with patch.object(InMemorySaver, "get_tuple", autospec=True, side_effect=_get) as read:
            found = [saver.get_tuple(asked).checkpoint["channel_values"] for _ in range(3)]
        expect(
            f"the values of {shown} checkpoint after a second put, read three times",
            [{"turns": turns}] * 3,
            found,
            LOOK,
        )
        require(
            read.call_count <= 1,
            f"Three reads of {shown} checkpoint in a row asked InMemorySaver {read.call_count} "
            "times. Keep the cache: only a change may empty it.",
        )
    other = {"configurable": {"thread_id": "bo", "checkpoint_ns": ""}}
    _stored(saver, other, 7)
    for each in (config, first, inner, other):
        saver.get_tuple(each)
    saver.delete_thread("ann")
    for shown, asked in (
        ("", config),
        (" for an older checkpoint", first),
        (" for a subgraph", inner),
    ):
        expect(f"get_tuple{shown} after delete_thread", None, saver.get_tuple(asked), LOOK)
    left = [key for table in (saver.blobs, saver.writes) for key in table if key[0] == "ann"]
    expect("what the saver still holds of the thread after delete_thread", [], left, LOOK_DELETED)
    kept = saver.get_tuple(other)
    expect("the other thread", {"turns": 7}, kept and kept.checkpoint["channel_values"], LOOK)


LOOK = "Which methods change a thread? Each of them must empty the cache."
LOOK_DELETED = "InMemorySaver keeps a thread in several places: let its own delete_thread do it."
_get = InMemorySaver.get_tuple


def _stored(saver: Any, config: Any, turns: int) -> Any:
    """Put a checkpoint by hand."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"turns": turns}
    checkpoint["channel_versions"] = {"turns": turns}
    return saver.put(config, checkpoint, {"source": "loop", "step": turns}, {"turns": turns})


e1 = Exercise(
    CHAPTER,
    1,
    "undo the last turn",
    _check_undo,
    (
        "Find the thread's newest checkpoint with checkpoint_ns = '' and metadata ->> 'source' = "
        "'input'.",
        "Delete it and everything newer: checkpoint_id >= ?. The ids grow with time.",
        "Do the same in the table writes, and commit.",
    ),
    "The newest checkpoint is the state of the thread, so deleting rows takes a turn back.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a saver that encrypts",
    _check_locked,
    (
        "SqliteSaver takes a serializer: SqliteSaver(connection, serde=...).",
        "EncryptedSerializer.from_pycryptodome_aes(key=key) makes one; name the argument.",
    ),
    "The checkpoints and writes are encrypted. Thread ids and metadata stay readable.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "predict what comes back",
    _check_prediction,
    (
        "allowed_msgpack_modules=None allows no class of your own.",
        "A fixed list of common classes, such as dates and LangChain's messages, is known already.",
    ),
    "Only classes that the serializer knows come back as themselves.",
    answer_kind="value",
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: a cache that is out of date",
    _check_cache,
    (
        "put empties the cache. Which two other methods change a thread?",
        "Write put_writes and delete_thread. Each calls super() and empties the cache.",
    ),
    "Every method that changes a thread empties the cache.",
)
