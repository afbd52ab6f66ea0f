"""How long the shortest value of a JSON schema is, and whether there is a finite one at all.

A few words of a schema can ask for a value that fills the memory: `"minItems": 1000000000`, or
three arrays of a thousand elements inside each other. The length is computed before the value is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from course_lib.models.json_schema.merging import Schema, merged, types_of

MAX_SIZE = 150_000
"""How many characters a value may have to have, written as JSON."""
ONE_VALUE = 10
"""About how many characters one value takes, with its comma or its name."""
CHOICES = ("anyOf", "oneOf", "allOf")


def least_size(schema: Schema) -> float:
    """Return the length that every value of a schema has at least; infinite if there is no value.

    The length is counted in characters of JSON, and only roughly for anything but long texts.
    What no keyword says alone is not seen: the real values may be longer.

    Args:
        schema: without references.
    """
    if isinstance(schema, bool):
        return ONE_VALUE if schema else math.inf
    plain: Schema = True
    choices = []
    for part in _demanded(schema):
        if isinstance(part, bool):
            plain = merged(plain, part)
            continue
        choices += [part[key] for key in ("anyOf", "oneOf") if key in part]
        plain = merged(plain, {key: value for key, value in part.items() if key not in CHOICES})
    if isinstance(plain, bool):
        return math.inf
    sizes: list[float] = [ONE_VALUE]  # a schema that names no type accepts a number as well
    if "type" in plain and not {"const", "enum"} & set(plain):
        sizes = [min(_SIZES.get(kind, _one)(plain) for kind in types_of(plain))]
    sizes += (min(map(least_size, options)) for options in choices)
    return max(sizes)


def _demanded(schema: Schema) -> Iterator[Schema]:
    """Yield a schema and what its `allOf` demands as well."""
    yield schema
    if not isinstance(schema, bool):
        for part in schema.get("allOf", ()):
            yield from _demanded(part)


def too_long(size: float) -> str:
    """Return the sentence that says that a value would be too long.

    Args:
        size: as from `least_size`.
    """
    return (
        f"The shortest value that fits the schema has about {size:.10g} characters, and the "
        f"offline model writes {MAX_SIZE} at most. Lower minItems, minLength or minProperties."
    )


def _one(schema: Mapping[str, Any]) -> float:
    return ONE_VALUE


def _text(schema: Mapping[str, Any]) -> float:
    return max(ONE_VALUE, schema.get("minLength", 0))


def _array(schema: Mapping[str, Any]) -> float:
    prefix = schema.get("prefixItems", ())
    needed = schema.get("minContains", 1) if "contains" in schema else 0
    length = max(schema.get("minItems", 0), needed)
    rest = max(0, length - len(prefix))
    first = sum(map(least_size, prefix[: int(min(length, len(prefix)))]))
    return ONE_VALUE + first + (rest * least_size(schema.get("items", True)) if rest else 0)


def _object(schema: Mapping[str, Any]) -> float:
    required, properties = set(schema.get("required", ())), schema.get("properties", {})
    named = sum(least_size(properties.get(name, True)) for name in required)
    more = max(0, schema.get("minProperties", 0) - len(required))
    if not more:
        return ONE_VALUE + named
    others = [part for name, part in properties.items() if name not in required]
    others += schema.get("patternProperties", {}).values()
    others.append(schema.get("additionalProperties", True))
    return ONE_VALUE + named + more * min(map(least_size, others))


_SIZES = {"string": _text, "array": _array, "object": _object}
