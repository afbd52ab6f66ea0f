"""Tool calls and answers are paired by position, and every history can be made one models take."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models.base import _convert_message_to_dict
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolRuntime
from langgraph.types import Command, interrupt
from openai_server import call_delta, openai_server, refusal

from course_lib.models import (
    InvalidChatHistory,
    OfflineChatModel,
    RemoteChatModel,
    close_open_tool_calls,
    open_tool_calls,
    pair_tool_calls,
    repaired_history,
)

REASON = "The person went on."


def call(call_id="c1", name="book", **args):
    return {"name": name, "args": args, "id": call_id, "type": "tool_call"}


def bad_call(call_id="c1", name="book", args="{city: a}"):
    return {"name": name, "args": args, "id": call_id, "error": None, "type": "invalid_tool_call"}


def asks(*calls, text="", **options):
    valid = [c for c in calls if c["type"] == "tool_call"]
    invalid = [c for c in calls if c["type"] != "tool_call"]
    return AIMessage(text, tool_calls=valid, invalid_tool_calls=invalid, **options)


def answers(call_id="c1", text="done", name="book"):
    return ToolMessage(text, tool_call_id=call_id, name=name)


def why_refused(messages):
    return refusal([_convert_message_to_dict(message) for message in messages])


def stored(*messages):
    """The messages as the reducer keeps them: each with an id."""
    return add_messages([], list(messages))


def after_closing(messages):
    """The thread after the updates and the person's next message were written."""
    updates = close_open_tool_calls(messages, REASON)
    return add_messages(messages, [*updates, HumanMessage("and now?")])


def test_an_id_used_before_does_not_answer_a_later_call():
    history = [
        asks(call("0", city="a")),
        answers("0"),
        AIMessage("done"),
        asks(call("0", city="b")),
    ]
    assert [c["args"] for c in open_tool_calls(history)] == [{"city": "b"}]
    first, second = pair_tool_calls(history)
    assert first.calls[0].answer is history[1] and second.calls[0].answer is None


def test_two_calls_with_one_id_need_two_answers():
    both = asks(call("0", "book", city="a"), call("0", "look", city="b"))
    half = [both, answers("0", name="look")]
    assert [c["name"] for c in open_tool_calls(half)] == ["book"]
    assert open_tool_calls([*half, answers("0", name="book")]) == []


def test_two_calls_that_look_alike_need_two_answers():
    alike = asks(call("0", city="a"), call("0", city="b"))
    assert [c["args"] for c in open_tool_calls([alike, answers("0")])] == [{"city": "b"}]
    (group,) = pair_tool_calls([alike, answers("0", "first"), answers("0", "second")])
    assert [pair.answer.text for pair in group.calls] == ["first", "second"]


@pytest.mark.parametrize("call_id", [None, ""])
def test_calls_without_an_id_are_answered_in_their_order(call_id):
    history = [asks(call(call_id, city="a"), call(call_id, city="b")), answers("None"), answers("")]
    assert open_tool_calls(history) == []
    assert [c["args"] for c in open_tool_calls(history[:2])] == [{"city": "b"}]


def test_an_answer_behind_another_message_answers_nothing():
    history = [asks(call()), HumanMessage("hm"), answers()]
    assert len(open_tool_calls(history)) == 1


def test_only_the_last_ai_message_counts_as_open():
    assert open_tool_calls([asks(call()), HumanMessage("hm"), AIMessage("well")]) == []
    assert open_tool_calls([HumanMessage("hi")]) == []


def test_an_invalid_call_is_open_and_known_as_invalid():
    (pair,) = pair_tool_calls([asks(bad_call())])[0].calls
    assert not pair.is_valid and open_tool_calls([asks(bad_call())]) == [pair.call]


def test_a_history_without_a_fault_is_left_alone():
    history = stored(
        HumanMessage("a"),
        asks(call("0")),
        answers("0"),
        AIMessage("b"),
        asks(call("0")),
        answers("0"),
    )
    assert close_open_tool_calls(history, REASON) == []
    assert repaired_history(history) == history


def test_an_open_call_of_the_last_message_is_closed_with_the_reason():
    history = stored(HumanMessage("a"), asks(call("c1"), call("c2", "look")), answers("c1"))
    (closing,) = close_open_tool_calls(history, REASON)
    assert (closing.content, closing.status, closing.name) == (REASON, "error", "look")
    assert [m.type for m in after_closing(history)] == ["human", "ai", "tool", "tool", "human"]


def test_a_call_without_an_id_gets_one_that_its_closing_message_names():
    history = stored(HumanMessage("a"), asks(call(None, city="a")))
    _, asked, closing, _ = after_closing(history)
    assert asked.id == history[1].id and asked.tool_calls[0]["args"] == {"city": "a"}
    assert closing.tool_call_id == asked.tool_calls[0]["id"]


def test_an_open_call_with_an_id_used_before_gets_one_of_its_own():
    history = stored(asks(call("0")), answers("0"), AIMessage("done"), asks(call("0")))
    repaired = after_closing(history)
    ids = [c["id"] for m in repaired if m.type == "ai" for c in m.tool_calls]
    assert ids[0] == "0" and len(set(ids)) == 2


def test_what_an_invalid_call_asked_for_is_kept_in_words():
    history = stored(
        HumanMessage("a"), asks(bad_call(), call("c2"), text="One moment."), answers("c2")
    )
    asked = after_closing(history)[1]
    assert asked.text.startswith("One moment.\n") and "{city: a}" in asked.text
    assert "no JSON object" in asked.text and not asked.invalid_tool_calls
    assert [c["id"] for c in asked.tool_calls] == ["c2"]


def test_a_call_that_no_appended_answer_can_reach_is_taken_out_and_its_late_answer_quoted():
    history = stored(asks(call(city="a")), HumanMessage("hm"), answers(text="booked a"))
    asked, _, late, _ = after_closing(history)
    assert not asked.tool_calls and 'book({"city": "a"})' in asked.text
    assert late.type == "ai" and "booked a" in late.text


def test_content_blocks_follow_their_calls():
    blocks = [
        {"type": "text", "text": "Hm."},
        {"type": "tool_use", "id": "0", "name": "book", "input": {}},
        {"type": "tool_use", "id": "0", "name": "book", "input": {}},
    ]
    history = stored(asks(call("0"), call("0"), text=blocks))
    asked = after_closing(history)[0]
    assert [b["id"] for b in asked.content[1:]] == [c["id"] for c in asked.tool_calls]
    assert len({b["id"] for b in asked.content[1:]}) == 2


def test_raw_calls_of_the_provider_do_not_come_back():
    raw = {"id": "c1", "type": "function", "function": {"name": "book", "arguments": "{city: a}"}}
    history = stored(asks(bad_call(), additional_kwargs={"tool_calls": [raw], "kept": 1}))
    assert why_refused(after_closing(history)) is None
    assert after_closing(history)[0].additional_kwargs == {"kept": 1}


def test_messages_without_an_id_are_repaired_in_a_history_of_their_own():
    history = [asks(bad_call()), HumanMessage("hm"), answers("lost")]
    assert why_refused(history) is not None
    assert why_refused(repaired_history(history)) is None
    assert close_open_tool_calls(history, REASON) == []  # nothing that the reducer could replace


IDS = st.sampled_from([None, "", "0", "0", "1", "call_1"])
VALID = st.builds(lambda i, n: call(i, n, city="a"), IDS, st.sampled_from(["book", "look"]))
INVALID = st.builds(
    bad_call, IDS, st.sampled_from(["book", "", None]), st.sampled_from(["{", "", None])
)
ASKING = st.builds(
    lambda calls, text: asks(*calls, text=text),
    st.lists(VALID | INVALID, min_size=1, max_size=3),
    st.sampled_from(["", "Hm.", [{"type": "text", "text": "Hm."}]]),
)
ANSWERS = st.builds(answers, st.sampled_from(["", "0", "1", "None", "call_1", "other"]))
HISTORIES = st.lists(
    ASKING
    | ASKING
    | ANSWERS
    | ANSWERS
    | st.builds(HumanMessage, st.just("hm"))
    | st.builds(AIMessage, st.just("well")),
    max_size=8,
)


@pytest.mark.soak
@settings(max_examples=400, deadline=None)
@given(HISTORIES)
def test_any_history_is_taken_after_its_repair_and_needs_no_second_one(messages):
    history = stored(*messages)
    repaired = after_closing(history)
    assert why_refused(repaired) is None
    assert close_open_tool_calls(repaired, REASON) == []
    assert why_refused(repaired_history(messages)) is None
    # Nothing that was said or answered is lost.
    before = [m.text for m in history if m.type == "tool" or m.text]
    after = "\n".join(m.text for m in repaired)
    assert all(text in after for text in before)


@settings(max_examples=200, deadline=None)
@given(HISTORIES)
def test_the_offline_model_refuses_exactly_the_open_calls(messages):
    is_open = any(group.open_calls for group in pair_tool_calls(messages))
    try:
        OfflineChatModel().invoke([*messages, HumanMessage("hello")])
        refused = False
    except InvalidChatHistory:
        refused = True
    assert refused == is_open


@tool
def book(city: str) -> str:
    """Book."""
    return "booked" if city == "a" else str(interrupt("Really?"))


@tool
def note(text: str, runtime: ToolRuntime) -> Command:
    """Note, by an update of the state."""
    answer = ToolMessage(f"noted {text}", tool_call_id=runtime.tool_call_id)
    return Command(update={"messages": [answer]})


SCRIPTS = {
    "no id": [[call_delta("book", '{"city": "a"}')]],
    "no id, open": [[call_delta("book", '{"city": "b"}')]],
    "an empty id": [[call_delta("book", '{"city": "b"}', "")]],
    "an id used before": [
        [call_delta("book", '{"city": "a"}', "0")],
        [{"content": "done"}],
        [call_delta("book", '{"city": "b"}', "0")],
    ],
    "no JSON": [[call_delta("book", "{city: a}", "c0")]],
    "two calls, one open": [
        [call_delta("book", '{"city": "a"}', "0"), call_delta("book", '{"city": "b"}', "1", 1)]
    ],
    "two calls with one id": [
        [call_delta("book", '{"city": "b"}', "0"), call_delta("book", '{"city": "b"}', "0", 1)]
    ],
    "answered by a Command": [
        [call_delta("note", '{"text": "x"}', "0"), call_delta("note", '{"text": "y"}', "1", 1)]
    ],
    "a Command with no id beside an open call": [
        [call_delta("note", '{"text": "x"}'), call_delta("book", '{"city": "b"}', None, 1)]
    ],
}


CLIENTS = [
    pytest.param(name, way == "streamed", client == "RemoteChatModel", id=f"{name}-{way}-{client}")
    for name in SCRIPTS
    for way in ("streamed", "whole")
    for client in ("RemoteChatModel", "ChatOpenAI")  # only the first repairs ids
]


@pytest.mark.one_in(7)
@pytest.mark.parametrize(("name", "streamed", "repairs_ids"), CLIENTS)
def test_a_thread_takes_the_next_message_whatever_was_called(name, streamed, repairs_ids):
    kind = RemoteChatModel if repairs_ids else ChatOpenAI
    with openai_server() as server:
        server.script[:] = SCRIPTS[name]
        model = kind(
            base_url=server.url, model=server.model, api_key="k", max_retries=0, streaming=streamed
        )
        graph = create_agent(model, [book, note], checkpointer=InMemorySaver())
        config = {"configurable": {"thread_id": "t"}}
        for text in ("book a", "book b", "never mind", "hello?"):
            # What is stored, without what a stopped step had left behind for its own resumption.
            messages = graph.checkpointer.get(config)
            messages = messages["channel_values"].get("messages", []) if messages else []
            updates = close_open_tool_calls(messages, REASON)
            try:
                graph.invoke({"messages": [*updates, HumanMessage(text)]}, config)
            except (TypeError, ValueError):  # LangGraph cannot run a call without an id
                assert not repairs_ids and "id" in name
        last = graph.get_state(config).values["messages"][-1]
        assert last.type == "ai" and last.text and not last.tool_calls
        sent = server.requests[-1]["messages"]
        assert [m["content"] for m in sent if m["role"] == "user"][-1] == "hello?"
        assert json.dumps(sent)


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
def test_a_served_model_gives_calls_without_an_id_ids_of_their_own(streamed):
    with openai_server() as server:
        model = RemoteChatModel(
            base_url=server.url, model=server.model, api_key="k", streaming=streamed
        )
        pieces = [
            call_delta("book", "", None, 0),
            call_delta("", '{"city": "a"}', "late", 0),
            call_delta("book", '{"city": "b"}', "0", 1),
        ]
        del pieces[1]["tool_calls"][0]["function"]["name"]
        server.script.append(pieces)
        history = [asks(call("0")), answers("0"), HumanMessage("and b?")]
        calls = model.invoke(history).tool_calls
    assert [c["args"] for c in calls] == [{"city": "a"}, {"city": "b"}]
    assert all(c["id"] and c["id"] != "0" for c in calls) and calls[0]["id"] != calls[1]["id"]
