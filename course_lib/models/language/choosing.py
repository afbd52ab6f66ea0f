"""Choosing places of the list: where Namu may choose, at one end of the prices, by two numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.about_the_list import compared, price_end
from course_lib.models.language.message_parser import ParsedMessage
from course_lib.models.language.place_words import facts_of, name_of, phrases


def chosen_on(parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the indices, from 0, of the places that a message leaves to Namu to choose.

    Namu takes the first one where it may choose.

    Args:
        parsed: the message.
        recommended: the places on the table.
    """
    end = price_end(parsed.text) if "price_end" in parsed.signals else None
    if end is not None:
        return _at_the_end(end, recommended)[:1]
    return (0,) if "choose" in parsed.signals and recommended else ()


def about_choice(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]], language: str
) -> tuple[str, bool]:
    """Return what is said above the chosen places, and whether they are described below it.

    Of places in one price level Namu knows no more, but for those that are free, and it knows
    neither how large a place is nor how far it is from the person.

    Args:
        parsed: the message.
        recommended: the places on the table.
        language: `ko` or `en`.
    """
    say = phrases()[language]
    pair = compared(parsed.text) if "compared" in parsed.signals else None
    if pair is not None:
        topic = phrases()["topics"]["location" if pair.by == "away" else "size"][language]
        return say["topic"].format(topic=topic), True
    if len(recommended) < 2:
        return "", True
    end = price_end(parsed.text) if "price_end" in parsed.signals else None
    if end is None:
        return (say["chosen"] if "choose" in parsed.signals else ""), True
    ordered = _at_the_end(end, recommended)
    level = recommended[ordered[0]]["price_level"]
    equal = [recommended[i] for i in ordered if recommended[i]["price_level"] == level]
    names = [name_of(place, language) for place in equal]
    joined = ", ".join(names) if len(names) > 2 else say["and"].join(names)
    words = {"names": joined, "price": facts_of(equal[0], language)["price"]}
    if len(equal) == len(recommended):
        return say["all_one_level" if level else "all_free"].format(**words), False
    if len(equal) == 1:
        return "", True
    return say["same_level" if level else "same_free"].format(**words), True


def _at_the_end(end: str, recommended: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return all indices, those at the wanted end of the prices first."""
    sign = 1 if end == "low" else -1
    levels = [sign * place.get("price_level", 0) for place in recommended]
    return tuple(sorted(range(len(levels)), key=levels.__getitem__))


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
