"""The run that a learner predicts in chapter 07: which lines run again when it is resumed."""

from __future__ import annotations

from collections import Counter

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict


class Booking(TypedDict):
    """The state of the run."""

    place: str


LINES = {
    "earlier node": "It had finished before the questions, so no resume runs it again.",
    "before Book?": "The node begins again at its first line, once for each answer.",
    "between": "Each of the two resumes reaches it: the first for Book?, the second for Pay now?.",
    "after Pay now?": "It is reached only when both answers are there.",
    "quiet node": "It had finished and its writes are stored, so it does not run again.",
    "waiting node": "It has not finished, so each resume runs it again up to its question.",
}
"""The lines of the run that are counted, and the reason of each number."""


def counted_lines() -> Counter[str]:
    """Run the graph, answer two of its three questions, and count how often each line ran."""
    ran: Counter[str] = Counter()

    def earlier(state: Booking) -> None:
        ran["earlier node"] += 1

    def asks_twice(state: Booking) -> None:
        ran["before Book?"] += 1
        interrupt("Book?")
        ran["between"] += 1
        interrupt("Pay now?")
        ran["after Pay now?"] += 1

    def quiet(state: Booking) -> None:
        ran["quiet node"] += 1

    def waiting(state: Booking) -> None:
        ran["waiting node"] += 1
        interrupt("Any wish?")

    builder = StateGraph(Booking).add_node(earlier).add_edge(START, "earlier")
    for node in (asks_twice, quiet, waiting):
        builder.add_node(node).add_edge("earlier", node.__name__)
    thread = {"configurable": {"thread_id": "ann"}}
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"place": "Dawon"}, thread)
    for question in ("Book?", "Pay now?"):
        ids = {each.value: each.id for each in graph.get_state(thread).interrupts}
        graph.invoke(Command(resume={ids[question]: True}), thread)
    return ran
