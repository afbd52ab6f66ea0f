"""Namu holds a conversation: it finds, refines, leaves out, explains, and never raises."""

import json
from pathlib import Path

import pytest
from dialogue_judge import complaints
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.namu import build_namu, union
from course_lib.offline import OfflineChatModel, OfflineModelError

DIALOGUES = [
    json.loads(line)
    for line in (Path(__file__).parent / "dialogues.jsonl").read_text(encoding="utf-8").splitlines()
]
NAMU = build_namu(checkpointer=InMemorySaver())


def say(text, thread, graph=NAMU):
    config = {"configurable": {"thread_id": thread}}
    return graph.invoke({"messages": [{"role": "user", "content": text}]}, config)


@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda dialogue: dialogue["name"])
def test_every_turn_of_the_dialogue_is_right(dialogue):
    past = []
    for turn in dialogue["turns"]:
        state = say(turn["user"], dialogue["name"])
        assert not complaints(turn.get("expect", {}), state, past), turn["user"]
        past.append(state.get("last_recommended_places") or [])


def test_what_was_turned_down_stays_away_for_the_rest_of_the_conversation():
    refused = say("a cafe in Mapo", "refusal")["last_recommended_places"]
    say("not those", "refusal")
    say("a museum in Jongno", "refusal")
    again = say("recommend a cafe in Mapo", "refusal")["last_recommended_places"]
    assert again and not {p["id"] for p in refused} & {p["id"] for p in again}


def test_two_threads_know_nothing_of_each_other():
    say("a cafe in Mapo", "one")
    assert not say("the second one", "two").get("last_recommended_places")


def test_a_wish_nobody_can_meet_is_answered_from_next_door_and_says_so():
    state = say("a palace in Gangnam", "nowhere")
    assert {p["category"] for p in state["last_recommended_places"]} == {"palace"}
    assert "I know no palaces in Gangnam-gu" in state["messages"][-1].text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=80))
def test_nothing_a_person_types_makes_namu_raise(text):
    state = say(text, "anything")
    assert str(state["messages"][-1].text).strip()


@pytest.mark.parametrize(
    "text", ["", "   ", "\u200b", "x" * 100_000, "<script>alert(1)</script>", "💥"]
)
def test_nonsense_is_answered_with_what_namu_can_do(text):
    reply = build_namu().invoke({"messages": [{"role": "user", "content": text}]})["messages"][-1]
    assert "I can find places in Seoul" in reply.text


@pytest.mark.parametrize(
    "text", ["a cafe for 4 in Mapo", "마포에서 9명이 갈 카페", "9" * 1000 + " cafes in Mapo"]
)
def test_a_number_of_people_is_no_price(text):
    state = say(text, text)
    call = next(m for m in state["messages"] if m.type == "ai").tool_calls[0]
    assert call["args"] == {"category": "cafe", "district": "Mapo-gu"}


def test_union_keeps_order_and_drops_repeats():
    assert union(["b"], ["a", "b"]) == ["b", "a"]
    assert union(None, ["a"]) == ["a"]


def test_a_failed_turn_leaves_the_thread_intact():
    graph = build_namu(model=OfflineChatModel(fail_after_tokens=0), checkpointer=InMemorySaver())
    with pytest.raises(OfflineModelError):
        say("hello", "t", graph)
    config = {"configurable": {"thread_id": "t"}}
    assert [m.type for m in graph.get_state(config).values["messages"]] == ["human"]


def test_an_unanswered_tool_call_in_the_thread_does_not_block_it():
    call = {"name": "search_places", "args": {}, "id": "c1", "type": "tool_call"}
    history = [HumanMessage("a cafe"), AIMessage("", tool_calls=[call]), HumanMessage("hello")]
    reply = build_namu().invoke({"messages": history})["messages"][-1]
    assert reply.text.startswith("Hello")


def test_state_has_the_fields_of_the_syllabus():
    state = say("a cafe in Mapo", "fields")
    assert set(state) == {
        "messages",
        "intent",
        "last_recommended_places",
        "excluded_place_ids",
    }
    with_label = NAMU.invoke(
        {"messages": [HumanMessage("hi")], "session_id": "s"}, {"configurable": {"thread_id": "l"}}
    )
    assert with_label["session_id"] == "s"


def test_namu_can_stop_before_a_node():
    graph = build_namu(checkpointer=InMemorySaver(), interrupt_before=["tools"])
    say("a cafe in Mapo", "stop", graph)
    assert graph.get_state({"configurable": {"thread_id": "stop"}}).next == ("tools",)
