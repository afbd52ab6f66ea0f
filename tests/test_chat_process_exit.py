"""A node or a tool that would end the Python process fails its run, and the chat goes on."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import suppress
from typing import Annotated, Any

import anyio
import pytest
from agent_shapes import Whole
from chat_graphs import chat_on, kinds, one_node, texts
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel import _executor

from course_lib.chat import ChatPanel
from course_lib.chat.process_exit import ProcessExitError, guard_tasks

EXITS = {
    "sys.exit(3)": lambda: sys.exit(3),
    "sys.exit()": sys.exit,
    "argparse": lambda: argparse.ArgumentParser().parse_args(["--unknown"]),
    "KeyboardInterrupt": lambda: (_ for _ in ()).throw(KeyboardInterrupt()),
}


def leave(state: Any) -> dict[str, Any]:
    """A node that ends the process when it is told to, in the way that the message names."""
    text = str(state["messages"][-1].text)
    if text in EXITS:
        EXITS[text]()
    return {"messages": [AIMessage(f"heard {text}")]}


async def leave_later(state: MessagesState) -> dict[str, Any]:
    await asyncio.sleep(0)
    return leave(state)


def leave_on_reading(old: str, new: str) -> str:
    if new in EXITS:
        EXITS[new]()
    return new


class Reduced(MessagesState):
    told: Annotated[str, leave_on_reading]


@tool("look_up")
def leaving(text: str) -> str:
    """Look something up, or end the process."""
    EXITS[text.removeprefix("tool ")]()
    return text


@tool("look_up")
async def leaving_later(text: str) -> str:
    """Look something up, or end the process."""
    await asyncio.sleep(0)
    EXITS[text.removeprefix("tool ")]()
    return text


def compiled(graph: StateGraph) -> Any:
    return graph.compile(checkpointer=InMemorySaver())


def in_parallel(node: Any) -> Any:
    graph = StateGraph(MessagesState).add_node("node", node).add_node("other", lambda state: {})
    return compiled(graph.add_edge(START, "node").add_edge(START, "other"))


def in_a_router() -> Any:
    graph = StateGraph(MessagesState).add_node("first", lambda state: {})
    graph.add_node("node", leave).add_node("other", lambda state: {})
    graph.add_edge(START, "first").add_edge(START, "other")
    return compiled(graph.add_conditional_edges("first", lambda s: leave(s) and "node", ["node"]))


def in_a_reducer() -> Any:
    def node(state: Reduced) -> dict[str, Any]:
        text = str(state["messages"][-1].text)
        return {"told": text, "messages": [AIMessage(f"heard {text}")]}

    return compiled(StateGraph(Reduced).add_node("node", node).add_edge(START, "node"))


def in_a_subgraph(*, called: bool) -> Any:
    inner = StateGraph(MessagesState).add_node("inner", leave_later).add_edge(START, "inner")
    inner = inner.compile()

    async def call(state: MessagesState) -> Any:
        return await inner.ainvoke(state)

    return one_node(call if called else inner)


def in_a_tool(found: Any) -> Any:
    return create_agent(Whole(), [found], checkpointer=InMemorySaver())


PLACES = {
    "a node": lambda: one_node(leave),
    "an asynchronous node": lambda: one_node(leave_later),
    "one of two nodes": lambda: in_parallel(leave_later),
    "a router": in_a_router,
    "a reducer": in_a_reducer,
    "a subgraph": lambda: in_a_subgraph(called=False),
    "a subgraph that is called": lambda: in_a_subgraph(called=True),
    "a tool": lambda: in_a_tool(leaving),
    "an asynchronous tool": lambda: in_a_tool(leaving_later),
}


@pytest.mark.one_in(5)
@pytest.mark.parametrize("way", EXITS)
@pytest.mark.parametrize("place", PLACES)
async def test_the_run_fails_and_the_chat_goes_on(place, way):
    chat, transcript = chat_on(PLACES[place]())
    await chat.send("one")
    await chat.send(f"tool {way}" if "tool" in place else way)
    assert kinds(transcript)[-2:] == ["problem", "unfinished"]
    assert "would have ended this whole Python process" in texts(transcript, "problem")[0]
    assert not chat.running
    await chat.send("two")
    assert "heard two" in texts(transcript, "answer")[-1]
    await chat.switch("another thread")
    await chat.send("three")
    assert "heard three" in texts(transcript, "answer")[-1]


@pytest.mark.parametrize("place", PLACES)
async def test_the_panel_shows_it_and_stays_alive(place):
    panel = ChatPanel(PLACES[place]())
    await panel.send("tool sys.exit(3)" if "tool" in place else "sys.exit(3)")
    assert "sys.exit(3)" in texts(panel.transcript, "problem")[0]
    await panel.send("two")
    assert "heard two" in texts(panel.transcript, "answer")[-1]


def start_past_the_loop(
    coroutine: Any, loop: Any, *, lazy: bool, name: str | None = None, context: Any = None
) -> asyncio.Task[Any]:
    """Start a task as LangGraph does from Python 3.12 on, without the loop's task factory."""
    return asyncio.Task(coroutine, loop=loop, name=name, context=context)


@pytest.mark.parametrize("place", PLACES)
async def test_it_holds_where_the_task_factory_is_passed_by(place, monkeypatch):
    monkeypatch.setattr(_executor, "run_coroutine_threadsafe", start_past_the_loop)
    chat, transcript = chat_on(PLACES[place]())
    await chat.send("tool sys.exit(3)" if "tool" in place else "sys.exit(3)")
    assert "sys.exit(3)" in texts(transcript, "problem")[0]


@pytest.mark.parametrize("place", ["one of two nodes", "a tool", "a subgraph"])
def test_without_the_chat_the_event_loop_itself_stops(place):
    async def run() -> None:
        text = "tool sys.exit(3)" if "tool" in place else "sys.exit(3)"
        config = {"configurable": {"thread_id": "1"}}
        job = PLACES[place]().ainvoke({"messages": [("user", text)]}, config)
        with suppress(SystemExit):  # whoever catches it comes too late
            await job

    with pytest.raises(SystemExit):
        asyncio.run(run())


async def test_only_the_tasks_of_a_run_are_guarded():
    async def guarded() -> Any:
        guard_tasks()
        return asyncio.get_running_loop().create_task(leave_later({"messages": [AIMessage("a")]}))

    async def coroutine() -> None:
        return None

    inside = await asyncio.create_task(guarded())
    outside = asyncio.create_task(coroutine())
    assert type(inside.get_coro()).__name__ == "_GuardedCoroutine"
    assert asyncio.iscoroutine(outside.get_coro())
    assert type(outside.get_coro()).__name__ == "coroutine"
    await asyncio.gather(inside, outside)


async def test_a_task_factory_of_the_loop_is_still_called():
    made = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(factory)
    chat, transcript = chat_on(in_a_tool(leaving_later))
    await chat.send("tool sys.exit(3)")
    assert made
    assert "sys.exit(3)" in texts(transcript, "problem")[0]


async def test_deadlines_of_anyio_work_in_a_guarded_task():
    async def node(state: MessagesState) -> dict[str, Any]:
        with anyio.move_on_after(0.01) as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)
        return {"messages": [AIMessage(f"late: {scope.cancelled_caught}")]}

    chat, transcript = chat_on(in_parallel(node))
    await chat.send("one")
    assert texts(transcript, "answer") == ["late: True"]


@pytest.mark.filterwarnings("error")
async def test_a_guarded_task_can_be_cancelled_before_it_begins():
    async def start() -> None:
        guard_tasks()
        task = asyncio.create_task(leave_later({"messages": []}))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    await asyncio.create_task(start())


def test_the_error_says_what_to_do_instead():
    assert "sys.exit('usage')" in str(ProcessExitError(SystemExit("usage")))
    assert "sys.exit()" in str(ProcessExitError(SystemExit()))
    assert "raise another exception" in str(ProcessExitError(KeyboardInterrupt()))
