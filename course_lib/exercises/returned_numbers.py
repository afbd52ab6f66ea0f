"""What a learner's function returned, as a number, for the checks of chapters 15 and 16."""

from __future__ import annotations

from numbers import Real
from typing import Any

from course_lib.exercises.exercise import require


def number(got: Any, name: str) -> float:
    """Return what a function returned if it is a number.

    Args:
        got: what it returned.
        name: what the function is called.

    Raises:
        IncorrectAnswer: it is none.
    """
    require(got is not None, f"{name} returned None. Is there a `return`?")
    require(
        isinstance(got, Real) and not isinstance(got, bool),
        f"{name} returned {got!r}. Return a number.",
    )
    return got
