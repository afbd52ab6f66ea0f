"""A node that does not get from its messages to its conditional edge runs again."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager

import pytest
from chat_graphs import chat_on
from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.types import ERROR
from langgraph.graph import END, START, MessagesState, StateGraph

from course_lib.fastapi_app.database import open_database
from course_lib.fastapi_app.stream_parts import MODES
from course_lib.operations import job_worker
from course_lib.persistence import (
    CachedSaver,
    MemoryCache,
    RedisSaver,
    WholeNodes,
    as_async_saver,
    keep_whole_nodes,
    open_async_checkpointer,
    open_checkpointer,
    postgres,
    same_storage,
    unfinished_step,
)
from course_lib.persistence.whole_nodes import class_of
from course_lib.serving.server_project.storage import ServerSaver

CONFIG = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
KINDS = ["memory", "cached", "sqlite", "async sqlite", "postgres", "async postgres", "redis"]
TOLD = ["hello", "one moment", "the answer"]


@pytest.fixture(scope="module")
def database():
    with postgres("half", scratch=True) as running:
        yield running.url


@pytest.fixture
async def saver(request, tmp_path):
    """A saver of the kind that the test names, as a person hands it to a graph."""
    async with opened(request, tmp_path) as made:
        yield made


@asynccontextmanager
async def opened(request, tmp_path):
    kind = request.param
    if kind in ("memory", "cached"):
        saver = InMemorySaver()
        yield CachedSaver(saver, MemoryCache()) if kind == "cached" else saver
    elif kind == "redis":
        running = request.getfixturevalue("redis")
        yield RedisSaver.from_url(running.url, prefix=f"{running.prefix}-{tmp_path.name}")
    else:
        url = f"sqlite:///{tmp_path / 'chat.db'}"
        if "postgres" in kind:
            url = request.getfixturevalue("database")
        if kind.startswith("async"):
            async with open_async_checkpointer(url) as saver:
                yield saver
        else:
            with open_checkpointer(url) as saver:
                yield saver
        if "postgres" in kind:
            with open_checkpointer(url) as saver:
                saver.delete_thread("t")


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


@pytest.mark.one_in(2)
@pytest.mark.parametrize("saver", KINDS, indirect=True)
async def test_a_node_that_was_cancelled_half_way_runs_again(saver):
    is_choosing = threading.Event()
    graph = build(keep_whole_nodes(await as_async_saver(saver, "t")), is_choosing)
    await cancelled_run(graph, is_choosing)
    assert unfinished_step(await graph.aget_state(CONFIG)) == ("ask",)
    state = await graph.ainvoke(None, CONFIG)
    assert [each.text for each in state["messages"]] == TOLD


@pytest.mark.one_in(2)
@pytest.mark.parametrize("saver", KINDS, indirect=True)
async def test_the_panel_goes_on_after_a_stop_at_that_moment(saver):
    is_choosing = threading.Event()
    chat, transcript = chat_on(build(saver, is_choosing), thread_id="t")
    run = asyncio.create_task(chat.send("hello"))
    while not is_choosing.is_set():
        await asyncio.sleep(0.01)
    chat.stop()
    await asyncio.wait_for(run, 10)
    assert [kind for kind, _ in transcript.kept()] == ["you"]
    await chat.continue_run()
    assert [text for _, text in transcript.kept()] == TOLD


def failing(place, saver, faults):
    """A graph whose conditional edge behind `place` raises for a bad message, while it has faults.

    Args:
        place: the node that the edge leaves; START for the graph's first edge.
        saver: of the graph.
        faults: a list that is not empty while the edge raises.
    """

    def choose(state: MessagesState) -> str:
        if faults and "bad" in state["messages"][-1 if place == START else -2].text:
            raise ValueError("the router failed")
        return "answer"

    def ask(state: MessagesState):
        return {"messages": [AIMessage("one moment")]}

    def answer(state: MessagesState):
        return {"messages": [AIMessage("the answer")]}

    builder = StateGraph(MessagesState)
    builder.add_node(answer)
    if place == "ask":
        builder.add_node(ask)
        builder.add_edge(START, "ask")
    builder.add_conditional_edges(place, choose, ["answer"])
    return builder.compile(checkpointer=saver)


@pytest.mark.parametrize("inside", [False, True], ids=["the graph", "a graph inside"])
@pytest.mark.parametrize("saver", KINDS, indirect=True)
@pytest.mark.one_in(3)
async def test_a_node_whose_conditional_edge_failed_runs_again(saver, inside):
    faults = ["yes"]
    graph = failing("ask", None if inside else saver, faults)
    if inside:
        outer = StateGraph(MessagesState).add_node("inner", graph).add_edge(START, "inner")
        graph = outer.compile(checkpointer=saver)
    chat, transcript = chat_on(graph, thread_id="t")
    await chat.send("bad")
    assert [text for _, text in transcript.kept()] == ["bad"]
    faults.clear()
    await chat.continue_run()
    assert [text for _, text in transcript.kept()] == ["bad", *TOLD[1:]]


@pytest.mark.parametrize("saver", KINDS, indirect=True)
@pytest.mark.one_in(3)
async def test_a_message_whose_first_edge_failed_is_given_back_and_stays_marked(saver):
    faults = ["yes"]
    chat, transcript = chat_on(failing(START, saver, faults), thread_id="t")
    for text in ("one", "bad two", "three"):
        await chat.send(text)
        assert [each for each in transcript.entries if each["kind"] == "unfinished"] == []
    shown = [(e["text"], e["kept"]) for e in transcript.entries if e["kind"] in ("you", "answer")]
    answered = ("the answer", True)
    assert shown == [("one", True), answered, ("bad two", False), ("three", True), answered]
    (problem,) = [entry for entry in transcript.entries if entry["kind"] == "problem"]
    assert "back in the box" in problem["text"]


@pytest.mark.parametrize("saver", KINDS, indirect=True)
@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (asyncio.CancelledError(), [ERROR]),
        (ValueError("refused"), [ERROR]),
        ("a text under that name", [ERROR, "messages"]),
        (None, ["messages"]),
    ],
)
async def test_what_is_kept_of_a_node(saver, error, kept):
    """What LangGraph's runner hands over of a node that did not end is its writes and the error."""
    writes = [("messages", [AIMessage("one moment")])]
    writes += [] if error is None else [(ERROR, error)]
    plain = await as_async_saver(saver, "t")
    whole = keep_whole_nodes(plain)
    assert same_storage(whole, saver) and keep_whole_nodes(whole) is whole
    assert not isinstance(saver, WholeNodes)
    config = await whole.aput(CONFIG, empty_checkpoint(), {}, {})
    await whole.aput_writes(config, writes, "one")
    await plain.aput_writes(config, writes, "two")
    found = (await whole.aget_tuple(CONFIG)).pending_writes
    assert sorted(channel for task, channel, _ in found if task == "one") == kept
    everything = sorted(channel for channel, _ in writes)
    assert sorted(channel for task, channel, _ in found if task == "two") == everything


class WithoutPath(InMemorySaver):
    """A saver written before `task_path` existed."""

    def put_writes(self, config, writes, task_id):
        super().put_writes(config, writes, task_id)

    async def aput_writes(self, config, writes, task_id):
        super().put_writes(config, writes, task_id)


class WithoutPathAndAsync(WithoutPath):
    async def aget_tuple(self, config):
        raise NotImplementedError

    async def aput_writes(self, *given):
        raise NotImplementedError


@pytest.mark.parametrize("saver_class", [WithoutPath, WithoutPathAndAsync])
async def test_a_saver_that_takes_no_path_of_a_task_is_handed_none(saver_class):
    is_choosing = threading.Event()
    is_choosing.set()
    chat, transcript = chat_on(build(saver_class(), is_choosing))
    await chat.send("hello")
    assert [text for _, text in transcript.kept()] == TOLD
    assert not [entry for entry in transcript.entries if entry["kind"] == "problem"]


def test_a_twin_and_its_subclasses_are_known_by_the_saver():
    class OwnServerSaver(ServerSaver):
        pass

    assert class_of(keep_whole_nodes(InMemorySaver())) is InMemorySaver
    assert class_of(OwnServerSaver.__new__(OwnServerSaver)) is AsyncPostgresSaver


async def test_the_twin_passes_the_suite_of_langgraph_and_can_do_what_the_saver_can():
    @checkpointer_test(name="whole")
    async def made():
        yield keep_whole_nodes(InMemorySaver())

    report = await validate(made)
    assert report.passed_all(), report.to_dict()
    for name in ("prune", "aprune", "delete_for_runs", "copy_thread"):
        overridden = getattr(InMemorySaver, name) is not getattr(BaseCheckpointSaver, name)
        whole = type(keep_whole_nodes(InMemorySaver()))
        assert (getattr(whole, name) is not getattr(BaseCheckpointSaver, name)) == overridden


async def test_every_service_keeps_whole_nodes(database, monkeypatch):
    async with open_database(database, 1) as opened_database:
        assert isinstance(opened_database.savers[0], WholeNodes)
    assert issubclass(ServerSaver, WholeNodes)
    offices = []

    def office(*arguments):
        offices.append(arguments[2])
        raise KeyboardInterrupt

    monkeypatch.setattr(job_worker, "Office", office)
    with pytest.raises(KeyboardInterrupt):
        await job_worker.serve(database, 0)
    assert isinstance(offices[0], WholeNodes)
