"""The values that a sizing function refuses, because no machine or workload can have them."""

from __future__ import annotations

import math
from numbers import Integral, Real


class SizingError(ValueError):
    """A value is impossible; the text holds its name, the value, and what to give instead."""


def amount(name: str, value: float, *, above: float | None = None, least: float = 0) -> float:
    """Return a number if it can be an amount.

    Args:
        name: what the caller calls it.
        value: the number.
        above: the number must be greater than this one.
        least: where `above` is left out, the smallest number that is allowed.

    Raises:
        SizingError: it is not a finite number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise SizingError(f"{name} is {value!r}. Give a number.")
    if above is not None and value <= above:
        raise SizingError(f"{name} is {value:g}. Give a number above {above:g}.")
    if above is None and value < least:
        raise SizingError(f"{name} is {value:g}. Give a number of at least {least:g}.")
    return float(value)


def count(name: str, value: int, *, least: int = 1) -> int:
    """Return a number if it can be a count of things.

    Args:
        name: what the caller calls it.
        value: the number.
        least: the smallest count that is allowed.

    Raises:
        SizingError: it is not a whole number, or too small.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise SizingError(f"{name} is {value!r}. Give a whole number.")
    if value < least:
        raise SizingError(f"{name} is {value}. Give a whole number of at least {least}.")
    return int(value)


def share(name: str, value: float) -> float:
    """Return a number if it can be a share: above 0, and 1 at most.

    Args:
        name: what the caller calls it.
        value: the number.

    Raises:
        SizingError: it is not such a number.
    """
    found = amount(name, value, above=0)
    if found > 1:
        raise SizingError(f"{name} is {value:g}. Give a share: 0.2 means 20 of 100.")
    return found
