"""The service of the tests of docs/runbook.md: a chat with the served model, and two bad habits.

| message   | what happens                                                |
|-----------|-------------------------------------------------------------|
| `hoard`   | the worker takes 400 MB and keeps it, then answers          |
| `forever` | the node waits for something that never comes               |
| the rest  | the model at `COURSE_LLM_BASE_URL` answers                  |
"""

from __future__ import annotations

import asyncio
from typing import Any

from langgraph.graph import END, START, MessagesState, StateGraph

from course_lib.fastapi_app import create_app
from course_lib.models import chat_model
from course_lib.operations import service_app

HOARD_BYTES = 400 * 2**20
HOARD: list[bytearray] = []
"""Memory that a worker never gives back, as a cache without a limit does."""


def make_app() -> Any:
    """The application; a factory for uvicorn."""
    model = chat_model()

    async def answer(state: MessagesState) -> dict[str, Any]:
        text = str(state["messages"][-1].text)
        if text == "hoard":
            HOARD.append(bytearray(HOARD_BYTES))
        if text == "forever":
            await asyncio.Event().wait()
        return {"messages": [await model.ainvoke(state["messages"])]}

    def build(saver: Any, store: Any) -> Any:
        builder = StateGraph(MessagesState)
        builder.add_node("answer", answer)
        builder.add_edge(START, "answer")
        builder.add_edge("answer", END)
        return builder.compile(checkpointer=saver, store=store)

    return service_app.make_app(lambda settings, hooks: create_app(build, settings, hooks))
