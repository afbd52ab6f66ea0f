"""What is wrong with a JSON schema is said once, with its place; older drafts are no fault."""

import time
from typing import Annotated, Optional

import pytest
from jsonschema import Draft4Validator, Draft7Validator, Draft202012Validator
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, Field

from course_lib.models import OfflineChatModel
from course_lib.models.json_schema.effort import UnsatisfiableSchema
from course_lib.models.json_schema.preparation import MalformedSchema


def asked(field, **more):
    properties = {"code": field}
    return {
        "title": "A",
        "type": "object",
        "properties": properties,
        "required": ["code"],
        **more,
    }


def answer(schema, text="hello"):
    return OfflineChatModel().with_structured_output(schema).invoke(text)


def nested(levels, key):
    schema = {"type": "integer"}
    for _ in range(levels):
        kind = "array" if key == "items" else "object"
        schema = {"type": kind, key: schema if key == "items" else {"a": schema}}
    return schema


@pytest.mark.parametrize(
    ("field", "place"),
    [
        ({"type": "object", "required": None}, "#/properties/code/required: null"),
        ({"type": "object", "required": "a"}, "#/properties/code/required"),
        ({"type": "object", "properties": []}, "#/properties/code/properties"),
        ({"type": "array", "items": {"type": 5}}, "#/properties/code/items/type: 5"),
        ({"type": "text"}, "#/properties/code/type"),
        ({"enum": "red"}, "#/properties/code/enum"),
        ({"minLength": -1}, "#/properties/code/minLength"),
        ({"multipleOf": 0}, "#/properties/code/multipleOf"),
        ({"$ref": 5}, "#/properties/code/$ref"),
        ({"anyOf": []}, "#/properties/code/anyOf"),
        (None, "#/properties/code: null"),
        (["string"], "#/properties/code"),
        ({"type": "number", "minimum": float("inf")}, "#/properties/code/minimum"),
    ],
)
@pytest.mark.parametrize("way", ["structured", "bound", "called", "format"])
def test_a_malformed_schema_is_refused_with_its_place(field, place, way):
    model, schema = OfflineChatModel(), asked(field)
    function = {"type": "function", "function": {"name": "A", "parameters": schema}}
    wanted = {"type": "json_schema", "json_schema": {"name": "A", "schema": schema}}
    with pytest.raises(MalformedSchema) as caught:
        match way:
            case "structured":
                answer(schema)
            case "bound":
                model.bind_tools([function])
            case "called":
                model.invoke("hello", tools=[function])
            case "format":
                model.invoke("hello", response_format=wanted)
    assert place in str(caught.value)


@pytest.mark.parametrize("key", ["items", "properties"])
@pytest.mark.parametrize("levels", [500, 20_000])
def test_a_schema_that_is_nested_too_deeply_is_refused_in_words(levels, key):
    with pytest.raises(MalformedSchema, match="more than 100 levels"):
        answer(asked(nested(levels, key)))
    arguments = {**nested(levels, "properties"), "title": "A"}
    deep = StructuredTool(name="deep", description="d", args_schema=arguments, func=print)
    with pytest.raises(MalformedSchema, match="more than 100 levels"):
        OfflineChatModel().bind_tools([deep])


@pytest.mark.parametrize("key", ["items", "properties"])
def test_ninety_levels_are_read(key):
    assert answer(asked(nested(90, key)))


class Chain(BaseModel):
    follower: "Chain"


class Hen(BaseModel):
    egg: "Egg"


class Egg(BaseModel):
    hens: list[Hen] = Field(min_length=1)


class Pair(BaseModel):
    both: tuple["Pair", int] | dict[str, "Pair"] | None


class Fork(BaseModel):
    left: "Fork | int"
    right: Optional["Fork"]


FEW = Field(min_length=1)


@pytest.mark.parametrize("kind", [list[Chain], dict[str, Hen], Chain | None])
def test_a_value_that_never_needs_to_be_looked_into_may_have_no_end(kind):
    whole = type("Whole", (BaseModel,), {"__annotations__": {"field": kind}})
    assert answer(whole).field in ([], {}, None)


@pytest.mark.parametrize(
    "kind",
    [
        Chain,
        Hen,
        Egg,
        tuple[int, Chain],
        Annotated[list[Chain], FEW],
        Annotated[dict[int, Hen], FEW],
    ],
)
def test_a_value_without_an_end_is_refused(kind):
    whole = type("Whole", (BaseModel,), {"__annotations__": {"field": kind}})
    with pytest.raises(UnsatisfiableSchema, match="No finite value"):
        answer(whole)


def test_a_long_chain_of_definitions_is_refused_in_words():
    links = {f"L{n}": {"properties": {"x": {"$ref": f"#/$defs/L{n + 1}"}}} for n in range(2000)}
    schema = asked({"$ref": "#/$defs/L0"}, **{"$defs": {**links, "L2000": {}}})
    with pytest.raises(MalformedSchema, match="levels"):
        answer(schema)
    arguments = StructuredTool(name="long", description="d", args_schema=schema, func=print)
    with pytest.raises(MalformedSchema, match="levels"):
        OfflineChatModel().bind_tools([arguments])


def test_a_reference_to_itself_inside_of_not_lets_no_wrong_value_through():
    odd = {"type": "object", "properties": {"a": {"not": {"$ref": "#/$defs/Odd"}}}}
    schema = asked({"$ref": "#/$defs/Odd"}, **{"$defs": {"Odd": {**odd, "required": ["a"]}}})
    Draft202012Validator(schema).validate(answer(schema))


def test_an_endless_tool_is_refused_whichever_way_it_is_described():
    root = {"type": "object", "properties": {"again": {"$ref": "#"}}, "required": ["again"]}
    for schema in ({"title": "A", **root}, Chain):
        with pytest.raises(UnsatisfiableSchema, match="No finite value"):
            answer(schema)
    for schema in (root, Chain):
        tool = StructuredTool(name="loop", description="d", args_schema=schema, func=print)
        bound = OfflineChatModel().bind_tools([tool], tool_choice="loop")
        with pytest.raises(UnsatisfiableSchema, match="No finite value"):
            bound.invoke("hello")


@pytest.mark.parametrize("kind", [Pair, Fork])
def test_a_reference_to_itself_that_can_end_gets_a_value(kind):
    assert isinstance(answer(kind), kind)


def test_alternatives_beside_and_inside_of_each_other_come_to_an_end():
    both = {"anyOf": [{"maxLength": 9}, {"type": "null"}], "oneOf": [{"minLength": 2}, False]}
    assert answer(asked({"allOf": [both, both, {"allOf": [both]}], **both})) == {"code": "hello"}
    with pytest.raises(UnsatisfiableSchema, match=r"about .* characters"):
        answer(asked({"allOf": [both, {"anyOf": [{"type": "string", "minLength": 10**9}]}]}))


def test_a_schema_that_names_no_type_accepts_a_value_that_is_no_object():
    odd = {"properties": {"a": {"$ref": "#/$defs/Odd"}}, "required": ["a"]}
    schema = asked({"$ref": "#/$defs/Odd"}, **{"$defs": {"Odd": odd}})
    Draft202012Validator(schema).validate(answer(schema))
    assert answer(asked({"minItems": 10**9})) != {"code": []}


@pytest.mark.parametrize(
    "loop",
    [
        {"$ref": "#/$defs/Loop"},
        {"not": {"$ref": "#/$defs/Loop"}},
        {"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/Loop"}]},
        {"allOf": [{"if": {"$ref": "#/$defs/Other"}}]},
        {"dependentSchemas": {"a": {"$ref": "#/$defs/Loop"}}},
    ],
)
def test_a_reference_that_only_leads_to_itself_is_refused_and_ends_no_process(loop):
    definitions = {"Loop": loop, "Other": {"oneOf": [True, {"$ref": "#/$defs/Loop"}]}}
    for field in ({"$ref": "#/$defs/Loop"}, {"type": "array", "items": {"$ref": "#/$defs/Loop"}}):
        with pytest.raises(UnsatisfiableSchema, match="leads back to itself"):
            answer(asked(field, **{"$defs": definitions}))


def test_a_false_schema_beside_a_reference_to_itself_is_not_called_endless():
    definitions = {"Tree": {"type": "object", "properties": {"t": {"$ref": "#/$defs/Tree"}}}}
    schema = asked(False, **{"$defs": definitions})
    schema["properties"]["tree"] = {"$ref": "#/$defs/Tree"}
    with pytest.raises(UnsatisfiableSchema, match="'code'"):
        answer(schema)


LONG = [
    {"type": "array", "minItems": 10**6},
    {"type": "array", "minItems": 10**9, "items": {"type": "integer"}},
    {"type": "array", "minItems": 1e300},
    {"type": "string", "minLength": 10**9},
    {"type": "object", "minProperties": 10**9},
    {"type": "array", "contains": {"type": "integer"}, "minContains": 10**8},
    {"allOf": [{"type": "array"}, {"minItems": 10**9}]},
    {"type": "array", "items": {"type": "string", "minLength": 10**4}, "minItems": 10**4},
    {
        "type": "array",
        "minItems": 1000,
        "items": {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000}},
    },
]


@pytest.mark.parametrize("field", LONG, ids=range(len(LONG)))
def test_a_value_that_fills_the_memory_is_refused_before_it_is_made(field):
    began = time.monotonic()
    with pytest.raises(UnsatisfiableSchema, match=r"about .* characters"):
        answer(asked(field))
    assert answer(asked({"anyOf": [field, {"type": "null"}]})) == {"code": None}
    assert answer({**asked(field), "required": []}) == {}
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "field",
    [
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "a{2,1}"},
        {"type": "array", "items": {"type": "string", "pattern": "["}, "minItems": 1},
        {"type": "object", "patternProperties": {"(": {}}, "minProperties": 1},
        {"type": "object", "propertyNames": {"pattern": "*"}, "minProperties": 1},
        {"anyOf": [{"type": "string", "pattern": "(?<"}]},
    ],
)
def test_a_pattern_that_is_no_regular_expression_is_said_to_be_none(field):
    with pytest.raises(UnsatisfiableSchema, match="no regular expression") as caught:
        answer(asked(field))
    assert "'code'" in str(caught.value)


def test_half_of_a_character_in_a_schema_is_refused_and_in_a_message_it_is_a_text():
    with pytest.raises(MalformedSchema, match="half of a character"):
        answer(asked({"enum": ["\ud83d"]}))
    assert answer(asked({"type": "string", "minLength": 1}), "\ud83d") == {"code": "\ud83d"}


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (Draft4Validator, {"type": "integer", "minimum": 3, "exclusiveMinimum": True}),
        (Draft4Validator, {"type": "integer", "maximum": 3, "exclusiveMaximum": True}),
        (Draft4Validator, {"type": "number", "minimum": 7, "exclusiveMinimum": False}),
        (
            Draft4Validator,
            {
                "type": "number",
                "minimum": 0,
                "exclusiveMinimum": True,
                "maximum": 1,
                "exclusiveMaximum": True,
            },
        ),
        (
            Draft7Validator,
            {
                "type": "array",
                "items": [{"type": "integer"}, {"type": "boolean"}],
                "additionalItems": {"type": "null"},
                "minItems": 4,
            },
        ),
        (
            Draft7Validator,
            {"type": "array", "items": [{"type": "null"}], "additionalItems": False, "minItems": 1},
        ),
        (
            Draft7Validator,
            {"type": "object", "required": ["a"], "dependencies": {"a": ["b"], "b": ["c"]}},
        ),
        (
            Draft7Validator,
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}},
                "required": ["a"],
                "dependencies": {
                    "a": {"properties": {"z": {"type": "boolean"}}, "required": ["z"]}
                },
            },
        ),
    ],
)
@pytest.mark.parametrize("names_draft", [False, True])
def test_the_keywords_of_older_drafts_are_kept_to(draft, field, names_draft):
    schema = asked(field)
    if names_draft:
        schema["$schema"] = draft.META_SCHEMA["$schema"]
    draft(asked(field)).validate(answer(schema))


def test_properties_with_the_names_of_keywords_are_only_names():
    names = ["$ref", "items", "default", "enum", "exclusiveMinimum", "dependencies"]
    properties = {name: {"type": "array", "items": {"type": "null"}} for name in names}
    field = {"type": "object", "properties": properties, "required": names}
    assert answer(asked(field)) == {"code": {name: [] for name in names}}
