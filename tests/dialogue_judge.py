"""Judging one turn of a dialogue with Namu against what the dialogue file expects of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.lexicon import HANGUL


def complaints(
    expect: Mapping[str, Any], state: Mapping[str, Any], past: Sequence[Sequence[Mapping[str, Any]]]
) -> list[str]:
    """Return what is wrong with a turn; an empty list for a right one.

    Args:
        expect: keys as in `tests/dialogues.jsonl`: intent, category, district, max_price, indoor,
            at_least, none_from, cheaper_than, same_as, about, lang.
        state: Namu's state after the turn.
        past: the places recommended after each earlier turn.
    """
    places = list(state.get("last_recommended_places") or ())
    ids = [place["id"] for place in places]
    reply = str(state["messages"][-1].text)

    def all_of(field: str, allowed: Any) -> bool:
        return bool(places) and all(place[field] in allowed for place in places)

    def earlier(key: str) -> list[str]:
        return [place["id"] for place in past[expect[key]]]

    checks = {
        "intent": lambda: state.get("intent") == expect["intent"],
        "category": lambda: all_of("category", expect["category"]),
        "district": lambda: all_of("district", expect["district"]),
        "max_price": lambda: all_of("price_level", range(expect["max_price"] + 1)),
        "indoor": lambda: all_of("indoor", [expect["indoor"]]),
        "at_least": lambda: len(places) >= expect["at_least"],
        "none_from": lambda: not set(earlier("none_from")) & set(ids),
        "cheaper_than": lambda: not places or _is_cheaper(places, past[expect["cheaper_than"]]),
        "same_as": lambda: ids == earlier("same_as"),
        "about": lambda: _is_about(reply, past, *expect["about"]),
        "lang": lambda: _language(reply) == expect["lang"],
    }
    unknown = set(expect) - set(checks)
    assert not unknown, f"the judge does not know {unknown}"
    return [
        f"{key} {expect[key]!r}: intent {state.get('intent')}, places {ids}, reply {reply[:60]!r}"
        for key in expect
        if not checks[key]()
    ]


def _is_cheaper(now: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> bool:
    if not old:
        return False
    most_expensive = max(place["price_level"] for place in now)
    cheapest = min(place["price_level"] for place in old)
    return most_expensive <= cheapest and [p["id"] for p in now] != [p["id"] for p in old]


def _is_about(reply: str, past: Sequence[Sequence[Mapping[str, Any]]], turn: int, n: int) -> bool:
    if not past[turn]:
        return False
    place = past[turn][n]
    return place["name_ko"] in reply or place["name_en"] in reply


def _language(text: str) -> str:
    latin = sum(ch.isascii() and ch.isalpha() for ch in text)
    return "ko" if len(HANGUL.findall(text)) * 2 > latin else "en"
