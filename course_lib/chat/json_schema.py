"""What a part of a JSON Schema asks for: references followed, null taken out, choices found.

References are followed one at a time, where a form needs what they stand for. To replace all of
them at once takes exponential time where models hold each other. A reference that leads out of the
schema is not followed: nothing is read from the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

MAX_LEVELS = 20
"""How many references and wrappers around one part are taken away; a circle ends there."""

ALTERNATIVES = ("anyOf", "oneOf")


def followed(part: Any, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of a schema with its own reference followed, and those of its alternatives.

    Args:
        part: a part of the schema; anything that is no mapping allows everything.
        whole: the schema, in which references are looked up.
    """
    found = _target(part, whole)
    lists = {name: found[name] for name in ALTERNATIVES if isinstance(found.get(name), list)}
    options = {name: [_target(each, whole) for each in some] for name, some in lists.items()}
    return {**found, **options}


def without_null(part: Any, whole: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return a part of a schema with null taken out, and whether it allowed null.

    Optional fields are written in several ways: `anyOf` or `oneOf` with null, a list of types,
    null in an `enum`. A schema that only wraps another one (`allOf` of one part) is merged with it.

    Args:
        part: a part of the schema; anything that is no mapping allows everything.
        whole: the schema, in which references are looked up.
    """
    is_nullable = False
    for _ in range(MAX_LEVELS):
        part = followed(part, whole)
        wrapped = _wrapped(part)
        if wrapped is None:
            break
        rest, inner, is_null_left_out = wrapped
        is_nullable = is_nullable or is_null_left_out
        part = {**inner, **rest}
    kind, choices = part.get("type"), part.get("enum")
    if isinstance(kind, list):
        some = [each for each in kind if each != "null"]
        is_nullable = is_nullable or len(some) < len(kind)
        part = {**part, "type": some[0] if len(some) == 1 else some}
    if isinstance(choices, (list, tuple)):
        some = [choice for choice in choices if choice is not None]
        is_nullable = is_nullable or len(some) < len(choices)
        part = {**part, "enum": some}
    return part, is_nullable


def is_self_contained(schema: Any) -> bool:
    """Return whether every reference in a schema stays inside it.

    Args:
        schema: anything.
    """
    waiting, seen = [schema], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen or not isinstance(part, (Mapping, list, tuple)):
            continue
        seen.add(id(part))
        for name in ("$ref", "$dynamicRef") if isinstance(part, Mapping) else ():
            reference = part.get(name)
            if isinstance(reference, str) and not reference.startswith("#"):
                return False
        waiting += part.values() if isinstance(part, Mapping) else part
    return True


def choices_of(part: Mapping[str, Any]) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Return the values that a schema allows, and their titles where all have one.

    Args:
        part: a part of a JSON Schema without null.

    Returns:
        Two empty tuples where the schema names no values.
    """
    choices = part.get("enum")
    if isinstance(choices, (list, tuple)) and choices:
        return tuple(choices), ()
    if "const" in part:
        return (part["const"],), ()
    for name in ALTERNATIVES:
        options = part.get(name)
        if isinstance(options, list) and options and all(map(_names_values, options)):
            found = [(o["const"],) if "const" in o else tuple(o["enum"]) for o in options]
            titles = tuple(o.get("title") for o in options)
            whole = all(isinstance(title, str) and title for title in titles)
            if whole and all(len(values) == 1 for values in found):
                return tuple(values[0] for values in found), titles
            return tuple(value for values in found for value in values), ()
    return (), ()


def allows_text(part: Any) -> bool:
    """Return whether some text may be a value of a schema.

    Args:
        part: a part of a JSON Schema without null.
    """
    if not isinstance(part, Mapping):
        return True
    if "type" in part:
        return "string" in part["type"]  # one type, or a list of types
    options = [part[name] for name in ("anyOf", "oneOf", "allOf") if name in part]
    if options:
        return any(isinstance(each, list) and any(map(allows_text, each)) for each in options)
    return not {"$ref", "enum", "const", "properties", "items"} & set(part)


def _target(part: Any, whole: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part with its reference replaced by what it stands for; anything, where that is nowhere."""
    for _ in range(MAX_LEVELS):
        if not isinstance(part, Mapping):
            return {}
        if not isinstance(part.get("$ref"), str):
            return part
        rest = {key: value for key, value in part.items() if key != "$ref"}
        inner = _pointed_at(part["$ref"], whole)
        part = {**inner, **rest} if isinstance(inner, Mapping) else rest
    return {}


def _pointed_at(reference: str, whole: Mapping[str, Any]) -> Any:
    """What a JSON pointer such as `#/$defs/Order` leads to, None where it leads nowhere."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    found: Any = whole
    for step in reference.split("/")[1:]:
        key = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping):
            found = found.get(key)
        elif isinstance(found, list) and key.isdecimal() and int(key) < len(found):
            found = found[int(key)]
        else:
            return None
    return found


def _names_values(option: Any) -> bool:
    if not isinstance(option, Mapping):
        return False
    values = option.get("enum")
    return "const" in option or (isinstance(values, Sequence) and not isinstance(values, str))


def _wrapped(
    part: Mapping[str, Any],
) -> tuple[Mapping[str, Any], Mapping[str, Any], bool] | None:
    """The only schema inside a schema, what stands around it, and whether null stood beside it."""
    for name in ("anyOf", "oneOf", "allOf"):
        options = part.get(name)
        if not isinstance(options, list):
            continue
        some = [o for o in options if not (isinstance(o, Mapping) and o.get("type") == "null")]
        is_null_left_out = len(some) < len(options) and name != "allOf"
        rest = {key: value for key, value in part.items() if key != name}
        if len(some) == 1 and isinstance(some[0], Mapping) and not set(rest) & _checks(some[0]):
            return rest, some[0], is_null_left_out
        if is_null_left_out and len(some) > 1:
            return rest, {name: some}, True
    return None


def _checks(part: Mapping[str, Any]) -> set[str]:
    """The keywords of a schema that check something; a merge must not overwrite them."""
    return set(part) - {"title", "description", "default", "examples"}
