"""A node that is cancelled between its messages and its conditional edge runs again."""

from __future__ import annotations

import asyncio
import time

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.types import ERROR
from langgraph.graph import END, START, MessagesState, StateGraph

from course_lib.fastapi_app.database import WholeStepsSaver, open_database
from course_lib.fastapi_app.stream_parts import MODES
from course_lib.persistence import postgres, unfinished_step

CONFIG = {"configurable": {"thread_id": "t"}}


def build(saver, is_choosing):
    """A graph whose conditional edge takes its time at first."""

    def ask(state: MessagesState):
        return {"messages": [AIMessage("one moment")]}

    def choose(state: MessagesState) -> str:
        if not is_choosing.is_set():
            is_choosing.set()
            time.sleep(0.5)
        return "answer"

    def answer(state: MessagesState):
        return {"messages": [AIMessage("the answer")]}

    builder = StateGraph(MessagesState)
    builder.add_node(ask)
    builder.add_node(answer)
    builder.add_edge(START, "ask")
    builder.add_conditional_edges("ask", choose, ["answer"])
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver)


async def cancelled_run(graph, is_choosing):
    """Run a turn as the service does, and cancel it while the edge chooses."""
    given = {"messages": [("user", "hello")]}

    async def stream():
        options = {"stream_mode": MODES, "subgraphs": True, "version": "v2"}
        async for _ in graph.astream(given, CONFIG, durability="sync", **options):
            pass

    run = asyncio.create_task(stream())
    while not is_choosing.is_set():
        await asyncio.sleep(0.01)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_a_node_that_was_cancelled_half_way_runs_again():
    is_choosing = asyncio.Event()
    with postgres("half", scratch=True) as server:
        async with open_database(server.url, 1) as database:
            assert isinstance(database.savers[0], WholeStepsSaver)
            graph = build(database.savers[0], is_choosing)
            await cancelled_run(graph, is_choosing)
            assert unfinished_step(await graph.aget_state(CONFIG)) == ("ask",)
            state = await graph.ainvoke(None, CONFIG)
    assert [each.text for each in state["messages"]] == ["hello", "one moment", "the answer"]


@pytest.mark.parametrize(
    ("saver", "error", "kept"),
    [
        (WholeStepsSaver, asyncio.CancelledError(), [ERROR]),
        (WholeStepsSaver, ValueError("refused"), [ERROR, "messages"]),
        (WholeStepsSaver, None, ["messages"]),
        (AsyncPostgresSaver, asyncio.CancelledError(), [ERROR, "messages"]),
    ],
)
async def test_what_is_kept_of_a_node(saver, error, kept):
    """What LangGraph's runner hands over when it cancels a node is its writes and the error."""
    writes = [("messages", [AIMessage("one moment")])]
    writes += [] if error is None else [(ERROR, error)]
    with postgres("half", scratch=True) as server:
        async with open_database(server.url, 1) as database:
            made = saver(database.pool)
            config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
            config = await made.aput(config, empty_checkpoint(), {}, {})
            await made.aput_writes(config, writes, "task")
            found = await made.aget_tuple(config)
    assert sorted(channel for _, channel, _ in found.pending_writes) == kept
