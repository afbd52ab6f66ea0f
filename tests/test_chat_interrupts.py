"""Questions of a graph: answered once, by the right answer, or let drop."""

import pytest
from chat_graphs import Colour, Decision, asking, chat_on, moody, one_node
from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt

from course_lib.chat import (
    ChatError,
)
from course_lib.namu import book_place, build_namu


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


async def test_an_answer_never_reaches_a_question_in_the_same_words_about_something_else():
    def node(state):
        first = interrupt("Which?", response_schema=Decision)
        second = interrupt("Which?", response_schema=Colour)
        return {"messages": [AIMessage(f"{first.approve} {second.colour}")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("go")
    await chat.resume({transcript.entries[-1]["id"]: {"approve": True}})
    second = (await chat.tree()).newest.id
    await chat.resume({transcript.entries[-1]["id"]: {"colour": "red"}})
    assert transcript.kept()[-1] == ("answer", "True red")
    await chat.go_to(second)
    with pytest.raises(ChatError, match="Answer that one first"):
        await chat.resume({transcript.entries[-1]["id"]: {"colour": "blue"}})


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


async def test_open_tool_calls_are_answered_when_a_person_goes_on_with_another_message():
    chat, transcript = chat_on(build_namu(checkpointer=InMemorySaver(), tools=[book_place]))
    await chat.send("a cafe in Mapo")
    await chat.send("book the first one")
    await chat.send("hello")
    messages = chat.graph.get_state(chat.config).values["messages"]
    calls = {c["id"] for m in messages if m.type == "ai" for c in m.tool_calls}
    assert calls == {m.tool_call_id for m in messages if m.type == "tool"}
    chips = [c for e in transcript.entries if e["kind"] == "work" for c in e["chips"]]
    (booking,) = [chip for chip in chips if chip["name"] == "book_place"]
    assert booking["state"] in ("stopped", "failed")


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
