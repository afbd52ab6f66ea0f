"""The streams that a learner predicts in chapter 06: how many parts each one yields."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Mapping
from contextlib import aclosing
from typing import Annotated, Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.exercises.exercise import run_coroutine

THREAD: Any = {"configurable": {"thread_id": "ann"}}
NAMES = ("one", "two", "three")


class Done(TypedDict):
    """The state of the graphs: which nodes have run."""

    done: Annotated[list[str], operator.add]


def _three_nodes(at_once: bool = False) -> Any:
    """Build a graph of three nodes, in a row or all in the first super-step."""
    builder = StateGraph(Done)
    for name in NAMES:
        builder.add_node(name, lambda state, name=name: {"done": [name]})
    for before, name in zip([START, *NAMES], NAMES, strict=False):
        builder.add_edge(START if at_once else before, name)
    return builder.compile()


def _around(subgraph: Any) -> Any:
    return StateGraph(Done).add_node("inner", subgraph).add_edge(START, "inner").compile()


def _parts(graph: Any, mode: str) -> int:
    return len(list(graph.stream({"done": []}, stream_mode=mode, version="v2")))


def _parts_without_a_model() -> int:
    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("a quiet cafe in Jongno-gu")]}

    graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer").compile()
    given: Any = {"messages": [("user", "hello")]}
    return len(list(graph.stream(given, stream_mode="messages", version="v2")))


async def _parts_after_a_stop() -> int:
    """Leave a stream while the second of three nodes runs, then stream the thread again."""
    begun: list[str] = []

    async def one(state: Done) -> dict[str, Any]:
        return {"done": ["one"]}

    async def two(state: Done) -> dict[str, Any]:
        get_stream_writer()("two has begun")
        begun.append("two")
        if len(begun) == 1:
            await asyncio.sleep(60)  # the stop comes first
        return {"done": ["two"]}

    async def three(state: Done) -> dict[str, Any]:
        return {"done": ["three"]}

    builder = StateGraph(Done).add_sequence([one, two, three]).add_edge(START, "one")
    graph = builder.compile(checkpointer=InMemorySaver())
    parts = graph.astream({"done": []}, THREAD, stream_mode="custom", version="v2")
    async with aclosing(parts):
        async for _ in parts:
            break
    again = graph.astream(None, THREAD, stream_mode="updates", version="v2")
    return len([part async for part in again])


REASONS = {
    "values": (
        "The mode sends the state once with the input and once after the super-step. Nodes that "
        "run at the same time belong to one super-step."
    ),
    "updates": "Each node that returns sends a part of its own, also within one super-step.",
    "tasks": "A node sends one part when it begins and one when it ends.",
    "subgraph": "Without subgraphs=True the subgraph is one node of the outer graph.",
    "messages": "A message that no model call wrote comes as one part, when the node returns it.",
    "continued": (
        "The first node had finished, and its checkpoint stays. The second one runs again from its "
        "beginning, and then the third one."
    ),
}
"""Why each case ends as it does."""


def found() -> Mapping[str, int]:
    """Run every case and return how many parts came."""
    return {
        "values": _parts(_three_nodes(at_once=True), "values"),
        "updates": _parts(_three_nodes(at_once=True), "updates"),
        "tasks": _parts(_three_nodes(), "tasks"),
        "subgraph": _parts(_around(_three_nodes()), "updates"),
        "messages": _parts_without_a_model(),
        "continued": run_coroutine(_parts_after_a_stop()),
    }
