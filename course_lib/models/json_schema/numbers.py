"""Numbers that a JSON schema accepts: bounds and multiples, computed with exact fractions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

MAX_STEPS = 50
"""How many numbers are offered from each bound on."""


def numbers(
    schema: Mapping[str, Any], spoken: Sequence[float], *, whole: bool
) -> Iterator[int | float]:
    """Yield numbers that may fit a schema, the likeliest first.

    Args:
        schema: with any of `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum` and
            `multipleOf`.
        spoken: the numbers of the message.
        whole: whether the type is `integer`.
    """
    for number in spoken:
        yield int(number) if whole else number
    if "default" in schema:
        yield schema["default"]
    low, above = _bound(schema, "minimum", "exclusiveMinimum")
    high, below = _bound(schema, "maximum", "exclusiveMaximum")
    yield 0
    step = Fraction(str(schema["multipleOf"])) if schema.get("multipleOf") else Fraction(1)
    if whole:
        step = common_multiple(step, 1)
    start = math.ceil(low / step) if low is not None else None
    if start is not None:
        start += above and start * step == low
        yield from (_plain((start + n) * step) for n in range(MAX_STEPS))
    if high is not None:
        last = math.floor(high / step)
        last -= below and last * step == high
        yield from (_plain((last - n) * step) for n in range(MAX_STEPS))
    if low is not None and high is not None:
        yield from (_plain(low + (high - low) * n / 16) for n in (8, *range(17)))
    yield from (_plain(n * step) for n in range(1, MAX_STEPS))


def _bound(schema: Mapping[str, Any], key: str, exclusive: str) -> tuple[Fraction | None, bool]:
    """Return a lower or upper bound, and whether it is excluded itself."""
    plain, strict = schema.get(key), schema.get(exclusive)
    if isinstance(strict, bool):  # the form of draft 4
        return (None if plain is None else Fraction(str(plain))), strict
    if strict is None:
        return (None if plain is None else Fraction(str(plain))), False
    wins = plain is None or (strict >= plain if key == "minimum" else strict <= plain)
    return Fraction(str(strict if wins else plain)), wins


def common_multiple(one: Any, other: Any) -> Fraction:
    """Return the least number that is a multiple of two numbers."""
    first, second = Fraction(str(one)), Fraction(str(other))
    denominator = math.lcm(first.denominator, second.denominator)
    return Fraction(math.lcm(int(first * denominator), int(second * denominator)), denominator)


def _plain(number: Fraction) -> int | float:
    return int(number) if number.denominator == 1 else float(number)
