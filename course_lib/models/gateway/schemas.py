"""Schemas and names of functions and answers, checked as OpenAI's server checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jsonschema

from course_lib.models.gateway.refusals import Refusal, wrong_type

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

MOST = {"minLength": 100_000, "minItems": 10_000, "minProperties": 10_000}
"""How much a schema may demand: more would be longer than the longest answer of a real model."""


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
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except (jsonschema.SchemaError, RecursionError) as error:
        return getattr(error, "message", "it is nested too deeply.")[:300]
    return _demands_too_much(schema)


def _demands_too_much(part: object) -> str | None:
    """Return which limit of a schema no answer can keep, None if there is none."""
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
