"""Turns of a chat: each reported event by event, one after the other, on every saver."""

import asyncio

import pytest
from chat_graphs import chat_on, moody, one_node, stored, working
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.chat import (
    ChatController,
    NodeEnded,
    NodeStarted,
    RunStarted,
    ThreadLoaded,
    Token,
    ToolCalled,
    ToolReturned,
)
from course_lib.namu import build_namu
from course_lib.persistence import open_async_checkpointer, open_checkpointer


async def test_a_turn_is_told_event_by_event():
    events = []
    graph = build_namu(checkpointer=InMemorySaver())
    await ChatController(graph, on_event=events.append).send("a cafe in Mapo")
    kinds = [type(event).__name__ for event in events]
    assert kinds[0] == "RunStarted" and kinds[-1] == "RunEnded"
    started = [event.node for event in events if isinstance(event, NodeStarted)]
    assert started == ["router", "agent", "tools", "agent", "update_state"]
    assert [e.node for e in events if isinstance(e, NodeEnded)] == started
    call = next(event for event in events if isinstance(event, ToolCalled))
    back = next(event for event in events if isinstance(event, ToolReturned))
    assert call.args == {"category": "cafe", "district": "Mapo-gu"}
    assert back.call_id == call.call_id and "Mapo-gu" in back.text and not back.failed
    tokens = [event for event in events if isinstance(event, Token)]
    assert len(tokens) > 20
    assert "".join(t.text for t in tokens) == str(events[-1].thread.messages[-1].text)


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
async def test_every_saver_carries_a_chat(kind, tmp_path, request):
    url = f"sqlite:///{tmp_path / 'chat.db'}" if kind == "sqlite" else "memory:"
    if kind == "postgres":
        url = request.getfixturevalue("server").url
    with open_checkpointer(url) as saver:
        await talk(build_namu(checkpointer=saver))


async def test_an_asynchronous_saver_carries_a_chat(tmp_path):
    async with open_async_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        await talk(build_namu(checkpointer=saver))


async def talk(graph):
    chat, transcript = chat_on(graph)
    await chat.send("a cafe in Mapo")
    await chat.send("something cheaper")
    first = next(entry["key"] for entry in transcript.entries if entry["kind"] == "you")
    await chat.edit(first, "a park in Mapo")
    assert [who for who, _ in transcript.kept()] == ["you", "answer"]
    again, reread = chat_on(graph, thread_id=chat.thread_id)
    await again.load()
    assert reread.kept() == transcript.kept()
    assert len((await chat.tree()).branches) == 2


async def test_messages_sent_meanwhile_wait_and_say_so():
    chat, transcript = chat_on(moody())
    first = asyncio.create_task(chat.send("slow"))
    await asyncio.sleep(0)
    second = asyncio.create_task(chat.send("after"))
    await asyncio.sleep(0)
    assert transcript.entries[-1] == {"kind": "waiting", "key": "waiting-0", "text": "after"}
    await asyncio.gather(first, second)
    assert [text for _, text in transcript.kept()] == ["slow", "heard slow", "after", "heard after"]


async def test_two_panels_on_one_thread_take_turns_and_see_each_other():
    graph = moody()
    one, first = chat_on(graph, thread_id="t")
    two, second = chat_on(graph, thread_id="t")
    await asyncio.gather(one.load(), two.load())
    await asyncio.gather(one.send("slow from one"), two.send("from two"))
    while first.kept() != second.kept():
        await asyncio.sleep(0.01)
    assert first.kept() == stored(graph, one)
    assert len(first.kept()) == 4


async def test_a_thread_that_went_on_elsewhere_is_read_again_before_the_next_run():
    graph = moody()
    chat, transcript = chat_on(graph)
    await chat.send("one")
    await graph.ainvoke({"messages": [("user", "from outside")]}, chat.config)
    events = []
    chat.on_event = lambda event: (events.append(event), transcript.handle(event))
    await chat.send("two")
    assert isinstance(events[0], ThreadLoaded) and isinstance(events[1], RunStarted)
    assert str(events[0].messages[-2].text) == "from outside"
    assert [text for who, text in transcript.kept() if who == "you"] == [
        "one",
        "from outside",
        "two",
    ]


async def test_who_wrote_what_is_found_out_too_late_to_hide_what_was_said_meanwhile():
    class SlowToList(InMemorySaver):
        listed = asyncio.Event()

        async def alist(self, *arguments, **options):
            await self.listed.wait()
            async for each in super().alist(*arguments, **options):
                yield each

    def node(state):
        return {"messages": [HumanMessage("too long"), AIMessage("done")]}

    saver = SlowToList()
    chat, transcript = chat_on(one_node(node, saver), thread_id="t")
    await chat.graph.ainvoke({"messages": [("user", "one")]}, chat.config)
    loading = asyncio.create_task(chat.load())
    while not transcript.entries:
        await asyncio.sleep(0)
    await chat.send("two")
    saver.listed.set()
    await loading
    assert "two" in [text for who, text in transcript.kept() if who == "you"]


async def test_progress_is_a_chip_with_its_share():
    chat, transcript = chat_on(working())
    await chat.send("count")
    chips = next(entry["chips"] for entry in transcript.entries if entry["kind"] == "work")
    bar = next(chip for chip in chips if chip["kind"] == "progress")
    assert (bar["name"], bar["share"], bar["state"]) == ("counting", 1.0, "done")


async def test_nodes_of_a_subgraph_are_told_with_the_way_to_them():
    inner = one_node(lambda state: {"messages": [AIMessage("from inside")]})
    graph = StateGraph(MessagesState)
    graph.add_node("outer", inner.builder.compile())
    graph.add_edge(START, "outer")
    events = []
    chat = ChatController(graph.compile(checkpointer=InMemorySaver()), on_event=events.append)
    await chat.send("hello")
    assert [(e.path, e.node) for e in events if isinstance(e, NodeStarted)] == [
        ((), "outer"),
        (("outer",), "node"),
    ]


async def test_half_an_emoji_and_an_empty_message_are_taken():
    chat, transcript = chat_on(moody())
    await chat.send("hello \ud83d")
    await chat.send("")
    assert [who for who, _ in transcript.kept()] == ["you", "answer", "you", "answer"]


async def test_a_node_that_calls_a_graph_of_its_own_works_on_a_synchronous_saver(tmp_path):
    inner = one_node(lambda state: {"messages": [AIMessage("from inside")]}).builder.compile()
    with open_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        outer = one_node(lambda state: inner.invoke(state), saver)
        chat, transcript = chat_on(outer)
        await chat.send("hi")
        assert transcript.kept()[-1] == ("answer", "from inside")


async def test_a_long_history_of_a_synchronous_saver_is_read_to_its_end(tmp_path):
    with open_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        chat, _ = chat_on(moody(saver))
        for n in range(12):
            await chat.send(f"message {n}")
        assert len(await chat.tree()) == 48


async def test_a_panel_that_waits_for_another_can_leave():
    graph = moody()
    one, _ = chat_on(graph, thread_id="t")
    two, second = chat_on(graph, thread_id="t")
    running = asyncio.create_task(one.send("slow"))
    while not one.running:
        await asyncio.sleep(0)
    waiting = asyncio.create_task(two.send("from two"))
    await asyncio.sleep(0)
    await two.switch("elsewhere")
    assert one.running and second.kept() == []
    await asyncio.gather(running, waiting)
