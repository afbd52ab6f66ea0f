"""A foreign JSON schema, made ready for the search for values: checked, modern, without references.

What is wrong with a schema is said here, once and with its place. Everything behind this module
can rely on the types that JSON Schema gives to its keywords.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from course_lib.json_checks import schema_error, subschemas
from course_lib.models.json_schema.drafts import modern
from course_lib.models.json_schema.effort import UnsatisfiableSchema
from course_lib.models.json_schema.references import inlined
from course_lib.models.json_schema.sizes import MAX_SIZE, least_size, too_long

MAX_LEVELS = 100
"""How deep the schemas inside a schema may be nested."""


class MalformedSchema(UnsatisfiableSchema):
    """A schema breaks the rules of JSON Schema; the text names the place."""


def prepared(whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without references, after a look at how long its values are.

    Args:
        whole: as from `well_formed`. Where a reference leads back to itself, it accepts values
            that the returned schema does not, or, inside of `not`, the other way round.

    Raises:
        UnsatisfiableSchema: a reference leads nowhere, or no value is finite and short enough.
    """
    flat, cut_off = inlined(whole)
    size = least_size({**flat, "type": "object"})  # arguments are always an object
    endless = [each for each in cut_off if _is_endless(each, whole)] if size == math.inf else []
    if endless:
        raise UnsatisfiableSchema(
            f"No finite value fits the schema: every value of {' and '.join(endless)} requires "
            "another one inside of it, and so on without an end. Let the field that refers to it "
            "be optional, be null, or be a list that may be empty."
        )
    if MAX_SIZE < size < math.inf:
        raise UnsatisfiableSchema(too_long(size))
    return flat


def _is_endless(reference: str, whole: Mapping[str, Any]) -> bool:
    """Whether what a reference leads to has values only as long as nothing looks inside them."""
    start = {"$ref": reference}
    without, within = (inlined(whole, start, cut=cut)[0] for cut in (False, True))
    if reference == "#":
        without, within = ({**part, "type": "object"} for part in (without, within))
    return least_size(without) == math.inf > least_size(within)


def well_formed(schema: object) -> dict[str, Any]:
    """Return a copy of a schema with the keywords of draft 2020-12, after a check of its form.

    Args:
        schema: of any draft.

    Raises:
        MalformedSchema: it breaks the rules of JSON Schema, or is nested too deeply.
    """
    if not isinstance(schema, Mapping):
        raise MalformedSchema(
            f"A JSON schema is an object, and this is {repr(schema)[:100]}. Write for example "
            '{"type": "object", "properties": {}}.'
        )
    refuse_deep(schema)
    try:
        written = json.dumps(schema, ensure_ascii=False, default=str).encode()
        new = modern(json.loads(written))
        found = schema_error(new)
    except RecursionError:
        raise too_deep() from None
    except UnicodeEncodeError as error:
        raise MalformedSchema(
            "The JSON schema holds half of a character, as an emoji leaves that was cut in two: "
            f"{error.object[max(0, error.start - 40) : error.end]!r}. Write the whole character."
        ) from None
    if found is None:
        return new
    place, message = found
    where, what = "/".join(("#", *map(str, place))), message[:300].rstrip(".")
    raise MalformedSchema(
        f"The JSON schema is not well-formed at {where}: {what}. Correct it there; "
        "json-schema.org/understanding-json-schema lists what each keyword may hold."
    )


def refuse_deep(schema: object) -> None:
    """Raise for a schema whose parts are nested too deeply to be read one inside the other.

    Args:
        schema: anything; what is no mapping holds no schema.

    Raises:
        MalformedSchema: it has more than `MAX_LEVELS` levels.
    """
    if any(depth > MAX_LEVELS for _, depth in subschemas(schema)):
        raise too_deep()


def too_deep() -> MalformedSchema:
    """Return the error for a schema whose parts are nested too deeply."""
    return MalformedSchema(
        f"The JSON schema is nested in more than {MAX_LEVELS} levels. Use fewer: put the parts "
        "that stand deep inside at a higher level."
    )
