"""A chat without a browser: whatever a person does, the thread and the transcript agree."""

import asyncio
from contextlib import suppress

import pytest
from chat_graphs import Decision, asking, chat_on, moody, one_node, working
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from course_lib.chat import (
    ChatController,
    ChatError,
    Loaded,
    NodeEnded,
    NodeStarted,
    RunEnded,
    RunStarted,
    Token,
    ToolCalled,
    ToolReturned,
    Unqueued,
)
from course_lib.chat.controller import RECURSION_LIMIT
from course_lib.models import OfflineChatModel
from course_lib.namu import book_place, build_namu
from course_lib.persistence import open_async_checkpointer, open_checkpointer


def stored(graph, chat):
    """Speaker and words in the thread, read by nobody but the checkpointer."""
    messages = graph.get_state(chat.config).values.get("messages", [])
    who = {"human": "you", "ai": "answer"}
    return [(who[m.type], str(m.text)) for m in messages if m.type in who and str(m.text)]


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
    assert "".join(t.text for t in tokens) == str(events[-1].now.messages[-1].text)


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


async def test_editing_a_message_forks_and_the_old_road_stays():
    graph = moody()
    chat, transcript = chat_on(graph)
    for text in ("one", "two", "three"):
        await chat.send(text)
    keys = [entry["key"] for entry in transcript.entries if entry["kind"] == "you"]
    await chat.edit(keys[1], "zwei")
    assert transcript.kept() == [
        ("you", "one"),
        ("answer", "heard one"),
        ("you", "zwei"),
        ("answer", "heard zwei"),
    ]
    tree = await chat.tree()
    assert len(tree.branches) == 2
    old = graph.get_state(dict(tree.checkpoints[tree.branches["main"]].config))
    assert str(old.values["messages"][-1].text) == "heard three"


async def test_trying_again_asks_the_same_on_a_new_branch():
    chat, transcript = chat_on(moody())
    await chat.send("one")
    before = transcript.kept()
    await chat.try_again(transcript.entries[-1]["key"])
    assert transcript.kept() == before
    assert len((await chat.tree()).branches) == 2


async def test_a_message_nobody_knows_cannot_be_edited():
    chat, transcript = chat_on(moody())
    await chat.send("one")
    before = transcript.kept()
    with pytest.raises(LookupError, match="nothing to fork from"):
        await chat.edit("no such id", "two")
    with pytest.raises(LookupError, match="nothing to ask again"):
        await chat.try_again("no such id")
    await chat.send("two")
    assert transcript.kept()[:2] == before


async def test_going_back_shows_the_past_and_sending_there_begins_a_branch():
    graph = moody()
    chat, transcript = chat_on(graph)
    await chat.send("one")
    after_one = (await chat.tree()).newest.id
    await chat.send("two")
    await chat.go_to(after_one)
    assert transcript.kept() == [("you", "one"), ("answer", "heard one")]
    assert transcript.entries[-1]["kind"] == "past"
    await chat.send("other two")
    assert transcript.kept()[-1] == ("answer", "heard other two")
    assert len((await chat.tree()).branches) == 2
    await chat.go_to(after_one)
    await chat.go_to(None)
    assert transcript.kept() == stored(graph, chat)
    assert transcript.entries[-1]["kind"] == "answer"


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
    assert "not kept" in transcript.entries[2]["note"]
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


async def test_a_model_that_breaks_off_leaves_its_words_a_problem_and_a_way_on():
    model = OfflineChatModel(fail_after_tokens=14)
    chat, transcript = chat_on(build_namu(model=model, checkpointer=InMemorySaver()))
    await chat.send("hello")
    kinds = [entry["kind"] for entry in transcript.entries]
    assert kinds == ["you", "work", "answer", "problem", "unfinished"]
    assert transcript.entries[-1]["button"] == "Try again"
    assert transcript.entries[2]["text"] and not transcript.entries[2]["kept"]
    model.fail_after_tokens = None
    await chat.continue_run()
    assert transcript.kept()[-1][1].startswith("Hello, I am Namu.")


async def test_messages_sent_meanwhile_wait_and_say_so():
    chat, transcript = chat_on(moody())
    first = asyncio.create_task(chat.send("slow"))
    await asyncio.sleep(0)
    second = asyncio.create_task(chat.send("after"))
    await asyncio.sleep(0)
    assert transcript.entries[-1] == {"kind": "waiting", "key": "waiting-0", "text": "after"}
    await asyncio.gather(first, second)
    assert [text for _, text in transcript.kept()] == ["slow", "heard slow", "after", "heard after"]


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
    chat.on_event = lambda event: (events.append(event), transcript.take(event))
    await chat.send("two")
    assert isinstance(events[0], Loaded) and isinstance(events[1], RunStarted)
    assert str(events[0].messages[-2].text) == "from outside"
    assert [text for who, text in transcript.kept() if who == "you"] == [
        "one",
        "from outside",
        "two",
    ]


async def test_an_answer_that_does_not_fit_is_refused_and_can_be_given_again():
    chat, transcript = chat_on(moody())
    await chat.send("ask")
    card = transcript.entries[-1]
    assert card["kind"] == "approval" and card["question"] == "Go on?"
    await chat.resume({card["id"]: {"approve": True, "count": 99}})
    refused = transcript.entries[-1]
    assert refused["kind"] == "approval" and "9" in refused["errors"]["count"]
    await chat.resume({card["id"]: {"approve": True, "count": 3}})
    assert ("answer", "decided True 3") in transcript.kept()


async def test_a_node_that_fails_on_an_answer_can_ask_again():
    def node(state):
        answer = interrupt("Say good")
        if answer != "good":
            raise ValueError(f"cannot use {answer!r}")
        return {"messages": [AIMessage("thank you")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("hello")
    await chat.resume({transcript.entries[-1]["id"]: "bad"})
    assert any("cannot use 'bad'" in e.get("text", "") for e in transcript.entries)
    assert transcript.entries[-1]["other"] == "Ask again"
    await chat.reopen_interrupts()
    assert transcript.entries[-1]["kind"] == "approval"
    await chat.resume({transcript.entries[-1]["id"]: "good"})
    assert transcript.kept()[-1] == ("answer", "thank you")


async def test_a_question_of_the_past_can_be_answered_otherwise():
    chat, transcript = chat_on(moody())
    await chat.send("ask")
    asked = (await chat.tree()).newest.id
    question = transcript.entries[-1]["id"]
    await chat.resume({question: {"approve": True}})
    await chat.go_to(asked)
    await chat.resume({transcript.entries[-1]["id"]: {"approve": False}})
    assert ("answer", "decided False 1") in transcript.kept()
    with pytest.raises(LookupError, match="not open here"):
        await chat.resume({question: {"approve": True}})


async def test_several_questions_are_answered_one_by_one():
    def ask(name):
        def node(state):
            return {"messages": [AIMessage(f"{name} {interrupt(f'{name}?')}")]}

        return node

    graph = StateGraph(MessagesState)
    for name in ("a", "b"):
        graph.add_node(name, ask(name))
        graph.add_edge(START, name)
        graph.add_edge(name, END)
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    cards = [entry for entry in transcript.entries if entry["kind"] == "approval"]
    assert sorted(card["question"] for card in cards) == ["a?", "b?"]
    b = next(card for card in cards if card["question"] == "b?")
    await chat.resume({b["id"]: "yes"})
    (a,) = (entry for entry in transcript.entries if entry["kind"] == "approval")
    assert a["question"] == "a?"
    await chat.resume({a["id"]: "no"})
    assert {text for who, text in transcript.kept() if who == "answer"} == {"a no", "b yes"}


async def test_a_booking_waits_for_a_person_and_a_new_message_lets_it_drop():
    chat, transcript = chat_on(build_namu(checkpointer=InMemorySaver(), tools=[book_place]))
    await chat.send("a cafe in Mapo")
    await chat.send("book the second one for 4")
    assert transcript.entries[-1]["kind"] == "approval"
    await chat.send("a museum in Yongsan")
    assert "Yongsan-gu" in transcript.kept()[-1][1]
    assert transcript.entries[-1]["kind"] == "answer"


async def test_a_breakpoint_is_shown_and_passed():
    graph = build_namu(checkpointer=InMemorySaver(), interrupt_before=["tools"])
    chat, transcript = chat_on(graph)
    await chat.send("a cafe in Mapo")
    assert transcript.entries[-1]["kind"] == "unfinished"
    assert "tools" in transcript.entries[-1]["text"]
    await chat.continue_run()
    assert "Mapo-gu" in transcript.kept()[-1][1]


async def test_a_graph_that_raises_loops_or_says_nothing_gets_a_readable_card():
    chat, transcript = chat_on(moody())
    await chat.send("boom")
    assert "RuntimeError: boom, as asked" in transcript.entries[-2]["text"]

    def round_and_round(state):
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node(round_and_round)
    graph.add_edge(START, "round_and_round")
    graph.add_conditional_edges("round_and_round", lambda state: "round_and_round")
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    problem = next(entry for entry in transcript.entries if entry["kind"] == "problem")
    assert "GRAPH_RECURSION_LIMIT" in problem["text"] and str(RECURSION_LIMIT) in problem["text"]

    chat, transcript = chat_on(one_node(lambda state: {}))
    await chat.send("hello?")
    assert "without words" in transcript.entries[-1]["text"]


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
    assert [(e.within, e.node) for e in events if isinstance(e, NodeStarted)] == [
        ((), "outer"),
        (("outer",), "node"),
    ]


async def test_half_an_emoji_and_an_empty_message_are_taken():
    chat, transcript = chat_on(moody())
    await chat.send("hello \ud83d")
    await chat.send("")
    assert [who for who, _ in transcript.kept()] == ["you", "answer", "you", "answer"]


def test_a_graph_that_cannot_chat_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="checkpointer=InMemorySaver"):
        ChatController(build_namu())

    class Bare(TypedDict):
        text: str

    graph = StateGraph(Bare)
    graph.add_node("n", lambda state: {})
    graph.add_edge(START, "n")
    with pytest.raises(ValueError, match="MessagesState"):
        ChatController(graph.compile(checkpointer=InMemorySaver()))


async def test_a_question_with_no_schema_takes_any_answer():
    chat, transcript = chat_on(asking("Sure?"))
    await chat.send("go")
    await chat.resume({transcript.entries[-1]["id"]: False})
    assert transcript.kept()[-1] == ("answer", "told False")


async def test_an_answer_never_reaches_another_question():
    def node(state):
        draft = interrupt("delete the draft?")
        archive = interrupt("delete the archive?")
        return {"messages": [AIMessage(f"draft={draft} archive={archive}")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("go")
    await chat.resume({transcript.entries[-1]["id"]: "no"})
    second = (await chat.tree()).newest.id
    await chat.resume({transcript.entries[-1]["id"]: "no"})
    await chat.go_to(second)
    with pytest.raises(ChatError, match="Answer that one first"):
        await chat.resume({transcript.entries[-1]["id"]: "YES"})
    assert transcript.entries[-1]["question"] == "delete the draft?"
    assert not any("YES" in text for _, text in transcript.kept())


async def test_a_failure_after_an_answer_repeats_nothing_by_itself():
    charged = []

    def approve(state):
        return {"messages": [AIMessage(f"told {interrupt('Charge?')}")]}

    def charge(state):
        charged.append(1)
        raise RuntimeError("timeout after charging")

    steps = StateGraph(MessagesState).add_sequence([approve, charge]).add_edge(START, "approve")
    chat, transcript = chat_on(steps.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    await chat.resume({transcript.entries[-1]["id"]: True})
    assert len(charged) == 1
    assert "timeout after charging" in transcript.entries[-2]["text"]
    assert transcript.entries[-1]["button"] == "Try again"


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


async def test_open_tool_calls_are_answered_when_a_person_goes_on_with_another_message():
    chat, transcript = chat_on(build_namu(checkpointer=InMemorySaver(), tools=[book_place]))
    await chat.send("a cafe in Mapo")
    await chat.send("book it")
    await chat.send("hello")
    messages = chat.graph.get_state(chat.config).values["messages"]
    calls = {c["id"] for m in messages if m.type == "ai" for c in m.tool_calls}
    assert calls == {m.tool_call_id for m in messages if m.type == "tool"}
    chips = [c for e in transcript.entries if e["kind"] == "work" for c in e["chips"]]
    (booking,) = [chip for chip in chips if chip["name"] == "book_place"]
    assert booking["state"] in ("stopped", "failed")


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


async def test_the_same_call_id_in_two_turns_is_two_calls():
    def node(state):
        n = sum(message.type == "human" for message in state["messages"])
        call = {"name": "look", "args": {}, "id": "call_0"}
        return {
            "messages": [
                AIMessage("", tool_calls=[call]),
                ToolMessage(f"result {n}", tool_call_id="call_0", name="look"),
                AIMessage("done"),
            ]
        }

    chat, _transcript = chat_on(one_node(node))
    await chat.send("one")
    await chat.send("two")
    again, reread = chat_on(chat.graph, thread_id=chat.thread_id)
    await again.load()
    works = [entry["chips"] for entry in reread.entries if entry["kind"] == "work"]
    assert ["result 1" in works[0][0]["detail"], "result 2" in works[1][0]["detail"]] == [True] * 2


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
        transcript.take(event)
        if isinstance(event, RunStarted):
            runs.append(chat.thread_id)
        if isinstance(event, RunEnded):
            newest = graph.get_state({"configurable": {"thread_id": runs[-1]}})
            same = newest.config["configurable"].get("checkpoint_id") == event.now.checkpoint_id
            if not same or event.now.thread_id != runs[-1]:
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
    with suppress(LookupError):
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
