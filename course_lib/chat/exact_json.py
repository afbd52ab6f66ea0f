"""JSON as a person reads and types it: whole, exact, or refused with the reason."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic_core import to_jsonable_python

from course_lib.display import format_json, summary_line

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1
"""The whole numbers that LangGraph's serializer (msgpack) can store."""

MAX_DIGITS = 400
"""Longest number that is read, in characters; a number that can be kept is never longer."""

INTEGER = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(text: str) -> Any:
    """Read JSON that a person typed.

    Args:
        text: what was typed.

    Raises:
        ValueError: the text is no JSON, or holds something that would change or be lost on the
            way to the graph: a name that occurs twice, a number that cannot be kept, `NaN`, half
            of a surrogate pair, a NUL, or too many levels.
    """

    def refuse(constant: str) -> Any:
        raise ValueError(f"JSON has no {constant}")

    try:
        value = json.loads(
            text,
            parse_int=read_integer,
            parse_float=read_decimal,
            parse_constant=refuse,
            object_pairs_hook=_named_once,
        )
        json.dumps(value, ensure_ascii=False).encode()
        has_nul = "\0" in _all_text(value)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half of a character (a surrogate), which is no text") from None
    if has_nul:
        raise ValueError("it holds a NUL, which not every database can keep")
    return value


def is_json(text: str) -> bool:
    """Return whether a text is a JSON object or array, also where `read_json` refuses it.

    Args:
        text: anything that was typed.
    """
    if text.strip()[:1] not in ("[", "{"):
        return False
    try:
        json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def read_integer(text: str) -> int:
    """Read a whole number.

    Raises:
        ValueError: the text is no whole number, or one of more than 64 bits.
    """
    if not INTEGER.fullmatch(text):
        raise ValueError(f"{summary_line(text)} is no whole number")
    number = int(text) if len(text) <= MAX_DIGITS else None
    if number is None or not MIN_INTEGER <= number <= MAX_INTEGER:
        raise ValueError(f"{summary_line(text)} is too large: a whole number has at most 64 bits")
    return number


def read_decimal(text: str) -> float:
    """Read a number with a decimal point or an exponent.

    Raises:
        ValueError: the text is no number, or a number that a 64-bit float cannot keep.
    """
    if not DECIMAL.fullmatch(text):
        raise ValueError(f"{summary_line(text)} is no number")
    number = float(text) if len(text) <= MAX_DIGITS else math.inf
    if not math.isfinite(number):
        raise ValueError(f"{summary_line(text)} is too large or too long to be kept")
    try:
        is_kept = Decimal(text) == Decimal(repr(number))
    except ArithmeticError:  # an exponent beyond what even Decimal can hold
        is_kept = False
    if not is_kept:
        raise ValueError(f"{summary_line(text)} has too many digits and would become {number!r}")
    return number


def read_number(text: str) -> int | float:
    """Read a number: whole where it is written so.

    Raises:
        ValueError: the text is no number, or one that cannot be kept.
    """
    return read_integer(text) if INTEGER.fullmatch(text) else read_decimal(text)


def json_text(value: Any, indent: int | None = None) -> str:
    """Return a value as JSON, whole and to the last digit.

    Args:
        value: anything. Dates, enumerations, sets, and records become what JSON has for them, and
            an object that has no such form becomes one short line.
        indent: spaces for each level, None for one line.

    Returns:
        JSON; one short line that is no JSON where the value holds itself or is nested too deeply.
    """
    return _written(value, indent) or summary_line(value)


def shown_text(value: Any) -> str:
    """Return a value as a person reads it: a text as it is, all else as JSON, line by line.

    Args:
        value: anything.
    """
    written = as_json(value)
    return written if isinstance(written, str) else _written(value, 1) or format_json(value)


def is_same_json(first: Any, second: Any) -> bool:
    """Return whether two values are the same as JSON; 1, 1.0 and true are three values.

    Args:
        first: anything.
        second: anything.
    """
    return first is second or json_text(first) == json_text(second)


def as_json(value: Any) -> Any:
    """Return what JSON has for a value: text for a date, a list for a set, a mapping for a record.

    Args:
        value: anything; a value without such a form is returned as it is.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    try:
        return to_jsonable_python(value)
    except Exception:  # noqa: BLE001  a class may raise anything while it is read
        return value


def _all_text(value: Any) -> str:
    """Every text and every name in a value of JSON, one behind the other."""
    if isinstance(value, Mapping):
        return "".join([*value, *map(_all_text, value.values())])
    if isinstance(value, list):
        return "".join(map(_all_text, value))
    return value if isinstance(value, str) else ""


def _written(value: Any, indent: int | None) -> str | None:
    for written, options in (
        (value, {"allow_nan": False}),
        (as_json(value), {"allow_nan": False}),
        (value, {"default": summary_line}),
    ):
        try:
            text = json.dumps(written, ensure_ascii=False, indent=indent, **options)
        except Exception:  # noqa: BLE001  beside ValueError, a container may raise anything
            continue
        return SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return None


def _named_once(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {summary_line(twice)} occurs twice")
    return found
