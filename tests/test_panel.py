"""The panel without a browser: what it sends, keeps and says when something is wrong."""

import asyncio
from functools import partial

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from course_lib.chat import ChatPanel
from course_lib.chat.panel import LONGEST
from course_lib.checkpointers import open_async_checkpointer, open_checkpointer, postgres
from course_lib.namu import build_namu
from course_lib.offline import OfflineChatModel


def panel(**options):
    return ChatPanel(build_namu(checkpointer=InMemorySaver(), **options))


def said(chat):
    return [(entry["who"], entry["text"]) for entry in chat.widget.entries]


async def test_an_answer_streams_as_deltas_and_ends_as_one_entry():
    chat = panel(model=OfflineChatModel(tokens_per_second=400))
    deltas = []
    chat.widget.send = lambda content: deltas.append(content["text"])
    await chat.send("a cafe in Mapo")
    (_, question), (who, answer) = said(chat)
    assert (question, who) == ("a cafe in Mapo", "namu")
    assert "".join(deltas) == answer
    assert 2 <= len(deltas) < 60
    assert chat.widget.entries[-1]["note"] == "router > agent > tools > agent > update_state"
    assert chat.widget.status == ""


async def test_a_failing_model_is_told_and_the_thread_goes_on():
    chat = panel(model=OfflineChatModel(fail_times=1))
    await chat.send("hello")
    assert said(chat)[-1][0] == "problem" and "OfflineModelError" in said(chat)[-1][1]
    await chat.send("hello")
    assert said(chat)[-1][0] == "namu"


async def test_a_model_that_breaks_off_leaves_what_it_had_said_and_says_it_is_not_kept():
    chat = panel(model=OfflineChatModel(fail_after_tokens=14))
    await chat.send("hello")
    (_, _), (who, text), (last, _) = said(chat)
    assert (who, last) == ("namu", "problem") and text and len(text) < 60
    assert "not kept" in chat.widget.entries[1]["note"]
    kept = chat.graph.get_state(chat.config).values["messages"]
    assert [message.type for message in kept] == ["human"]


@pytest.mark.parametrize("url", ["memory:", "sqlite", "postgres", "sqlite async"])
async def test_every_saver_carries_a_panel(url, tmp_path):
    file = f"sqlite:///{tmp_path / 'chat.db'}"
    if url == "sqlite async":
        async with open_async_checkpointer(file) as saver:
            await talk_and_reopen(saver)
        return
    place = file if url == "sqlite" else url
    if url == "postgres":
        with postgres("panel", scratch=True) as running:
            with open_checkpointer(running.url) as saver:
                await talk_and_reopen(saver)
        return
    with open_checkpointer(place) as saver:
        await talk_and_reopen(saver)


async def talk_and_reopen(saver):
    store = InMemoryStore()
    chat = ChatPanel(build_namu(checkpointer=saver), store=store)
    await chat.send("a cafe in Mapo")
    assert [who for who, _ in said(chat)] == ["you", "namu"]
    again = ChatPanel(build_namu(checkpointer=saver), store=store)
    await again.load()
    assert said(again) == said(chat)


async def test_stop_ends_the_answer_and_the_conversation_goes_on():
    chat = panel(model=OfflineChatModel(tokens_per_second=30))
    chat._queue(partial(chat.send, "hello"))
    while not chat.widget.status:
        await asyncio.sleep(0.01)
    chat._stop()
    await asyncio.wait_for(chat._task, 5)
    assert said(chat)[-1][0] == "problem" and "Stopped" in said(chat)[-1][1]
    chat.graph = build_namu(checkpointer=chat.graph.checkpointer)
    await chat.send("hello")
    assert said(chat)[-1][0] == "namu"


async def test_a_graph_that_stops_before_a_node_is_told():
    graph = build_namu(checkpointer=InMemorySaver(), interrupt_before=["tools"])
    chat = ChatPanel(graph)
    await chat.send("a cafe in Mapo")
    assert "stopped before tools" in said(chat)[-1][1]


async def test_what_a_model_answers_to_the_graph_is_not_shown_to_the_person():
    """A served model's structured output is JSON text; the router's must not reach the chat."""

    class Talkative(OfflineChatModel):
        def with_structured_output(self, schema, **options):
            return RunnableLambda(self.invoke) | RunnableLambda(
                lambda message: {"parsed": schema(intent="CONVERSATION"), "raw": message}
            )

    chat = panel(model=Talkative())
    await chat.send("hello")
    assert said(chat)[-1][1].count("Namu") == 1


async def test_half_an_emoji_is_taken_and_answered():
    chat = panel()
    await chat.send("hello \ud83d")
    assert [who for who, _ in said(chat)] == ["you", "namu"]


async def test_a_huge_message_is_refused_with_its_size_and_nothing_is_lost():
    chat = panel()
    await chat.send("hello")
    before = said(chat)
    await chat.send("x" * (LONGEST + 1))
    assert said(chat)[:-1] == before
    assert "20,001" in said(chat)[-1][1]


async def test_messages_sent_meanwhile_wait_their_turn():
    chat = panel(model=OfflineChatModel(tokens_per_second=300))
    chat._queue(partial(chat.send, "hello"))
    chat._queue(partial(chat.send, "안녕"))
    await asyncio.wait_for(chat._task, 30)
    assert [text for who, text in said(chat) if who == "you"] == ["hello", "안녕"]
    assert [who for who, _ in said(chat)] == ["you", "namu", "you", "namu"]


async def test_with_a_store_a_later_panel_opens_the_same_conversation():
    graph, store = build_namu(checkpointer=InMemorySaver()), InMemoryStore()
    first = ChatPanel(graph, user="ann", store=store)
    await first.send("a cafe in Mapo")
    again = ChatPanel(graph, user="ann", store=store)
    await again.load()
    assert said(again) == said(first)
    other = ChatPanel(graph, user="bo", store=store)
    await other.load()
    assert said(other) == []
    await again.new_conversation()
    assert said(again) == []


def test_a_graph_without_a_checkpointer_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="checkpointer=InMemorySaver"):
        ChatPanel(build_namu())
