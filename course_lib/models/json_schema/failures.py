"""Why no value was found for a JSON schema, as an error that names the schema and the reason."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from course_lib.json_checks import pattern_fault, patterns_of, subschemas
from course_lib.models.json_schema.effort import UnsatisfiableSchema
from course_lib.models.json_schema.merging import Schema
from course_lib.models.json_schema.sizes import MAX_SIZE, least_size, too_long


def unsatisfiable(schema: Schema, name: str) -> UnsatisfiableSchema:
    """Return the error for a schema that no proposal fits.

    Args:
        schema: the schema.
        name: of what should have got a value, such as `the field 'code'`.
    """
    pattern = schema.get("pattern") if isinstance(schema, Mapping) else None
    wanted = f"that matches the pattern {pattern!r}" if pattern else "that fits its schema"
    found_none = f"The offline model found no value for {name} {wanted}"
    reason = _reason(schema)
    if reason is not None:
        return UnsatisfiableSchema(f"{found_none}. Reason: {reason}")
    return UnsatisfiableSchema(
        f"{found_none}: {json.dumps(schema, ensure_ascii=False, default=str)[:300]}. Write the "
        "value into the message in quotes, loosen the schema, or use a served model."
    )


def _reason(schema: Schema) -> str | None:
    """Return what in a schema keeps every value out, None if there is no such single thing."""
    size = least_size(schema)
    if MAX_SIZE < size < math.inf:
        return too_long(size)
    faults = (
        pattern_fault(pattern) for part, _ in subschemas(schema) for pattern in patterns_of(part)
    )
    return next(filter(None, faults), None)
