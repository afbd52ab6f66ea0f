"""Checks of chapter 03, Save every step."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from course_lib.exercises.exercise import Exercise, Wrong, expect, require

CHAPTER = "03"
HOSTILE = "x' OR '1'='1"
"""A thread id that is harmless as a parameter, and reads everything when pasted into SQL."""


def echo_graph(saver: Any) -> Any:
    """Compile the graph of these exercises: each message is answered by an echo of it.

    Args:
        saver: where the threads are kept.
    """
    from langgraph.graph import START, MessagesState, StateGraph

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
    for text in texts:
        echo_graph(saver).invoke(
            {"messages": [{"role": "user", "content": text}]},
            {"configurable": {"thread_id": thread}},
        )


@contextmanager
def _conversations() -> Iterator[sqlite3.Connection]:
    """A database in which ann took three turns and bo one."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
        saver = SqliteSaver(connection)
        _say(saver, "ann", "one", "two", "three")
        _say(saver, "bo", "hello")
        yield connection


def _judge_say(say: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'talk.db'}"
        first = ["hello", "echo: hello"]
        expect("say(url, 'ann', 'hello')", first, say(url, "ann", "hello"), "All texts so far.")
        expect(
            "a second say(url, 'ann', 'again')",
            [*first, "again", "echo: again"],
            say(url, "ann", "again"),
            "Is the conversation in the file that the URL names?",
        )
        expect(
            "say(url, 'bo', 'hi') after that",
            ["hi", "echo: hi"],
            say(url, "bo", "hi"),
            "Another thread id is another conversation.",
        )


def _judge_steps(steps_of: Any) -> None:
    with _conversations() as connection:
        turn = [(-1, "input"), (0, "loop"), (1, "loop")]
        got = steps_of(connection, "bo")
        require(
            isinstance(got, list), f"steps_of returned a {type(got).__name__}; a list is wanted."
        )
        expect("steps_of(connection, 'bo')", turn, _pairs(got), "One pair a row, oldest first.")
        expect(
            "the number of pairs for 'ann', after three turns",
            9,
            len(steps_of(connection, "ann")),
            "Ask for one thread, and for all of its rows.",
        )
        expect(
            f"steps_of(connection, {HOSTILE!r})",
            [],
            _pairs(steps_of(connection, HOSTILE)),
            "That thread does not exist. Hand the id over as a parameter (?), never inside the SQL.",
        )


def _pairs(rows: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows]


def _judge_undo(undo: Any) -> None:
    from langgraph.checkpoint.sqlite import SqliteSaver

    with _conversations() as connection:
        saver = SqliteSaver(connection)
        two_turns = ["one", "echo: one", "two", "echo: two"]
        undo(connection, "ann")
        expect(
            "ann's texts after one undo_last_turn",
            two_turns,
            _texts(saver, "ann"),
            "A turn begins with the checkpoint whose source is input: it and all after it go.",
        )
        expect(
            "bo's texts after ann's undo",
            ["hello", "echo: hello"],
            _texts(saver, "bo"),
            "Only one thread's rows may go.",
        )
        left = connection.execute(
            "SELECT count(*) FROM writes w WHERE thread_id = ? AND NOT EXISTS (SELECT 1 FROM "
            "checkpoints c WHERE c.thread_id = w.thread_id AND c.checkpoint_id = w.checkpoint_id)",
            ["ann"],
        ).fetchone()[0]
        expect(
            "writes left without their checkpoint",
            0,
            left,
            "The table writes has rows of the same checkpoints.",
        )
        _say(saver, "ann", "another three")
        expect(
            "ann's texts after going on",
            [*two_turns, "another three", "echo: another three"],
            _texts(saver, "ann"),
            "The thread must be usable afterwards.",
        )
        undo(connection, HOSTILE)
        require(
            len(_texts(saver, "bo")) == 2,
            f"undo_last_turn(connection, {HOSTILE!r}) took somebody else's rows. Hand the id over "
            "as a parameter (?).",
        )


def _judge_locked(locked_saver: Any) -> None:
    key, other = b"k" * 32, b"o" * 32
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "locked.db"
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            saver = locked_saver(connection, key)
            require(
                hasattr(saver, "get_tuple"),
                f"locked_saver returned a {type(saver).__name__}. Return the saver.",
            )
            _say(saver, "ann", "my secret plan")
            expect(
                "what the same key reads",
                ["my secret plan", "echo: my secret plan"],
                _texts(locked_saver(connection, key), "ann"),
                "The key that wrote must be able to read.",
            )
            connection.commit()
            if b"secret plan" in path.read_bytes():
                raise Wrong(
                    "the file still holds 'secret plan' in the clear. Give the saver a serialiser "
                    "that encrypts: serde=..."
                )
            try:
                read = _texts(locked_saver(connection, other), "ann")
            except Exception:  # noqa: BLE001 - any refusal is the right answer here
                return
            raise Wrong(
                f"another key read {read!r}. Encrypt with the key that locked_saver was handed."
            )


e1 = Exercise(
    CHAPTER,
    1,
    "open, say, close",
    _judge_say,
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
    _judge_steps,
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
    _judge_undo,
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
    _judge_locked,
    (
        "SqliteSaver takes a serialiser: SqliteSaver(connection, serde=...).",
        "EncryptedSerializer.from_pycryptodome_aes(key=key) makes one.",
    ),
    "With SQLite that is all of it. With PostgreSQL, remember the plain fields.",
)
