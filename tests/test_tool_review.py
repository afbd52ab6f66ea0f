"""Requests to review a tool call get their buttons, and are answered as their author expects."""

import pytest
from chat_graphs import asking, chat_on
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Interrupt

from course_lib.chat.approval import Approval
from course_lib.chat.approval_card import card_of
from course_lib.chat.json_form import InvalidAnswer
from course_lib.models import OfflineChatModel


def card(value, schema=None):
    return Approval.of(Interrupt(value, id="i", response_schema=schema))


@tool
def pay(amount: int) -> str:
    """Pay an amount of money."""
    return f"paid {amount}"


def paying():
    return create_agent(
        OfflineChatModel(),
        [pay],
        middleware=[HumanInTheLoopMiddleware(interrupt_on={"pay": True})],
        checkpointer=InMemorySaver(),
    )


def filled(entry, pressed, given):
    """What the browser sends when a button of a card is pressed."""
    values = {field["name"]: field["value"] for field in entry["fields"]}
    (button,) = (each for each in entry["buttons"] if each["label"] == pressed)
    return {**values, **given, **button["values"]}


@pytest.mark.parametrize(
    "pressed, given, wrong",
    [
        ("Approve", {"0.args": '{"amount": 5}'}, "0.args"),
        ("Approve", {"0.message": "do not pay this"}, "0.message"),
        ("Approve with changes", {"0.args": ""}, "0.args"),
        ("Approve with changes", {"0.args": "[1]"}, "0.args"),
        ("Respond in its place", {}, "0.message"),
    ],
)
async def test_nothing_filled_in_is_dropped_in_silence(pressed, given, wrong):
    chat, transcript = chat_on(paying())
    await chat.send("Pay amount 20 please")
    entry = transcript.entries[-1]
    with pytest.raises(InvalidAnswer) as refused:
        transcript.approval(entry["id"]).answer(filled(entry, pressed, given))
    assert list(refused.value.errors) == [wrong]


async def test_several_calls_are_decided_one_by_one_and_none_by_default():
    request = {"name": "pay", "args": {"amount": 1}, "description": "?"}
    config = {"action_name": "pay", "allowed_decisions": ["approve", "reject"]}
    approval = card({"action_requests": [request, request], "review_configs": [config]})
    names = approval.buttons[0].values
    with pytest.raises(InvalidAnswer, match="Choose"):
        approval.answer({"0.decision": "approve", "1.decision": "choose ...", **names})
    answer = approval.answer({"0.decision": "approve", "1.decision": "reject", **names})
    assert answer == {"decisions": [{"type": "approve"}, {"type": "reject"}]}


@pytest.mark.parametrize(
    "pressed, given, said",
    [
        ("Approve", {}, "paid 20"),
        ("Approve with changes", {"0.args": '{"amount": 5}'}, "paid 5"),
        ("Reject", {"0.message": "too dear"}, "too dear"),
        ("Respond in its place", {"0.message": "I paid it"}, "I paid it"),
    ],
)
async def test_langchains_approval_middleware_is_answered_by_the_same_card(pressed, given, said):
    chat, transcript = chat_on(paying())
    await chat.send("Pay amount 20 please")
    entry = transcript.entries[-1]
    assert entry["kind"] == "approval"
    answer = transcript.approval(entry["id"]).answer(filled(entry, pressed, given))
    await chat.resume({entry["id"]: answer})
    work = next(entry for entry in transcript.entries if entry["kind"] == "work")
    assert any(said in chip["detail"] for chip in work["chips"] if chip["kind"] == "tool")


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize(
    ("pressed", "given", "answer"),
    [
        ("Accept", {}, {"type": "accept", "args": {"action": "book", "args": {"n": 2}}}),
        ("Ignore", {}, {"type": "ignore", "args": None}),
        ("Respond", {"response": "later"}, {"type": "response", "args": "later"}),
        (
            "Accept with changes",
            {"args": '{"n": 3}'},
            {"type": "edit", "args": {"action": "book", "args": {"n": 3}}},
        ),
    ],
)
def test_agent_inbox_is_answered_in_its_own_form(pressed, given, answer, as_list):
    allowed = {f"allow_{each}": True for each in ("accept", "edit", "respond", "ignore")}
    request = {"action_request": {"action": "book", "args": {"n": 2}}, "config": allowed}
    asked = card([request] if as_list else request)
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    found = asked.answer(filled(entry, pressed, given))
    assert found == ([answer] if as_list else answer)


@pytest.mark.parametrize(
    ("pressed", "given", "field"),
    [
        ("Accept", {"args": '{"n": 3}'}, "args"),
        ("Accept", {"response": "by noon"}, "response"),
        ("Accept with changes", {"response": "by noon"}, "response"),
        ("Ignore", {"response": "too dear"}, "response"),
    ],
)
def test_what_does_not_go_with_an_answer_of_agent_inbox_is_not_lost(pressed, given, field):
    asked = card(inbox_request("book", "accept", "edit", "respond", "ignore"))
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    with pytest.raises(InvalidAnswer) as refused:
        asked.answer(filled(entry, pressed, given))
    assert list(refused.value.errors) == [field]


def inbox_request(action, *kinds):
    config = {f"allow_{each}": each in kinds for each in ("accept", "edit", "respond", "ignore")}
    return {"action_request": {"action": action, "args": {"n": 2}}, "config": config}


async def test_several_requests_of_agent_inbox_get_an_answer_each_in_their_order():
    every = inbox_request("book", "accept", "edit", "respond", "ignore")
    chat, transcript = chat_on(asking([every, inbox_request("ask", "respond"), every]))
    await chat.send("go")
    entry = transcript.entries[-1]
    asked = transcript.approval(entry["id"])
    choices = {f["name"]: f["choices"] for f in entry["fields"] if f["kind"] == "choice"}
    assert choices["1.type"] == ["Respond"] and len(choices["0.type"]) == 4
    answers = {"0.type": "edit", "0.args": '{"n": 3}', "1.type": "response", "2.type": "accept"}
    with pytest.raises(InvalidAnswer, match="Write your response") as refused:
        asked.answer(filled(entry, "Send", answers))
    assert list(refused.value.errors) == ["1.response"]
    with pytest.raises(InvalidAnswer, match=r"2\.type"):
        asked.answer(filled(entry, "Send", {**answers, "2.type": None, "1.response": "later"}))
    await chat.resume(
        {entry["id"]: asked.answer(filled(entry, "Send", {**answers, "1.response": "later"}))}
    )
    book = {"action": "book", "args": {"n": 3}}
    told = [
        {"type": "edit", "args": book},
        {"type": "response", "args": "later"},
        {"type": "accept", "args": {"action": "book", "args": {"n": 2}}},
    ]
    assert transcript.kept()[-1] == ("answer", f"told {told!r}")


@pytest.mark.parametrize(
    ("pressed", "given", "said"),
    [
        ("Approve", {}, "paid 20"),
        ("Approve with changes", {"0.args": '{"amount": 5}'}, "paid 5"),
        ("Reject", {"0.message": "too much"}, "too much"),
    ],
)
async def test_langchains_reviews_one_call_at_a_time_have_the_same_buttons(pressed, given, said):
    review = HumanInTheLoopMiddleware(interrupt_on={"pay": True}, interrupt_mode="per_call")
    agent = create_agent(
        OfflineChatModel(), [pay], middleware=[review], checkpointer=InMemorySaver()
    )
    chat, transcript = chat_on(agent)
    await chat.send("Pay amount 20 please")
    entry = transcript.entries[-1]
    assert entry["kind"] == "approval"
    answer = transcript.approval(entry["id"]).answer(filled(entry, pressed, given))
    await chat.resume({entry["id"]: answer})
    messages = chat.graph.get_state(chat.config).values["messages"]
    assert any(said in str(m.text) for m in messages if m.type == "tool")


LONG_LIST = [f"person-{n}@example.org" for n in range(300)]


def reviewed(args, *allowed, name="mail"):
    config = {"action_name": name, "allowed_decisions": list(allowed)}
    return {"action_requests": [{"name": name, "args": args}], "review_configs": [config]}


def shown(asked):
    return card_of(asked, errors={}, busy=False, refusal_count=0)


def test_arguments_to_edit_are_there_to_the_last_one():
    asked = card(reviewed({"to": LONG_LIST, "n": 2**63}, "approve", "edit"))
    (field,) = shown(asked)["fields"]
    changed = field["value"].replace("person-299", "somebody")
    answer = asked.answer({"0.decision": "edit", "0.args": changed})
    edited = answer["decisions"][0]["edited_action"]["args"]
    assert edited == {"to": [*LONG_LIST[:-1], "somebody@example.org"], "n": 2**63}


def test_of_arguments_that_are_too_long_to_be_shown_the_length_is_shown():
    text = dict(shown(card(reviewed({"body": "x" * 30_000 + "hidden"}, "approve")))["details"])
    assert "(30,0" in text["mail, arguments"] and "hidden" not in text["mail, arguments"]


@pytest.mark.parametrize("typed", ['{"n": 1.0}', '{"n": true}', '{"n": 1, "m": 2}'])
def test_arguments_that_only_look_equal_are_not_approved(typed):
    asked = card(reviewed({"n": 1}, "approve", "edit"))
    with pytest.raises(InvalidAnswer) as refused:
        asked.answer({"0.decision": "approve", "0.args": typed})
    assert list(refused.value.errors) == ["0.args"]


def test_words_of_a_review_stay_as_they_were_written():
    asked = card(reviewed({}, "respond"))
    answer = asked.answer({"0.decision": "respond", "0.message": " 007\n "})
    assert answer["decisions"] == [{"type": "respond", "message": " 007\n "}]


@pytest.mark.parametrize("pressed", [None, "delete", "edit"])
def test_only_what_a_request_allows_can_be_answered(pressed):
    with pytest.raises(InvalidAnswer):
        card(reviewed({"n": 1}, "approve")).answer({"0.decision": pressed})
    request = {"action_request": {"action": "a", "args": {}}, "config": {"allow_accept": True}}
    with pytest.raises(InvalidAnswer, match="buttons"):
        card([request]).answer({"type": pressed})


@pytest.mark.parametrize(
    "request_",
    [
        {"action_request": "book", "config": {"allow_accept": True}},
        {"action_request": {"action": "book"}, "config": {}},
        {"action_request": {"action": "book"}},
        {"action_requests": [{"args": {}}], "review_configs": []},
        {"action_requests": [{"name": ["a"], "args": {}}], "review_configs": [{}]},
    ],
)
def test_what_only_looks_like_a_review_is_an_open_question(request_):
    assert [button.label for button in card(request_).buttons][:2] == ["Yes", "No"]
    assert card([request_, request_]).answer({"text": '[{"type": "accept"}]'}) == [
        {"type": "accept"}
    ]
