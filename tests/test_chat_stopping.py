"""Stopping a run: the thread keeps what it has, and what was shown stays on the screen."""

import asyncio

import pytest
from chat_graphs import chat_on, moody, one_node, texts
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.chat import (
    ChatController,
    RunEnded,
    RunStarted,
    Unqueued,
)
from course_lib.chat.thread_locks import SharedThread, ThreadLock
from course_lib.chat.turns import Turns
from course_lib.models import OfflineChatModel
from course_lib.namu import build_namu
from course_lib.persistence import open_checkpointer


async def test_stop_keeps_the_thread_and_the_run_can_go_on():
    graph = build_namu(model=OfflineChatModel(tokens_per_second=40), checkpointer=InMemorySaver())
    chat, transcript = chat_on(graph)
    run = asyncio.create_task(chat.send("hello"))
    while not any(e["kind"] == "answer" for e in transcript.entries):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    chat.stop()
    await asyncio.wait_for(run, 5)
    assert transcript.kept() == [("you", "hello")]
    kinds = [entry["kind"] for entry in transcript.entries]
    assert kinds == ["you", "work", "answer", "note", "unfinished"]
    assert "not stored" in transcript.entries[2]["note"]
    await chat.continue_run()
    assert transcript.kept()[1][1].startswith("Hello, I am Namu.")
    assert "unfinished" not in [entry["kind"] for entry in transcript.entries]


async def test_stop_holds_for_a_synchronous_saver_too(tmp_path):
    """The node's thread cannot be stopped, but what it writes afterwards is not kept."""
    with open_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        model = OfflineChatModel(tokens_per_second=60)
        chat, transcript = chat_on(build_namu(model=model, checkpointer=saver))
        run = asyncio.create_task(chat.send("hello"))
        while not any(e["kind"] == "answer" for e in transcript.entries):
            await asyncio.sleep(0.01)
        chat.stop()
        await asyncio.wait_for(run, 5)
        await asyncio.sleep(1)
        again, reread = chat_on(chat.graph, thread_id=chat.thread_id)
        await again.load()
        assert reread.kept() == transcript.kept() == [("you", "hello")]


async def test_stop_stops_the_model_and_not_only_the_screen():
    written = []

    class Watched(OfflineChatModel):
        async def _astream(self, *arguments, **options):
            async for chunk in super()._astream(*arguments, **options):
                written.append(chunk)
                yield chunk

    model = Watched(tokens_per_second=60)
    chat, transcript = chat_on(build_namu(model=model, checkpointer=InMemorySaver()))
    run = asyncio.create_task(chat.send("hello"))
    while not any(e["kind"] == "answer" for e in transcript.entries):
        await asyncio.sleep(0.01)
    chat.stop()
    await run
    at_stop = len(written)
    await asyncio.sleep(0.3)
    assert len(written) == at_stop


async def test_stopping_gives_back_what_waited():
    events = []
    chat = ChatController(moody(), on_event=events.append)
    jobs = [asyncio.create_task(chat.send(text)) for text in ("slow", "after")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    chat.stop()
    await asyncio.gather(*jobs)
    back = [event.text for event in events if type(event).__name__ == "Unqueued" and not event.sent]
    assert back[-1] == "after"
    assert sum(isinstance(event, RunEnded) for event in events) <= 1


async def test_stopping_does_not_wait_for_another_chat_on_the_thread():
    held = asyncio.Event()

    async def node(state):
        await held.wait()
        return {"messages": [AIMessage("done")]}

    graph, events = one_node(node), []
    other, _ = chat_on(graph, thread_id="shared")
    chat = ChatController(graph, thread_id="shared", on_event=events.append)
    long = asyncio.create_task(other.send("long"))
    while not other.running:
        await asyncio.sleep(0)
    jobs = [asyncio.create_task(chat.send(text)) for text in ("one", "two")]
    await asyncio.sleep(0.05)
    chat.stop()
    await asyncio.wait(jobs, timeout=1)
    back = [event.text for event in events if isinstance(event, Unqueued) and not event.sent]
    held.set()
    await asyncio.gather(long, *jobs)
    assert back == ["one", "two"]


@pytest.mark.parametrize("moments", range(6))
async def test_a_turn_that_comes_while_its_task_is_cancelled_is_passed_on(moments):
    shared = SharedThread()
    turns = Turns(lambda: shared)

    async def take():
        async with turns.exclusive(turns.mark()):
            pass

    await shared.lock.acquire()
    job = asyncio.create_task(take())
    await asyncio.sleep(0.01)
    shared.lock.release()
    for _ in range(moments):
        await asyncio.sleep(0)
    job.cancel()
    await asyncio.wait([job])
    await asyncio.wait_for(shared.lock.acquire(), 1)


def test_no_turn_is_kept_for_an_event_loop_that_is_closed():
    lock, loop = ThreadLock(), asyncio.new_event_loop()
    asyncio.run(lock.acquire())
    waiting = loop.create_task(lock.acquire())
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    lock.release()
    assert not waiting.done() and not lock.locked()


async def test_a_stop_while_the_thread_is_read_sends_nothing():
    class SlowToRead(InMemorySaver):
        async def aget_tuple(self, config):
            await asyncio.sleep(0.1)
            return await super().aget_tuple(config)

    events = []
    chat = ChatController(moody(SlowToRead()), on_event=events.append)
    run = asyncio.create_task(chat.send("hello"))
    await asyncio.sleep(0.05)
    chat.stop()
    await run
    assert [e.text for e in events if isinstance(e, Unqueued) and not e.sent] == ["hello"]
    assert not any(isinstance(event, RunStarted) for event in events)


async def test_going_back_stops_the_run():
    held = asyncio.Event()

    async def node(state):
        if state["messages"][-1].text == "long":
            await held.wait()
        return {"messages": [AIMessage("done")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("one")
    first = (await chat.tree()).newest.id
    await chat.send("two")
    run = asyncio.create_task(chat.send("long"))
    while not chat.running:
        await asyncio.sleep(0)
    back = asyncio.create_task(chat.go_to(first))
    await asyncio.wait([back], timeout=2)
    was_back = back.done()
    held.set()
    await asyncio.gather(run, back)
    assert was_back and transcript.kept() == [("you", "one"), ("answer", "done")]


async def test_a_run_cancelled_from_outside_ends_as_stopped():
    chat, transcript = chat_on(moody())
    job = asyncio.create_task(chat.send("slow"))
    while not chat.running:
        await asyncio.sleep(0)
    for _ in range(2):  # as a person does who presses interrupt twice
        job.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not chat.running
    assert "note" in [entry["kind"] for entry in transcript.entries]
    await chat.send("hi")
    assert transcript.kept()[-1] == ("answer", "heard hi")


async def test_a_message_that_never_began_is_given_back():
    events = []
    chat = ChatController(moody(), on_event=events.append)
    first = asyncio.create_task(chat.send("slow"))
    await asyncio.sleep(0)
    second = asyncio.create_task(chat.send("two"))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert [e.text for e in events if isinstance(e, Unqueued) and not e.sent] == ["two"]


class Slow(InMemorySaver):
    """As far away as a database can be; `put_writes` is fast."""

    async def aput(self, *arguments):
        await asyncio.sleep(0.05)
        return await super().aput(*arguments)


class Stuck(InMemorySaver):
    """A database that takes what it is given and never says that it has it."""

    async def aput(self, *arguments):
        await asyncio.Event().wait()


async def test_a_stopped_run_waits_only_for_a_while_for_a_database_that_is_stuck(monkeypatch):
    monkeypatch.setattr("course_lib.chat.runner.STORING_LIMIT", 0.1)
    chat, transcript = chat_on(moody(Stuck()))
    run = asyncio.create_task(chat.send("hello"))
    while texts(transcript, "answer") != ["heard hello"]:
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    chat.stop()
    ended, _ = await asyncio.wait([run], timeout=5)
    run.cancel()
    assert ended and not chat.running


class SlowInAll(Slow):
    async def aput_writes(self, *arguments):
        await asyncio.sleep(0.02)
        await super().aput_writes(*arguments)


@pytest.mark.parametrize("saver", [Slow, SlowInAll])
@pytest.mark.parametrize("seconds", [0.01, 0.06, 0.11])
async def test_what_a_stopped_run_still_has_to_store_is_waited_for(saver, seconds):
    """The run is at its end after a few milliseconds; its checkpoints take longer."""
    graph = moody(saver())
    chat, transcript = chat_on(graph)
    run = asyncio.create_task(chat.send("hello"))
    while texts(transcript, "answer") != ["heard hello"]:
        await asyncio.sleep(0)
    await asyncio.sleep(seconds)
    chat.stop()
    await asyncio.wait_for(run, 5)
    again, reread = chat_on(graph, thread_id=chat.thread_id)
    await asyncio.sleep(0.3)
    await again.load()
    assert transcript.kept() == reread.kept() == [("you", "hello"), ("answer", "heard hello")]
    assert texts(transcript, "answer") == ["heard hello"]
    assert "unfinished" not in [entry["kind"] for entry in transcript.entries]
