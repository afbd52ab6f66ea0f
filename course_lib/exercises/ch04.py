"""Checks of chapter 04, Save every step."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.quiz_view import quiz_of

CHAPTER = "04"
quiz = quiz_of(CHAPTER)
HOSTILE = "x' OR '1'='1"
"""A thread id that is harmless as a parameter, and reads everything when pasted into SQL."""


def echo_graph(saver: Any) -> Any:
    """Compile the graph of these exercises: each message is answered by an echo of it.

    Args:
        saver: where the threads are kept.
    """

    def echo(state: MessagesState) -> dict[str, Any]:
        text = state["messages"][-1].text
        return {"messages": [{"role": "ai", "content": f"echo: {text}"}]}

    builder = StateGraph(MessagesState)
    builder.add_node("echo", echo)
    builder.add_edge(START, "echo")
    return builder.compile(checkpointer=saver)


def _texts(saver: Any, thread: str) -> list[str]:
    config = {"configurable": {"thread_id": thread}}
    state = echo_graph(saver).get_state(config).values
    return [str(message.text) for message in state.get("messages", [])]


def _say(saver: Any, thread: str, *texts: str) -> None:
    config = {"configurable": {"thread_id": thread}}
    for text in texts:
        echo_graph(saver).invoke({"messages": [("user", text)]}, config)


def _say_slowly(saver: Any, thread: str, text: str) -> None:
    """A turn of more steps than the others have: two nodes run before the echo."""
    builder = StateGraph(MessagesState)
    nothing = [(name, lambda state: None) for name in ("think", "wait")]
    echo = ("echo", lambda state: {"messages": [("ai", f"echo: {state['messages'][-1].text}")]})
    builder.add_sequence([*nothing, echo]).add_edge(START, "think")
    config = {"configurable": {"thread_id": thread}}
    builder.compile(checkpointer=saver).invoke({"messages": [("user", text)]}, config)


@contextmanager
def _conversations() -> Iterator[tuple[sqlite3.Connection, Path]]:
    """A database file: ann took five turns, the last a long one, and bo and cho one each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.db"
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            saver = SqliteSaver(connection)
            _say(saver, "ann", "one", "two", "three", "four")
            _say(saver, "bo", "hello")
            _say_slowly(saver, "ann", "five")
            _say(saver, "cho", "hi")
            # Without an ORDER BY the rows come in an order that is not that of the ids.
            connection.execute("PRAGMA reverse_unordered_selects = ON")
            connection.commit()
            yield connection, path


def _rows(path: Path) -> set[tuple[str, str, str]]:
    """Every row of the file, as another program sees it: its table, thread and checkpoint."""
    found = set()
    with closing(sqlite3.connect(path)) as other:
        for table in ("checkpoints", "writes"):
            sql = f"SELECT thread_id, checkpoint_id FROM {table}"
            found |= {(table, *row) for row in other.execute(sql)}
    return found


def _check_say(say: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.db"
        url = f"sqlite:///{path}"
        wanted: list[str] = []
        for thread, text in (("ann", "hello"), ("ann", "again"), ("bo", "hi")):
            wanted = [*(wanted if thread == "ann" else []), text, f"echo: {text}"]
            got = say(url, thread, text)
            look = "All texts of this thread so far, oldest first."
            if not isinstance(got, list) or not all(isinstance(item, str) for item in got):
                look = "Return a list of texts: [message.text for message in state['messages']]."
            elif len(got) < len(wanted):
                look = "What was said before is missing: is it in the file that the URL names?"
            elif len(got) > len(wanted):
                look = "Another thread id is another conversation."
            expect(f"say(url, {thread!r}, {text!r})", wanted, got, look)
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            saver = SqliteSaver(connection)
            expect(
                "ann's texts in the file, read by another saver",
                ["hello", "echo: hello", "again", "echo: again"],
                _texts(saver, "ann"),
                "The right texts came back, but the file does not hold them.",
            )


def _check_steps(steps_of: Any) -> None:
    with _conversations() as (connection, _):
        for thread in ("bo", "ann"):
            wanted = connection.execute(
                "SELECT metadata ->> 'step', metadata ->> 'source' FROM checkpoints "
                "WHERE thread_id = ? ORDER BY checkpoint_id",
                [thread],
            ).fetchall()
            got = steps_of(connection, thread)
            require(
                isinstance(got, list),
                f"steps_of returned a {type(got).__name__}; a list is wanted.",
            )
            look = "One pair a row, oldest first: order by checkpoint_id."
            if len(got) != len(wanted):
                look = "Ask for one thread, and for all of its rows."
            expect(f"steps_of(connection, {thread!r})", wanted, _pairs(got), look)
        for nobody in (HOSTILE, "%"):
            expect(
                f"steps_of(connection, {nobody!r})",
                [],
                _pairs(steps_of(connection, nobody)),
                "No thread has that id. Hand it over as a parameter: WHERE thread_id = ?",
            )


def _pairs(rows: Any) -> list[Any]:
    return [tuple(row) if isinstance(row, (list, tuple, sqlite3.Row)) else row for row in rows]


def _undone(undo: Any, connection: sqlite3.Connection, path: Path, thread: str) -> None:
    """Undo a thread's last turn and compare every row with what should be left."""
    before = _rows(path)
    (begin,) = connection.execute(
        "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? "
        "AND metadata ->> 'source' = 'input'",
        [thread],
    ).fetchone()
    wanted = {row for row in before if row[1] != thread or row[2] < begin}
    undo(connection, thread)
    after = _rows(path)
    require(
        after != before,
        f"after undo_last_turn(connection, {thread!r}) another program sees every row as before. "
        "Delete rows, and commit.",
    )
    for table in ("checkpoints", "writes"):
        for name in ("ann", "bo", "cho"):
            left = [sum(r[:2] == (table, name) for r in rows) for rows in (wanted, after)]
            look = "A turn begins with the checkpoint whose source is input; it goes, and all "
            look += "after it." if thread == name else "after it: of this thread only."
            shown = f"{name}'s rows in the table {table} after undo_last_turn(.., {thread!r})"
            expect(shown, *left, look)
    require(after == wanted, "The right number of rows is left, but not the right ones.")


def _check_undo(undo: Any) -> None:
    with _conversations() as (connection, path):
        _undone(undo, connection, path, "ann")  # of more steps than the other turns
        _undone(undo, connection, path, "bo")  # the only turn of its thread
        saver = SqliteSaver(connection)
        for thread, texts in (("ann", ["four", "echo: four"]), ("bo", [])):
            _say(saver, thread, "another")
            expect(
                f"{thread}'s last texts after going on",
                [*texts, "another", "echo: another"],
                _texts(saver, thread)[-4:],
                "The thread must be usable afterwards.",
            )
        connection.commit()
        before = _rows(path)
        try:
            undo(connection, HOSTILE)
        except Exception as error:
            raise IncorrectAnswer(
                f"undo_last_turn(connection, {HOSTILE!r}) raised {type(error).__name__}: {error}. "
                "A thread that does not exist changes nothing."
            ) from error
        connection.commit()
        require(
            _rows(path) == before,
            f"undo_last_turn(connection, {HOSTILE!r}) took rows, and there is no such thread. Hand "
            "the id over as a parameter (?), in every statement.",
        )


SECRET = "my secret plan " * 20
SHARED = 40  # of so many equal bytes in a row two encrypted texts have none


def _blobs(connection: sqlite3.Connection, thread: str = "ann") -> bytes:
    """What the tables hold of a thread's checkpoints and writes."""
    sql = "SELECT checkpoint FROM checkpoints WHERE thread_id = :thread UNION ALL "
    sql += "SELECT value FROM writes WHERE thread_id = :thread"
    return b"".join(bytes(blob) for (blob,) in connection.execute(sql, {"thread": thread}))


def _check_locked(locked_saver: Any) -> None:
    key, other = b"k" * 32, b"o" * 32
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "locked.db"
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            saver = locked_saver(connection, key)
            require(
                hasattr(saver, "get_tuple"),
                f"locked_saver returned a {type(saver).__name__}. Return the saver.",
            )
            _say(saver, "ann", SECRET)
            expect(
                "what the same key reads",
                [SECRET, f"echo: {SECRET}"],
                _texts(locked_saver(connection, key), "ann"),
                "The key that wrote must be able to read.",
            )
            stored = _blobs(connection)
            require(
                b"secret plan" not in stored,
                "the tables hold 'secret plan' in the clear. Give the saver a serialiser that "
                "encrypts: serde=...",
            )
            _say(locked_saver(connection, other), "bo", SECRET)
            repeated = [stored[i : i + SHARED] for i in range(0, len(stored) - SHARED, SHARED)]
            both = _blobs(connection, "bo")
            require(
                not any(piece in both for piece in repeated) and key not in stored,
                "the same text, stored with two keys, looks the same in the tables. It is packed "
                "in another form, and not encrypted: anybody can unpack it without the key.",
            )
            try:
                read = _texts(locked_saver(connection, other), "ann")
            except Exception:  # noqa: BLE001 - any refusal is the right answer here
                return
            raise IncorrectAnswer(
                f"another key read {read!r}. Encrypt with the key that locked_saver was handed."
            )


e1 = Exercise(
    CHAPTER,
    1,
    "open, say, close",
    _check_say,
    (
        "with open_checkpointer(url) as saver: ... gives you the saver.",
        "The thread id goes into {'configurable': {'thread_id': thread_id}}.",
        "invoke returns the state: [message.text for message in state['messages']].",
    ),
    "Nothing was kept in Python between the calls: the file remembered.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "the steps of a thread, in SQL",
    _check_steps,
    (
        "The table is checkpoints; metadata is JSON: metadata ->> 'step'.",
        "ORDER BY checkpoint_id puts the oldest first; WHERE thread_id = ? asks for one thread.",
        "connection.execute(sql, [thread_id]).fetchall() returns a list of tuples.",
    ),
    "And a thread id stayed a thread id, whatever was in it.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "undo the last turn",
    _check_undo,
    (
        "Find the newest checkpoint of the thread whose metadata ->> 'source' is 'input'.",
        "Delete it and everything newer: checkpoint_id >= ?. The ids sort by time.",
        "Do the same in the table writes, and commit.",
    ),
    "The newest checkpoint is the conversation, so taking rows away is going back.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "a locked drawer",
    _check_locked,
    (
        "SqliteSaver takes a serialiser: SqliteSaver(connection, serde=...).",
        "EncryptedSerializer.from_pycryptodome_aes(key=key) makes one; name the argument.",
    ),
    "With SQLite that is all of it. With PostgreSQL, remember the plain fields.",
)
