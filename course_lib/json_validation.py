"""`jsonschema`, without the second and more that its import takes, and without Python's `re`.

`jsonschema` imports `rfc3987_syntax` where it is installed, and JupyterLab brings it. That package
compiles a grammar of internationalized addresses as soon as it is imported, for the two formats
`iri` and `iri-reference`. Here the grammar is compiled when the first value of such a format is
checked, and most programs never check one.

`PatternSafeValidator` is the validator of draft 2020-12 whose patterns are matched by
`course_lib.json_checks`. With Python's `re`, a text that somebody types can hold up the process for
years when it meets a pattern such as `(a+)+$`.

    from course_lib.json_validation import PatternSafeValidator
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from course_lib.json_checks import is_found

_GRAMMAR = "rfc3987_syntax"


def _is_valid_syntax(term: str, value: str) -> bool:
    """What `rfc3987_syntax.is_valid_syntax` says, with the import at the first call."""
    return importlib.import_module(_GRAMMAR).is_valid_syntax(term, value)


def _import_jsonschema() -> None:
    if {"jsonschema", _GRAMMAR} & set(sys.modules) or importlib.util.find_spec(_GRAMMAR) is None:
        return  # it is there already, or there is nothing to put off
    sys.modules[_GRAMMAR] = ModuleType(_GRAMMAR)
    sys.modules[_GRAMMAR].is_valid_syntax = _is_valid_syntax
    try:
        importlib.import_module("jsonschema")
    finally:
        del sys.modules[_GRAMMAR]


_import_jsonschema()

from jsonschema import Draft202012Validator, FormatChecker  # noqa: E402 - not before the line above
from jsonschema.exceptions import ValidationError, best_match  # noqa: E402
from jsonschema.validators import extend  # noqa: E402

__all__ = ["FormatChecker", "PatternSafeValidator", "best_match"]

Errors = Iterator[ValidationError]


def _is_unlike(pattern: str, text: str) -> bool:
    """Whether a pattern is certainly not found; a check beyond the limits is left to the graph."""
    return is_found(pattern, text) is False


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Errors:
    if validator.is_type(value, "string") and _is_unlike(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, parts: Any, value: Any, schema: Any) -> Errors:
    for name in value if validator.is_type(value, "object") else ():
        for pattern, part in parts.items():
            if is_found(pattern, name):
                yield from validator.descend(value[name], part, path=name, schema_path=pattern)


def _additional_properties(validator: Any, part: Any, value: Any, schema: Any) -> Errors:
    patterns = schema.get("patternProperties", ())
    if not patterns or not validator.is_type(value, "object"):
        yield from Draft202012Validator.VALIDATORS["additionalProperties"](
            validator, part, value, schema
        )
        return
    known = schema.get("properties", {})
    for name in value:
        if name in known or not all(_is_unlike(pattern, name) for pattern in patterns):
            continue
        if part is False:
            yield ValidationError(f"{name!r} does not match any of the regexes of the schema")
        else:
            yield from validator.descend(value[name], part, path=name)


def _unevaluated_properties(validator: Any, part: Any, value: Any, schema: Any) -> Errors:
    written = json.dumps(schema, default=str)
    if not any(f'"{word}"' in written for word in ("patternProperties", "$ref", "$dynamicRef")):
        yield from Draft202012Validator.VALIDATORS["unevaluatedProperties"](
            validator, part, value, schema
        )


PatternSafeValidator = extend(
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
    },
)
"""Draft 2020-12 with bounded patterns.

It leaves `unevaluatedProperties` unchecked beside `patternProperties` and references, where
`jsonschema` would match the patterns with `re`.
"""
