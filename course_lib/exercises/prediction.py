"""Comparing what a learner predicted with what a run did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.exercises.exercise import expect, require


def compare(prediction: Any, found: Mapping[str, Any], reasons: Mapping[str, str]) -> None:
    """Raise `IncorrectAnswer` unless a prediction holds the right value for every case.

    Args:
        prediction: the learner's, a dictionary from the name of a case to its value.
        found: what the runs did, by the name of the case.
        reasons: why it is so, one or two sentences for each case.
    """
    require(
        isinstance(prediction, Mapping),
        f"prediction is a {type(prediction).__name__}. Write a dictionary with these keys: "
        f"{', '.join(map(repr, found))}.",
    )
    for case, right in found.items():
        require(case in prediction, f"prediction has no entry for {case!r}.")
        said = prediction[case]
        if isinstance(right, bool):
            require(
                said in (True, False),
                f"prediction[{case!r}] is {said!r}. Write True or False.",
            )
        elif isinstance(right, int):
            require(
                isinstance(said, int) and not isinstance(said, bool),
                f"prediction[{case!r}] is {said!r}. Write a whole number.",
            )
        expect(f"prediction[{case!r}]", right, said, reasons[case])
