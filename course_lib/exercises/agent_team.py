"""The graph of chapter 06 in which several agents speak, each in a subgraph of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph


def scripted_model(text: str) -> GenericFakeChatModel:
    """Return a model that always answers with one text; each word and each space is a token.

    Args:
        text: the answer.
    """

    def answers() -> Iterator[AIMessage]:
        while True:
            yield AIMessage(text)

    return GenericFakeChatModel(messages=answers())


def _agent(text: str) -> Any:
    model = scripted_model(text)

    def speak(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    return StateGraph(MessagesState).add_node(speak).add_edge(START, "speak").compile()


def team_graph(**texts: str) -> Any:
    """Compile a graph in which agents speak one after the other.

    Args:
        texts: what each agent says, by its name. Each agent is a subgraph with one node, `speak`.
    """
    builder = StateGraph(MessagesState)
    builder.add_sequence([(name, _agent(text)) for name, text in texts.items()])
    builder.add_edge(START, next(iter(texts)))
    return builder.compile()
