"""A JSON schema without references: each is replaced by what it refers to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from langchain_core.utils.json_schema import dereference_refs

from course_lib.models.json_schema.effort import UnsatisfiableSchema, take_time

MAX_PARTS = 100_000
"""How many parts a schema may have when each reference is replaced by what it refers to."""
MANY_PARTS = 2_000
"""A schema with more parts is no quick work."""


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with its `$ref`s replaced by what they refer to.

    A reference that leads back to itself is cut off at its second turn.

    Raises:
        UnsatisfiableSchema: a reference leads nowhere, or out of the schema, or the references
            multiply to more than `MAX_PARTS`.
    """
    if '"$ref"' not in json.dumps(schema, default=str):
        return dict(schema)
    definitions = ("$defs", "definitions")
    body = {key: value for key, value in schema.items() if key not in definitions}
    _refuse_large(body, schema)
    try:
        return dereference_refs(body, full_schema=dict(schema), skip_keys=[])
    except (KeyError, ValueError) as error:
        raise UnsatisfiableSchema(
            f"The offline model cannot follow a reference of the schema ({error}). Put what it "
            "refers to under the schema's $defs."
        ) from error


def _refuse_large(body: Mapping[str, Any], whole: Mapping[str, Any]) -> None:
    """Count what the references become before anything is copied.

    Twenty definitions that each refer to the next one twice become a million parts.
    """
    count = 0
    waiting: list[tuple[Any, frozenset[str]]] = [(body, frozenset())]
    while waiting:
        part, inside = waiting.pop()
        count += isinstance(part, Mapping)
        if count > MANY_PARTS:
            take_time()
        if count > MAX_PARTS:
            raise UnsatisfiableSchema(
                f"The references of the schema multiply to more than {MAX_PARTS} parts. Let fewer "
                "definitions refer to others more than once."
            )
        if isinstance(part, list):
            waiting += ((each, inside) for each in part)
        elif isinstance(part, Mapping):
            waiting += ((each, inside) for each in part.values())
            reference = part.get("$ref")
            if isinstance(reference, str) and reference not in inside:
                waiting.append((_target(reference, whole), inside | {reference}))


def _target(reference: str, whole: Any) -> Any:
    """What `dereference_refs` finds; None where it finds nothing, which it says itself."""
    found = whole
    for step in reference.split("/")[1:]:
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found
