"""Wishes over two messages: a second wish that is agreed to, a booking that is completed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from course_lib.models.language.booking_wish import MAX_PEOPLE, act_of, booking_words
from course_lib.models.language.message_parser import ParsedMessage, ids_of, read
from course_lib.models.language.references import was_about_booking
from course_lib.places import load_places

NO_NEW_BOOKING = frozenset(("no_booking", "cancel_booking", "change_booking", "my_bookings"))
NO_ANSWER = NO_NEW_BOOKING | {"ask", "which", "wish", "recommend", "near", "offtopic"}
"""Signals of a message that answers no question about a booking."""

PICKING = {"cancel_booking": "cancel_booking", "change_booking": "change_booking"}
"""The tools that may ask which booking is meant, and the signal of what was wished."""

LISTED = re.compile(r"(\d+)\. ([^,;]+),")
"""A booking in a numbered list: its number and its place."""

PLAIN_YES = frozenset(
    (
        "yes",
        "praise",
        "deictic",
        "laugh",
        "likes",
        "wish",
        "go",
        "accept",
        "recommend",
        "ask",
        "question",
        "copula",
        "thanks",
        "mood",
    )
)
"""Signals of a message that only agrees."""


def completed(parsed: ParsedMessage, earlier: Sequence[BaseMessage]) -> ParsedMessage:
    """Return a message together with what it leaves unsaid, because the one before said it.

    Args:
        parsed: the last message.
        earlier: what came before it.
    """
    return placed_as_before(booking_picked(agreed(parsed, earlier), earlier), earlier)


def agreed(parsed: ParsedMessage, earlier: Sequence[BaseMessage]) -> ParsedMessage:
    """Return the second wish of the message before, if this one only agrees to it.

    Args:
        parsed: the last message.
        earlier: what came before it.
    """
    agrees = parsed.signals & {"yes", "praise"}
    if not agrees or not parsed.signals <= PLAIN_YES or parsed.slots:
        return parsed
    before = next((m for m in reversed(earlier) if isinstance(m, HumanMessage)), None)
    second = read(str(before.text)).second if before is not None else None
    if second is None:
        return parsed
    return replace(second, signals=second.signals | {"wish"}, language=parsed.language)


def placed_as_before(parsed: ParsedMessage, earlier: Sequence[BaseMessage]) -> ParsedMessage:
    """Return a wish with the part of Seoul of the message before, if that was refused for its kind.

    Who asked for bars in Hongdae and then says "a cafe, then" still speaks of Hongdae.

    Args:
        parsed: the last message.
        earlier: what came before it.
    """
    last = _last_of_person(earlier)
    if last < 0 or not parsed.category or parsed.signals & {"near", "widen", "restart"}:
        return parsed
    if parsed.district or parsed.area or parsed.names or parsed.elsewhere:
        return parsed
    before = read(str(earlier[last].text))
    answered = any(_was_called(message, earlier) for message in earlier[last:])
    if answered or "missing_kind" not in before.signals:
        return parsed
    return replace(parsed, district=before.district, area=before.area)


def booking_picked(parsed: ParsedMessage, earlier: Sequence[BaseMessage]) -> ParsedMessage:
    """Read the answer to "which booking do you mean?" as the wish to change or cancel it.

    Args:
        parsed: the last message.
        earlier: what came before it.
    """
    asked = next((m for m in reversed(earlier) if isinstance(m, AIMessage) and m.tool_calls), None)
    if asked is None or asked.tool_calls[-1]["name"] not in PICKING or parsed.slots:
        return parsed
    told = next((str(m.text) for m in reversed(earlier) if isinstance(m, ToolMessage)), "")
    listed = dict(LISTED.findall(told))
    if len(listed) < 2 or parsed.signals & (NO_ANSWER | {"book"}):
        return parsed
    names = parsed.names
    if parsed.positions:
        meant = listed.get(str(parsed.positions[0]), "")
        names = tuple(p.id for p in load_places() if meant in (p.name_ko, p.name_en))
    if not names:
        return parsed
    signal = PICKING[asked.tool_calls[-1]["name"]]
    if "change_it" in parsed.signals:
        signal = "change_booking"
    return replace(parsed, signals=parsed.signals | {signal}, names=names, positions=())


def _wish_that_waits(
    parsed: ParsedMessage, earlier: Sequence[BaseMessage]
) -> tuple[ParsedMessage, dict[str, Any]] | None:
    """Return the wish about a booking whose card is open, if the message only agrees or thanks.

    So the card is asked again. To agree in words is no approval, and it drops nothing either.
    """
    wish, before = parsed, earlier
    while _only_agrees(wish):
        last = _last_of_person(before)
        if last < 0 or not all(_is_open(m, earlier) for m in before[last + 1 :]):
            return None
        wish, before = read(str(before[last].text)), before[:last]
    if wish is parsed:
        return None
    wish, begun = booking_went_on(wish, before)
    act = act_of(wish.signals, after_booking=was_about_booking(before), text=wish.text)
    if act not in ("book", "change", "cancel"):
        return None
    said = {**begun, **booking_words(wish.text)}
    return replace(wish, language=parsed.language or wish.language), said


def _only_agrees(parsed: ParsedMessage) -> bool:
    signals = parsed.signals
    agrees = bool(signals & {"yes", "praise", "thanks", "accept"}) and signals <= PLAIN_YES
    return agrees and not (signals & NO_ANSWER or parsed.slots or parsed.positions or parsed.names)


def _last_of_person(messages: Sequence[BaseMessage]) -> int:
    """The index of the last message of a person, -1 where there is none."""
    return max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)


def _is_open(message: BaseMessage, messages: Sequence[BaseMessage]) -> bool:
    """Whether a message is part of a tool call that nobody answered."""
    if isinstance(message, ToolMessage):
        return message.status == "error"
    calls = isinstance(message, AIMessage) and message.tool_calls
    return bool(calls) and not _was_called(message, messages)


def _was_called(message: BaseMessage, messages: Sequence[BaseMessage]) -> bool:
    """Whether a message calls a tool that ran; a card that nobody answered books nothing."""
    calls = message.tool_calls if isinstance(message, AIMessage) else ()
    failed = {
        m.tool_call_id for m in messages if isinstance(m, ToolMessage) and m.status == "error"
    }
    return any(call["id"] not in failed for call in calls)


def booking_went_on(
    parsed: ParsedMessage, earlier: Sequence[BaseMessage]
) -> tuple[ParsedMessage, dict[str, Any]]:
    """Read an answer to a question about a booking together with the wish that it belongs to.

    Args:
        parsed: the last message.
        earlier: what came before it.

    Returns:
        The message, and what the wish before it said of people, day and time.
    """
    waiting = _wish_that_waits(parsed, earlier)
    if waiting is not None:
        return waiting
    last = _last_of_person(earlier)
    if last < 0 or any(_was_called(m, earlier) for m in earlier[last:]):
        return parsed, {}
    before = read(str(earlier[last].text))
    if "book" not in before.signals or before.signals & NO_NEW_BOOKING:
        return parsed, {}
    told = booking_words(parsed.text)
    is_answer = parsed.positions or parsed.names or {"people", "day"} & set(told)
    if parsed.slots or parsed.topics or parsed.signals & NO_ANSWER or not is_answer:
        return parsed, {}
    begun = booking_words(before.text)
    if begun.get("people", 0) > MAX_PEOPLE:
        del begun["people"]
    positions, names = parsed.positions, parsed.names
    if not positions and not names:
        positions, names = before.positions, before.names
    elif positions and before.name is None and before.names:  # of several places with one name
        ids = ids_of(before.names[0])
        names = tuple(ids[n - 1] for n in positions if 0 < n <= len(ids))
        positions = ()
    signals = parsed.signals | {"book"}
    return replace(parsed, signals=signals, positions=positions, names=names), begun
