"""What surprises in chapter 06, as LangGraph behaves today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import asyncio
import operator
import time
import warnings
from contextlib import aclosing
from typing import Annotated

import anyio
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from course_lib.models import OfflineChatModel

THREAD = {"configurable": {"thread_id": "one"}}
MODES = ["values", "updates", "messages", "custom", "tasks", "checkpoints", "debug"]
HELLO = {"messages": [("user", "hello")]}


class Work(TypedDict):
    done: Annotated[list[str], operator.add]


def one(state: Work):
    return {"done": ["one"]}


def three(state: Work):
    return {"done": ["three"]}


def slow_two(log, seconds=0.2):
    def two(state: Work):
        get_stream_writer()("two has begun")
        time.sleep(seconds)
        log.append("two ended")
        return {"done": ["two"]}

    return two


def slow_async_two(log, seconds=0.2):
    async def two(state: Work):
        get_stream_writer()("two has begun")
        await asyncio.sleep(seconds)
        log.append("two ended")
        return {"done": ["two"]}

    return two


def three_steps(two):
    builder = StateGraph(Work).add_sequence([one, two, three])
    return builder.add_edge(START, "one").compile(checkpointer=InMemorySaver())


async def leave_early(graph):
    parts = graph.astream({"done": []}, THREAD, stream_mode="custom", version="v2")
    async with aclosing(parts):
        async for _ in parts:
            break


def speaker(**options):
    model = OfflineChatModel()

    def say(state: MessagesState):
        get_stream_writer()("I speak")
        return {"messages": [model.invoke(state["messages"])]}

    return StateGraph(MessagesState).add_node(say).add_edge(START, "say").compile(**options)


def around(inner):
    builder = StateGraph(MessagesState).add_node("talk", inner)
    return builder.add_edge(START, "talk").compile()


def test_an_unknown_mode_runs_the_graph_and_sends_nothing():
    graph = three_steps(slow_two([], 0))
    assert list(graph.stream({"done": []}, THREAD, stream_mode="tokens", version="v2")) == []
    assert graph.get_state(THREAD).values == {"done": ["one", "two", "three"]}


def test_an_unknown_mode_in_a_list_is_ignored_as_well():
    graph = three_steps(slow_two([], 0))
    parts = list(graph.stream({"done": []}, THREAD, stream_mode=["tokens", "updates"]))
    assert [mode for mode, _ in parts] == ["updates"] * 3


def test_the_default_mode_of_a_compiled_graph_is_updates():
    graph = three_steps(slow_two([], 0))
    parts = list(graph.stream({"done": []}, THREAD))
    assert [list(part) for part in parts] == [["one"], ["two"], ["three"]]


def test_without_v2_the_form_of_a_part_depends_on_the_arguments():
    graph = around(speaker())
    bare = next(graph.stream(HELLO, stream_mode="values"))
    pair = next(graph.stream(HELLO, stream_mode=["values"]))
    with_namespace = next(graph.stream(HELLO, stream_mode="values", subgraphs=True))
    triple = next(graph.stream(HELLO, stream_mode=["values"], subgraphs=True))
    assert isinstance(bare, dict)
    assert pair[0] == "values" and len(pair) == 2
    assert with_namespace[0] == () and len(with_namespace) == 2
    assert triple[:2] == ((), "values") and len(triple) == 3


@pytest.mark.parametrize("mode", MODES)
def test_with_v2_every_part_has_type_ns_and_data(mode):
    graph = speaker(checkpointer=InMemorySaver())
    part = next(graph.stream(HELLO, THREAD, stream_mode=mode, version="v2"))
    assert part["type"] == mode
    assert set(part) == {"type", "ns", "data"} | ({"interrupts"} if mode == "values" else set())


def test_the_parts_of_one_node_come_in_the_order_of_the_picture():
    graph = speaker(checkpointer=InMemorySaver())
    modes = [mode for mode in MODES if mode != "debug"]
    order = []
    for part in graph.stream(HELLO, THREAD, stream_mode=modes, version="v2"):
        if not order or order[-1] != part["type"]:
            order.append(part["type"])
    before = ["checkpoints", "values", "checkpoints", "tasks"]
    after = ["updates", "tasks", "values", "checkpoints"]
    assert order == [*before, "custom", "messages", *after]


def test_the_mode_checkpoints_sends_nothing_without_a_checkpointer():
    assert list(speaker().stream(HELLO, stream_mode="checkpoints", version="v2")) == []


def test_the_mode_debug_is_tasks_and_checkpoints():
    graph = speaker(checkpointer=InMemorySaver())
    parts = list(graph.stream(HELLO, THREAD, stream_mode=["debug"], version="v2"))
    kinds = {part["data"]["type"] for part in parts}
    assert kinds == {"checkpoint", "task", "task_result"}


def test_a_model_with_the_tag_nostream_sends_no_token():
    model = OfflineChatModel().with_config(tags=["nostream"])

    def route(state: MessagesState):
        model.invoke(state["messages"])
        return {}

    graph = StateGraph(MessagesState).add_node(route).add_edge(START, "route").compile()
    assert list(graph.stream(HELLO, stream_mode="messages", version="v2")) == []


def test_without_subgraphs_a_subgraph_sends_one_whole_message_and_no_progress():
    modes = ["messages", "custom"]
    parts = list(around(speaker()).stream(HELLO, stream_mode=modes, version="v2"))
    assert [part["type"] for part in parts] == ["messages"]
    assert parts[0]["ns"] == ()


def test_with_subgraphs_the_tokens_and_the_progress_of_a_subgraph_are_sent():
    options = {"stream_mode": ["messages", "custom"], "version": "v2", "subgraphs": True}
    parts = list(around(speaker()).stream(HELLO, **options))
    kinds = [part["type"] for part in parts]
    assert kinds.count("custom") == 1
    assert kinds.count("messages") > 10
    assert {part["ns"][0].split(":")[0] for part in parts} == {"talk"}


def test_an_interrupt_appears_in_updates_values_and_tasks_only():
    def ask(state: Work):
        return {"done": [interrupt("Which district?")]}

    builder = StateGraph(Work).add_node(ask).add_edge(START, "ask")
    graph = builder.compile(checkpointer=InMemorySaver())
    modes = ["values", "updates", "messages", "custom", "tasks"]
    parts = list(graph.stream({"done": []}, THREAD, stream_mode=modes, version="v2"))
    assert [part["type"] for part in parts] == ["values", "tasks", "updates", "values", "tasks"]
    _, _, updates, values, task = parts
    assert [each.value for each in updates["data"]["__interrupt__"]] == ["Which district?"]
    assert [each.value for each in values["interrupts"]] == ["Which district?"]
    assert [each["value"] for each in task["data"]["interrupts"]] == ["Which district?"]
    assert task["data"]["result"] == {}


async def test_leaving_astream_cancels_an_async_node():
    log = []
    graph = three_steps(slow_async_two(log))
    await leave_early(graph)
    await asyncio.sleep(0.5)
    assert log == []
    assert graph.get_state(THREAD).values == {"done": ["one"]}
    assert graph.get_state(THREAD).next == ("two",)
    assert await graph.ainvoke(None, THREAD) == {"done": ["one", "two", "three"]}


async def test_a_web_server_that_cancels_its_response_does_not_cancel_the_node():
    """Starlette and sse_starlette run a response in a cancel scope of anyio."""
    log = []
    graph = three_steps(slow_async_two(log))

    async def respond(scope):
        async for _ in graph.astream({"done": []}, THREAD, stream_mode="custom", version="v2"):
            scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(respond, group.cancel_scope)
    assert log == []
    await asyncio.sleep(0.5)
    assert log == ["two ended"]
    assert graph.get_state(THREAD).values == {"done": ["one"]}
    assert graph.get_state(THREAD).next == ("two",)


async def test_leaving_astream_does_not_stop_a_def_node_and_drops_its_result():
    log = []
    graph = three_steps(slow_two(log))
    await leave_early(graph)
    assert log == []
    await asyncio.sleep(0.6)
    assert log == ["two ended"]
    assert graph.get_state(THREAD).values == {"done": ["one"]}
    assert graph.get_state(THREAD).next == ("two",)


def test_break_in_a_loop_over_stream_waits_for_the_node_and_stores_its_update():
    log = []
    graph = three_steps(slow_two(log))
    for _ in graph.stream({"done": []}, THREAD, stream_mode="custom", version="v2"):
        break
    assert log == ["two ended"]
    snapshot = graph.get_state(THREAD)
    assert snapshot.values == {"done": ["one", "two"]}
    assert snapshot.next == ()  # although `three` has not run
    assert graph.invoke(None, THREAD) == {"done": ["one", "two", "three"]}


def test_the_v3_event_stream_warns_that_it_is_experimental():
    graph = three_steps(slow_two([], 0))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        events = list(graph.stream_events({"done": []}, THREAD, version="v3"))
    assert any("experimental" in str(each.message) for each in caught)
    assert {"type", "method", "params", "seq"} == set(events[0])
