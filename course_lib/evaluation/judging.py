"""The course's judge: one turn of a dialogue with Namu against what the dialogue expects of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.lexicon import HANGUL

DENIAL = re.compile(r"없|모르|몰라|못 |못해|않|아니|\bno\b|\bnot\b|n't\b|cannot|\bonly\b", re.I)
OTHER_THAN_NEW = re.compile(r"취소|변경|바꿀|cancel|change", re.I)

Places = Sequence[Mapping[str, Any]]


def complaints(
    expect: Mapping[str, Any], state: Mapping[str, Any], past: Sequence[Places]
) -> list[str]:
    """Return what is wrong with a turn; an empty list for a right one.

    Args:
        expect: what must hold; its keys are the names of the checks below, without `is_`.
        state: Namu's state after the turn.
        past: the places recommended after each earlier turn.

    Raises:
        ValueError: a key that is no check.
    """
    turn = _Turn(expect, state, past)
    checks = {name: getattr(turn, f"is_{name}", None) for name in expect}
    unknown = [name for name, check in checks.items() if check is None]
    if unknown:
        known = ", ".join(name[3:] for name in dir(_Turn) if name.startswith("is_"))
        raise ValueError(f"The judge does not know {unknown}. It checks {known}.")
    return [
        f"{name} {expect[name]!r}: intent {state.get('intent')}, places {turn.ids}, "
        f"reply {turn.reply[:60]!r}"
        for name, check in checks.items()
        if not check(expect[name])
    ]


class _Turn:
    """What Namu did in one turn; each method `is_...` is one check."""

    def __init__(
        self, expect: Mapping[str, Any], state: Mapping[str, Any], past: Sequence[Places]
    ) -> None:
        self.state, self.past = state, past
        self.places = list(state.get("last_recommended_places") or ())
        self.ids = [place["id"] for place in self.places]
        self.asked = [each.value for each in state.get("__interrupt__") or ()]
        self.reply = str(state["messages"][-1].text)
        if self.asked:
            self.reply = json.dumps(self.asked, ensure_ascii=False)

    def _all(self, holds: Any) -> bool:
        return bool(self.places) and all(holds(place) for place in self.places)

    def _says(self, pattern: str) -> bool:
        return re.search(pattern, self.reply, re.I) is not None

    def is_intent(self, wanted: str) -> bool:
        return self.state.get("intent") == wanted

    def is_category(self, allowed: Any) -> bool:
        return self._all(lambda place: place["category"] in allowed)

    def is_not_category(self, refused: Any) -> bool:
        return self._all(lambda place: place["category"] not in refused)

    def is_district(self, allowed: Any) -> bool:
        return self._all(lambda place: place["district"] in allowed)

    def is_tag(self, wanted: Any) -> bool:
        return self._all(lambda place: set(place["tags"]) & set(wanted))

    def is_max_price(self, bound: int) -> bool:
        return self._all(lambda place: place["price_level"] <= bound)

    def is_min_price(self, bound: int) -> bool:
        return self._all(lambda place: place["price_level"] >= bound)

    def is_indoor(self, wanted: bool) -> bool:
        return self._all(lambda place: place["indoor"] is wanted)

    def is_at_least(self, count: int) -> bool:
        return len(self.places) >= count

    def is_none_from(self, turn: int) -> bool:
        return not {place["id"] for place in self.past[turn]} & set(self.ids)

    def is_same_as(self, turn: int) -> bool:
        return self.ids == [place["id"] for place in self.past[turn]]

    def is_cheaper_than(self, turn: int) -> bool:
        old = self.past[turn]
        if not self.places:
            return True
        if not old:
            return False
        most_expensive = max(place["price_level"] for place in self.places)
        cheapest = min(place["price_level"] for place in old)
        return most_expensive <= cheapest and self.ids != [place["id"] for place in old]

    def is_about(self, which: tuple[int, int]) -> bool:
        turn, n = which
        return n < len(self.past[turn]) and any(
            name in self.reply for name in _names(self.past[turn][n])
        )

    def is_name_has(self, parts: Sequence[str]) -> bool:
        names = [name for place in self.places for name in _names(place)]
        return any(part in name for part in parts for name in names)

    def is_name_not(self, parts: Sequence[str]) -> bool:
        return bool(self.places) and not self.is_name_has(parts)

    def is_within_km(self, circle: tuple[float, float, float]) -> bool:
        lat, lon, km = circle
        return self._all(
            lambda p: math.hypot((p["lat"] - lat) * 111.0, (p["lon"] - lon) * 88.0) <= km
        )

    def is_lang(self, language: str) -> bool:
        return _language(self.reply) == language

    def is_says(self, patterns: Sequence[str]) -> bool:
        return any(map(self._says, patterns))

    def is_says_not(self, patterns: Sequence[str]) -> bool:
        return not self.is_says(patterns)

    def is_admits(self, topic: str) -> bool:
        """One sentence names the topic and says that it is not known."""
        sentences = re.split(r"[.!?\n]", self.reply)
        return any(re.search(topic, each, re.I) and DENIAL.search(each) for each in sentences)

    def is_booking(self, wanted: Mapping[str, Any]) -> bool:
        """The graph asks whether to book this place, for so many people, on this day."""
        place, people, day = (wanted.get(key) for key in ("place", "people", "day"))
        names = [place] if isinstance(place, str) else []
        if isinstance(place, list):
            names = _names(self.past[place[0]][place[1]])
        return bool(
            self.asked
            and (not names or any(name in self.reply for name in names))
            and (people is None or self._says(rf"(?<!\d){people}(?!\d)"))
            and (day is None or self._says(day))
        )

    def is_no_booking(self, _: int) -> bool:
        """The graph does not ask to make a new booking."""
        is_new = self._says(r"예약할까요|\bbook\b") and not OTHER_THAN_NEW.search(self.reply)
        return not (self.asked and is_new)


def _names(place: Mapping[str, Any]) -> list[str]:
    return [place["name_ko"], place["name_en"]]


def _language(text: str) -> str:
    latin = sum(ch.isascii() and ch.isalpha() for ch in text)
    return "ko" if len(HANGUL.findall(text)) * 2 > latin else "en"
