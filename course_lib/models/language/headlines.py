"""The first line of an answer that lists places: what was found, and what had to give way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from course_lib.models.language.conversation_context import ConversationContext
from course_lib.models.language.intents import refuses_an_area
from course_lib.models.language.jamo import with_particle
from course_lib.models.language.likes import to_resemble, turns_down_a_kind
from course_lib.models.language.place_names import places_by_id
from course_lib.models.language.place_words import (
    conditions_in_words,
    count_word,
    district_word,
    kind_word,
    kinds_in_words,
    name_of,
    phrases,
    where_words,
)
from course_lib.models.language.word_filters import IMPLIED
from course_lib.neighbourhoods import (
    RIGHT_THERE_KM,
    Spot,
    distance_km,
    spot_named,
)

IMPLIED_BY = {
    tag: [kind for kind, implied in (*IMPLIED.items(), ("trail", "walk")) if implied == tag]
    for tag in (*IMPLIED.values(), "walk")
}
"""The kinds of places that have a tag by themselves."""

NOT_KNOWN_OF = frozenset(("rainy-day", "friends", "family", "kids", "solo", "date"))
"""Tags that a place may well fit without having them in the data."""

NO_LOSS = frozenset(("district", "exclude_ids", "near", "limit", "include_rejected"))
"""Arguments that a later search may leave out without leaving out a condition."""

FULFILS: Mapping[str, Callable[[Mapping[str, Any], Any], bool]] = {
    "tags": lambda place, tags: all(_has_a_tag([place], [tag]) for tag in tags),
    "indoor": lambda place, indoor: place["indoor"] is indoor,
    "max_price": lambda place, highest: place["price_level"] <= highest,
    "min_price": lambda place, lowest: place["price_level"] >= lowest,
}
"""Whether a place fulfils a condition of a search, by the condition's name."""


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
    model = to_resemble(context.parsed, context.recommended, context.focus)
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
        "model": name_of(model, language) if model else "",
        "left": _left(context),
    }
    key = _key(found, context, spot)
    if key == "found_loosened":
        words |= _left_out_words(found, context)
        words["there"] = "there" if words["where"] or spot else ""
        words["where"] = _around(spot, language) if "near" in last else words["where"]
        key = key if words["dropped"] else "found_closest"  # of a tool with rules of its own
    if language == "ko":
        words["wish"] = with_particle(words["wish"], "이/가")
        words["model_with"] = with_particle(words["model"], "과/와") if model else ""
        of = words["where"].strip()
        words["of"] = f"{of}의 " if of else ""
        if category == "place":
            words["what"] = ""  # "세 곳을 골랐어요" says it already
    text = " ".join(say[key].format(**words).split())
    lacking = "" if key == "found_loosened" else _filled_up(found, context)
    return f"{lacking}{text[0].upper()}{text[1:]}"


def _filled_up(found: Sequence[Mapping[str, Any]], context: ConversationContext) -> str:
    """Return the sentence that only some of the places have what the message asks for, or ""."""
    known = [places_by_id()[place["id"]] for place in found if place["id"] in places_by_id()]
    language, say = context.language, phrases()[context.language]
    told = []
    wished = context.calls[-1]["args"].get("tags") if context.parsed.tags else ()
    for tag in wished or ():
        if tag in NOT_KNOWN_OF:
            continue
        fit = [p for p in known if p.has(tag) or p.category in IMPLIED_BY.get(tag, ())]
        if len(fit) < len(known):
            names = say["and"].join(name_of(place.as_dict(), language) for place in fit)
            (word,) = conditions_in_words({"tags": [tag]}, language)
            key = "only_some_fit" if fit else "none_fits"
            told.append(say[key].format(names=names, tag=word))
    return say["of_the_following"] + "".join(f"{each} " for each in told) if told else ""


def _left(context: ConversationContext) -> str:
    """Return the sentence that says what was taken out: a kind of place, or what was shown."""
    say, kinds = phrases()[context.language], context.parsed.without
    if not kinds:
        return say["left_them"]
    return say["left_kinds"].format(kinds=kinds_in_words(kinds, context.language))


def _left_out_words(
    found: Sequence[Mapping[str, Any]], context: ConversationContext
) -> dict[str, str]:
    """Return the conditions that the places found do not fulfil, and whether others did before."""
    say = phrases()[context.language]
    first, last = context.calls[0]["args"], context.calls[-1]["args"]
    left_out = {
        name: value
        for name, value in first.items()
        if name in FULFILS and not all(FULFILS[name](place, value) for place in found)
    }
    if "tags" in left_out:
        left_out["tags"] = [tag for tag in first["tags"] if not _has_a_tag(found, [tag])]
    conditions = conditions_in_words(left_out, context.language)
    again = "exclude_ids" in last or context.intent == "REFINE_EXCLUDE"
    return {
        "dropped": say["and"].join(f'"{each}"' for each in conditions),
        "none": say["no_other" if again else "none"],
    }


def _around(spot: Spot | None, language: str) -> str:
    """Return a spot as what a place is near to."""
    name = _spot_word(spot, language)
    return f"{name} 근처 " if language == "ko" else f" near {name}"


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
    if context.shown_again is not None and context.intent == "REFINEMENT":
        return "found_first" if "shown_first" in parsed.signals else "found_before"
    if last.get("include_rejected"):
        return "found_restored"
    if near and (left_out or any(place["district"] == near for place in found)):
        return "found_loosened"
    if near and parsed.price == "cheaper":
        return "found_no_cheaper"
    if near:
        again = context.intent == "REFINE_EXCLUDE" or bool(parsed.signals & {"more", "like_it"})
        seen = [places_by_id()[i] for i in context.seen if i in places_by_id()]
        again = again or any((p.district, p.category) == (near, last.get("category")) for p in seen)
        if again:
            return "found_no_more"
        return (
            "found_elsewhere_fit"
            if {"indoor", "max_price", "min_price"} & set(first)
            else "found_elsewhere"
        )
    if parsed.price == "cheaper" and context.recommended:
        lowest = min(context.price_levels)
        cheaper = all(place["price_level"] < lowest for place in found)
        return "found_cheaper" if cheaper else "found_same_price"
    if left_out or not _has_a_tag(found, last.get("tags")):
        return "found_loosened"
    refuses = context.intent == "REFINE_EXCLUDE" or refuses_an_area(parsed)
    if refuses and not turns_down_a_kind(parsed):
        shown = set(context.shown)
        remains = not shown or any(p["id"] in shown for p in found)
        return "found_remaining" if remains else "found_exclude"
    if spot is not None:
        return _near_key(found, spot)
    if to_resemble(parsed, context.recommended, context.focus) is not None:
        return "found_like"
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
    known = [places_by_id()[place["id"]] for place in found if place["id"] in places_by_id()]
    return not tags or any(place.has(tag) for place in known for tag in tags)
