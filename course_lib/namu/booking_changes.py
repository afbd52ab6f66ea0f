"""What can be done with bookings that were made: list them, change one, cancel one.

A change and a cancellation are asked about before anything is written, as a booking is.
`build_namu` adds these tools to its agent where it is given `book_place`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.tools import tool
from langgraph.prebuilt import ToolRuntime
from langgraph.types import interrupt
from pydantic import BaseModel

from course_lib.models.language.booking_wish import MAX_PEOPLE
from course_lib.models.language.jamo import with_particle
from course_lib.namu.booking import (
    Day,
    answer_schema,
    find_place,
    in_words,
    language_in,
    page_of,
    sentences,
)

MAX_BOOKINGS = 100
"""Most bookings that are looked at."""


class CancelAnswer(BaseModel):
    """A person's answer to the question whether to cancel.

    Args:
        approve: whether to cancel.
    """

    approve: bool


@tool
def my_bookings(runtime: ToolRuntime[Any, Any]) -> str:
    """List what the person has booked.

    Args:
        runtime: filled in by LangGraph, unseen by the model.
    """
    language = language_in(runtime.state)
    say = sentences()[language]
    if runtime.store is None:
        return say["no_store"]
    kept = _bookings(runtime)
    if not kept:
        return say["none"]
    return say["list"].format(bookings=_listed(kept, language))


@tool
def change_booking(
    runtime: ToolRuntime[Any, Any],
    place: str | None = None,
    people: int | None = None,
    day: Day | None = None,
) -> str:
    """Change the number of people or the day of a booking. The person is asked first.

    Args:
        runtime: filled in by LangGraph, unseen by the model.
        place: the name of the booked place; may be left out if there is one booking.
        people: the new number of people.
        day: the new day.
    """
    language = language_in(runtime.state)
    say = sentences()[language]
    key, booking = _meant(runtime, place, "which_to_change")
    if booking is None:
        return key
    if people is not None and not 1 <= people <= MAX_PEOPLE:
        return say["too_many"].format(people=people)
    new = {**booking, "people": people or booking["people"], "day": day or booking["day"]}
    name = in_words(booking, language)
    answer = interrupt(
        {
            "question": say["change_question"].format(
                old=name,
                people=new["people"],
                unit="person" if new["people"] == 1 else "people",
                day=say["days"].get(new["day"], new["day"]),
            ),
            "note": say["note"],
            "people": new["people"],
            "day": new["day"],
        },
        response_schema=answer_schema(language),
    )
    if not answer.approve:
        return say["kept"].format(booking=name)
    new |= {"people": answer.people, "day": answer.day}
    runtime.store.put(page_of(runtime), key, new, index=False)
    return say["changed"].format(booking=in_words(new, language))


@tool
def cancel_booking(runtime: ToolRuntime[Any, Any], place: str | None = None) -> str:
    """Cancel a booking. The person is asked first.

    Args:
        runtime: filled in by LangGraph, unseen by the model.
        place: the name of the booked place; may be left out if there is one booking.
    """
    language = language_in(runtime.state)
    say = sentences()[language]
    key, booking = _meant(runtime, place, "which_to_cancel")
    if booking is None:
        return key
    name = in_words(booking, language)
    answer = interrupt(
        {"question": say["cancel_question"].format(booking=name), "note": say["note"]},
        response_schema=CancelAnswer,
    )
    if not answer.approve:
        return say["kept"].format(booking=name)
    runtime.store.delete(page_of(runtime), key)
    return say["cancelled"].format(booking=name)


BOOKING_COMPANIONS = (my_bookings, change_booking, cancel_booking)
"""The tools that go with `book_place`."""


def _bookings(runtime: ToolRuntime[Any, Any]) -> dict[str, Mapping[str, Any]]:
    found = runtime.store.search(page_of(runtime), limit=MAX_BOOKINGS)
    return {item.key: item.value for item in sorted(found, key=lambda item: item.created_at)}


def _meant(
    runtime: ToolRuntime[Any, Any], place: str | None, which: str
) -> tuple[str, Mapping[str, Any] | None]:
    """Return the key and value of the booking that is meant; or a sentence, and None.

    Several bookings are asked about with the sentence `which`.
    """
    language = language_in(runtime.state)
    say = sentences()[language]
    if runtime.store is None:
        return say["no_store"], None
    kept = _bookings(runtime)
    if not kept:
        return say["none_to_change"], None
    if place is not None:
        known = find_place(place)
        fits = {k: b for k, b in kept.items() if known and b["place_id"] == known.id}
        if not fits:
            name = with_particle(place, "은/는") if language == "ko" else place
            told = say["not_booked"].format(place=name, bookings=_listed(kept, language))
            return told, None
        kept = fits
    if len(kept) > 1:
        return say[which].format(bookings=_listed(kept, language, numbered=True)), None
    key, booking = next(iter(kept.items()))
    return key, booking


def _listed(kept: Mapping[str, Mapping[str, Any]], language: str, *, numbered: bool = False) -> str:
    each = [in_words(booking, language) for booking in kept.values()]
    return (
        "; ".join(f"{n}. {text}" for n, text in enumerate(each, 1))
        if numbered
        else ("; ".join(each))
    )
