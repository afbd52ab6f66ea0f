"""Schemas and names of functions and answers, checked as OpenAI's server checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from course_lib import json_checks
from course_lib.models.gateway.refusals import Refusal, wrong_type
from course_lib.models.json_schema.effort import spend, take_time
from course_lib.models.json_schema.preparation import MAX_LEVELS

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

MOST = {"minLength": 100_000, "minItems": 10_000, "minProperties": 10_000}
"""How much a schema may demand: more would be longer than the longest answer of a real model."""


MAX_PROPERTIES = 5_000
"""How many properties a schema may name: as many as OpenAI takes."""
MAX_PARTS = 20_000
"""How many schemas a schema may hold."""
MAX_PATTERNS = 100
"""How many patterns a schema may hold."""
PRICE_OF_A_PATTERN = 200
"""How many tries of a value a pattern costs that has to be compiled."""
MANY_PARTS = 500
"""A schema that holds more schemas is no quick work."""


def check_name(name: object, param: str) -> None:
    """Refuse a name that a function or a schema may not have.

    Args:
        name: what came.
        param: its path in the request.

    Raises:
        Refusal: it is no text, or has other letters.
    """
    if not isinstance(name, str):
        raise wrong_type(param, "a string", name)
    if not NAME.fullmatch(name):
        raise Refusal(
            f"Invalid '{param}': string does not match pattern. Expected a string that matches "
            f"the pattern '^[a-zA-Z0-9_-]{{1,64}}$'.",
            param=param,
            code="invalid_value",
        )


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a JSON schema for a function or an answer, None if nothing is.

    Args:
        schema: must describe an object.
    """
    kind = schema.get("type")
    if kind != "object":
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    if "properties" not in schema:
        return "In context=(), object schema missing properties."
    fault = _too_large(schema)
    if fault:
        return fault
    fault = json_checks.schema_fault(schema)
    return fault[:300] if fault else _demands_too_much(schema) or _pattern_fault(schema)


def _too_large(schema: Mapping[str, Any]) -> str | None:
    """Return which limit a schema is beyond, before anything that takes time looks at it."""
    parts = properties = patterns = 0
    for part, depth in json_checks.subschemas(schema):
        parts += 1
        named = part.get("properties")
        properties += len(named) if isinstance(named, Mapping) else 0
        patterns += sum(1 for _ in json_checks.patterns_of(part))
        for count, most, what in (
            (properties, MAX_PROPERTIES, "properties"),
            (parts, MAX_PARTS, "schemas inside each other"),
            (patterns, MAX_PATTERNS, "patterns"),
            (depth, MAX_LEVELS, "levels"),
        ):
            if count > most:
                return f"it has more than {most} {what}. Send a smaller schema."
    if parts > MANY_PARTS:
        take_time()
    return None


def _demands_too_much(part: object) -> str | None:
    """Return which limit of a schema no answer can keep, None if there is none.

    A reference can lead to any part of a schema, so every part counts.
    """
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            for name, most in MOST.items():
                least = part.get(name)
                if isinstance(least, int | float) and least > most:
                    return f"'{name}' is {least}, and no answer is that long. Use at most {most}."
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return None


def _pattern_fault(schema: Mapping[str, Any]) -> str | None:
    """Return why a pattern of a schema cannot be used, None if all can."""
    for part, _ in json_checks.subschemas(schema):
        for pattern in json_checks.patterns_of(part):
            spend(PRICE_OF_A_PATTERN)
            fault = json_checks.pattern_fault(pattern)
            if fault:
                return fault
    return None


def unfit_parameters(name: str, why: str, param: str) -> Refusal:
    """Return the refusal of a function's schema.

    Args:
        name: of the function.
        why: what is wrong with its schema.
        param: path of the schema in the request.
    """
    return Refusal(
        f"Invalid schema for function '{name}': {why}",
        param=param,
        code="invalid_function_parameters",
    )


def unfit_format(name: str, why: str) -> Refusal:
    """Return the refusal of the schema of a `response_format`.

    Args:
        name: of the schema.
        why: what is wrong with it.
    """
    return Refusal(f"Invalid schema for response_format '{name}': {why}", param="response_format")
