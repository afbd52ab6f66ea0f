"""A field `messages` that is no list, and a field that is read before it is written."""

import operator
from typing import Annotated, Any

import pytest
from chat_graphs import chat_on, texts
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph, add_messages
from pydantic import BaseModel
from typing_extensions import TypedDict

from course_lib.chat import ChatPanel

OTHER = {"Seoul": "a city"}


def one_field(declared):
    class OneField(TypedDict):
        messages: declared

    graph = StateGraph(OneField).add_node("node", lambda state: {}).add_edge(START, "node")
    return graph.compile(checkpointer=InMemorySaver())


class ByName(TypedDict):
    ann: str


class Talk(BaseModel):
    messages: dict[str, str] = {}


def merged(old, new):
    return {**old, **new}


def by_id(old, new):
    return {**old, **{message.id: message for message in new}}


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        (dict, "dict"),
        (dict[str, list[AnyMessage]], "dict"),
        (Annotated[dict, operator.or_], "dict"),
        (Annotated[dict[str, str], merged], "dict"),
        (str, "str"),
        (ByName, "ByName"),
        (dict | None, "dict"),
    ],
)
def test_messages_that_are_no_list_are_reported_when_the_panel_is_made(declared, name):
    (note,) = texts(ChatPanel(one_field(declared)).transcript, "note")
    assert f"declared as {name}" in note and "add_messages" in note


def test_messages_of_a_model_that_are_no_list_are_reported():
    graph = StateGraph(Talk).add_node("node", lambda state: {}).add_edge(START, "node")
    panel = ChatPanel(graph.compile(checkpointer=InMemorySaver()))
    assert "declared as dict" in texts(panel.transcript, "note")[0]


@pytest.mark.parametrize(
    "declared",
    [
        Annotated[list[AnyMessage], add_messages],
        Annotated[list[dict], operator.add],
        Annotated[list[AnyMessage] | None, add_messages],
        Annotated[Any, add_messages],
        Annotated[dict, by_id],  # this reducer takes a list
    ],
)
def test_messages_that_take_a_list_are_no_caveat(declared):
    notes = texts(ChatPanel(one_field(declared)).transcript, "note")
    assert not any("declared as" in note for note in notes)


class Trip(MessagesState):
    city: str


def compiled(graph):
    return graph.compile(checkpointer=InMemorySaver())


def in_a_node():
    def greet(state: Trip):
        return {"messages": [AIMessage(f"Welcome to {state['city']}")]}

    return compiled(StateGraph(Trip).add_node("greet", greet).add_edge(START, "greet"))


def in_a_function_of_an_async_node():
    def city_of(given):
        return given["city"].title()

    async def greet(state: Trip):
        return {"messages": [AIMessage(city_of(state))]}

    return compiled(StateGraph(Trip).add_node("greet", greet).add_edge(START, "greet"))


def in_a_subgraph():
    inner = StateGraph(Trip).add_node("greet", lambda s: {"city": s["city"]})
    outer = StateGraph(MessagesState).add_node("trip", inner.add_edge(START, "greet").compile())
    return compiled(outer.add_edge(START, "trip"))


def in_a_conditional_edge():
    graph = StateGraph(Trip).add_node("greet", lambda state: {})
    graph.add_node("there", lambda state: {}).add_edge(START, "greet")
    graph.add_conditional_edges("greet", lambda state: state["city"], ["there"])
    return compiled(graph)


def in_a_text():
    def greet(state: Trip):
        return {"messages": [AIMessage("Welcome to {city}".format(**state))]}

    return compiled(StateGraph(Trip).add_node("greet", greet).add_edge(START, "greet"))


SHAPES = [
    in_a_node,
    in_a_function_of_an_async_node,
    in_a_subgraph,
    in_a_conditional_edge,
    in_a_text,
]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_field_that_nobody_wrote_is_named_with_the_node_and_the_remedy(shape):
    chat, transcript = chat_on(shape())
    await chat.send("hello")
    (problem,) = texts(transcript, "problem")
    first, last = problem.splitlines()
    assert "no value in the field 'city'" in first and "node 'greet' reads it" in first
    assert "first node that returns a default for 'city'" in first
    assert last == "KeyError: 'city'"


async def test_a_branch_of_start_that_reads_a_missing_field_is_named():
    graph = StateGraph(Trip).add_node("greet", lambda state: {})
    graph.add_conditional_edges(START, lambda state: state["city"], ["greet"])
    chat, transcript = chat_on(compiled(graph))
    await chat.send("hello")
    assert "'city'" in texts(transcript, "problem")[0]
    assert "conditional edge of START" in texts(transcript, "problem")[0]


async def test_a_key_of_another_dictionary_is_not_taken_for_a_field():
    def shared(state: Trip):
        return {"city": OTHER["city"]}

    def nested(state: Trip):
        return {"city": {"a": {}}["a"]["city"]}

    def filled(state: Trip):
        return {"city": state["messages"][0].additional_kwargs["city"]}

    def unknown(state: Trip):
        return {"city": state["town"]}

    for node in (shared, nested, filled, unknown):
        graph = compiled(StateGraph(Trip).add_node("greet", node).add_edge(START, "greet"))
        chat, transcript = chat_on(graph)
        await chat.send("hello")
        (problem,) = texts(transcript, "problem")
        assert problem.startswith("The graph stopped with KeyError")
