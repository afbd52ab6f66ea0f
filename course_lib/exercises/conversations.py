"""Threads that the checks of chapters 04 and A3 make, and what is read from them."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

HOSTILE = "x' OR '1'='1"
"""A thread id that is harmless as a parameter, and that reads every row when pasted into SQL."""


def echo_graph(saver: Any) -> Any:
    """Compile a graph that answers each message with an echo of it.

    Args:
        saver: the checkpointer of the graph.
    """

    def echo(state: MessagesState) -> dict[str, Any]:
        text = state["messages"][-1].text
        return {"messages": [{"role": "ai", "content": f"echo: {text}"}]}

    builder = StateGraph(MessagesState)
    builder.add_node("echo", echo)
    builder.add_edge(START, "echo")
    return builder.compile(checkpointer=saver)


def texts_of(saver: Any, thread: str) -> list[str]:
    """Return the texts of a thread that `echo_graph` wrote, the oldest first."""
    config = {"configurable": {"thread_id": thread}}
    state = echo_graph(saver).get_state(config).values
    return [str(message.text) for message in state.get("messages", [])]


def say(saver: Any, thread: str, *texts: str) -> None:
    """Run `echo_graph` once for each text."""
    config = {"configurable": {"thread_id": thread}}
    for text in texts:
        echo_graph(saver).invoke({"messages": [("user", text)]}, config)


def say_slowly(saver: Any, thread: str, text: str, *, subgraph: bool = False) -> None:
    """Run a turn of more steps: two nodes run before the echo.

    Args:
        saver: the checkpointer.
        thread: the id of the thread.
        text: what is said.
        subgraph: whether the first node is a graph, which saves checkpoints of its own.
    """
    inner = StateGraph(MessagesState)
    inner.add_node("look", lambda state: None)
    inner.add_edge(START, "look")
    builder = StateGraph(MessagesState)
    think = inner.compile() if subgraph else lambda state: None
    nothing = [("think", think), ("wait", lambda state: None)]
    echo = ("echo", lambda state: {"messages": [("ai", f"echo: {state['messages'][-1].text}")]})
    builder.add_sequence([*nothing, echo]).add_edge(START, "think")
    config = {"configurable": {"thread_id": thread}}
    builder.compile(checkpointer=saver).invoke({"messages": [("user", text)]}, config)


@contextmanager
def conversations(
    *, subgraph: bool = False, reverse: bool = True
) -> Iterator[tuple[sqlite3.Connection, Path]]:
    """Make a database file: ann took five turns, the last a long one, and bo and cho one each.

    Args:
        subgraph: whether a subgraph runs in the long turn, and in the second one.
        reverse: whether SQLite gives rows without an ORDER BY from the last one to the first.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "talk.db"
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            saver = SqliteSaver(connection)
            say(saver, "ann", "one")
            if subgraph:
                say_slowly(saver, "ann", "two", subgraph=True)
            else:
                say(saver, "ann", "two")
            say(saver, "ann", "three", "four")
            say(saver, "bo", "hello")
            say_slowly(saver, "ann", "five", subgraph=subgraph)
            say(saver, "cho", "hi")
            order = "ON" if reverse else "OFF"
            connection.execute(f"PRAGMA reverse_unordered_selects = {order}")
            connection.commit()
            yield connection, path


def rows_of(path: Path) -> set[tuple[Any, ...]]:
    """Return every row of a file as another program sees it: table, thread, checkpoint and all."""
    found = set()
    with closing(sqlite3.connect(path)) as other:
        for table in ("checkpoints", "writes"):
            sql = f"SELECT thread_id, checkpoint_id, * FROM {table}"
            found |= {(table, *row) for row in other.execute(sql)}
    return found
