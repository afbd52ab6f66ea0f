"""Graphs that the chat service has to get on with: other kinds of state and context, odd values."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from langchain_core.messages import AIMessage, AnyMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph, add_messages
from langgraph.runtime import Runtime
from langgraph.types import interrupt
from pydantic import BaseModel, Field


@dataclass
class DataState:
    """A state that is a dataclass."""

    messages: Annotated[list[AnyMessage], add_messages] = field(default_factory=list)
    mood: str = "calm"


class PydanticState(BaseModel):
    """A state that is a Pydantic model."""

    messages: Annotated[list[AnyMessage], add_messages] = Field(default_factory=list)
    mood: str = "calm"


@dataclass
class DataContext:
    """A context that knows a user and nothing else."""

    user: str


class PydanticContext(BaseModel, extra="forbid"):
    """A context that knows a tenant and nothing else."""

    tenant: str


def echo(schema: Any, context: Any) -> Any:
    """Return what compiles a graph that repeats the last message."""

    def build(saver: Any, store: Any) -> Any:
        async def answer(state: schema, runtime: Runtime[context]) -> dict[str, Any]:
            messages = state["messages"] if isinstance(state, dict) else state.messages
            return {"messages": [AIMessage(f"re: {messages[-1].text}")]}

        graph = StateGraph(schema, context_schema=context)
        graph.add_node("answer", answer)
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        return graph.compile(checkpointer=saver, store=store)

    return build


class Odd:
    """A value of a class that no JSON knows."""

    def __repr__(self) -> str:
        return "<odd>"


def odd(ledger: Path) -> Any:
    """Return what compiles a graph whose values are no JSON, and whose second node may wait."""

    def build(saver: Any, store: Any) -> Any:
        async def ask(state: MessagesState) -> dict[str, Any]:
            text = state["messages"][-1].text
            if text == "odd":
                get_stream_writer()(
                    {"odd": Odd(), "when": datetime.date(2026, 1, 2), "nan": float("nan")}
                )
                return {"messages": [AIMessage("nul \x00 half \ud83d")]}
            given = interrupt({"question": "Go on?", "when": datetime.date(2026, 1, 2)})
            if text == "fail once" and not ledger.exists():
                ledger.write_text("failed")
                raise RuntimeError("only once")
            return {"messages": [AIMessage(f"First: {given}.")]}

        async def after(state: MessagesState) -> dict[str, Any]:
            if state["messages"][-2].text == "stop in the second node" and not ledger.exists():
                ledger.write_text("failed")
                raise RuntimeError("only once")
            return {"messages": [AIMessage("Second.")]}

        graph = StateGraph(MessagesState)
        graph.add_node("ask", ask)
        graph.add_node("after", after)
        graph.add_edge(START, "ask")
        graph.add_edge("ask", "after")
        graph.add_edge("after", END)
        return graph.compile(checkpointer=saver, store=store)

    return build
