"""The chat on other people's graphs: whatever a person does, the thread is as it would be afresh.

Edit, try again and going back are judged by comparing the state with that of a new thread in which
only what is left was said.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from agent_shapes import AGENTS
from chat_graphs import approve, chat_on
from graph_shapes import SHAPES, Context

from course_lib.chat import ChatController, ChatPanel
from course_lib.chat.message_keys import read_messages
from course_lib.persistence import open_async_checkpointer, open_checkpointer

SAVERS = [
    pytest.param("memory", marks=pytest.mark.soak),
    "sqlite",
    pytest.param("postgres", marks=pytest.mark.soak),
    pytest.param("asynchronous sqlite", marks=pytest.mark.soak),
]


@asynccontextmanager
async def saver_of(kind, tmp_path, request):
    if kind == "asynchronous sqlite":
        async with open_async_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
            yield saver
        return
    url = "memory:" if kind == "memory" else f"sqlite:///{tmp_path / 'chat.db'}"
    if kind == "postgres":
        url = request.getfixturevalue("server").url
    with open_checkpointer(url) as saver:
        yield saver


@pytest.fixture(params=SAVERS)
async def saver(request, tmp_path):
    async with saver_of(request.param, tmp_path, request) as found:
        yield found


GRAPHS = {**SHAPES, **AGENTS}


FEW_AGENTS = ("agent", "agent, reviewed", "deep agent", "supervisor", "swarm")
EVERY_GRAPH = [
    pytest.param(
        name, marks=[pytest.mark.soak] if name in AGENTS and name not in FEW_AGENTS else []
    )
    for name in GRAPHS
]


@pytest.fixture(params=EVERY_GRAPH)
def graph(request, saver):
    return GRAPHS[request.param](saver)


async def state_of(chat) -> dict[str, Any]:
    """The state of a chat's thread, without ids and times."""
    values = dict((await chat.access.snapshot(chat.config)).values)
    messages = read_messages(values.pop("messages", None))
    shown = [
        (
            m.type,
            m.name,
            str(m.content),
            [(c["name"], c["args"]) for c in getattr(m, "tool_calls", [])],
            getattr(m, "status", None),
        )
        for m in messages
    ]
    return {"messages": shown, **{name: repr(value) for name, value in sorted(values.items())}}


async def talked(graph, *texts) -> tuple[ChatController, Any]:
    """A chat in which a person has said something, and has approved what was asked."""
    chat, transcript = chat_on(graph, context=Context() if graph.context_schema else None)
    for text in texts:
        await chat.send(text)
        await approve(chat, transcript)
    return chat, transcript


def own(transcript) -> list[dict[str, Any]]:
    return [entry for entry in transcript.entries if entry["kind"] == "you"]


def answers(transcript) -> list[dict[str, Any]]:
    return [entry for entry in transcript.entries if entry["kind"] == "answer"]


async def test_everything_sent_is_answered_and_stored(graph):
    chat, transcript = await talked(graph, "one", "use the tool", "ask me")
    assert [entry["text"] for entry in own(transcript)][-1] == "ask me"
    assert all(entry["kept"] for entry in own(transcript) + answers(transcript))
    assert "number" in answers(transcript)[-1]["text"]
    again, reread = chat_on(graph, thread_id=chat.thread_id)
    await again.load()
    assert reread.kept() == transcript.kept()
    await again.switch("another thread")
    assert reread.entries == []
    await again.switch(chat.thread_id)
    assert reread.kept() == transcript.kept()


@pytest.mark.parametrize("position", [pytest.param(0, marks=pytest.mark.soak), 1])
async def test_an_edited_message_leaves_the_state_of_a_fresh_thread(graph, position):
    chat, transcript = await talked(graph, "one", "use the tool", "three")
    await chat.edit(own(transcript)[position]["key"], "ask the tool")
    await approve(chat, transcript)
    fresh, read = await talked(graph, *["one"][:position], "ask the tool")
    assert await state_of(chat) == await state_of(fresh)
    assert transcript.kept() == read.kept()


async def test_an_answer_tried_again_leaves_the_state_of_a_fresh_thread(graph):
    chat, transcript = await talked(graph, "one", "use the tool")
    await chat.try_again(answers(transcript)[-1]["key"])
    await approve(chat, transcript)
    fresh, read = await talked(graph, "one", "use the tool")
    assert await state_of(chat) == await state_of(fresh)
    assert transcript.kept() == read.kept()


async def test_what_is_said_at_an_earlier_checkpoint_leaves_the_state_of_a_fresh_thread(graph):
    chat, transcript = await talked(graph, "one")
    there = (await chat.tree()).newest.id
    for text in ("two", "use the tool"):
        await chat.send(text)
        await approve(chat, transcript)
    await chat.go_to(there)
    assert [entry["text"] for entry in own(transcript)] == ["one"]
    await chat.send("ask instead")
    await approve(chat, transcript)
    fresh, read = await talked(graph, "one", "ask instead")
    assert await state_of(chat) == await state_of(fresh)
    assert transcript.kept() == read.kept()


async def test_a_stopped_run_can_go_on(graph):
    chat, transcript = await talked(graph, "one")
    for ticks in (1, 5, 20, 60):
        job = asyncio.create_task(chat.send(f"tool {ticks}"))
        for _ in range(ticks):
            await asyncio.sleep(0)
        chat.stop()
        await asyncio.wait_for(job, 20)
        if transcript.entries[-1]["kind"] == "unfinished":
            await chat.continue_run()
        await approve(chat, transcript)
    await chat.send("the end")
    assert (
        "heard the end" in answers(transcript)[-1]["text"]
        or "draft the end" in (answers(transcript)[-1]["text"])
    )


@contextmanager
def no_problems(panel):
    yield
    assert not [e for e in panel.transcript.entries if e["kind"] == "problem"]


async def test_the_panel_shows_it(graph):
    panel = ChatPanel(graph)
    with no_problems(panel):
        await panel.load()
        await panel.send("one")
        await panel.send("two")
        panel.inspector.view_selector.value = "State"
        panel.inspector.view_selector.value = "Tree"
        await asyncio.sleep(0.05)
    assert [text for who, text in panel.transcript.kept() if who == "you"] == ["one", "two"]
