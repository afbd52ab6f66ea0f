"""Any value as JSON, line by line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from course_lib.display.values import (
    CUT,
    MAX_BITS,
    MAX_DEPTH,
    RAISED,
    SHORT,
    cut_text,
    first_of,
    named_apart,
    one_line,
    rest_of,
    shorten,
    summary_line,
    text_of,
)

MAX_LENGTH = 200_000
"""Longest text of a whole value, in characters."""

MAX_CONTAINERS = 10_000
"""How many containers are written: a list may hold one list many times, on each level."""

LEVELS_OF_A_LINE = 4
"""How many levels of what is nested too deeply are still told, on one line."""

COST_OF_A_LINE = 20
"""How many containers such a line counts as."""


def format_json(value: Any) -> str:
    """Return a value as JSON, line by line; a text as it is, and what is no JSON in short.

    A text of more than 20,000 characters is cut, and the rest is counted.

    Args:
        value: anything.
    """
    if issubclass(type(value), str):
        return cut_text(str.__str__(value))
    whole = json.dumps(_plain(value, 0, (), [MAX_CONTAINERS]), ensure_ascii=False, indent=1)
    return cut_text(whole, MAX_LENGTH)


def _plain(value: Any, depth: int, inside: tuple[int, ...], left: list[int]) -> Any:
    """A value made of what JSON can hold; `left` counts the containers that are looked at."""
    if value is None or type(value) is bool:
        return value
    if type(value) is int:
        return value if value.bit_length() <= MAX_BITS else text_of(value, repr)
    if type(value) is str:
        return cut_text(value)
    if issubclass(type(value), float):
        number = float.__pos__(value)  # a class of its own may have another idea of itself
        return number if math.isfinite(number) else repr(number)
    if left[0] <= 0:
        return CUT
    if depth >= MAX_DEPTH or id(value) in inside:
        left[0] -= COST_OF_A_LINE
        return shorten(one_line(value, MAX_DEPTH - LEVELS_OF_A_LINE), SHORT)
    left[0] -= 1
    inside = (*inside, id(value))
    try:
        return _plain_container(value, depth, inside, left)
    except RAISED:
        return summary_line(value)


def _plain_container(value: Any, depth: int, inside: tuple[int, ...], left: list[int]) -> Any:
    if isinstance(value, Mapping):
        named = named_apart(first_of(value.items()))
        found = {name: _plain(v, depth + 1, inside, left) for name, v in named.items()}
        return {**found, **dict.fromkeys(rest_of(value), CUT)}
    if isinstance(value, (list, tuple)):
        return [
            *(_plain(item, depth + 1, inside, left) for item in first_of(value)),
            *rest_of(value),
        ]
    return summary_line(value)
