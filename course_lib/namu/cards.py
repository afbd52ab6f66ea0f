"""What the chat panel shows of Namu's answers: the places as cards, and what to say next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.display import Card
from course_lib.models.language.message_parser import language_of
from course_lib.namu.state import SUGGESTIONS
from course_lib.places import load_districts

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

KINDS_KO = {
    "bookstore": "서점",
    "cafe": "카페",
    "gallery": "미술관",
    "market": "시장",
    "museum": "박물관",
    "palace": "궁궐",
    "park": "공원",
    "restaurant": "식당",
    "shopping": "쇼핑",
    "temple": "사찰",
    "trail": "산책로",
    "viewpoint": "전망",
}


def place_cards(state: Mapping[str, Any]) -> list[Card]:
    """Return the places that Namu recommended last, as cards.

    Args:
        state: of Namu's graph.
    """
    language = _language(state)
    actions = ACTIONS[language]
    own, other = ("name_ko", "name_en") if language == "ko" else ("name_en", "name_ko")
    return [
        Card(
            title=place[own],
            subtitle=place[other],
            facts=(_kind(place["category"], language), _district(place, language)),
            price=place["price_level"],
            text=place[f"summary_{language}"],
            actions=tuple((label, said.format(name=place[own])) for label, said in actions),
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
    asked, *rest = NEXT[_language(state)]
    return [asked, *rest] if count > 1 else rest


def _language(state: Mapping[str, Any]) -> str:
    said = [message for message in state.get("messages") or () if message.type == "human"]
    return (language_of(str(said[-1].text)) if said else None) or "en"


def _kind(category: str, language: str) -> str:
    return KINDS_KO.get(category, category) if language == "ko" else category


def _district(place: Mapping[str, Any], language: str) -> str:
    district = place["district"]
    return load_districts()[district]["name_ko"] if language == "ko" else district
