"""Graphs as other people build them, to try the chat on: one for each shape of state and control.

Built after LangGraph's own examples (langchain-academy, supervisor). Every answer says how many
messages of a person it has seen, so that a fork from the wrong place is seen in the state. Agents
are in `agent_shapes`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.runtime import Runtime
from langgraph.types import Command, RetryPolicy, Send, interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict


def text_of(message: Any) -> str:
    return message["content"] if isinstance(message, dict) else str(message.text)


def said(messages: list[Any]) -> list[str]:
    """The texts of a person's messages."""
    return [
        text_of(m)
        for m in messages
        if (m.get("role") == "user" if isinstance(m, dict) else m.type == "human")
    ]


def heard(messages: list[Any]) -> str:
    texts = said(messages)
    return f"heard {texts[-1]}, number {len(texts)}"


def reply(state: Any) -> dict[str, Any]:
    messages = state["messages"] if isinstance(state, dict) else state.messages
    return {"messages": [AIMessage(heard(messages))]}


def one(schema: Any, node: Any = reply, **options: Any) -> StateGraph:
    return StateGraph(schema, **options).add_node("node", node).add_edge(START, "node")


class Added(TypedDict):
    messages: Annotated[list[AnyMessage], operator.add]


class Dicts(TypedDict):
    messages: Annotated[list[dict], operator.add]


def put_by_id(old: dict[str, AnyMessage], new: Any) -> dict[str, AnyMessage]:
    added = new.values() if isinstance(new, dict) else new
    return {**old, **{message.id or f"message {len(old)}": message for message in added}}


class ById(TypedDict):
    messages: Annotated[dict[str, AnyMessage], put_by_id]


class NoReducer(TypedDict):
    messages: list[AnyMessage]


@dataclass
class Record:
    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)
    count: int = 0


class Model(BaseModel):
    messages: Annotated[list[AnyMessage], add_messages] = []
    count: int = 0


def fold(state: list[AnyMessage], writes: list[Any]) -> list[AnyMessage]:
    for write in writes:
        state = add_messages(state, write)
    return state


class Delta(TypedDict):
    messages: Annotated[list[AnyMessage], DeltaChannel(fold, snapshot_frequency=3)]


class Total(MessagesState):
    total: Annotated[int, operator.add]
    note: str


@dataclass
class Context:
    tone: Literal["kind", "dry"] = "kind"


def dicts(state: Dicts) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", "content": heard(state["messages"])}]}


def by_id(state: ById) -> dict[str, Any]:
    return {"messages": [AIMessage(heard([*state["messages"].values()]))]}


def all_of_it(state: NoReducer) -> dict[str, Any]:
    return {"messages": [*state["messages"], AIMessage(heard(state["messages"]))]}


def counting(state: Any) -> dict[str, Any]:
    return {**reply(state), "count": state.count + 1}


async def asynchronous(state: MessagesState) -> dict[str, Any]:
    return reply(state)


def with_tone(state: MessagesState, runtime: Runtime[Context]) -> dict[str, Any]:
    return {"messages": [AIMessage(f"{runtime.context.tone}: {heard(state['messages'])}")]}


def subgraph() -> StateGraph:
    return one(MessagesState, one(MessagesState).compile())


def fan_out() -> StateGraph:
    def split(state: Total) -> list[Send]:
        return [Send("worker", {"n": n}) for n in range(3)]

    graph = StateGraph(Total).add_node("worker", lambda state: {"total": state["n"]})
    graph.add_node("node", reply).add_conditional_edges(START, split, ["worker"])
    return graph.add_edge("worker", "node")


def parallel() -> StateGraph:
    graph = StateGraph(Total)
    for name in ("left", "right"):
        graph.add_node(name, lambda state: {"total": 1}).add_edge(START, name)
    graph.add_node("node", reply, defer=True)
    return graph.add_edge("left", "node").add_edge("right", "node")


def commands() -> StateGraph:
    def route(state: Total) -> Command[Literal["node"]]:
        return Command(update={"note": "routed"}, goto="node")

    graph = StateGraph(Total).add_node("route", route).add_node("node", reply)
    return graph.add_edge(START, "route")


def supervisor() -> StateGraph:
    def agent(name: str) -> Any:
        def node(state: MessagesState) -> dict[str, Any]:
            text = f"{name} {heard(state['messages'])}"
            return {"messages": [AIMessage(text, name=name)]}

        return node

    def choose(state: MessagesState) -> Command[Literal["researcher", "writer"]]:
        return Command(goto="researcher" if len(said(state["messages"])) % 2 else "writer")

    graph = StateGraph(MessagesState).add_node("choose", choose).add_edge(START, "choose")
    for name in ("researcher", "writer"):
        graph.add_node(name, agent(name)).add_edge(name, END)
    return graph


def reflection() -> StateGraph:
    def draft(state: MessagesState) -> dict[str, Any]:
        persons = [m for m in state["messages"] if m.type == "human" and m.name != "critic"]
        return {"messages": [AIMessage(f"draft {persons[-1].text}, number {len(persons)}")]}

    def criticise(state: MessagesState) -> dict[str, Any]:
        return {"messages": [HumanMessage("too long", name="critic")]}

    def more(state: MessagesState) -> Literal["criticise", "__end__"]:
        last = max(
            n for n, m in enumerate(state["messages"]) if m.name != "critic" and m.type == "human"
        )
        return "criticise" if len(state["messages"]) - last < 4 else END

    graph = StateGraph(MessagesState).add_node(draft).add_node(criticise)
    graph.add_edge(START, "draft").add_conditional_edges("draft", more)
    return graph.add_edge("criticise", "draft")


def asking() -> StateGraph:
    def node(state: MessagesState) -> dict[str, Any]:
        if "ask" in said(state["messages"])[-1]:
            answer = interrupt({"question": "Sure?"})
            return {"messages": [AIMessage(f"told {answer}, {heard(state['messages'])}")]}
        return reply(state)

    return one(MessagesState, node)


def input_schema() -> StateGraph:
    class Input(TypedDict):
        messages: Annotated[list[AnyMessage], add_messages]

    class Output(TypedDict):
        note: str

    def node(state: Total) -> dict[str, Any]:
        return {**reply(state), "note": "noted"}

    return one(Total, node, input_schema=Input, output_schema=Output)


def compiled(make: Any) -> Any:
    return lambda saver: make().compile(checkpointer=saver)


SHAPES: dict[str, Any] = {
    "messages state": compiled(lambda: one(MessagesState)),
    "operator.add": compiled(lambda: one(Added)),
    "dicts": compiled(lambda: one(Dicts, dicts)),
    "by id": compiled(lambda: one(ById, by_id)),
    "no reducer": compiled(lambda: one(NoReducer, all_of_it)),
    "dataclass": compiled(lambda: one(Record, counting)),
    "pydantic": compiled(lambda: one(Model, counting)),
    "delta channel": compiled(lambda: one(Delta)),
    "asynchronous node": compiled(lambda: one(MessagesState, asynchronous)),
    "context": compiled(lambda: one(MessagesState, with_tone, context_schema=Context)),
    "subgraph": compiled(subgraph),
    "fan out": compiled(fan_out),
    "parallel": compiled(parallel),
    "commands": compiled(commands),
    "supervisor": compiled(supervisor),
    "reflection": compiled(reflection),
    "asking": compiled(asking),
    "input schema": compiled(input_schema),
    "retries": compiled(
        lambda: (
            StateGraph(MessagesState)
            .add_node("node", reply, retry_policy=RetryPolicy(max_attempts=2))
            .add_edge(START, "node")
        )
    ),
}
"""How to build each graph on a saver, by its name."""
