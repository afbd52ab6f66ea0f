"""What real runs report in the stream mode `tasks`, for the indicator of exercise 4, chapter 14."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict

TaskRun = tuple[str, list[Mapping[str, Any]], list[list[str]], str]
"""What runs, its parts, what the indicator shows after each part, and where to look."""


class _State(TypedDict):
    done: Annotated[list[str], operator.add]


def task_runs() -> list[TaskRun]:
    """Run three graphs, and return what each one reported."""
    ids = "Tell tasks apart by their id: a node may run twice at the same time."
    return [
        _run("two nodes in a row", _row(), "A task shows from its first part to its second one."),
        _run("a node that asks a person", _asking(), "A task that asks has ended for now, too."),
        _run("a node that runs twice at once, beside another one", _fan(), ids),
    ]


def _run(what: str, graph: Any, look: str) -> TaskRun:
    parts = [dict(part) for part in graph.stream({"done": []}, stream_mode="tasks")]
    tasks: dict[str, str] = {}
    right = []
    for part in parts:
        if "input" in part:
            tasks[part["id"]] = part["name"]
        else:
            del tasks[part["id"]]
        right.append(sorted(tasks.values()))
    return what, parts, right, look


def _row() -> Any:
    builder = StateGraph(_State)
    builder.add_sequence([("router", _node("router")), ("agent", _node("agent"))])
    return builder.add_edge(START, "router").compile()


def _asking() -> Any:
    def book(state: _State) -> None:
        interrupt("Go on?")

    return StateGraph(_State).add_node(book).add_edge(START, "book").compile()


def _fan() -> Any:
    """One of the two searches ends before the other node does, and one after it."""
    first, second = threading.Event(), threading.Event()

    def search(state: dict[str, Any]) -> dict[str, list[str]]:
        if state["done"] == ["late"]:
            second.wait(5)
        else:
            first.set()
        return {"done": ["search"]}

    def weather(state: _State) -> dict[str, list[str]]:
        first.wait(5)
        second.set()
        return {"done": ["weather"]}

    def fan(state: _State) -> list[Send]:
        sends = [Send("search", {"done": [name]}) for name in ("soon", "late")]
        return [*sends, Send("weather", state)]

    builder = StateGraph(_State).add_node(search).add_node(weather)
    return builder.add_conditional_edges(START, fan, ["search", "weather"]).compile()


def _node(name: str) -> Callable[[_State], dict[str, list[str]]]:
    return lambda state: {"done": [name]}
