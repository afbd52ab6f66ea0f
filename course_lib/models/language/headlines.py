"""The first line of an answer that lists places: what was found, and what had to give way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.conversation_context import ConversationContext
from course_lib.models.language.jamo import with_particle
from course_lib.models.language.place_words import (
    count_word,
    district_word,
    kind_word,
    phrases,
    where_words,
)
from course_lib.neighbourhoods import Spot, distance_km, spot_named

RIGHT_THERE_KM = 1.2
"""A place nearer than this lies in the neighbourhood that was named."""

NO_LOSS = frozenset(("district", "exclude_ids", "near", "limit", "include_rejected"))
"""Arguments that a later search may leave out without leaving out a condition."""


def headline(found: Sequence[Mapping[str, Any]], context: ConversationContext) -> str:
    """Return the first line above a list of places.

    Args:
        found: what the last search returned, at least one place.
        context: the conversation.
    """
    language = context.language
    say = phrases()[language]
    first, last = context.calls[0]["args"], context.calls[-1]["args"]
    category = last.get("category") or "place"
    spot = spot_named(str(first.get("near") or last.get("near") or ""))
    words = {
        "what": kind_word(category, len(found), language),
        "wish": kind_word(category, 2, language),
        "count": count_word(len(found), language),
        "be": "is" if len(found) == 1 else "are",
        "cost": "costs" if len(found) == 1 else "cost",
        "where": where_words(last.get("district"), language),
        "district": district_word(first.get("district") or _district(last), language),
        "elsewhere": context.parsed.elsewhere or "",
        "spot": _spot_word(spot, language),
        "spot_there": _spot_there(spot, language),
        "districts": _districts(found, language),
    }
    if language == "ko":
        words["wish"] = with_particle(words["wish"], "이/가")
        of = words["where"].strip()
        words["of"] = f"{of}의 " if of else ""
        if category == "place":
            words["what"] = ""  # "세 곳을 골랐어요" says it already
    text = " ".join(say[_key(found, context, spot)].format(**words).split())
    return text[0].upper() + text[1:]


def _key(
    found: Sequence[Mapping[str, Any]], context: ConversationContext, spot: Spot | None
) -> str:
    """Return which sentence it is; of several, what the person must know first."""
    first, last = context.calls[0]["args"], context.calls[-1]["args"]
    parsed = context.parsed
    # Of the first wish's conditions, what did the last search leave out?
    left_out = set(first) - set(last) - NO_LOSS
    gave_way = "district" in first and "district" not in last
    near = _district(last) if spot is not None and (spot.is_district or gave_way) else None
    if last.get("include_rejected"):
        return "found_restored"
    if near and (left_out or any(place["district"] == near for place in found)):
        return "found_loosened"
    if near and parsed.price == "cheaper":
        return "found_no_cheaper"
    if near:
        again = context.intent == "REFINE_EXCLUDE" or "more" in parsed.signals
        return "found_no_more" if again else "found_elsewhere"
    if parsed.price == "cheaper" and context.recommended:
        lowest = min(context.price_levels)
        cheaper = all(place["price_level"] < lowest for place in found)
        return "found_cheaper" if cheaper else "found_same_price"
    if left_out or not _has_a_tag(found, last.get("tags")):
        return "found_loosened"
    if context.intent == "REFINE_EXCLUDE":
        shown = set(context.shown)
        return "found_remaining" if any(p["id"] in shown for p in found) else "found_exclude"
    if spot is not None:
        return _near_key(found, spot)
    if parsed.elsewhere and not parsed.district:
        return "found_only_seoul"
    return "found"


def _near_key(found: Sequence[Mapping[str, Any]], spot: Spot) -> str:
    away = [distance_km(place["lat"], place["lon"], spot) for place in found]
    if min(away) > RIGHT_THERE_KM:
        return "found_near_wide"
    return "found_near" if max(away) <= RIGHT_THERE_KM else "found_near_few"


def _district(search: Mapping[str, Any]) -> str | None:
    spot = spot_named(str(search.get("near", "")))
    return spot.district if spot is not None else None


def _spot_word(spot: Spot | None, language: str) -> str:
    if spot is None:
        return ""
    return spot.name_ko if language == "ko" else spot.name_en


def _spot_there(spot: Spot | None, language: str) -> str:
    """Return a spot as it stands behind "in": a place has only surroundings."""
    name = _spot_word(spot, language)
    around = spot is not None and spot.place_id is not None
    return (
        (f"{name} 근처" if language == "ko" else f"right by {name}")
        if around
        else (name if language == "ko" else f"in {name} itself")
    )


def _districts(found: Sequence[Mapping[str, Any]], language: str) -> str:
    names = dict.fromkeys(district_word(place["district"], language) for place in found)
    return ", ".join(names) if language == "ko" else " and ".join(names)


def _has_a_tag(found: Sequence[Mapping[str, Any]], tags: Sequence[str] | None) -> bool:
    return not tags or any(set(tags) & set(place.get("tags", ())) for place in found)
