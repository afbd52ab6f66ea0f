"""A JSON schema without references: each is replaced by what it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from course_lib.json_checks import DATA, NAMED
from course_lib.models.json_schema.effort import UnsatisfiableSchema, take_time

MAX_PARTS = 100_000
"""How many parts a schema may have when each reference is replaced by what it refers to."""
MANY_PARTS = 2_000
"""A schema with more parts is no quick work."""
DEFINITIONS = ("$defs", "definitions")
ANNOTATIONS = {"title", "description", "default", "examples", "deprecated", "$comment"}
"""The keywords that refuse no value."""
IN_PLACE = {"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}
"""The keywords whose schemas look at the same value, and not at a part of it."""


def inlined(
    schema: Mapping[str, Any], start: Mapping[str, Any] | None = None, *, cut: bool = False
) -> tuple[Any, list[str]]:
    """Return a schema with its `$ref`s replaced by what they refer to, and what was cut off.

    A reference that leads back to itself is replaced by False, which accepts nothing. No schema
    loses its last value by that: a value that needs the reference a second time inside of itself
    has a shorter value in its place, or has no end.

    Args:
        schema: well-formed.
        start: the part of the schema that is wanted; None for all of it.
        cut: what a reference that leads back to itself is replaced by.

    Returns:
        The schema, and the references that lead back to themselves.

    Raises:
        UnsatisfiableSchema: a reference leads nowhere, out of the schema, or to itself without a
            step into a part of the value, or the references multiply to more than `MAX_PARTS`.
    """
    inlining = _Inlining(schema, cut)
    return inlining.part(schema if start is None else start, (), ()), sorted(inlining.cut_off)


class _Inlining:
    """One pass over a schema.

    Twenty definitions that each refer to the next one twice become a million parts, so the parts
    are counted on the way.
    """

    def __init__(self, whole: Mapping[str, Any], cut: bool) -> None:
        self.whole, self.cut = whole, cut
        self.cut_off: set[str] = set()
        self.count = 0

    def part(self, part: Any, inside: tuple[str, ...], here: tuple[str, ...]) -> Any:
        """Return a schema, or a list of schemas, without references.

        Args:
            part: the schema or the list.
            inside: the references that were followed on the way to it.
            here: those of them that were followed since the last step into a part of the value.
        """
        if isinstance(part, list):
            return [self.part(each, inside, here) for each in part]
        if not isinstance(part, Mapping):
            return part
        self._count()
        reference = part.get("$ref")
        if reference is not None and reference in here:
            raise UnsatisfiableSchema(
                f"The reference {reference!r} of the schema leads back to itself without a step "
                "into a field or an element, so it says nothing about the value. Take it out."
            )
        if reference is not None and reference in inside:
            self.cut_off.add(reference)
            return self.cut
        new = {
            key: self._value(key, value, inside, here if key in IN_PLACE else ())
            for key, value in part.items()
            if key not in ("$ref", *DEFINITIONS)
        }
        if reference is None:
            return new
        follow = (*inside, reference), (*here, reference)
        target = self.part(_target(reference, self.whole), *follow)
        if isinstance(target, Mapping) and _can_be_one(target, new):
            return {**target, **new}
        return {"allOf": [target, new]} if set(new) - ANNOTATIONS else target

    def _value(self, key: str, value: Any, inside: tuple[str, ...], here: tuple[str, ...]) -> Any:
        if key in NAMED and isinstance(value, Mapping):
            return {name: self.part(each, inside, here) for name, each in value.items()}
        return value if key in (*DATA, "dependentRequired") else self.part(value, inside, here)

    def _count(self) -> None:
        self.count += 1
        if self.count > MANY_PARTS:
            take_time()
        if self.count > MAX_PARTS:
            raise UnsatisfiableSchema(
                f"The references of the schema multiply to more than {MAX_PARTS} parts. Let fewer "
                "definitions refer to others more than once."
            )


def _can_be_one(target: Mapping[str, Any], beside: Mapping[str, Any]) -> bool:
    """Whether the keywords beside a reference mean the same among those of its target."""
    together = set(target) & set(beside) - ANNOTATIONS
    closes = {"additionalProperties", "unevaluatedProperties", "items", "if", "contains"}
    return not together and (not closes & (set(target) | set(beside)) or set(beside) <= ANNOTATIONS)


def _target(reference: str, whole: Mapping[str, Any]) -> Any:
    if not reference.startswith("#"):
        raise _leads_nowhere(
            reference, "It leads out of the schema, and nothing is read from there"
        )
    found: Any = whole
    for step in reference[1:].split("/")[1:]:
        step = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise _leads_nowhere(reference, f"The schema has no {step!r} there")
    if reference[1:] and not reference.startswith("#/"):
        raise _leads_nowhere(reference, "Anchors are not followed")
    if not isinstance(found, Mapping | bool):
        raise _leads_nowhere(reference, "What stands there is no schema")
    return found


def _leads_nowhere(reference: str, why: str) -> UnsatisfiableSchema:
    return UnsatisfiableSchema(
        f"The offline model cannot follow the reference {reference!r} of the schema. {why}. Put "
        "what it refers to under the schema's $defs, and refer to it as '#/$defs/NAME'."
    )
