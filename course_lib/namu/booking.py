"""Booking a place: the tool that asks before it acts.

    graph = build_namu(checkpointer=saver, tools=[book_place])

No real place is called: the bookings are kept in the course's own store. The way to a booking is
real: the graph stops at `interrupt`, waits until a person answers, and writes only if they agree.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Literal

from langchain_core.tools import tool
from langgraph.prebuilt import ToolRuntime
from langgraph.types import interrupt
from pydantic import BaseModel, Field

from course_lib.models.language.message_parser import language_of
from course_lib.persistence import namespace_label
from course_lib.places import Place, load_places
from course_lib.settings import DATA

Day = Literal[
    "today",
    "tomorrow",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
]
MAX_PEOPLE = 8
"""Largest number of people in one booking."""

BOOK = "bookings"
"""First label of the namespace under which bookings are kept; the second is the user's."""


@lru_cache(maxsize=1)
def sentences() -> dict[str, dict[str, str]]:
    """Return the sentences about bookings in `data/bookings.json`, by language."""
    return json.loads((DATA / "bookings.json").read_text(encoding="utf-8"))


class BookingAnswer(BaseModel):
    """A person's answer to the question whether to book.

    Args:
        approve: whether to book.
        people: number of people.
        day: day of the visit.
    """

    approve: bool
    people: int = Field(ge=1, le=MAX_PEOPLE, description=f"People (1 to {MAX_PEOPLE})")
    day: Day = Field(description="Day")


@tool
def book_place(
    place: str, runtime: ToolRuntime[Any, Any], people: int = 2, day: Day = "Saturday"
) -> str:
    """Book a place that was recommended. The person is asked before anything is written.

    Args:
        place: its name, as recommended.
        runtime: filled in by LangGraph, unseen by the model.
        people: how many people.
        day: which day.
    """
    say = sentences()[_language(runtime.state)]
    known = find_place(place)
    if known is None:
        return say["unknown"].format(place=place)
    # The lines above run again when the person has answered, so they must not write anything.
    answer = interrupt(
        {
            "question": say["question"].format(place=place, people=people, day=day),
            "note": say["note"],
            "people": people,
            "day": day,
        },
        response_schema=BookingAnswer,
    )
    if not answer.approve:
        return say["refused"]
    booking = {"place_id": known.id, "place": place, "people": answer.people, "day": answer.day}
    if runtime.store is None:
        return say["agreed"].format(**booking)
    # The call's id is the key, so that a booking that is written twice is still one booking.
    page = (BOOK, namespace_label(str(runtime.config.get("metadata", {}).get("user", "me"))))
    runtime.store.put(page, str(runtime.tool_call_id), booking, index=False)
    return say["booked"].format(**booking)


def find_place(name: str) -> Place | None:
    """Return the place with this Korean or English name, or None."""
    wanted = name.casefold().strip()
    return next(
        (p for p in load_places() if wanted in (p.name_en.casefold(), p.name_ko.casefold())), None
    )


def _language(state: Any) -> str:
    asked = [message for message in state["messages"] if message.type == "human"]
    return (language_of(str(asked[-1].text)) if asked else None) or "en"
