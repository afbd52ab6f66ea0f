"""Checks of chapter 04, Save every step."""

from __future__ import annotations

import operator
import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Annotated, Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.exercises.conversations import HOSTILE, conversations, texts_of
from course_lib.exercises.conversations import echo_graph as echo_graph  # learners import it here
from course_lib.exercises.exercise import Exercise, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of

CHAPTER = "04"
quiz = quiz_of(CHAPTER)


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
                texts_of(saver, "ann"),
                "The right texts came back, but the file does not hold them.",
            )


def _check_steps(steps_of: Any) -> None:
    with conversations() as (connection, _):
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


class Done(TypedDict):
    """The state of the graphs whose checkpoints are counted."""

    done: Annotated[list[str], operator.add]


def _fails(state: Done) -> dict[str, Any]:
    raise ConnectionError("the server does not answer")


def _checkpoints(in_a_row: int = 0, at_once: int = 0, turns: int = 1, fails: bool = False) -> int:
    """Run a graph in a new thread and count what its checkpointer holds."""
    builder = StateGraph(Done)
    names = [f"node {number}" for number in range(in_a_row + at_once)]
    for name in names:
        builder.add_node(name, _fails if fails else lambda state: {"done": ["x"]})
    for before, name in zip([START, *names], names, strict=False):
        builder.add_edge(START if at_once else before, name)
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "ann"}}
    for _ in range(turns):
        with suppress(ConnectionError):  # what is left after it is counted
            graph.invoke({"done": []}, config)
    return len(list(graph.get_state_history(config)))


COUNTED: dict[str, tuple[dict[str, Any], str]] = {
    "one node, one turn": ({"in_a_row": 1}, "The input makes two, and each super-step makes one."),
    "three nodes in a row, one turn": ({"in_a_row": 3}, "Three super-steps, after the input."),
    "three nodes at once, one turn": (
        {"at_once": 3},
        "Nodes that run at the same time belong to one super-step.",
    ),
    "two nodes in a row, two turns": (
        {"in_a_row": 2, "turns": 2},
        "The second turn stores as many checkpoints as the first one.",
    ),
    "one node that raises an error": (
        {"in_a_row": 1, "fails": True},
        "The input was stored before the node ran. A failed super-step makes no checkpoint.",
    ),
}
"""The cases of exercise 3: how `_checkpoints` runs each one, and the reason of its number."""


def _check_prediction(prediction: Any) -> None:
    found = {case: _checkpoints(**given) for case, (given, _) in COUNTED.items()}
    compare(prediction, found, {case: reason for case, (_, reason) in COUNTED.items()})


class Visit(MessagesState):
    """The state of `visit_graph`.

    Args:
        visits: how many turns the thread had.
        shown: the texts that were answered, the oldest first.
    """

    visits: int
    shown: list[str]


def visit_graph(saver: Any) -> Any:
    """Compile a graph whose node reads `visits` and `shown`, so both must be there.

    Args:
        saver: the checkpointer of the graph.
    """

    def answer(state: Visit) -> dict[str, Any]:
        text = state["messages"][-1].text
        reply = {"role": "ai", "content": f"visit {state['visits'] + 1}"}
        return {
            "messages": [reply],
            "visits": state["visits"] + 1,
            "shown": [*state["shown"], text],
        }

    builder = StateGraph(Visit)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=saver)


def _check_ask(ask: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "visits.db"
        threads = {name: {"configurable": {"thread_id": name}} for name in ("ann", "bo", "cho")}
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            graph = visit_graph(SqliteSaver(connection))
            started = {"messages": [HumanMessage("one")], "visits": 6, "shown": ["zero"]}
            graph.invoke(started, threads["cho"])
            _ask_each(ask, graph, threads, (("ann", "a", ["a"]), ("bo", "b", ["b"])))
        with closing(sqlite3.connect(path, check_same_thread=False)) as connection:
            graph = visit_graph(SqliteSaver(connection))
            turns = (("ann", "c", ["a", "c"]), ("cho", "d", ["zero", "one", "d"]))
            _ask_each(ask, graph, threads, turns)
            _ask_each(ask, graph, threads, (("ann", "e", ["a", "c", "e"]),))


def _ask_each(ask: Any, graph: Any, threads: Mapping[str, Any], turns: Any) -> None:
    """Take turns with the learner's function, and compare what it returns and what is stored."""
    for name, text, shown in turns:
        got = ask(graph, threads[name], text)
        look = "What did the thread hold before this turn? Ask the graph with get_state."
        visits = len(shown) + (5 if name == "cho" else 0)
        count = 2 * len(shown) - (2 if name == "cho" else 0)
        wanted = {"visits": visits, "shown": shown, "messages": count}
        called = f"ask(graph, {name}, {text!r})"
        stored = graph.get_state(threads[name]).values
        expect(f"what the thread of {name} holds after {called}", wanted, _summary(stored), look)
        expect(
            f"what {called} returned", wanted, _summary(got), "Return what graph.invoke returns."
        )


def _summary(state: Any) -> Any:
    if not isinstance(state, Mapping):
        return state
    kept = {name: state.get(name) for name in ("visits", "shown")}
    return {**kept, "messages": len(state.get("messages", []))}


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
    "Nothing was kept in Python between the calls. The thread is in the file.",
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
    "The id was a parameter, so SQLite never read it as SQL.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "predict the checkpoints",
    _check_prediction,
    (
        "The input makes two checkpoints. Count the super-steps, and not the nodes.",
        "If a node raises an error, its super-step makes no checkpoint.",
    ),
    "The input makes two checkpoints, and each finished super-step makes one.",
    answer_kind="value",
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: a thread that forgets",
    _check_ask,
    (
        "Run the cell above twice: visits is 1 each time, because the input says 0.",
        "graph.get_state(config).values is empty if the thread does not exist yet.",
        "Send the default values only if the thread does not exist. Otherwise send the message.",
    ),
    "An input is a write, so a thread that exists gets only what is new.",
)
