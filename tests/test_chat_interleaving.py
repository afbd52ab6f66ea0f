"""Any order of what a person does leaves thread and transcript equal."""

import asyncio
from contextlib import suppress

from chat_graphs import Decision, chat_on, moody, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib.chat import (
    ChatError,
    RunEnded,
    RunStarted,
)

OPERATIONS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["hi", "ask", "boom", "slow", "slow ask"])),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("resume"), st.sampled_from([1, 5, 99])),
    st.tuples(st.just("edit"), st.integers(0, 3)),
    st.tuples(st.just("again"), st.integers(0, 3)),
    st.tuples(st.just("switch"), st.sampled_from(["one", "two"])),
    st.tuples(st.just("back"), st.integers(0, 8)),
    st.tuples(st.just("go_on"), st.none()),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(OPERATIONS, st.integers(0, 30)), max_size=12))
def test_any_interleaving_leaves_thread_and_transcript_equal(steps):
    asyncio.run(interleaved(steps))


async def interleaved(steps):
    graph = moody()
    chat, transcript = chat_on(graph, thread_id="one")
    jobs, wrong, runs = [], [], []

    def listen(event):
        transcript.handle(event)
        if isinstance(event, RunStarted):
            runs.append(chat.thread_id)
        if isinstance(event, RunEnded):
            newest = graph.get_state({"configurable": {"thread_id": runs[-1]}})
            same = newest.config["configurable"].get("checkpoint_id") == event.thread.checkpoint_id
            if not same or event.thread.thread_id != runs[-1]:
                wrong.append(event)

    chat.on_event = listen
    for operation, ticks in steps:
        jobs.append(asyncio.create_task(act(chat, transcript, *operation)))
        for _ in range(ticks):
            await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*jobs), 20)
    assert not chat.running
    assert not wrong, "a run ended in another thread than it began, or not at its end"
    kinds = [entry["kind"] for entry in transcript.entries]
    assert "waiting" not in kinds
    answers = [entry for entry in transcript.entries if entry["kind"] == "answer"]
    assert all(answer["kept"] or answer["note"] for answer in answers)
    keys = [(entry["kind"], entry["key"]) for entry in transcript.entries]
    assert len(keys) == len(set(keys))
    states = {c["state"] for e in transcript.entries if e["kind"] == "work" for c in e["chips"]}
    assert "running" not in states
    for thread in (chat.thread_id, "one", "two"):
        assert transcript.kept() == stored(graph, chat), thread
        await chat.switch(thread)
    fresh, reread = chat_on(graph, thread_id=chat.thread_id)
    await fresh.load()
    assert reread.kept() == transcript.kept()


async def act(chat, transcript, name, value):
    own = [entry["key"] for entry in transcript.entries if entry["kind"] == "you"]
    answers = [entry["key"] for entry in transcript.entries if entry["kind"] == "answer"]
    with suppress(ChatError):
        match name:
            case "send":
                await chat.send(value)
            case "stop":
                chat.stop()
            case "resume":
                cards = [e["id"] for e in transcript.entries if e["kind"] == "approval"]
                if cards:
                    decision = Decision.model_construct(approve=True, count=value)
                    await chat.resume({cards[0]: decision.model_dump()})
            case "edit" if own:
                await chat.edit(own[value % len(own)], "edited")
            case "again" if answers:
                await chat.try_again(answers[value % len(answers)])
            case "switch":
                await chat.switch(value)
            case "back":
                there = list((await chat.tree()).checkpoints)
                await chat.go_to(there[value % len(there)] if there else None)
            case "go_on":
                await chat.continue_run()
