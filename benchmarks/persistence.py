"""The numbers of `run.py persistence`, printed as one line of JSON. Run by that, not by hand."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from langchain_core.messages import AIMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.chat import ChatController
from course_lib.persistence import (
    CheckpointTree,
    ThreadDirectory,
    connect,
    open_checkpointer,
    open_store,
    postgres,
)


class Count(TypedDict):
    """A number."""

    n: int


def counter(saver: object) -> object:
    """A graph of one node, so that the saver is most of the work."""
    builder = StateGraph(Count)
    builder.add_node("more", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "more")
    return builder.compile(checkpointer=saver)


def ratio(ours: Callable[[], object], theirs: Callable[[], object], runs: int) -> float:
    """The median of pairs run in turn, after one pair that does not count."""
    pairs = []
    for _ in range(runs + 1):
        pairs.append([_seconds(ours), _seconds(theirs)])
    return statistics.median(a / b for a, b in pairs[1:])


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def turn(folder: Path) -> float:
    """100 turns on a saver opened by URL over 100 on LangGraph's own."""

    def talk(saver: object, thread: str) -> None:
        graph = counter(saver)
        for _ in range(100):
            graph.invoke({"n": 0}, {"configurable": {"thread_id": thread}})

    with closing(sqlite3.connect(folder / "theirs.db", check_same_thread=False)) as connection:
        plain = SqliteSaver(connection)
        with open_checkpointer(f"sqlite:///{folder / 'ours.db'}") as saver:
            number = iter(range(1000))
            return ratio(
                lambda: talk(saver, f"t{next(number)}"), lambda: talk(plain, f"t{next(number)}"), 15
            )


def listing(url: str) -> float:
    """One user's page with 100,000 threads in the directory over the same with 100."""
    with open_store(url) as store:
        directory = ThreadDirectory(store)
        for _ in range(50):
            directory.create("ann")
        for n in range(50):
            directory.create(f"user-{n}")
        few = statistics.median(_seconds(lambda: directory.list("ann")) for _ in range(200))
        # The others' threads, written by the database itself: it is the reading that is measured.
        with connect(url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO store (prefix, key, value) SELECT 'threads.' || md5((n / 50)::text) "
                "|| '.' || md5((n / 10)::text), md5(n::text), "
                "(SELECT value FROM store LIMIT 1) FROM generate_series(1, 99900) n"
            )
            connection.execute("ANALYZE store")
        many = statistics.median(_seconds(lambda: directory.list("ann")) for _ in range(200))
    return many / few


def tree(folder: Path) -> float:
    """Reading the tree of a thread of 10,000 checkpoints over reading its history."""
    thread = {"configurable": {"thread_id": "long"}}
    with open_checkpointer(f"sqlite:///{folder / 'tree.db'}") as saver:
        graph = counter(saver)
        for _ in range(10_000 // 3 + 1):
            graph.invoke({"n": 0}, thread)
        assert len(list(saver.list(thread))) >= 10_000
        return ratio(
            lambda: CheckpointTree.from_graph(graph, thread),
            lambda: list(graph.get_state_history(thread)),
            3,
        )


def fork(folder: Path) -> float:
    """Median seconds of five forks from before the first of 500 messages."""

    def node(state: MessagesState) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage(f"answer {len(state['messages'])}")]}

    async def seconds() -> float:
        with open_checkpointer(f"sqlite:///{folder / 'fork.db'}") as saver:
            graph = StateGraph(MessagesState).add_node(node).add_edge(START, "node")
            chat = ChatController(graph.compile(checkpointer=saver))
            for n in range(250):
                await chat.send(f"question {n}")
            newest = (await chat.tree(1)).newest.id
            values = chat.graph.get_state(chat.config).values
            taken = []
            for n in range(5):
                await chat.go_to(newest)
                began = time.perf_counter()
                await chat.edit(values["messages"][0].id, f"another question {n}")
                taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    return asyncio.run(seconds())


def main() -> None:
    """Measure everything and print it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        began = time.perf_counter()
        with postgres("bench", scratch=True) as server:
            first = time.perf_counter() - began
            running = _seconds(lambda: postgres("bench", scratch=True).stop())
            told = {"first start": first, "running": running, "list": listing(server.url)}
        told |= {"turn": turn(folder), "tree": tree(folder), "fork": fork(folder)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
