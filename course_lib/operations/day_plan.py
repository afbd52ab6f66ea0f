"""Long work as a graph: a plan for a day, one stop after the other, each stored when it is found.

A worker of the job queue may be killed in the middle. The queue then starts the job again from its
beginning, and the checkpoints know how far it was: the job goes on behind the last stored stop.
"""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from langchain_core.language_models import BaseChatModel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from course_lib.namu import build_namu
from course_lib.persistence import unfinished_step


class Stop(TypedDict):
    """One stop of the day.

    Args:
        wish: what the person wanted.
        places: English names of the places that Namu found.
        answer: what Namu said.
    """

    wish: str
    places: list[str]
    answer: str


class DayPlan(TypedDict):
    """The state of a plan.

    Args:
        wishes: what the person wants, in the order of the day.
        stops: what was found so far.
    """

    wishes: list[str]
    stops: Annotated[list[Stop], operator.add]


def build_day_plan(
    model: BaseChatModel, checkpointer: BaseCheckpointSaver[Any]
) -> CompiledStateGraph[Any]:
    """Build and compile the graph.

    Args:
        model: which Namu asks.
        checkpointer: where each stop is kept.
    """
    namu = build_namu(model=model)

    async def find_stop(state: DayPlan) -> dict[str, list[Stop]]:
        wish = state["wishes"][len(state["stops"])]
        asked = {"messages": [{"role": "user", "content": wish}]}
        # A subgraph in a namespace of its own for each stop: no wish knows of the others.
        found = await namu.ainvoke(asked)
        places = [place["name_en"] for place in found.get("last_recommended_places") or []]
        answer = str(found["messages"][-1].text)
        return {"stops": [Stop(wish=wish, places=places, answer=answer)]}

    def more(state: DayPlan) -> Literal["find_stop", "__end__"]:
        return "find_stop" if len(state["stops"]) < len(state["wishes"]) else END

    graph = StateGraph(DayPlan)
    graph.add_node(find_stop)
    graph.add_conditional_edges(START, more)
    graph.add_conditional_edges("find_stop", more)
    return graph.compile(checkpointer=checkpointer, name="day_plan")


async def plan_stops(
    graph: CompiledStateGraph[Any], thread_id: str, wishes: list[str]
) -> AsyncIterator[tuple[int, Stop]]:
    """Find all stops of a plan, and give each as soon as it is stored.

    Args:
        graph: of `build_day_plan`.
        thread_id: the job's own thread.
        wishes: what the person wants. A plan that was begun goes on with its own.

    Yields:
        The number of a stop, from 1, and the stop; also those that an earlier run has found.
    """
    config = {"configurable": {"thread_id": thread_id}}
    state = await graph.aget_state(config)
    known = state.values.get("stops", [])
    for number, stop in enumerate(known, 1):
        yield number, stop
    if state.created_at is not None and not unfinished_step(state):
        return
    value = None if state.created_at is not None else {"wishes": wishes, "stops": []}
    # The values are told when a step has ended, and stored before the next step begins. A run that
    # goes on tells a stop again whose step had ended without a checkpoint, so stops are counted.
    told, stored = len(known), known
    async for values in graph.astream(value, config, stream_mode="values", durability="sync"):
        for stop in stored[told:]:
            told += 1
            yield told, stop
        stored = values["stops"]
    for stop in stored[told:]:
        told += 1
        yield told, stop
