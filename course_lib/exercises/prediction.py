"""Comparing what a learner predicted with what a run did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.exercises.exercise import expect, require


def compare(
    prediction: Any,
    found: Mapping[str, Any],
    reasons: Mapping[str, str],
    *,
    choices: Sequence[Any] = (),
    write: str = "",
) -> None:
    """Raise `IncorrectAnswer` unless a prediction holds the right value for every case.

    Args:
        prediction: the learner's, a dictionary from the name of a case to its value.
        found: what the runs did, by the name of the case.
        reasons: why it is so, one or two sentences for each case.
        choices: the values that may be predicted; any where there are none.
        write: what to write in place of another value.
    """
    require(
        isinstance(prediction, Mapping),
        f"prediction is a {type(prediction).__name__}. Write a dictionary with these keys: "
        f"{', '.join(map(repr, found))}.",
    )
    for case, right in found.items():
        require(case in prediction, f"prediction has no entry for {case!r}.")
        said, name = prediction[case], f"prediction[{case!r}]"
        if choices:
            require(said in choices, f"{name} is {said!r}. Write {write}.")
        elif isinstance(right, bool):
            require(said in (True, False), f"{name} is {said!r}. Write True or False.")
        elif isinstance(right, int):
            whole = said.is_integer() if isinstance(said, float) else isinstance(said, int)
            is_number = whole and not isinstance(said, bool)
            require(is_number, f"{name} is {said!r}. Write a whole number.")
        elif isinstance(right, list) and isinstance(said, tuple):
            said = list(said)
        expect(name, right, said, reasons[case])
