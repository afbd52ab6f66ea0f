"""The keywords of older drafts of JSON Schema, written as draft 2020-12 writes them.

Many schemas come from tools that still write draft 4 or 7. What they say is the same, and only the
keywords differ: `exclusiveMinimum: true`, a list in `items`, and `dependencies`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.json_checks import DATA, NAMED

BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
"""For each bound that draft 4 writes as true or false, the keyword that holds the number there."""


def modern(schema: Any) -> Any:
    """Return a copy of a schema with the keywords of draft 2020-12.

    What is no schema stays as it is: the check of the schema says what is wrong with it.

    Args:
        schema: of any draft, and of fewer levels than Python can call functions inside each other.
    """
    if isinstance(schema, list):
        return [modern(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    new = {key: _value(key, value) for key, value in schema.items() if key != "$schema"}
    for strict, plain in BOUNDS.items():
        if isinstance(new.get(strict), bool) and new.pop(strict) and plain in new:
            new[strict] = new.pop(plain)
    if isinstance(new.get("items"), list):
        if prefix := new.pop("items"):
            new.setdefault("prefixItems", prefix)
        if "additionalItems" in new:
            new["items"] = new.pop("additionalItems")
    if isinstance(new.get("dependencies"), Mapping):
        _split(new)
    return new


def _value(key: str, value: Any) -> Any:
    if key in (*NAMED, "dependencies") and isinstance(value, Mapping):
        return {name: modern(part) for name, part in value.items()}
    return value if key in (*DATA, "dependentRequired") else modern(value)


def _split(schema: dict[str, Any]) -> None:
    """Split `dependencies` into its two forms: names that are required, and schemas that hold."""
    for name, needed in schema.pop("dependencies").items():
        kind = "dependentRequired" if isinstance(needed, list) else "dependentSchemas"
        schema[kind] = {name: needed, **schema.get(kind, {})}
