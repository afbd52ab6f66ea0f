"""Every kind of question becomes a form, and what a person fills in becomes the right answer."""

import json
from contextlib import suppress

import pytest
from chat_graphs import Colour, Decision, asking, chat_on
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Interrupt

from course_lib.chat.approval import Approval, errors_of
from course_lib.chat.approval_card import card_of
from course_lib.chat.json_form import InvalidAnswer
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
    assert approval.answer({"text": " 3 "}) == " 3 "
    with pytest.raises(InvalidAnswer, match="empty"):
        approval.answer({"text": " "})


def test_a_draft_with_no_schema_can_be_edited_too():
    approval = card({"question": "Send this?", "text": "Dear cafe"})
    assert names(approval) == (["text"], ["Send"]) and approval.fields[0].value == "Dear cafe"
    assert approval.answer({"text": "Dear all"}) == "Dear all"


def test_an_emptied_field_is_not_taken_for_its_old_value():
    approval = card({"question": "Book?", "count": 3}, Decision.model_json_schema())
    with pytest.raises(InvalidAnswer, match="empty"):
        approval.answer({"count": "", "approve": True})


def test_a_text_to_edit_starts_with_the_draft():
    draft = "Dear cafe, " + "x" * 80
    approval = card({"question": "Send this?", "text": draft}, {"type": "string"})
    (field,) = approval.fields
    assert (field.kind, field.value) == ("long text", draft) and approval.details == ()
    assert approval.answer({"answer": "Dear all"}) == "Dear all"


def test_the_arguments_of_a_tool_call_are_fields_that_start_filled_in():
    approval = card(
        {"question": "Book?", "count": 3, "note": "nobody is called"}, Decision.model_json_schema()
    )
    assert names(approval) == (["count"], ["Approve", "Reject"])
    assert approval.fields[0].value == 3 and approval.details == (("note", "nobody is called"),)
    assert approval.answer({"count": "4", "approve": True}) == {"count": 4, "approve": True}


@pytest.mark.parametrize("typed", ["99", "many", "", "1.5", "0"])
def test_a_number_that_does_not_fit_is_refused_at_its_field(typed):
    approval = card("?", {**Decision.model_json_schema(), "required": ["approve", "count"]})
    with pytest.raises(InvalidAnswer) as refused:
        approval.answer({"count": typed, "approve": True})
    assert set(refused.value.errors) <= {"count", "answer"}


def test_a_few_values_are_a_choice():
    approval = card("Which?", Colour.model_json_schema())
    assert approval.fields[0].choices == ("red", "blue")
    assert approval.answer({"colour": "blue"}) == {"colour": "blue"}
    with pytest.raises(InvalidAnswer, match="green"):
        approval.answer({"colour": "green"})


def test_a_boolean_needs_two_buttons_only():
    approval = card("Sure?", {"type": "boolean"})
    assert names(approval) == ([], ["Yes", "No"])
    assert approval.answer({"answer": False}) is False


def test_what_no_field_can_hold_is_json():
    approval = card("?", {"type": "object", "properties": {"tags": {"type": "array"}}})
    assert approval.fields[0].kind == "json"
    assert approval.answer({"tags": '["a"]'}) == {"tags": ["a"]}
    with pytest.raises(InvalidAnswer, match="no JSON"):
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


async def test_a_card_that_a_schema_refuses_stays_open_and_says_why():
    chat, transcript = chat_on(asking({"question": "How many?"}, Decision))
    await chat.send("go")
    entry = transcript.entries[-1]
    transcript.refuse(entry["id"], {"count": "too many"})
    assert transcript.entries[-1]["errors"] == {"count": "too many"}


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("007", "007"),
        ("+82 10 1234 5678", "+82 10 1234 5678"),
        ("true", "true"),
        ("{not json", "{not json"),
        ('{"action": "continue"}', {"action": "continue"}),
        ('[{"type": "accept"}]', [{"type": "accept"}]),
    ],
)
def test_an_open_question_takes_text_as_text_and_json_as_json(typed, answer):
    assert card("What?").answer({"text": typed}) == answer
    assert card({"question": "What?", "call": {"n": 2}}).answer({"text": typed}) == answer


NUMBERS = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.integers(2**53, 2**70)
)


@given(NUMBERS)
def test_a_number_that_was_shown_is_the_number_that_is_answered(number):
    kind = "integer" if isinstance(number, int) else "number"
    schema = {"type": "object", "properties": {"n": {"type": kind}, "deep": {"type": "object"}}}
    asked = card({"question": "?", "n": number, "deep": {"n": [number]}}, schema)
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    back = json.loads(json.dumps({f["name"]: f["value"] for f in entry["fields"]}))
    assert all(isinstance(value, str) for value in back.values())
    answer = asked.answer(back)
    assert repr(answer["n"]) == repr(number) and answer["deep"] == {"n": [number]}


@pytest.mark.parametrize("as_list", [True, False])
@pytest.mark.parametrize(
    ("pressed", "given", "answer"),
    [
        ("Accept", {}, {"type": "accept", "args": None}),
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


class Broken:
    def __repr__(self):
        raise RuntimeError("detached")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=9), st.builds(Broken)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(st.text(max_size=4), st.tuples(st.integers()), st.none()), inner, max_size=3
        ),
    ),
    max_leaves=8,
)
SCHEMAS = st.one_of(
    st.none(),
    JSON,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["object", "string", "nonsense", "boolean"])},
        optional={
            "properties": st.dictionaries(
                st.sampled_from(["approve", "text", "n", "answer"]),
                st.one_of(
                    st.fixed_dictionaries(
                        {"type": st.sampled_from(["integer", "string", "boolean", "array"])},
                        optional={"enum": st.lists(JSON, max_size=3), "default": JSON},
                    ),
                    JSON,
                ),
                max_size=3,
            ),
            "required": JSON,
            "$ref": st.just("#/nowhere"),
        },
    ),
)
TYPED = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["[" * 100_000, "9" * 5000, "NaN", "\ud83d", "[NaN]", '{"a": 1}', "1e999"]),
    st.booleans(),
    st.none(),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=JSON, schema=SCHEMAS, typed=st.lists(TYPED, min_size=4, max_size=4))
def test_nothing_asked_and_nothing_typed_kills_a_card(value, schema, typed):
    asked = card(value, schema)
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    json.dumps(entry, allow_nan=False).encode()
    names = [field["name"] for field in entry["fields"]] + ["answer"]
    for button in [*entry["buttons"], {"values": {}}]:
        with suppress(InvalidAnswer):
            asked.answer({**dict(zip(names, typed, strict=False)), **button["values"]})
