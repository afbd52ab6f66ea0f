"""The panel without a browser: what it sends, keeps and says when something is wrong."""

import asyncio

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from course_lib.chat import ChatPanel
from course_lib.chat.panel import LONGEST
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


async def test_a_model_that_breaks_off_leaves_what_it_had_said():
    chat = panel(model=OfflineChatModel(fail_after_tokens=12))
    await chat.send("hello")
    kinds = [who for who, _ in said(chat)]
    assert "problem" in kinds


async def test_a_huge_message_is_refused_with_its_size_and_nothing_is_lost():
    chat = panel()
    await chat.send("hello")
    before = said(chat)
    await chat.send("x" * (LONGEST + 1))
    assert said(chat)[:-1] == before
    assert "20,001" in said(chat)[-1][1]


async def test_messages_sent_meanwhile_wait_their_turn():
    chat = panel(model=OfflineChatModel(tokens_per_second=300))
    chat._queue("hello")
    chat._queue("안녕")
    await asyncio.wait_for(chat._task, 30)
    assert [text for who, text in said(chat) if who == "you"] == ["hello", "안녕"]
    assert [who for who, _ in said(chat)] == ["you", "namu", "you", "namu"]


async def test_with_a_store_a_later_panel_opens_the_same_conversation():
    graph, store = build_namu(checkpointer=InMemorySaver()), InMemoryStore()
    first = ChatPanel(graph, user="ann", store=store)
    await first.send("a cafe in Mapo")
    again = ChatPanel(graph, user="ann", store=store)
    assert said(again) == said(first)
    assert said(ChatPanel(graph, user="bo", store=store)) == []
    again.new_conversation()
    assert said(again) == []


def test_a_graph_without_a_checkpointer_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="checkpointer=InMemorySaver"):
        ChatPanel(build_namu())
