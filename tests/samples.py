"""Some of many cases for `make test`, and all of them for `make soak`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

CASE = type(pytest.param())


def one_in(number: int, cases: Iterable[Any], ids: Callable[[Any], str] | None = None) -> list[Any]:
    """Mark all but every `number`-th case as a long test, which only `make soak` runs.

    It is for many cases that ask the same code in other words: `make test` still meets each kind.
    pytest without `-m` runs all of them.

    Args:
        number: of so many neighbours one is kept, beginning with the first.
        cases: values, or cases of `pytest.param`, which keep their names and their marks.
        ids: names a value.
    """
    marked = []
    for place, case in enumerate(cases):
        each = case if isinstance(case, CASE) else pytest.param(case, id=ids and ids(case))
        marks = [*each.marks, *([pytest.mark.soak] if place % number else [])]
        marked.append(pytest.param(*each.values, id=each.id, marks=marks))
    return marked
