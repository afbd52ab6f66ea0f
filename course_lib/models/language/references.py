"""What "it", "거기", "the second one" and a name mean: places on the table, or spoken of last."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from course_lib.models.language.about_the_list import compared
from course_lib.models.language.lexicon import SLOTS, normalise
from course_lib.models.language.message_parser import ParsedMessage, find, ids_of
from course_lib.models.language.place_names import places_by_id
from course_lib.places import load_places

BOOKING_TOOLS = ("book_place", "change_booking", "cancel_booking", "my_bookings")
"""The tools of `course_lib.namu.booking` and its companions."""


def mentioned(parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the indices, from 0, of the recommended places that the message names.

    A full name decides; otherwise a word that only this place's name has is enough.

    Args:
        parsed: the message.
        recommended: the places on the table.
    """
    named = {place_id for name in parsed.names for place_id in ids_of(name)}
    whole = tuple(i for i, place in enumerate(recommended) if place.get("id") in named)
    if whole or named:
        return whole
    return tuple(
        i
        for i, place in enumerate(recommended)
        if any(
            re.search(rf"\b{re.escape(word)}\b", parsed.text)
            for word in _distinctive_words(
                str(place.get("name_en", "")), str(place.get("name_ko", ""))
            )
        )
    )


COMMON = (*SLOTS, "area", "signals", "ordinals", "topics")
"""Kinds of words that name no place, such as those of `The Second Best Place in Seoul`."""


@lru_cache(maxsize=1024)
def _distinctive_words(name_en: str, name_ko: str) -> list[str]:
    """Return the words of a place's name that stand for nothing else in a message."""
    english = re.findall(r"[a-z]{5,}", normalise(name_en))
    korean = normalise(name_ko).split()[:1]
    words = [*english, *(word for word in korean if len(word) >= 3)]
    return [w for w in words if w != "seoul" and not any(h.kind in COMMON for h in find(w))]


def positions_on(parsed: ParsedMessage, recommended: Sequence[Any]) -> tuple[int, ...]:
    """Return the indices, from 0, of the recommended places that the ordinals mean."""
    return on_table(parsed.positions, recommended)


def on_table(positions: Sequence[int], recommended: Sequence[Any]) -> tuple[int, ...]:
    """Return the indices, from 0, of ordinals that lie within a list.

    Args:
        positions: from 1; -1 stands for the last one.
        recommended: the list.
    """
    indices = (n - 1 if n > 0 else len(recommended) + n for n in positions)
    return tuple(i for i in indices if 0 <= i < len(recommended))


def last_spoken_of(messages: Sequence[BaseMessage]) -> str | None:
    """Return the id of the one place that an answer was last about, None if it was a list.

    Args:
        messages: what came before the message that is read.
    """
    for asked, message in reversed([*zip([None, *messages], messages, strict=False)]):
        if not isinstance(message, AIMessage):
            continue
        if _is_comparison(asked):
            return None
        for call in message.tool_calls:
            place = call["args"].get("place")
            if call["name"] in BOOKING_TOOLS and isinstance(place, str):
                found = _ids_by_name().get(place.casefold())
                if found:
                    return found
        text = str(message.text)
        lines = [line for line in text.splitlines() if line.strip()]
        listed = [line for line in lines if re.match(r"\d+\. ", line)]
        if len(listed) > 1:
            return None
        if len(listed) == 1:
            return _named_first(re.sub(r"^\d+\. ", "", listed[0]))
        for line in reversed(lines):
            if found := _named_first(line):
                return found
    return None


def _is_comparison(said: BaseMessage | None) -> bool:
    """Whether a message compares two places, so that its answer is about no one of them."""
    return isinstance(said, HumanMessage) and compared(normalise(str(said.text))) is not None


def last_booked(messages: Sequence[BaseMessage]) -> str | None:
    """Return the name of the place that was booked last in a conversation, if it still is.

    Args:
        messages: what came before the message that is read.
    """
    answers = {m.tool_call_id: str(m.text) for m in messages if isinstance(m, ToolMessage)}
    booked: dict[str, str] = {}
    for message in messages:
        for call in message.tool_calls if isinstance(message, AIMessage) else ():
            told = answers.get(str(call["id"]), "")
            named = [name for name in _ids_by_name() if name in told.casefold()]
            known = max(named, key=len, default=None)
            if known is None:
                continue
            if call["name"] == "book_place":
                booked[_ids_by_name()[known]] = str(call["args"].get("place"))
            elif call["name"] == "cancel_booking" and told.startswith(("Cancelled", "예약을 취소")):
                booked.pop(_ids_by_name()[known], None)
    return list(booked.values())[-1] if booked else None


def was_about_booking(messages: Sequence[BaseMessage]) -> bool:
    """Whether the last tool call of a conversation was one about a booking.

    Args:
        messages: what came before the message that is read.
    """
    for message in reversed(messages):
        if isinstance(message, AIMessage) and message.tool_calls:
            return message.tool_calls[-1]["name"] in BOOKING_TOOLS
    return False


@lru_cache(maxsize=1)
def _ids_by_name() -> dict[str, str]:
    return {name.casefold(): p.id for p in load_places() for name in (p.name_en, p.name_ko)}


@lru_cache(maxsize=512)
def _named_first(line: str) -> str | None:
    """Return the id of the place with whose name a line begins; the longest name counts."""
    folded = line.casefold()
    fits = [name for name in _ids_by_name() if folded.startswith(name)]
    return _ids_by_name()[max(fits, key=len)] if fits else None


def as_table(place_id: str | None) -> Mapping[str, Any] | None:
    """Return a place as it stands on a table, None if there is none with this id."""
    place = places_by_id().get(place_id or "")
    return place.as_dict() if place else None
