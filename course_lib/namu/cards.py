"""What the chat panel shows of Namu's answers: the places as cards, and what to say next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.display import Card
from course_lib.models.language.place_words import district_word, kind_word, name_of
from course_lib.namu.booking import language_in
from course_lib.namu.state import SUGGESTIONS

GREETING = (
    "Hello, I am Namu. I find places in Seoul and can book one; I know no opening hours, routes or "
    "weather.\nWrite to me in English or Korean."
)
"""What stands in a conversation with Namu that has not begun."""

ACTIONS = {
    "en": (
        ("More", "tell me about {name}"),
        ("Not this", "not {name}"),
        ("Book", "book {name}"),
    ),
    "ko": (
        ("자세히", "{name} 어떤 곳이야?"),
        ("빼기", "{name} 말고"),
        ("예약", "{name} 예약해줘"),
    ),
}
"""The buttons of a card, and what a press says."""

NEXT = {
    "en": (
        "tell me about the second one",
        "something cheaper",
        "book the first one for 2 tomorrow",
    ),
    "ko": ("두 번째는 어떤 곳이야?", "더 저렴한 곳", "첫 번째 내일 2명 예약해줘"),
}
"""What can be said after an answer with places."""


def place_cards(state: Mapping[str, Any]) -> list[Card]:
    """Return the places that Namu recommended last, as cards.

    Args:
        state: of Namu's graph.
    """
    language = language_in(state)
    return [
        Card(
            title=name_of(place, language),
            subtitle=name_of(place, "en" if language == "ko" else "ko"),
            facts=(
                kind_word(place["category"], 1, language),
                district_word(place["district"], language),
            ),
            price=place["price_level"],
            text=place[f"summary_{language}"],
            actions=tuple(
                (label, said.format(name=name_of(place, language)))
                for label, said in ACTIONS[language]
            ),
            point=(place["lat"], place["lon"]),
            id=place["id"],
        )
        for place in state.get("last_recommended_places") or ()
    ]


def follow_ups(state: Mapping[str, Any]) -> list[str]:
    """Return what can be said next: things to begin with, or what the last answer invites.

    Args:
        state: of Namu's graph; empty before the first message.
    """
    count = len(state.get("last_recommended_places") or ())
    if not count:
        return list(SUGGESTIONS)
    asked, *rest = NEXT[language_in(state)]
    return [asked, *rest] if count > 1 else rest
