"""A thread with eight messages and calls of tools, to delete from: exercise 3 of chapter 14."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

OTHER = {"configurable": {"thread_id": "bo"}}


@dataclass
class KeptThread:
    """A thread of a graph.

    Args:
        graph: compiled with a checkpointer.
        config: names the thread.
    """

    graph: CompiledStateGraph
    config: dict[str, Any]

    def ids(self) -> list[str]:
        """The ids of the messages, in order."""
        return [each.id for each in self._messages(self.config)]

    def texts(self) -> dict[str, str]:
        """The text of each message, by id."""
        return {each.id: each.text for each in self._messages(self.config)}

    def others(self) -> int:
        """How many messages the other thread has."""
        return len(self._messages(OTHER))

    def has_in_history(self, count: int) -> bool:
        """Whether a state with so many messages is in the history."""
        states = self.graph.get_state_history(self.config)
        return any(len(state.values.get("messages", ())) == count for state in states)

    def _messages(self, config: dict[str, Any]) -> list[Any]:
        return list(self.graph.get_state(config).values.get("messages", ()))


def kept_thread() -> KeptThread:
    """A new thread with the messages `m1` to `m8`, beside one of somebody else."""

    def answer(state: MessagesState) -> None: ...

    builder = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer")
    graph = builder.compile(checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "ann"}}
    for each in (config, OTHER):
        graph.update_state(each, {"messages": _messages()}, as_node="answer")
    return KeptThread(graph, config)


def _messages() -> list[AnyMessage]:
    def call(key: str) -> dict[str, Any]:
        return {"name": "find_places", "args": {}, "id": key, "type": "tool_call"}

    return [
        HumanMessage("a cafe and a park", id="m1"),
        AIMessage("I look for both.", id="m2", tool_calls=[call("c1"), call("c2")]),
        ToolMessage("a park", id="m3", tool_call_id="c2"),
        ToolMessage("a cafe", id="m4", tool_call_id="c1"),
        AIMessage("Here are both.", id="m5"),
        AIMessage("", id="m6", tool_calls=[call("c3")]),
        ToolMessage("a market", id="m7", tool_call_id="c3"),
        AIMessage("And a market.", id="m8"),
    ]
