"""Values and patterns of a foreign JSON schema, checked in a time that nobody can stretch.

Python's `re` tries every way to match a pattern. `(a+)+$` and thirty letters take it minutes, and
no other thread of the process runs meanwhile. Here `jsonschema-rs` checks. Its engine for regular
expressions takes a time that grows with the text and with the pattern, and no faster. A pattern
with a lookaround or a backreference needs the other kind of engine: it gets a limit on its steps,
and only short texts. Nothing is read from the network for a reference.

    from course_lib.json_checks import checker
    fits = checker({"type": "string", "pattern": "^(a+)+$"})
    fits("aaaa!")  # False

The patterns are those of JSON Schema (ECMA 262): `\\d` is 0 to 9, and `$` is the end of the text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NoReturn

import jsonschema_rs

MAX_PATTERN = 1_000
"""Longest pattern, in characters."""
MAX_STEPS = 10_000
"""How often a pattern with a lookaround or a backreference may try another way."""
MAX_TEXT = 512
"""Longest text that such a pattern is tried on, in characters."""
MAX_COMPILED = 10 * 2**20
"""Size of a compiled pattern, in bytes."""
SHORT_TEXT = 256
"""A text of more characters than this gets a pattern whose size is smaller by as much."""

DATA = ("const", "default", "enum", "examples")
"""The keywords whose values are no schemas."""
NAMED = ("$defs", "definitions", "dependentSchemas", "patternProperties", "properties")
"""The keywords that hold a schema for each of some names."""


def subschemas(schema: object) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Yield a schema and every schema inside it, each with its depth.

    References are not followed: what they lead to in the schema is met where it stands.

    Args:
        schema: anything; what is no mapping holds no schema.
    """
    waiting: list[tuple[object, int]] = [(schema, 0)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, list):
            waiting += ((each, depth) for each in part)
        elif isinstance(part, Mapping):
            yield part, depth
            for key, value in part.items():
                if key in NAMED and isinstance(value, Mapping):
                    waiting += ((each, depth + 1) for each in value.values())
                elif key not in DATA:
                    waiting.append((value, depth + 1))


def patterns_of(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield the patterns that a schema itself names, in `pattern` and `patternProperties`.

    Args:
        part: a schema; the schemas inside it are not looked at.
    """
    if isinstance(part.get("pattern"), str):
        yield part["pattern"]
    if isinstance(part.get("patternProperties"), Mapping):
        yield from map(str, part["patternProperties"])


@lru_cache(maxsize=1024)
def pattern_fault(pattern: str) -> str | None:
    """Return why a pattern cannot be used, with what to do next; None if it can.

    Args:
        pattern: a regular expression of JSON Schema.
    """
    shown = repr(pattern if len(pattern) <= 100 else pattern[:100] + "...")
    if len(pattern) > MAX_PATTERN:
        return (
            f"the pattern {shown} has {len(pattern)} characters. Use at most {MAX_PATTERN}, or "
            "list the values in an 'enum'."
        )
    if _found_by(pattern, SHORT_TEXT) is None:
        return (
            f"the pattern {shown} is no regular expression of JSON Schema (ECMA 262), or its "
            "repetitions make it too large. Write a group as (...), without a name, and the end of "
            "the text as $, and count to smaller numbers in {...}."
        )
    return None


def is_found(pattern: str, text: str) -> bool | None:
    """Return whether a pattern is found in a text, None if the limits do not allow to find out.

    Args:
        pattern: a regular expression of JSON Schema.
        text: any text.
    """
    if len(pattern) > MAX_PATTERN:
        return None
    check = _found_by(pattern, _rounded(len(text)))
    if check is None:
        return None
    error = next(check.iter_errors(_without_surrogates(text)), None)
    if error is None:
        return True
    return None if _is_beyond_limits(error) else False


def checker(schema: Mapping[str, Any] | bool) -> Callable[[Any], bool]:
    """Return a function that tells whether a value fits a schema, with its formats.

    A value that cannot be checked within the limits does not fit, and nothing fits a schema that
    is at fault or that refers out of itself.

    Args:
        schema: any JSON schema. Without a `$schema` that is known, it counts as draft 2020-12.
    """
    names_patterns = any("patternProperties" in part for part in _mappings(schema))
    beyond: list[str] = []
    built: dict[int, Any] = {}

    class Pattern:
        """The keyword `pattern`: each text is matched within the limits for its own length."""

        def __init__(self, parent: Any, pattern: Any, path: Any) -> None:
            self.pattern = pattern

        def validate(self, text: Any) -> None:
            if not isinstance(text, str):
                return
            found = is_found(self.pattern, text) if isinstance(self.pattern, str) else None
            if found is None:
                beyond.append(text)
            if not found:
                raise ValueError("the pattern is not found")

    def fits(value: Any) -> bool:
        size = _rounded(_longest_name(value)) if names_patterns else SHORT_TEXT
        if size not in built:
            built[size] = _built(_with_known_draft(schema), size, keywords={"pattern": Pattern})
        if built[size] is None:
            return False
        beyond.clear()
        try:
            is_valid = built[size].is_valid(value)
        except ValueError:
            is_valid = _fits_without_surrogates(built[size], value)
        return is_valid and not beyond

    return fits


def fits(value: Any, schema: Mapping[str, Any] | bool) -> bool:
    """Return whether a value fits a schema; see `checker`, which is faster for several values.

    Args:
        value: the value.
        schema: any JSON schema.
    """
    return checker(schema)(value)


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a schema by the rules of draft 2020-12, None if nothing is.

    Args:
        schema: read as draft 2020-12, whatever its `$schema` says.
    """
    found = schema_error(schema)
    if found is None:
        return None
    place, message = found
    return f"In context={place}, {message}" if place else message


def schema_error(schema: Mapping[str, Any]) -> tuple[tuple[str | int, ...], str] | None:
    """Return where a schema breaks the rules of draft 2020-12, and how; None if it keeps them.

    Args:
        schema: read as draft 2020-12, whatever its `$schema` says.
    """
    try:
        jsonschema_rs.meta.validate({k: v for k, v in schema.items() if k != "$schema"})
    except jsonschema_rs.ValidationError as error:
        return tuple(error.instance_path), error.message
    except ValueError:
        return (), "it is nested too deeply."
    return None


def _fits_without_surrogates(check: Any, value: Any) -> bool:
    """Check a value again: half of a pair of surrogates is a text for Python, and not for Rust."""
    try:
        return check.is_valid(
            json.loads(_without_surrogates(json.dumps(value, ensure_ascii=False)))
        )
    except (ValueError, TypeError, RecursionError):
        return False  # the value is no JSON, or is nested too deeply


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _mappings(part: object) -> Iterator[Mapping[str, Any]]:
    """Every mapping in a schema, also where a reference alone would make it a schema."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _longest_name(value: object) -> int:
    """The length of the longest name of a property in a value."""
    longest, waiting = 0, [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            longest = max(longest, *(len(str(name)) for name in value), 0)
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return longest


def _rounded(length: int) -> int:
    """The next of few lengths, so that few validators are built."""
    return max(SHORT_TEXT, 1 << max(0, length - 1).bit_length())


@lru_cache(maxsize=1024)
def _found_by(pattern: str, length: int) -> Any:
    return _built({"pattern": pattern}, length)


def _built(schema: Any, length: int, **options: Any) -> Any:
    """Build a validator for texts up to a length; None if the schema is at fault or too costly."""
    size = MAX_COMPILED * SHORT_TEXT // length
    engines: list[Any] = [jsonschema_rs.RegexOptions(size_limit=size)]
    if length <= MAX_TEXT:
        limits = {"backtrack_limit": MAX_STEPS, "size_limit": 2**18}
        engines.append(jsonschema_rs.FancyRegexOptions(**limits))
    for engine in engines:
        try:
            return jsonschema_rs.validator_for(
                schema,
                pattern_options=engine,
                validate_formats=True,
                retriever=_read_nothing,
                **options,
            )
        except (jsonschema_rs.ReferencingError, ValueError):
            continue
    return None


def _with_known_draft(schema: Mapping[str, Any] | bool) -> Any:
    if isinstance(schema, bool):
        return schema
    named = str(schema.get("$schema", ""))
    known = "json-schema.org/draft" in named
    return {key: value for key, value in schema.items() if key != "$schema" or known}


def _read_nothing(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is outside the schema")


def _is_beyond_limits(error: Any) -> bool:
    return isinstance(error.kind, jsonschema_rs.ValidationErrorKind.BacktrackLimitExceeded)
