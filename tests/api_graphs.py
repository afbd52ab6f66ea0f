"""A small graph for the tests of the chat service: it repeats, slowly, asks, and fails on demand.

| message            | what happens                                               |
|--------------------|------------------------------------------------------------|
| `anything`         | the answer is `re: anything`                               |
| `slow 40`          | an answer of 40 tokens, one every 50 ms                    |
| `stamp`            | one token: the time at which the model made it             |
| `ask me`           | the graph asks whether to go on                            |
| `fail`             | the node raises an error whose text holds a secret         |
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel

from course_lib.fastapi_app import create_app
from course_lib.fastapi_app.namu_app import Caller

TOKEN_SECONDS = float(os.environ.get("TEST_TOKEN_SECONDS", "0.05"))


class Echo(BaseChatModel):
    """Repeats the last message, token by token."""

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError

    async def _agenerate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        text = "".join([chunk.text async for chunk in self._astream(messages)])
        return ChatResult(generations=[ChatGeneration(message=AIMessageChunk(text))])

    async def _astream(
        self, messages: list[BaseMessage], *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        text = str(messages[-1].text)
        slow = text.startswith("slow ")
        words = [f"w{n} " for n in range(int(text.split()[1]))] if slow else [f"re: {text}"]
        if text == "stamp":
            words = [f"made at {time.time() * 1000:.0f}"]
        for word in words:
            if slow:
                await asyncio.sleep(TOKEN_SECONDS)
            yield ChatGenerationChunk(message=AIMessageChunk(word))


class Answer(BaseModel):
    """A person's answer."""

    approve: bool


class State(MessagesState):
    """The messages, and every text that a run was given, in order."""

    seen: Annotated[list[str], lambda left, right: left + right]
    roles: list[str]


def build(saver: Any, store: Any) -> Any:
    """Compile the graph."""
    model = Echo()

    async def note(state: State) -> dict[str, Any]:
        text = str(state["messages"][-1].text)
        ledger = os.environ.get("TEST_LEDGER")
        if ledger:  # how often the first node ran for a message, over all processes
            with Path(ledger).open("a") as file:
                file.write(f"{state['messages'][-1].id}\n")
        return {"seen": [text]}

    async def answer(state: State) -> dict[str, Any]:
        text = str(state["messages"][-1].text)
        if text == "fail":
            raise RuntimeError("password=hunter2")
        if text.startswith("ask"):
            given = interrupt({"question": "Go on?"}, response_schema=Answer)
            text = "yes" if given.approve else "no"
            return {"messages": [{"role": "assistant", "content": f"You said {text}."}]}
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(State, context_schema=Caller)
    graph.add_node("note", note)
    graph.add_node("answer", answer)
    graph.add_edge(START, "note")
    graph.add_edge("note", "answer")
    graph.add_edge("answer", END)
    return graph.compile(checkpointer=saver, store=store)


def make_app() -> Any:
    """A factory for uvicorn."""
    return create_app(build)
