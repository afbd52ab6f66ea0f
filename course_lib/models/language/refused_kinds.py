"""What a message turns down by its kind: for this wish, or for the whole conversation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from course_lib.models.language.dislike_words import is_for_good
from course_lib.models.language.lexicon import Hit, entries, lexicon
from course_lib.models.language.negation import is_disliked, turns_down_an_area
from course_lib.neighbourhoods import Spot, spot_named

KINDS = ("category", "tags", "district")
FOOD_KINDS = ("restaurant", "cafe")
NO_DISH = re.compile(
    r"먹|마[시실]|밥$|배고|끼|점심|저녁|아침|집$|"
    r"\b(?:eats?|lunch|dinner|supper|breakfast|meal|dine|hungry|foodie|bite|place|spot)\b"
)
"""Words of eating that name no dish."""

REASON = re.compile(r"[가-힣]{0,3}(?:서|니까)\s")
"""What stands behind a word that says why: `시장은 시끄러워서 싫어요`."""

FOOD = ("food",)
"""Words that say nothing of their own behind a refused one, as in `I don't like spicy food`."""


def kinds_of(refused: Mapping[str, Sequence[Hit]]) -> tuple[str, ...]:
    """Return the categories, tags and districts that are refused, each once.

    Args:
        refused: what a message refuses, by kind.
    """
    return tuple(dict.fromkeys(hit.value for kind in KINDS for hit in refused.get(kind, ())))


def areas_of(
    text: str,
    refused: Mapping[str, Sequence[Hit]],
    districts: Sequence[str],
    areas: Sequence[Spot],
) -> tuple[str, ...]:
    """Return the neighbourhoods that are refused, none where another one takes their place.

    Args:
        text: the message, from `normalise`.
        refused: what it refuses, by kind.
        districts: those that it asks for.
        areas: the neighbourhoods that it asks for.
    """
    spots = [spot_named(hit.value) for hit in refused.get("area", ())]
    if areas or "itself" in text or not turns_down_an_area(text):
        return ()
    fit = [s.name_ko for s in spots if s and (not districts or s.district in districts)]
    return tuple(dict.fromkeys(fit))


def of_food_itself(refused: dict[str, list[Hit]]) -> dict[str, list[Hit]]:
    """Leave the kind of place out where only a dish is refused: `I don't eat fish`.

    Args:
        refused: what a message refuses, by kind.
    """
    dishes = [
        hit
        for hit in refused.get("category", ())
        if hit.value in FOOD_KINDS and hit.phrase not in lexicon()["eating_places"]
    ]
    if not dishes:
        return refused
    tags = [
        hit._replace(kind="tags", value=value)
        for hit in dishes
        for value in _tags_by_phrase().get(hit.phrase) or _as_food(hit.phrase)
    ]
    kinds = [hit for hit in refused["category"] if hit not in dishes]
    changed = {**refused, "category": kinds, "tags": [*refused.get("tags", ()), *tags]}
    return {kind: hits for kind, hits in changed.items() if hits}


def without_heads(
    kept: dict[str, list[Hit]], refused: Mapping[str, Sequence[Hit]]
) -> dict[str, list[Hit]]:
    """Leave the word "food" out of a wish where it belongs to what is refused.

    Args:
        kept: what a message wishes for, by kind.
        refused: what it refuses.
    """
    ends = {hit.end + 1 for hit in refused.get("tags", ())}
    left = [h for h in kept.get("category", ()) if h.phrase not in FOOD or h.start not in ends]
    changed = {**kept, "category": left}
    return {kind: hits for kind, hits in changed.items() if hits}


def disliked_kinds(
    text: str, refused: Mapping[str, Sequence[Hit]], hits: Sequence[Hit]
) -> tuple[str, ...]:
    """Return those refused kinds that shall not come again in the conversation.

    Args:
        text: the message, from `normalise`.
        refused: what it refuses, by kind.
        hits: everything that was found in it.
    """
    kinds = {kind: refused.get(kind, ()) for kind in KINDS}
    if kinds["category"]:
        kinds["tags"] = [h for h in kinds["tags"] if not REASON.match(text[h.end :])]
    if is_for_good(text, [hit for each in kinds.values() for hit in each]):
        return kinds_of(kinds)
    return kinds_of(
        {kind: [h for h in each if is_disliked(h, text, hits)] for kind, each in kinds.items()}
    )


def _as_food(phrase: str) -> tuple[str, ...]:
    """Return a dish that has no tag as `Place.has` takes it, nothing for a word of eating."""
    if NO_DISH.search(phrase):
        return ()
    return (f"food:{phrase}" if phrase.isascii() else phrase,)


@lru_cache(maxsize=1)
def _tags_by_phrase() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for language in ("ko", "en"):
        for kind, value, phrase in entries(language):
            if kind == "tags":
                found[phrase] = (*found.get(phrase, ()), value)
    return found
