"""Whatever a schema asks for, the offline model's arguments fit it, or it says that they cannot."""

import datetime
import ipaddress
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from langchain_core.messages import HumanMessage
from pydantic import UUID1, AnyUrl, Base64Str, BaseModel, Field, Json, SecretStr

from course_lib.models import OfflineChatModel
from course_lib.models.json_schema.effort import UnsatisfiableSchema
from course_lib.models.json_schema.strings import FORMATS
from course_lib.models.language.arguments import fill
from course_lib.models.language.conversation_context import build_context

MESSAGES = [
    "",
    "hello",
    "book 'Tosokchon' for 4 on 2026-12-24 at 18:30",
    "마포 카페 2.5 -7",
    "\ud800",
]
PATTERNS = [
    r"^[A-Z]{2}\d{4}$",
    r"^\d{3}-\d{4}$",
    "[가-힣]{2,}",
    r"^(a|bc)+$",
    r"^(?=.*\d)[a-z\d]{3,}$",
]


def filled(schema, text="hello"):
    return fill(schema, build_context([HumanMessage(text)]))


def numbers(kind):
    bound = st.integers(-50, 50) if kind == "integer" else st.decimals(-50, 50, places=2).map(float)

    def bounded(low, width, exclusive_low, exclusive_high, step):
        schema = {"type": kind}
        if low is not None:
            schema["exclusiveMinimum" if exclusive_low else "minimum"] = low
        if width is not None:
            high = (low if low is not None else 0) + width
            schema["exclusiveMaximum" if exclusive_high else "maximum"] = high
        if step is not None:
            schema["multipleOf"] = step
        return schema

    steps = st.sampled_from([None, None, 1, 3, 7] + ([] if kind == "integer" else [0.25, 0.5]))
    # The range is wider than a step, so that a multiple lies in it.
    return st.builds(
        bounded,
        st.none() | bound,
        st.none() | st.integers(9, 60),
        st.booleans(),
        st.booleans(),
        steps,
    )


TEXTS = (
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 60),
        st.integers(0, 5),
    )
    | st.sampled_from([{"type": "string", "pattern": pattern} for pattern in PATTERNS])
    | st.sampled_from([{"type": "string", "format": name} for name in FORMATS])
    | st.just({"type": "string"})
)
CLOSED = (
    st.lists(st.integers(0, 5) | st.sampled_from(["a", "b", None]), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    )
    | st.sampled_from([1, "x", None, True, [1], {"a": 1}]).map(lambda value: {"const": value})
    | st.just({"type": "boolean"})
    | st.just({"type": "null"})
    | st.just({})
    | st.just(True)
    | st.just({"type": ["null", "integer"]})
)
LEAVES = numbers("integer") | numbers("number") | TEXTS | CLOSED
PLENTY = numbers("integer").filter(lambda schema: "multipleOf" not in schema) | st.sampled_from(
    [
        {"type": "string"},
        *({"type": "string", "format": f} for f in ("date", "uuid", "email", "uri")),
    ]
)
"""Schemas with many values, for arrays whose elements differ."""
NAMES = st.sampled_from(["a", "b", "people", "day", "category", "district", "positions", "place"])


def compounds(inner):
    def one_object(properties, optional, closed, smallest):
        schema = {"type": "object", "properties": properties}
        schema["required"] = [name for name in properties if name not in optional]
        if closed:
            schema["additionalProperties"] = False
        else:
            schema["minProperties"] = smallest
        return schema

    objects = st.builds(
        one_object,
        st.dictionaries(NAMES, inner, max_size=3),
        st.sets(NAMES, max_size=2),
        st.booleans(),
        st.integers(0, 4),
    )
    arrays = st.builds(
        lambda items, low: {"type": "array", "items": items, "minItems": low},
        inner,
        st.integers(0, 3),
    )
    unique = st.builds(
        lambda items, low: {"type": "array", "items": items, "minItems": low, "uniqueItems": True},
        PLENTY,
        st.integers(0, 3),
    )
    tuples = st.lists(inner, min_size=1, max_size=3).map(
        lambda parts: {
            "type": "array",
            "prefixItems": parts,
            "minItems": len(parts),
            "maxItems": len(parts),
        }
    )
    choices = st.builds(
        lambda key, options: {key: options},
        st.just("anyOf"),
        st.lists(inner, min_size=1, max_size=3),
    )
    one_of = st.lists(inner, min_size=2, max_size=3).map(
        lambda options: {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"kind": {"const": n}, "value": option},
                    "required": ["kind", "value"],
                }
                for n, option in enumerate(options)
            ]
        }
    )
    both = st.builds(
        lambda one, other: {
            "allOf": [
                {"type": "object", "properties": {"x": one}, "required": ["x"]},
                {"properties": {"y": other}, "required": ["y"]},
            ]
        },
        inner,
        inner,
    )
    return objects | arrays | unique | tuples | choices | one_of | both


ANY = st.recursive(LEAVES, compounds, max_leaves=5)


@pytest.mark.soak
@settings(max_examples=100, deadline=None)
@given(
    properties=st.dictionaries(NAMES, ANY, min_size=1, max_size=3),
    shared=ANY,
    text=st.sampled_from(MESSAGES),
    optional=st.sets(NAMES, max_size=2),
)
def test_arguments_fit_every_schema_that_can_be_met(properties, shared, text, optional):
    schema = {
        "type": "object",
        "properties": {**properties, "shared": {"$ref": "#/$defs/Shared"}},
        "required": [name for name in (*properties, "shared") if name not in optional],
        "$defs": {"Shared": shared},
    }
    checker = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    arguments = filled(schema, text)
    checker.validate(arguments)
    assert arguments == filled(schema, text), "the same message gives the same arguments"


@settings(max_examples=60, deadline=None)
@given(
    low=st.decimals(-1000, 1000, places=4),
    width=st.decimals("0.0002", 3, places=4) | st.decimals(10, 10**9, places=0),
    excluded=st.tuples(st.booleans(), st.booleans()),
    step=st.sampled_from([None, "0.0001"]),
)
def test_between_two_bounds_a_number_is_found_however_close_they_are(low, width, excluded, step):
    field = {"type": "number"}
    field["exclusiveMinimum" if excluded[0] else "minimum"] = float(low)
    field["exclusiveMaximum" if excluded[1] else "maximum"] = float(low + width)
    if step is not None:
        field["multipleOf"] = float(step)
    found = filled({"type": "object", "properties": {"x": field}, "required": ["x"]}, "no 5 here")
    number = Decimal(str(found["x"]))
    assert low < number or (low == number and not excluded[0])
    assert number < low + width or (number == low + width and not excluded[1])
    assert step is None or number % Decimal(step) == 0


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    name: str = Field(min_length=3)


class Tree(BaseModel):
    value: int
    children: list["Tree"]
    parent: Optional["Tree"]


TYPES = {
    "date": datetime.date,
    "datetime": datetime.datetime,
    "time": datetime.time,
    "timedelta": datetime.timedelta,
    "uuid": UUID,
    "uuid1": UUID1,
    "url": AnyUrl,
    "ip": ipaddress.IPv4Address,
    "network": ipaddress.IPv6Network,
    "pattern": Annotated[str, Field(pattern=r"^[A-Z]{2}\d{4}$")],
    "long text": Annotated[str, Field(min_length=300)],
    "short text": Annotated[str, Field(max_length=2)],
    "between": Annotated[int, Field(gt=3, lt=5)],
    "narrow": Annotated[float, Field(gt=0, lt=0.001)],
    "negative": Annotated[int, Field(lt=-5)],
    "multiple": Annotated[int, Field(multiple_of=7, ge=50)],
    "quarter": Annotated[float, Field(multiple_of=0.25, gt=1)],
    "decimal": Decimal,
    "decimal below one": Annotated[Decimal, Field(gt=0, lt=1, max_digits=2, decimal_places=1)],
    "decimal between cents": Annotated[
        Decimal, Field(gt=Decimal("99.97"), lt=Decimal("99.99"), decimal_places=2)
    ],
    "decimal in steps": Annotated[Decimal, Field(multiple_of=Decimal("0.05"), gt=Decimal("0.12"))],
    "large": Annotated[float, Field(gt=1e300)],
    "very negative": Annotated[float, Field(lt=-1e20)],
    "tiny": Annotated[float, Field(gt=0, lt=1e-300)],
    "enum": Colour,
    "literal": Literal[3, "x"],
    "tuple": tuple[int, str, datetime.date],
    "set": Annotated[set[str], Field(min_length=4)],
    "frozenset of enum": Annotated[frozenset[Colour], Field(min_length=2)],
    "list of dates": Annotated[list[datetime.date], Field(min_length=3)],
    "dict": Annotated[dict[str, datetime.date], Field(min_length=2)],
    "dict with a pattern": Annotated[
        dict[Annotated[str, Field(pattern="^[a-z]{4}$")], int], Field(min_length=2)
    ],
    "dict of numbers": Annotated[dict[int, str], Field(min_length=3)],
    "dict of fractions": Annotated[dict[float, str], Field(min_length=3)],
    "dict of truths": Annotated[dict[bool, str], Field(min_length=2)],
    "dict of days": Annotated[dict[datetime.date, str], Field(min_length=20)],
    "large dict": Annotated[dict[str, int], Field(min_length=60)],
    "many days": Annotated[frozenset[datetime.date], Field(min_length=40)],
    "many numbers": Annotated[set[int], Field(min_length=100)],
    "union": Cat | Dog,
    "discriminated": Annotated[Dog | Cat, Field(discriminator="kind")],
    "recursive": Tree,
    "nested": dict[str, list[Cat]],
    "nullable": datetime.date | None,
    "null": None,
    "json": Json[list[int]],
    "base64": Base64Str,
    "secret": SecretStr,
    "anything": Any,
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("text", MESSAGES[:-1])
@pytest.mark.parametrize("name", TYPES)
def test_every_type_of_pydantic_gets_a_value_that_it_accepts(name, text):
    asked = type("Asked", (BaseModel,), {"__annotations__": {"field": TYPES[name]}})
    assert isinstance(OfflineChatModel().with_structured_output(asked).invoke(text), asked)


def test_dates_and_times_of_the_message_are_used():
    class Visit(BaseModel):
        day: datetime.date
        at: datetime.time
        mail: Annotated[str, Field(json_schema_extra={"format": "email"})]

    text = "on 2027-03-04 at 9:15, write to kim@example.kr"
    visit = OfflineChatModel().with_structured_output(Visit).invoke(text)
    assert visit.day == datetime.date(2027, 3, 4) and visit.at.strftime("%H:%M") == "09:15"
    assert visit.mail == "kim@example.kr"


def test_an_optional_number_is_left_out_rather_than_made_up():
    class Booking(BaseModel):
        people: Annotated[int, Field(ge=1, le=8)] = 2

    model = OfflineChatModel().with_structured_output(Booking.model_json_schema())
    assert model.invoke("for 99") == {} and model.invoke("for 5") == {"people": 5}


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"type": "string", "pattern": "^(?!)$"}, r"pattern '\^\(\?!\)\$'"),
        ({"type": "string", "pattern": r"^\p{Nothing}+$"}, "pattern"),
        ({"type": "string", "pattern": "^ab$", "minLength": 5}, "pattern '.ab.'"),
        ({"type": "integer", "minimum": 3, "maximum": 2}, "fits its schema"),
        ({"enum": []}, "fits its schema"),
        (False, "fits its schema"),
        ({"$ref": "#/$defs/Missing"}, "reference"),
        ({"$ref": "https://example.com/a.json"}, "reference"),
    ],
)
def test_what_cannot_be_met_is_said_with_the_field(field, said):
    schema = {"title": "A", "type": "object", "properties": {"code": field}, "required": ["code"]}
    with pytest.raises(UnsatisfiableSchema, match=said) as caught:
        OfflineChatModel().with_structured_output(schema).invoke("hello")
    assert "'code'" in str(caught.value) or "reference" in str(caught.value)


def test_a_pattern_is_read_as_json_schema_defines_it():
    model = OfflineChatModel()
    for pattern, text, found in (
        (r"^\p{L}+$", "서울", "서울"),
        (r"^\d{3}$", "'١٢٣' or '123'", "123"),
        (r"^([xy])\1$", "'xy' or 'yy'", "yy"),
    ):
        code = {"type": "string", "pattern": pattern}
        asked = {"title": "A", "type": "object", "properties": {"code": code}, "required": ["code"]}
        assert model.with_structured_output(asked).invoke(text) == {"code": found}


def test_a_word_of_the_message_that_fits_a_pattern_is_used():
    schema = {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4}$"}
    asked = {"title": "A", "type": "object", "properties": {"code": schema}, "required": ["code"]}
    model = OfflineChatModel().with_structured_output(asked)
    assert model.invoke("the code is 'KR2026'") == {"code": "KR2026"}
    assert model.invoke("it is KR2027 here") == {"code": "KR2027"}


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    "field",
    [
        {"type": "string", "allOf": [{"pattern": "a"}, {"pattern": "[0-9]"}]},
        {"type": "string", "pattern": "^k", "allOf": [{"pattern": "r$"}, {"minLength": 4}]},
        {"type": "string", "format": "date", "pattern": "^2027"},
        {"type": "string", "format": "date", "pattern": "-31$"},
        {"type": "object", "propertyNames": {"pattern": "^[A-Z]{3}$"}, "minProperties": 4},
        {"type": "object", "propertyNames": {"minLength": 9}, "minProperties": 30},
        {
            "type": "object",
            "patternProperties": {"^s_": {"type": "string"}, "^n_": {"type": "integer"}},
            "propertyNames": {"maxLength": 6},
            "additionalProperties": False,
            "minProperties": 4,
        },
        {
            "type": "object",
            "properties": {"a": {"type": "integer"}},
            "required": ["a"],
            "dependentSchemas": {"a": {"properties": {"z": {"const": 1}}, "required": ["z"]}},
        },
        {"not": {"type": "string"}},
        {"not": {"type": ["string", "number", "boolean"]}},
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 120},
        {"type": "number", "minimum": 1, "exclusiveMinimum": 1, "maximum": 1.0000001},
        {"type": "number", "minimum": 0.1, "maximum": 0.35, "multipleOf": 0.15},
        {"$ref": "#/$defs/Number", "minimum": 50},
    ],
)
@pytest.mark.parametrize("text", ["hello", "take 3 and 0.5 on 2028-03-04, 'qq'"])
def test_keywords_that_work_together_get_a_value(field, text):
    schema = {"title": "A", "type": "object", "properties": {"code": field}, "required": ["code"]}
    schema["$defs"] = {"Number": {"type": "integer", "description": "A number."}}
    answer = OfflineChatModel().with_structured_output(schema).invoke(text)
    format_checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema, format_checker=format_checker).validate(answer)
