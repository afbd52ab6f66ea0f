"""The runs that a learner predicts in chapter 05: two of them, and what the second one finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime


class Visit(MessagesState):
    """The state of the graph that runs twice.

    Args:
        session_id: the id that the web framework gave to the browser's visit.
    """

    session_id: str


def _run_twice(first: Any, second: Any, **once: Any) -> dict[str, Any]:
    """Run a graph of one node twice, each time in the thread with the given id.

    Args:
        first: the thread id of the first run.
        second: the thread id of the second run.
        once: options of `invoke` for the first run, such as its context; `metadata` goes into the
            config.

    Returns:
        What is there after the second run: the `messages` of its thread as a number, its
        `context`, the `newest` user and the number of checkpoints that a `search` finds.
    """
    saver, contexts = InMemorySaver(), []

    def answer(state: Visit, runtime: Runtime[dict[str, str]]) -> dict[str, Any]:
        contexts.append(runtime.context)
        return {"messages": [("ai", "I see.")]}

    builder = StateGraph(Visit, context_schema=dict)
    builder.add_node(answer)
    builder.add_edge(START, "answer")
    graph = builder.compile(checkpointer=saver)
    given = {"messages": [("user", "hello")], "session_id": "browser-7"}
    before = {"configurable": {"thread_id": first}, "metadata": once.pop("metadata", {})}
    graph.invoke(given, before, **once)
    thread = {"configurable": {"thread_id": second}}
    state = graph.invoke(given, thread)
    newest = saver.get_tuple(thread)
    assert newest is not None
    return {
        "messages": len(state["messages"]),
        "context": contexts[-1],
        "newest": newest.metadata.get("user"),
        "search": len(list(saver.list(None, filter={"user": "ann"}))),
    }


REASONS = {
    "number and text": (
        'LangGraph converts the number 1 to the text "1". Both runs are in the same thread.'
    ),
    "same session": (
        "session_id is a value in the state. The checkpointer looks only at the thread_id."
    ),
    "context": "No checkpoint stores the context, so a run without one has None.",
    "newest checkpoint": (
        "A checkpoint has the metadata of the run that wrote it, and the second run had none."
    ),
    "search": (
        "The second run changes nothing in the three checkpoints of the first one, and the search "
        "reads all checkpoints."
    ),
}
"""Why each case ends as it does."""


def found() -> Mapping[str, Any]:
    """Run the cases and return what is there after the second run of each."""
    ann = {"user": "ann"}
    return {
        "number and text": _run_twice(1, "1")["messages"],
        "same session": _run_twice("a", "b")["messages"],
        "context": _run_twice("a", "a", context=ann)["context"],
        "newest checkpoint": _run_twice("a", "a", metadata=ann)["newest"],
        "search": _run_twice("a", "a", metadata=ann)["search"],
    }
