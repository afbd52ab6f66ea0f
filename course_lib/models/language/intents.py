"""From what a message says to what it wants, by the ordered rules of the lexicon."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.booking_wish import Act, act_of
from course_lib.models.language.lexicon import lexicon
from course_lib.models.language.likes import agreed_on, of_disliked_kind, turns_down_a_kind
from course_lib.models.language.message_parser import ParsedMessage, unknown_booking
from course_lib.models.language.message_shapes import asks_for_another_like_it
from course_lib.models.language.negation import turns_down_an_area
from course_lib.models.language.place_names import places_by_id
from course_lib.models.language.references import mentioned, on_table, positions_on
from course_lib.neighbourhoods import lies_in, neighbourhoods_in, spot_named

INTENTS = ("NEW_SEARCH", "REFINEMENT", "REFINE_EXCLUDE", "FOLLOW_UP", "CONVERSATION")
"""The intents that a message can have."""


def intent_of(
    parsed: ParsedMessage,
    *,
    recommended: Sequence[Mapping[str, Any]] = (),
    searched: Mapping[str, Any] | None = None,
    focus: str | None = None,
    after_booking: bool = False,
) -> str:
    """Decide what a message wants, by the ordered rules of the lexicon.

    Args:
        parsed: the message.
        recommended: the places recommended last, to which "it" and "the second one" refer.
        searched: the arguments of the last search.
        focus: id of the place that was last spoken of alone.
        after_booking: whether the last thing done was about a booking.

    Returns:
        One of `INTENTS`.
    """
    signals = signals_of(
        parsed,
        recommended=recommended,
        searched=searched or {},
        focus=focus,
        after_booking=after_booking,
    )
    for rule in lexicon()["intents"]:
        if (
            signals.issuperset(rule.get("all", ()))
            and (not rule.get("any") or signals & set(rule["any"]))
            and not signals & set(rule.get("none", ()))
        ):
            return rule["intent"]
    raise LookupError("data/lexicon.json: the last intent rule must always hold")


def signals_of(
    parsed: ParsedMessage,
    *,
    recommended: Sequence[Mapping[str, Any]],
    searched: Mapping[str, Any],
    focus: str | None,
    after_booking: bool,
) -> set[str]:
    """Return everything that the rules ask about, of a message and what came before it.

    Args:
        parsed: the message.
        recommended: the places recommended last.
        searched: the arguments of the last search.
        focus: id of the place that was last spoken of alone.
        after_booking: whether the last thing done was about a booking.
    """
    signals = set(parsed.signals) | set(parsed.slots)
    signals.update(
        name
        for name, holds in (
            ("table", recommended),
            ("searched", searched),
            ("slot", parsed.slots),
            ("cheaper", parsed.price == "cheaper"),
            ("named", parsed.names),
            ("named_two", len(parsed.names) > 1),
            ("near_it", means_near_it(parsed, recommended, focus)),
            ("unknown_place", unknown_booking(parsed)),
            ("dislikes", turns_down_a_kind(parsed)),
            ("agrees", agreed_on(parsed, recommended)),
            ("refused_area", refuses_an_area(parsed)),
            ("refused_near", refuses_the_spot(parsed, searched)),
        )
        if holds
    )
    signals |= _about_the_table(parsed, recommended)
    act = act_of(parsed.signals, after_booking=after_booking, text=parsed.text)
    signals.discard("book")
    if act is not None:
        signals.add("book" if act == "book" else "act")
    if act == "book" and place_is_unclear(parsed, recommended, focus):
        signals.add("unclear_place")
    if parsed.category and parsed.category != searched.get("category"):
        signals.add("new_category")
    if signals & {"wish", "recommend"} and parsed.slots:
        signals.add("wish_slot")
    if parsed.category and signals & {"wish", "recommend", "district"}:
        signals.add("category_wish")
        same = parsed.category == searched.get("category") and not parsed.district
        if not signals & {"narrow", "cheaper"} and not (recommended and same):
            signals.add("fresh")
    if _is_bound(parsed) or asks_for_another_like_it(parsed.signals, parsed.text):
        signals.discard("reject")
    return signals


def _about_the_table(parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]) -> set[str]:
    found = set()
    told = (*parsed.positions, *parsed.refused_positions)
    inside = on_table(told, recommended)
    if positions_on(parsed, recommended) or (inside and not parsed.positions):
        found.add("position")
    if len(inside) < len(told):
        found.add("beyond")
    if mentioned(parsed, recommended):
        found.add("named_on_table")
    if refused_on(parsed, recommended) and not parsed.positions:
        found.add("refused_on_table")
    return found


def _is_bound(parsed: ParsedMessage) -> bool:
    """Whether everything that is refused is a part of the wish, and nothing on the table."""
    if parsed.positions and parsed.refused_positions:
        return True
    refused = parsed.rejected_slots or parsed.without
    return bool(refused and parsed.slots and not parsed.refused_positions)


def refused_on(parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the indices, from 0, of the recommended places that a message turns down by itself.

    Args:
        parsed: the message.
        recommended: the places on the table.
    """
    by_number = on_table(parsed.refused_positions, recommended)
    names = {part for name in parsed.refused_names for part in name.split("|")}
    by_name = [i for i, place in enumerate(recommended) if place.get("id") in names]
    by_kind = of_disliked_kind(parsed, recommended)
    by_area = _refused_by_area(parsed, recommended)
    return tuple(dict.fromkeys([*by_number, *by_name, *by_kind, *by_area]))


def _refused_by_area(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]
) -> tuple[int, ...]:
    """Return the indices, from 0, of recommended places in a part of Seoul that is turned down."""
    if not refuses_an_area(parsed):
        return ()
    spots, near = neighbourhoods_in(parsed.without), "near" in parsed.signals
    known = [places_by_id().get(str(place.get("id"))) for place in recommended]
    return tuple(
        i
        for i, place in enumerate(known)
        if place
        and (
            place.district in parsed.without or any(lies_in(place, s, or_near=near) for s in spots)
        )
    )


def refuses_an_area(parsed: ParsedMessage) -> bool:
    """Whether a message turns down a part of Seoul, a neighbourhood or a district.

    Args:
        parsed: the message.
    """
    refused = parsed.rejected_slots.get("district") in parsed.without
    is_plain = refused and not parsed.slots and turns_down_an_area(parsed.text)
    return bool(neighbourhoods_in(parsed.without) or is_plain)


def refuses_the_spot(parsed: ParsedMessage, searched: Mapping[str, Any]) -> bool:
    """Whether a message turns down what the last search was near to, by its name.

    Args:
        parsed: the message.
        searched: the arguments of the last search.
    """
    spot = spot_named(str(searched.get("near", "")))
    if spot is None or spot.is_district or spot.place_id:
        return False
    words = (
        rf"(?<![가-힣]){re.escape(spot.name_ko)}(?:은|는|도|쪽|근처)*\s*(?:말고|말구|빼|제외|싫)"
    )
    by_name = parsed.refused_names and re.search(words, parsed.text)
    return spot in neighbourhoods_in(parsed.without) or bool(by_name)


def means_near_it(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]], focus: str | None
) -> bool:
    """Whether a message asks for what is near to something that was spoken of before.

    Args:
        parsed: the message.
        recommended: the places on the table.
        focus: id of the place that was last spoken of alone.
    """
    if "near" not in parsed.signals or parsed.names or parsed.district or parsed.topics:
        return False
    if neighbourhoods_in(parsed.without):
        return False  # "not near Hongdae" is near to nothing
    return bool(focus or recommended)


def place_is_unclear(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]], focus: str | None
) -> bool:
    """Whether a wish to book does not say which of several places is meant.

    Args:
        parsed: the message.
        recommended: the places on the table.
        focus: id of the place that was last spoken of alone.
    """
    if parsed.positions or mentioned(parsed, recommended):
        return False
    if parsed.names:
        return parsed.name is None
    return len(recommended) > 1 and focus is None


def act_on(parsed: ParsedMessage, *, after_booking: bool) -> Act | None:
    """Return what a message wants done with a booking; see `booking_wish.act_of`."""
    return act_of(parsed.signals, after_booking=after_booking, text=parsed.text)
