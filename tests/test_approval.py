"""Every kind of question becomes a form, and what a person fills in becomes the right answer."""

import json
from contextlib import suppress
from dataclasses import dataclass

import pytest
from chat_graphs import Colour, Decision, asking, chat_on
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langgraph.types import Interrupt
from pydantic import BaseModel

from course_lib.chat.approval import Approval, errors_of
from course_lib.chat.approval_card import card_of
from course_lib.chat.json_form import InvalidAnswer


def card(value, schema=None):
    return Approval.of(Interrupt(value, id="i", response_schema=schema))


def names(approval):
    return [field.name for field in approval.fields], [b.label for b in approval.buttons]


def test_a_plain_question_takes_yes_no_or_words():
    approval = card("Go?")
    assert approval.question == "Go?" and names(approval) == (
        ["text"],
        ["Yes", "No", "Send the words", "Send as JSON"],
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
TYPES = ["integer", "number", "string", "boolean", "array", "null"]
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
                        {"anyOf": st.lists(st.builds(dict, type=st.sampled_from(TYPES)))},
                    ),
                    st.fixed_dictionaries(
                        {"type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES))},
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
    json.dumps(entry, allow_nan=False, ensure_ascii=False).encode()
    names = [field["name"] for field in entry["fields"]] + ["answer"]
    for button in [*entry["buttons"], {"values": {}}]:
        with suppress(InvalidAnswer):
            asked.answer({**dict(zip(names, typed, strict=False)), **button["values"]})


OPEN = ["What?", {"question": "What?", "call": {"n": 2}}, {"question": "Fix?", "text": "draft"}]


@pytest.mark.parametrize("value", OPEN[:2])
@pytest.mark.parametrize("typed", ["7", "true", "null", '"7"', '{"action": "continue"}', "[1]"])
def test_what_is_sent_as_json_is_json(value, typed):
    asked = card(value)
    pressed = next(button.values for button in asked.buttons if button.label == "Send as JSON")
    assert asked.answer({"text": typed, **pressed}) == json.loads(typed)
    for wrong in ("{action: continue}", "", "seven", '{"a": 1, "a": 2}', "9" * 5000):
        with pytest.raises(InvalidAnswer) as refused:
            asked.answer({"text": wrong, **pressed})
        assert list(refused.value.errors) == ["text"]


@pytest.mark.parametrize("value", OPEN)
def test_json_in_words_is_not_changed_in_silence(value):
    with pytest.raises(InvalidAnswer, match="digits"):
        card(value).answer({"text": '{"amount": 0.12345678901234567890123}'})


@pytest.mark.parametrize("draft", ['{"a": 1}', "[1, 2]", '[{"n": 1e999}]'])
def test_a_text_to_edit_that_is_json_stays_a_text(draft):
    asked = card({"question": "Right?", "text": draft})
    assert asked.answer({"text": draft}) == draft
    assert asked.answer({"text": draft + " "}) == draft + " "


@pytest.mark.parametrize(
    "schema", [None, {"type": "integer"}, {"type": "boolean"}, Colour, Decision]
)
def test_an_answer_without_anything_in_it_is_refused(schema):
    with pytest.raises(InvalidAnswer):
        card("What?", schema).answer({})


@pytest.mark.parametrize("typed", ["blue", "5", '{"colour": "green"}'])
def test_words_from_code_are_checked_like_those_from_the_card(typed):
    with pytest.raises(InvalidAnswer):
        card("Which?", Colour).answer({"text": typed})
    assert card("Which?", Colour).answer({"text": '{"colour": "blue"}'}) == {"colour": "blue"}
    assert card("How many?", {"type": "integer"}).answer({"text": "5"}) == 5


@dataclass
class Payment:
    question: str
    amount: int
    note: str


class Transfer(BaseModel):
    question: str
    amount: int
    note: str


@pytest.mark.parametrize("record", [Payment, Transfer])
def test_the_fields_of_a_record_are_details_as_those_of_a_mapping(record):
    value = {"question": "Pay?", "amount": 2**60, "note": "x" * 200}
    assert card(record(**value)).details == card(value).details
    assert card(record(**value)).question == "Pay?"


def deep(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


CYCLE = []
CYCLE.append(CYCLE)
HOSTILE = [
    {"question": "Which?", "grid": {(0, 1): "a"}},
    {"question": "Which?", "x": {b"k": 1}},
    {"question": "Which?", "x": {1, 2}},
    {b"question": "Which?", None: 1},
    [{"question": "Which?"}],
    {"x": CYCLE},
    deep(3000),
    {"text": deep(3000)},
    "x" * 1_000_000,
    {"question": "x" * 1_000_000, "body": ["y" * 1_000_000]},
    {f"key {n}": n for n in range(5000)},
    Broken(),
    {"row": Broken()},
    float("nan"),
    b"\xff",
    2**20_000,
    {"n": 2**20_000},
    "half \ud83d",
    {"half \ud83d": "\ud83d"},
]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
@pytest.mark.parametrize("schema", [None, {"type": "object", "properties": {"x": True, "n": True}}])
def test_every_value_is_shown_somehow_and_floods_nothing(number, schema):
    asked = card(HOSTILE[number], schema)
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    packed = json.dumps(entry, allow_nan=False, ensure_ascii=False).encode()
    assert entry["question"] and len(packed) < 300_000
    if schema is None and asked.fields[0].name == "text":
        assert asked.answer({"text": "yes"}) == "yes"


@pytest.mark.parametrize(
    "value", ["a" * 30_000, {"question": "?", "x": ["a" * 30_000]}, {"question": "a" * 30_000}]
)
def test_of_what_is_cut_the_length_is_shown(value):
    entry = card_of(card(value), errors={}, busy=False, refusal_count=0)
    assert "(30,0" in json.dumps([entry["question"], entry["details"]])


def test_a_long_list_is_shown_to_its_last_item():
    value = {"question": "Send to these?", "to": [f"p{n}@example.org" for n in range(300)]}
    entry = card_of(card(value), errors={}, busy=False, refusal_count=0)
    assert "p299@example.org" in entry["details"][0][1]


def test_an_empty_choice_has_a_name_only_where_it_can_be_taken():
    part = {"enum": ["red", "blue"]}
    schema = {
        "type": "object",
        "properties": {"a": part, "b": part, "c": part},
        "required": ["a", "c"],
    }
    asked = card({"question": "?", "c": "red"}, schema)
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    assert [field["empty"] for field in entry["fields"]] == ["choose ...", "(none)", None]


def test_a_reference_out_of_a_schema_is_not_fetched(monkeypatch):
    asked = []

    def refuse(*address, **options):
        asked.append(address)
        raise OSError("no network")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    part = {"$ref": "http://example.org/other.json"}
    question = card({"question": "?", "n": 2}, {"type": "object", "properties": {"n": part}})
    assert question.answer({"n": "3"}) == {"n": 3} and not asked


class Unreadable(dict):
    def items(self):
        raise RuntimeError("closed")


def test_arguments_that_cannot_be_read_still_have_a_card():
    request = {"name": "pay", "args": Unreadable(amount=1)}
    config = {"action_name": "pay", "allowed_decisions": ["approve", "edit"]}
    asked = card({"action_requests": [request], "review_configs": [config]})
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    json.dumps(entry, allow_nan=False)
    assert [button["label"] for button in entry["buttons"]] == ["Approve", "Approve with changes"]


def test_every_fault_that_a_graph_finds_inside_a_field_is_told():
    class Order(BaseModel):
        decision: Decision

    with pytest.raises(ValueError) as caught:
        Order(decision={"approve": "maybe", "count": "many"})
    text = errors_of(caught.value)["decision"]
    assert "approve: " in text and "count: " in text


def test_a_value_that_a_choice_shows_under_a_title_is_no_detail():
    day = {"oneOf": [{"const": "today", "title": "오늘"}, {"const": "tomorrow", "title": "내일"}]}
    schema = {"type": "object", "properties": {"approve": {"type": "boolean"}, "day": day}}
    asked = Approval.of(
        Interrupt({"question": "?", "day": "tomorrow"}, id="i", response_schema=schema)
    )
    assert asked.fields[0].text == "내일" and asked.details == ()


NUL_CARDS = [
    ("Go?", None, "text"),
    ({"question": "Better?", "text": "a draft"}, None, "text"),
    ({"question": "Name?"}, str, "answer"),
]


@pytest.mark.parametrize(("value", "schema", "field"), NUL_CARDS)
@pytest.mark.parametrize("typed", ["a\0b", "a\ud83db"])
def test_what_no_database_can_keep_is_replaced_in_an_answer(value, schema, field, typed):
    approval = card(value, schema and {"type": "string"})
    answer = approval.answer({field: typed})
    assert answer in ("a\ufffdb", "a?b") and approval.answer({"text": typed}) == answer


def test_json_with_a_nul_is_refused_and_the_card_stays():
    with pytest.raises(InvalidAnswer, match="a NUL"):
        card("Go?").answer({"text": '{"name": "a\\u0000"}'})
