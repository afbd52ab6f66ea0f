"""A guide that takes its time, so that its runs can be watched and stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime


@dataclass
class Guide:
    """The configuration of a guide: its language, and how many half seconds it thinks."""

    language: Literal["en", "ko"] = "en"
    steps: int = 0


async def think(state: MessagesState, runtime: Runtime[Guide]) -> None:
    """Think aloud for as many half seconds as the context says."""
    if not state["messages"][-1].text:
        raise ValueError("there is no question")
    for step in range(1, runtime.context.steps + 1):
        get_stream_writer()({"step": step})
        await asyncio.sleep(0.5)


async def answer(state: MessagesState, runtime: Runtime[Guide]) -> dict[str, Any]:
    """Answer the last message."""
    text = state["messages"][-1].text
    words = f"{text}: 남산에 가세요" if runtime.context.language == "ko" else f"{text}: see Namsan"
    return {"messages": [AIMessage(words)]}


builder = StateGraph(MessagesState, context_schema=Guide)
builder.add_sequence([think, answer])
builder.add_edge(START, "think")
guide = builder.compile()
