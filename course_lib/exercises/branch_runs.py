"""What a learner predicts in chapter 08: a thread of several turns, and what is done in it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.exercises.conversations import echo_graph

THREAD = {"configurable": {"thread_id": "ann"}}


class Talk(MessagesState):
    """The state of `talk_graph`.

    Args:
        asked: the texts of the questions, the oldest first.
    """

    asked: Annotated[list[str], operator.add]


def talk_graph(answered: list[str] | None = None) -> Any:
    """Compile a graph of two nodes: `note` appends the question to `asked`, `answer` echoes.

    Args:
        answered: a list that gets the text of each message that `answer` ran for.
    """

    def note(state: Talk) -> dict[str, Any]:
        return {"asked": [state["messages"][-1].text]}

    def answer(state: Talk) -> dict[str, Any]:
        text = state["messages"][-1].text
        if answered is not None:
            answered.append(text)
        return {"messages": [AIMessage(f"echo: {text}")]}

    builder = StateGraph(Talk).add_sequence([note, answer]).add_edge(START, "note")
    return builder.compile(checkpointer=InMemorySaver())


def conversation(*texts: str, graph: Any = None) -> Any:
    """A graph whose thread holds these questions, with the ids q1, q2 ..., and their echoes."""
    graph = graph or echo_graph(InMemorySaver())
    for n, text in enumerate(texts, 1):
        graph.invoke({"messages": [HumanMessage(text, id=f"q{n}")]}, THREAD)
    return graph


def _waiting(graph: Any, node: str) -> Any:
    """The snapshot of turn 2 where a node is next."""
    history = graph.get_state_history(THREAD)
    return next(s for s in history if s.next == (node,) and s.values["messages"][-1].id == "q2")


def _edited(graph: Any) -> Any:
    changed = {"messages": [HumanMessage("TWO", id="q2")]}
    config = graph.update_state(_waiting(graph, "answer").config, changed)
    return graph.invoke(None, config)


def _update_and_run(graph: Any, **options: Any) -> Any:
    graph.update_state(THREAD, {"asked": ["more"]}, **options)
    return graph.invoke(None, THREAD)


def _replay_and_ask(graph: Any) -> int:
    graph.invoke(None, _waiting(graph, "answer").config)
    return len(graph.invoke({"messages": [HumanMessage("four", id="q4")]}, THREAD)["messages"])


def _remove_last_turn(graph: Any) -> list[str]:
    gone = [RemoveMessage(id=m.id) for m in graph.get_state(THREAD).values["messages"][-2:]]
    graph.update_state(THREAD, {"messages": gone})
    return graph.get_state(THREAD).values["asked"]


def _old_end(graph: Any) -> int:
    end = graph.get_state(THREAD).config
    _edited(graph)
    return len(graph.get_state(end).values["messages"])


ACTIONS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "replay": (
        lambda graph: graph.invoke(None, _waiting(graph, "note").config)["asked"],
        "The replay begins with the state of the old checkpoint, where asked held only 'one'.",
    ),
    "replay, then ask": (
        _replay_and_ask,
        "The replay ended with 4 messages, and a thread continues from its newest checkpoint.",
    ),
    "update": (
        lambda graph: len(_update_and_run(graph)["messages"]),
        "LangGraph guesses that answer wrote the update. Nothing comes after answer.",
    ),
    "update as note": (
        lambda graph: len(_update_and_run(graph, as_node="note")["messages"]),
        "After note comes answer, so answer runs once more and adds a message.",
    ),
    "remove": (_remove_last_turn, "RemoveMessage changes messages and no other field."),
    "edit": (
        lambda graph: _edited(graph)["asked"],
        "note had run before the checkpoint, with the old text, and it does not run again.",
    ),
    "old end": (_old_end, "A fork adds checkpoints. The old ones stay as they were."),
}
"""What exercise 1 does in a thread of three turns, and why the thread then holds what it holds."""
