"""Numbers that a JSON schema accepts: bounds and multiples, computed with exact fractions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice, zip_longest
from typing import Any

MAX_STEPS = 150
"""How many numbers are offered from each bound on."""
FIRST_STEPS = 20
"""How many of them come before those with digits behind the point."""
MAX_DIGITS = 20
"""With how many digits behind the point a number is looked for."""
MAX_EXACT = 2**53
"""Up to here a float holds every whole number."""


@dataclass(frozen=True)
class _Range:
    """The numbers between two bounds; `above` and `below` say that the bound itself is excluded."""

    low: Fraction | None
    above: bool
    high: Fraction | None
    below: bool

    def holds(self, number: Fraction) -> bool:
        if self.low is not None and (number < self.low or (self.above and number == self.low)):
            return False
        return self.high is None or not (number > self.high or (self.below and number == self.high))

    def upward(self, step: Fraction) -> Iterator[Fraction]:
        """Yield the multiples of a step from the lower bound on, or from 0."""
        first = 0 if self.low is None else math.ceil(self.low / step)
        return ((first + n) * step for n in range(MAX_STEPS))

    def downward(self, step: Fraction) -> Iterator[Fraction]:
        """Yield the multiples of a step from the upper bound down."""
        if self.high is not None:
            last = math.floor(self.high / step)
            yield from ((last - n) * step for n in range(MAX_STEPS))

    def decimals(self) -> Iterator[Fraction]:
        """Yield numbers with few digits behind the point, those with the fewest first."""
        for digits in range(1, MAX_DIGITS):
            step = Fraction(1, 10**digits)
            if any(map(self.holds, islice(self.upward(step), 2))):
                yield from self.upward(step)
                yield from self.upward(step / 10)
                return

    def between(self) -> Iterator[Fraction]:
        """Yield numbers that lie between very close bounds, or beyond a very large one."""
        if self.low is not None and self.high is not None:
            yield from (self.low + (self.high - self.low) * n / 16 for n in (8, *range(17)))
        elif self.low is not None:
            yield self.low + abs(self.low)
        elif self.high is not None:
            yield self.high - abs(self.high)


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
    bounds = _range(schema)
    multiple = Fraction(str(schema["multipleOf"])) if schema.get("multipleOf") else None
    step = multiple or Fraction(1)
    if whole:
        step = common_multiple(step, 1)
    steps = _in_turns(bounds.upward(step), bounds.downward(step))
    finer = () if whole or multiple else _in_turns(bounds.decimals(), bounds.between())
    for number in spoken:
        said = int(number) if whole else number
        if bounds.holds(Fraction(str(said))):
            yield said
    if "default" in schema:
        yield schema["default"]
    made_up = chain([Fraction(0)], islice(steps, FIRST_STEPS), finer, steps)
    written = dict.fromkeys(_plain(number, whole=whole) for number in made_up)
    yield from (number for number in written if bounds.holds(Fraction(str(number))))


def _range(schema: Mapping[str, Any]) -> _Range:
    low, above = _bound(schema, "minimum", "exclusiveMinimum", max)
    high, below = _bound(schema, "maximum", "exclusiveMaximum", min)
    return _Range(low, above, high, below)


def _bound(
    schema: Mapping[str, Any], key: str, exclusive: str, narrower: Callable[..., Any]
) -> tuple[Fraction | None, bool]:
    """Return a lower or upper bound, and whether it is excluded itself."""
    found = {name: Fraction(str(schema[name])) for name in (exclusive, key) if name in schema}
    if not found:
        return None, False
    bound = narrower(found.values())
    return bound, found.get(exclusive) == bound


def common_multiple(one: Any, other: Any) -> Fraction:
    """Return the least number that is a multiple of two numbers."""
    first, second = Fraction(str(one)), Fraction(str(other))
    denominator = math.lcm(first.denominator, second.denominator)
    return Fraction(math.lcm(int(first * denominator), int(second * denominator)), denominator)


def _in_turns(*series: Iterator[Fraction]) -> Iterator[Fraction]:
    return (n for turn in zip_longest(*series) for n in turn if n is not None)


def _plain(number: Fraction, *, whole: bool) -> int | float:
    """Return a number as JSON has it: whole if it can be, unless a float would not hold it."""
    if number.denominator == 1 and (whole or abs(number) <= MAX_EXACT):
        return int(number)
    try:
        return float(number)
    except OverflowError:
        return int(number)
