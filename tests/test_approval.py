"""Every kind of question becomes a form, and what a person fills in becomes the right answer."""

import pytest
from chat_graphs import Colour, Decision, asking, chat_on
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Interrupt

from course_lib.chat.approval import Approval, Refused, errors_of
from course_lib.models import OfflineChatModel


def card(value, schema=None):
    return Approval.of(Interrupt(value, id="i", response_schema=schema))


def names(approval):
    return [field.name for field in approval.fields], [b.label for b in approval.buttons]


def test_a_plain_question_takes_yes_no_or_words():
    approval = card("Go?")
    assert approval.question == "Go?" and names(approval) == (
        ["text"],
        ["Yes", "No", "Send the words"],
    )
    assert approval.answer({"text": "", "answer": True}) is True
    assert approval.answer({"text": "", "answer": False}) is False
    assert approval.answer({"text": "tomorrow"}) == "tomorrow"
    assert approval.answer({"text": " 3 "}) == 3
    with pytest.raises(Refused, match="empty"):
        approval.answer({"text": " "})


def test_a_draft_with_no_schema_can_be_edited_too():
    approval = card({"question": "Send this?", "text": "Dear cafe"})
    assert names(approval) == (["text"], ["Send"]) and approval.fields[0].value == "Dear cafe"
    assert approval.answer({"text": "Dear all"}) == "Dear all"


def test_an_emptied_field_is_not_taken_for_its_old_value():
    approval = card({"question": "Book?", "count": 3}, Decision.model_json_schema())
    with pytest.raises(Refused, match="empty"):
        approval.answer({"count": "", "approve": True})


def test_a_text_to_edit_starts_with_the_draft():
    draft = "Dear cafe, " + "x" * 80
    approval = card({"question": "Send this?", "text": draft}, {"type": "string"})
    (field,) = approval.fields
    assert (field.kind, field.value) == ("long text", draft) and approval.facts == ()
    assert approval.answer({"answer": "Dear all"}) == "Dear all"


def test_the_arguments_of_a_tool_call_are_fields_that_start_filled_in():
    approval = card(
        {"question": "Book?", "count": 3, "note": "nobody is called"}, Decision.model_json_schema()
    )
    assert names(approval) == (["count"], ["Approve", "Reject"])
    assert approval.fields[0].value == 3 and approval.facts == (("note", "nobody is called"),)
    assert approval.answer({"count": "4", "approve": True}) == {"count": 4, "approve": True}


@pytest.mark.parametrize("typed", ["99", "many", "", "1.5", "0"])
def test_a_number_that_does_not_fit_is_refused_at_its_field(typed):
    approval = card("?", {**Decision.model_json_schema(), "required": ["approve", "count"]})
    with pytest.raises(Refused) as refused:
        approval.answer({"count": typed, "approve": True})
    assert set(refused.value.errors) <= {"count", "answer"}


def test_a_few_values_are_a_choice():
    approval = card("Which?", Colour.model_json_schema())
    assert approval.fields[0].choices == ("red", "blue")
    assert approval.answer({"colour": "blue"}) == {"colour": "blue"}
    with pytest.raises(Refused, match="green"):
        approval.answer({"colour": "green"})


def test_a_boolean_needs_two_buttons_only():
    approval = card("Sure?", {"type": "boolean"})
    assert names(approval) == ([], ["Yes", "No"])
    assert approval.answer({"answer": False}) is False


def test_what_no_field_can_hold_is_json():
    approval = card("?", {"type": "object", "properties": {"tags": {"type": "array"}}})
    assert approval.fields[0].kind == "json"
    assert approval.answer({"tags": '["a"]'}) == {"tags": ["a"]}
    with pytest.raises(Refused, match="no JSON"):
        approval.answer({"tags": "[a"})


@pytest.mark.parametrize("value", [None, 7, ["a"], {}, {"x": {"y": 1}}, ""])
def test_any_value_of_an_interrupt_can_be_shown(value):
    assert card(value).question


def test_a_pydantic_error_is_told_by_field():
    with pytest.raises(ValueError) as caught:
        Decision(approve=True, count=99)
    assert list(errors_of(caught.value)) == ["count"]
    assert errors_of(ValueError("no")) == {"answer": "no"}


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
    return {**values, **given, **button["sets"]}


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
    with pytest.raises(Refused) as refused:
        transcript.approval(entry["id"]).answer(filled(entry, pressed, given))
    assert list(refused.value.errors) == [wrong]


async def test_several_calls_are_decided_one_by_one_and_none_by_default():
    request = {"name": "pay", "args": {"amount": 1}, "description": "?"}
    config = {"action_name": "pay", "allowed_decisions": ["approve", "reject"]}
    approval = card({"action_requests": [request, request], "review_configs": [config]})
    names = approval.buttons[0].sets
    with pytest.raises(Refused, match="Choose"):
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


async def test_a_card_that_a_schema_refuses_stays_open_and_says_why():
    chat, transcript = chat_on(asking({"question": "How many?"}, Decision))
    await chat.send("go")
    entry = transcript.entries[-1]
    transcript.refuse(entry["id"], {"count": "too many"})
    assert transcript.entries[-1]["errors"] == {"count": "too many"}
