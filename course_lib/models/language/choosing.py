"""Choosing one place of the list: the one that is asked for, or any where Namu may choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.message_parser import ParsedMessage
from course_lib.models.language.place_words import facts_of, name_of, phrases


def why_this_one(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]], language: str
) -> str | None:
    """Return why it is this place of the list, None where the place itself says it.

    Namu takes the first one where it may choose. Of several places at the end of the prices it
    says that they are in one price level, since it knows no more.

    Args:
        parsed: the message.
        recommended: the places on the table.
        language: `ko` or `en`.
    """
    say = phrases()[language]
    if parsed.positions or parsed.names or len(recommended) < 2:
        return None
    if "choose" in parsed.signals:
        return say["chosen"]
    best = most_fitting(parsed, recommended)
    if "extreme" not in parsed.signals or best is None:
        return None
    level = recommended[best]["price_level"]
    equal = [place for place in recommended if place["price_level"] == level]
    if len(equal) < 2:
        return None
    names = say["and"].join(name_of(place, language) for place in equal)
    return say["same_level"].format(names=names, price=facts_of(equal[0], language)["price"])


def most_fitting(parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the index of the place that fits a "which one is ..." best; None if there is none.

    Args:
        parsed: the message.
        recommended: the places on the table.
    """

    def fit(index: int) -> tuple[float, int]:
        place = recommended[index]
        score = float(len(set(parsed.tags) & set(place.get("tags", ()))))
        if parsed.price is not None:
            sign = 1 if parsed.price == "expensive" else -1
            score += sign * place.get("price_level", 0)
        if parsed.indoor is not None:
            score += place.get("indoor") is parsed.indoor
        return score, -index

    return max(range(len(recommended)), key=fit, default=None)
