"""A field gives back what was shown, to the last digit, and what was typed, or says why not."""

import dataclasses
import datetime
import enum
import json
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langgraph.types import Interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from course_lib.chat.approval import Approval
from course_lib.chat.approval_card import card_of
from course_lib.chat.exact_json import MAX_INTEGER, MIN_INTEGER, json_text, read_json, read_number
from course_lib.chat.json_form import InvalidAnswer


def card(value, schema):
    return Approval.of(Interrupt(value, id="i", response_schema=schema))


def one(part, value=None, *, required=True):
    """A card with one field `x`."""
    asked = {"question": "?"} if value is None else {"question": "?", "x": value}
    schema = {"type": "object", "properties": {"x": part}, "required": ["x"] if required else []}
    return card(asked, schema)


def sent(asked, **typed):
    """What a browser sends: every field as it is shown, but for what is typed."""
    entry = card_of(asked, errors={}, busy=False, refusal_count=0)
    shown = json.loads(json.dumps({each["name"]: each["value"] for each in entry["fields"]}))
    return {**shown, **typed, **entry["buttons"][0]["values"]}


def answered(asked, **typed):
    return asked.answer(sent(asked, **typed))


VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=10,
)


@given(VALUES.filter(lambda value: value is not None))
@example([float(2**70), -0.0, 5.0, 5, "\ud83d", "\r\n", {"": None}])
@example("one\rtwo")
def test_what_nobody_changed_is_answered_as_it_is(value):
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string"}
    for part in (True, {"type": kinds.get(type(value), ["object", "array"])}):
        assert repr(answered(one(part, value))["x"]) == repr(value)


@given(VALUES)
def test_json_that_is_shown_can_be_typed_again(value):
    try:
        again = read_json(json_text(value))
    except ValueError as refused:
        assert any(word in str(refused) for word in ("64 bits", "surrogate", "NUL"))
        return
    assert repr(again) == repr(value)


@given(st.integers(MIN_INTEGER, MAX_INTEGER) | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_is_typed_is_that_number(number):
    assert repr(read_number(repr(number))) == repr(number)
    assert repr(read_json(f"[{number!r}]")) == f"[{number!r}]"


@pytest.mark.parametrize(
    "typed",
    [
        "1e400",
        "1e-400",
        "1e99999999999999999999",
        "0.12345678901234567890123",
        "12345678901234567.5",
        str(2**64),
        "9" * 5000,
        "0." + "1" * 5000,
        "1_000",
        "\u0661\u0662",
        "NaN",
        "inf",
        "0x10",
    ],
)
def test_a_number_that_cannot_be_kept_is_refused_and_can_be_typed_again(typed):
    asked = one({"type": "number"})
    with pytest.raises(InvalidAnswer) as refused:
        answered(asked, x=typed)
    assert list(refused.value.errors) == ["x"]
    assert answered(asked, x="0.1") == {"x": 0.1}
    with pytest.raises(ValueError):
        read_json(f'{{"n": [{typed}]}}')


@pytest.mark.parametrize(
    "typed",
    [
        *('{"a": 1, "a": 2}', '"\\ud83d"', '{"\\ud83d": 1}', "[" * 100_000, "[NaN]", "[1e999]"),
        *('["\\u0000"]', '{"a": [{"b\\u0000": 1}]}'),
    ],
)
def test_json_that_would_change_on_its_way_is_refused(typed):
    with pytest.raises(InvalidAnswer, match="no JSON that can be sent"):
        answered(one({"type": ["array", "object"]}), x=typed)


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\rb", "x" * 61, " a \n"])
def test_a_text_that_one_line_cannot_hold_is_edited_in_several(text):
    asked = one({"type": "string"}, text)
    assert asked.fields[0].kind == "long text"
    browser = text.replace("\r\n", "\n").replace("\r", "\n")  # as a text box gives it back
    assert answered(asked, x=browser) == {"x": text}


AWKWARD = [1, "1", '"1"', 1.0, True, "true", None, "", "null", " a  b ", "a\u202eb", {"a": [1]}]


@pytest.mark.parametrize("number", range(len(AWKWARD)))
def test_each_choice_can_be_chosen_whatever_it_reads_like(number):
    asked = one({"enum": AWKWARD})
    (field,) = card_of(asked, errors={}, busy=False, refusal_count=0)["fields"]
    assert len({*field["choices"], field["empty"]}) == len(AWKWARD)  # null is to choose nothing
    wanted = AWKWARD[number]
    index = number - (number > AWKWARD.index(None))
    typed = "" if wanted is None else field["choices"][index]
    assert repr(answered(asked, x=typed)) == repr({"x": wanted})


def test_nothing_is_chosen_for_a_person():
    asked = one({"enum": ["red", "blue"]})
    (field,) = card_of(asked, errors={}, busy=False, refusal_count=0)["fields"]
    assert (field["value"], field["empty"]) == ("", "choose ...")
    with pytest.raises(InvalidAnswer, match="Choose one"):
        answered(asked)
    with pytest.raises(InvalidAnswer, match="Choose one"):
        answered(one({"type": "boolean"}))
    assert answered(one({"type": "boolean"}), x="no") == {"x": False}
    assert answered(one({"const": 1})) == {"x": 1}  # there is nothing to choose


OPTIONAL = [
    {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    {"oneOf": [{"type": "null"}, {"type": "integer"}]},
    {"type": ["integer", "null"]},
    {"anyOf": [{"allOf": [{"type": "integer"}]}, {"type": "null"}]},
    {"enum": [3, 4, None]},
]


@pytest.mark.parametrize("part", OPTIONAL)
def test_an_optional_value_can_be_set_changed_and_emptied(part):
    assert answered(one(part, 3)) == {"x": 3} and answered(one(part, 3), x="4") == {"x": 4}
    assert answered(one(part, 3), x="") == {"x": None}
    assert answered(one(part), x="") == {"x": None}
    assert answered(one(part, required=False)) == {}
    assert answered(one({**part, "default": 4}, required=False)) == {"x": 4}


@pytest.mark.parametrize("kind", ["integer", "number", "string", "boolean", "array"])
def test_what_is_not_required_may_be_left_out(kind):
    assert answered(one({"type": kind}, required=False)) == {}


def test_a_text_is_empty_where_a_text_is_needed():
    assert answered(one({"type": "string"})) == {"x": ""}
    assert answered(one({"type": "string"}, "draft"), x="") == {"x": ""}
    with pytest.raises(InvalidAnswer, match="empty"):
        answered(one({"type": "integer"}, 3), x=" ")


@pytest.mark.parametrize(
    ("value", "typed", "answer"),
    [
        (None, "5", 5),
        (None, "five", "five"),
        (None, "007", "007"),
        (3, "five", "five"),
        ("11", "12", "12"),
        (None, '"5"', "5"),
        (None, '{"a": 1}', {"a": 1}),
    ],
)
def test_a_value_of_several_types_takes_each_of_them(value, typed, answer):
    part = {"anyOf": [{"type": each} for each in ("integer", "string", "object")]}
    assert repr(answered(one(part, value), x=typed)) == repr({"x": answer})


class Size(enum.Enum):
    SMALL = "s"


class Order(BaseModel):
    day: datetime.date
    size: Size
    amount: Decimal


@dataclasses.dataclass
class Record:
    day: datetime.date
    size: Literal["s", "m"]
    amount: Decimal


class Typed(TypedDict):
    day: datetime.date
    size: Literal["s", "m"]
    amount: Decimal


@pytest.mark.parametrize("schema", [Order, Record, Typed, Order.model_json_schema()])
def test_values_that_json_does_not_know_are_shown_and_answered_in_its_form(schema):
    given = {"day": datetime.date(2026, 1, 2), "size": Size.SMALL, "amount": Decimal("0.10")}
    asked = card({"question": "?", **given}, schema)
    assert answered(asked) == {"day": "2026-01-02", "size": "s", "amount": "0.10"}
    assert answered(asked, amount="0.1234567890123456789")["amount"] == "0.1234567890123456789"
    with pytest.raises(InvalidAnswer, match="date"):
        answered(asked, day="tomorrow")
    assert asked.details == ()


@pytest.mark.parametrize("value", ["the mail", [1], {"a": 1}, "NaN"])
def test_a_value_that_the_schema_refuses_is_shown_and_does_not_close_the_card(value):
    asked = one({"type": "integer"}, value)
    assert [name for name, _ in asked.details] == ["x"]
    assert answered(asked, x="4") == {"x": 4}
    bare = card({"question": "How many?", "text": value}, {"type": "integer"})
    assert [name for name, _ in bare.details] == ["text"]
    assert answered(bare, answer="4") == 4


def test_a_number_that_the_graph_holds_as_text_can_be_sent_as_it_is():
    assert answered(one({"type": "integer"}, "3")) == {"x": 3}


class Tree(BaseModel):
    name: str
    kids: list["Tree"] = []


def test_references_are_followed_and_the_whole_answer_is_checked():
    asked = card("?", Tree)
    assert answered(asked, name="a", kids='[{"name": "b"}]') == {
        "name": "a",
        "kids": [{"name": "b"}],
    }
    with pytest.raises(InvalidAnswer) as refused:
        answered(asked, name="a", kids='[{"kids": []}]')
    assert list(refused.value.errors) == ["kids"]


def test_models_that_hold_each_other_are_followed_only_as_far_as_a_form_needs():
    levels = 40  # to follow every reference would take 2**40 steps
    models = {
        f"A{n}": {"properties": {x: {"$ref": f"#/$defs/A{n + 1}"} for x in "ab"}}
        for n in range(levels)
    }
    asked = card("?", {"$ref": "#/$defs/A0", "$defs": {**models, f"A{levels}": {"type": "string"}}})
    assert answered(asked, a='{"a": {}}') == {"a": {"a": {}}}


@pytest.mark.parametrize(
    "circle", [{"$ref": "#"}, {"anyOf": [{"$ref": "#/$defs/x"}]}, {"$ref": "#/a"}]
)
def test_a_reference_in_a_circle_or_to_nowhere_allows_anything(circle):
    schema = {"type": "object", "properties": {"x": {"$ref": "#/$defs/x"}}, "$defs": {"x": circle}}
    assert answered(card("?", schema), x="{}") == {"x": {}}


def test_nothing_is_read_from_the_network_for_a_schema(monkeypatch):
    opened = []

    def open_url(url, *args, **options):
        opened.append(url)
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", open_url)
    part = {"$ref": "https://example.org/order.json"}
    for asked in (one(part, 3), card("?", part), one({"items": part}, [3])):
        field = asked.fields[0].name
        assert asked.answer({field: "[3]"}) in ([3], {"x": [3]})
    assert opened == []


@settings(max_examples=50)
@given(st.sampled_from(["integer", "number", "array", "boolean", "string"]), st.text())
def test_a_refused_field_can_be_filled_in_again(kind, typed):
    right = {"integer": "1", "number": "1", "array": "[1]", "boolean": "yes", "string": "1"}
    asked = one({"type": kind})
    for _ in range(2):
        try:
            answered(asked, x=typed)
        except InvalidAnswer as refused:
            assert set(refused.errors) <= {"x", "answer"}
        assert "x" in answered(asked, x=right[kind])
