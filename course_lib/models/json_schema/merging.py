"""Two JSON schemas as one, and the types that a schema allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.models.json_schema.numbers import common_multiple

Schema = Mapping[str, Any] | bool
"""A JSON schema; True accepts every value and False none."""

LOWER_BOUNDS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")


def merged(one: Schema, other: Schema) -> Schema:
    """Return a schema that asks for what two schemas ask for, as far as one schema can say it."""
    if isinstance(one, bool) or isinstance(other, bool):
        return (other if one else False) if isinstance(one, bool) else (one if other else False)
    both = {**one, **other}
    for key in set(one) & set(other):
        first, second = one[key], other[key]
        if key in LOWER_BOUNDS:
            both[key] = max(first, second)
        elif key in UPPER_BOUNDS:
            both[key] = min(first, second)
        elif key == "multipleOf":
            both[key] = _plain_multiple(first, second)
        elif key == "pattern" and first != second:
            both[key] = rf"^(?=[\s\S]*?(?:{first}))(?=[\s\S]*?(?:{second}))"
        elif key == "required":
            both[key] = list(dict.fromkeys([*first, *second]))
        elif key == "enum":
            both[key] = [value for value in first if value in second]
        elif key == "properties":
            shared = {name: merged(first[name], second[name]) for name in set(first) & set(second)}
            both[key] = {**first, **second, **shared}
        elif key == "type":
            both[key] = [t for t in types_of(one) if t in types_of(other)] or second
        elif key in ("anyOf", "oneOf", "allOf"):
            both["allOf"] = [*both.get("allOf", ()), {key: first}]
    return both


def types_of(schema: Mapping[str, Any]) -> list[str]:
    """Return the types that a schema allows, guessed from its keywords if it names none."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return [kinds]
    if kinds:
        return sorted(kinds, key=lambda kind: kind == "null")
    if {"properties", "required", "additionalProperties", "minProperties"} & set(schema):
        return ["object"]
    if {"items", "prefixItems", "minItems", "contains", "uniqueItems"} & set(schema):
        return ["array"]
    if {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"} & set(schema):
        return ["number"]
    return ["string"]


def _plain_multiple(one: Any, other: Any) -> int | float:
    both = common_multiple(one, other)
    return int(both) if both.denominator == 1 else float(both)
