"""Booking a place: the tools that ask before they act.

    graph = build_namu(checkpointer=saver, store=store, tools=[book_place])

No real place is called: the bookings are kept in the course's own store. The way to a booking is
real: the graph stops at `interrupt`, waits until a person answers, and writes only if they agree.
`booking_changes` holds the tools that list, change and cancel what was booked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Literal, Self

from langchain_core.tools import tool
from langgraph.prebuilt import ToolRuntime
from langgraph.types import interrupt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from course_lib.models.language.booking_wish import MAX_PEOPLE
from course_lib.models.language.jamo import with_particle
from course_lib.models.language.message_parser import language_of
from course_lib.namu.memory import user_of
from course_lib.persistence import namespace_label
from course_lib.places import Place, load_places
from course_lib.settings import DATA

Day = Literal[
    "today",
    "tomorrow",
    "day after tomorrow",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
]

BOOK = "bookings"
"""First label of the namespace under which bookings are kept; the second is the user's."""


@lru_cache(maxsize=1)
def sentences() -> dict[str, dict[str, Any]]:
    """Return the sentences about bookings in `data/bookings.json`, by language."""
    return json.loads((DATA / "bookings.json").read_text(encoding="utf-8"))


def _needed_to_book(schema: dict[str, Any]) -> None:
    """State in a schema that people and day are needed to agree, and not to refuse."""
    for name in ("people", "day"):
        field = schema["properties"][name]
        field.update(next(kind for kind in field.pop("anyOf") if kind.get("type") != "null"))
        field.pop("default", None)
    schema["required"] = ["approve"]
    schema["if"] = {"properties": {"approve": {"const": True}}}
    schema["then"] = {"required": ["people", "day"]}


def _in_korean(schema: dict[str, Any]) -> None:
    """Give the fields of an answer's schema Korean names, and the days Korean titles."""
    _needed_to_book(schema)
    say = sentences()["ko"]
    for name, field in schema["properties"].items():
        field["description"] = say["fields"][name]
        if name == "day":
            field.pop("enum", None)
            field["oneOf"] = [{"const": d, "title": word} for d, word in say["days"].items()]


class BookingAnswer(BaseModel):
    """A person's answer to the question whether to book. Who refuses need not fill in the rest.

    Args:
        approve: whether to book.
        people: number of people.
        day: day of the visit.
    """

    model_config = ConfigDict(json_schema_extra=_needed_to_book)

    approve: bool
    people: int | None = Field(None, ge=1, le=MAX_PEOPLE, description=f"People (1 to {MAX_PEOPLE})")
    day: Day | None = Field(None, description="Day")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        missing = [name for name in ("people", "day") if getattr(self, name) is None]
        if self.approve and missing:
            raise ValueError(f"to book, {' and '.join(missing)} must be given")
        return self


class KoreanBookingAnswer(BookingAnswer):
    """The same answer, asked for in Korean."""

    model_config = ConfigDict(json_schema_extra=_in_korean)


@tool
def book_place(
    place: str,
    runtime: ToolRuntime[Any, Any],
    people: int | None = None,
    day: Day | None = None,
    time: str | None = None,
) -> str:
    """Book a place that was recommended. The person is asked before anything is written.

    Args:
        place: its name, as recommended.
        runtime: filled in by LangGraph, unseen by the model.
        people: how many people, if the person said it.
        day: which day, if the person said it.
        time: the time of day that the person named. It is not stored, and the answer says so.
    """
    language = language_in(runtime.state)
    say = sentences()[language]
    known = find_place(place)
    if known is None:
        name = with_particle(place, "이라는/라는") if language == "ko" else place
        return say["unknown"].format(place=name)
    if people is not None and not 1 <= people <= MAX_PEOPLE:
        return say["too_many"].format(people=people)
    # The lines above run again when the person has answered, so they must not write anything.
    asked = {
        "question": question(place, people, day, language),
        "note": say["note"] + (f" {say['no_time'].format(time=time)}" if time else ""),
        **{k: v for k, v in (("people", people), ("day", day)) if v is not None},
    }
    answer = interrupt(asked, response_schema=answer_schema(language))
    if not answer.approve:
        return say["refused"]
    booking = {"place_id": known.id, "place": place, "people": answer.people, "day": answer.day}
    if runtime.store is None:
        return say["agreed"].format(booking=in_words(booking, language))
    # The call's id is the key, so that a booking that is written twice is still one booking.
    runtime.store.put(page_of(runtime), str(runtime.tool_call_id), booking, index=False)
    return say["booked"].format(booking=in_words(booking, language))


def find_place(name: str) -> Place | None:
    """Return the place with this Korean or English name, or None."""
    wanted = name.casefold().strip()
    return next(
        (p for p in load_places() if wanted in (p.name_en.casefold(), p.name_ko.casefold())), None
    )


def answer_schema(language: str) -> type[BookingAnswer]:
    """Return the form of an answer, with its fields named in a language.

    Args:
        language: `ko` or `en`.
    """
    return KoreanBookingAnswer if language == "ko" else BookingAnswer


def page_of(runtime: ToolRuntime[Any, Any]) -> tuple[str, str]:
    """Return the namespace in which the bookings of the person who talks are kept."""
    return (BOOK, namespace_label(user_of(runtime.context, runtime.config)))


def question(place: str, people: int | None, day: str | None, language: str) -> str:
    """Return the question of a card; it names only what is known, and asks for the rest.

    Args:
        place: the name of the place.
        people: how many people, None if that is to be chosen.
        day: the day as `Day` has it, None if that is to be chosen.
        language: `ko` or `en`.
    """
    say = sentences()[language]
    details = _details(people, day, language)
    if details:
        asked = say["question"].format(place=place, details=details)
    else:
        name = with_particle(place, "을/를") if language == "ko" else place
        asked = say["question_bare"].format(place=name)
    missing = [say["missing"][n] for n, v in (("people", people), ("day", day)) if v is None]
    if not missing:
        return asked
    what = say["missing"]["both"] if len(missing) == 2 else missing[0]
    return f"{asked} {say['missing']['ask'].format(what=what)}"


def in_words(booking: Mapping[str, Any], language: str) -> str:
    """Return a booking as words: its place, number of people and day.

    Args:
        booking: as the store has it.
        language: `ko` or `en`.
    """
    people, say = int(booking["people"]), sentences()[language]
    known = find_place(str(booking["place"]))
    place = getattr(known, f"name_{language}") if known else str(booking["place"])
    return say["one"].format(
        place=place,
        people=people,
        unit="person" if people == 1 else "people",
        day=say["days"].get(booking["day"], booking["day"]),
    )


def language_in(state: Any) -> str:
    """Return the language of the last message that a person wrote; English by default."""
    asked = [message for message in state.get("messages") or () if message.type == "human"]
    return (language_of(str(asked[-1].text)) if asked else None) or "en"


def _details(people: int | None, day: str | None, language: str) -> str:
    word = sentences()[language]["days"].get(day, day) if day else ""
    if language == "ko":
        parts = [part for part in (word, f"{people}명으로" if people else "") if part]
        return ", " + " ".join(parts) if parts else ""
    on = word if day in (None, "today", "tomorrow", "day after tomorrow") else f"on {word}"
    return " ".join(part for part in (f"for {people}" if people else "", on) if part)
