"""Which values come back as themselves through an allow-list, found by storing and reading them."""

from __future__ import annotations

from datetime import date
from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from course_lib.exercises.quiet_log import quiet_log


class Visit(BaseModel):
    """A class that no serializer knows.

    Args:
        place: the name of a place.
    """

    place: str


HERE = (__name__, "Visit")
READINGS: dict[str, tuple[Any, Any, str]] = {
    "strict, a Visit": (None, Visit(place="Namsan"), "Visit is not on the allow-list."),
    "strict, a date": (None, date(2026, 5, 1), "Dates are on LangGraph's list of common classes."),
    "strict, a message": (
        None,
        HumanMessage("hello", id="m1"),
        "LangGraph knows the message classes of LangChain.",
    ),
    "Visit on the list": ([HERE], Visit(place="Namsan"), "Visit is on the allow-list."),
    "another class on the list": (
        [(__name__, "Visitor")],
        Visit(place="Namsan"),
        "The list names a class by its module and its name. Visitor is not Visit.",
    ),
}
"""Each case: the allow-list, the stored value, and the reason of the outcome."""


def what_comes_back() -> dict[str, bool]:
    """Store the value of each case, read it with the case's allow-list, and compare.

    Returns:
        For each case whether an object of the same class came back.
    """
    return {case: _comes_back(allowed, value) for case, (allowed, value, _) in READINGS.items()}


def _comes_back(allowed: Any, value: Any) -> bool:
    stored = JsonPlusSerializer().dumps_typed(value)
    with quiet_log():
        read = JsonPlusSerializer(allowed_msgpack_modules=allowed).loads_typed(stored)
    return type(read) is type(value)
