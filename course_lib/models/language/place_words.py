"""Words for places in an answer: their kind, number, district and price, in both languages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from course_lib.models.language.jamo import with_particle
from course_lib.models.language.lexicon import lexicon
from course_lib.neighbourhoods import neighbourhoods_in
from course_lib.places import PRICE_WORDS, load_districts
from course_lib.settings import DATA

NUMBERS_EN = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@lru_cache(maxsize=1)
def phrases() -> dict[str, Any]:
    """Return the sentences of `data/replies.json`; the file is read once."""
    return json.loads((DATA / "replies.json").read_text(encoding="utf-8"))


def name_of(place: Mapping[str, Any], language: str) -> str:
    """Return a place's name in a language."""
    return str(place[f"name_{language}"])


def summary_of(place: Mapping[str, Any], language: str) -> str:
    """Return what is told of a place in a language, empty where the model was not sent it."""
    return str(place.get(f"summary_{language}", ""))


def kind_word(category: str, count: int, language: str) -> str:
    """Return the word for a kind of place, in the plural where English asks for it.

    Args:
        category: one of the categories; anything else is called a place.
        count: how many there are.
        language: `ko` or `en`.
    """
    words = phrases()["categories"]
    word = words.get(category, words["place"])[language]
    return word if language == "ko" else word[count != 1]


def kinds_in_words(kinds: Sequence[str], language: str) -> str:
    """Return categories, parts of Seoul and tags as they stand behind "no" or before "빼고".

    Args:
        kinds: what was turned down.
        language: `ko` or `en`.
    """
    words = dict.fromkeys(_refused_word(kind, language) for kind in kinds)
    if None in words:
        return phrases()[language]["such_places"]
    if language == "ko":
        return with_particle(", ".join(words), "은/는")
    return " and no ".join(words)


def _refused_word(kind: str, language: str) -> str | None:
    """Return the word for what was turned down; None for a tag such as `quiet`, which is none."""
    if kind in phrases()["categories"]:
        return kind_word(kind, 2, language)
    if kind in load_districts():
        return district_word(kind, language)
    if spots := neighbourhoods_in((kind,)):
        return spots[0].name_ko if language == "ko" else spots[0].name_en
    words = phrases()["conditions"]
    is_noun = kind in words["nouns"] or kind not in words["tags_ko"]  # the rest are dishes
    return _tag_word(kind, language) if is_noun else None


def conditions_in_words(search: Mapping[str, Any], language: str) -> list[str]:
    """Return what a search asks for besides a kind and a part of Seoul: `quiet`, `indoors`.

    Args:
        search: arguments of a search.
        language: `ko` or `en`.
    """
    words = phrases()["conditions"]
    found = [_tag_word(tag, language) for tag in search.get("tags") or ()]
    if search.get("indoor") is not None:
        found.append(words["indoors" if search["indoor"] else "outdoors"][language])
    if search.get("max_price") is not None:
        found.append(words["max_price"][language][min(search["max_price"], 2)])
    if search.get("min_price") is not None:
        found.append(words["min_price"][language])
    return found


def _tag_word(tag: str, language: str) -> str:
    """Return a tag, or a dish by its Korean name, as a word of a language."""
    if language == "ko":
        return phrases()["conditions"]["tags_ko"].get(tag, tag)
    dish = lexicon()["dishes"].get(tag)
    known = phrases()["conditions"]["tags_en"].get(tag, tag.removeprefix("food:").replace("-", " "))
    return dish["en"][0] if dish and dish["en"] else known


def count_word(count: int, language: str) -> str:
    """Return a number as a word, such as `three` or `세`."""
    words = phrases()["counts_ko"] if language == "ko" else NUMBERS_EN
    return words[count] if count < len(words) else str(count)


def district_word(name: str | None, language: str) -> str:
    """Return a district's name in a language; Seoul for None."""
    if not name:
        return "서울" if language == "ko" else "Seoul"
    known = load_districts().get(name)
    return known["name_ko"] if known and language == "ko" else name


def where_words(district: str | None, language: str) -> str:
    """Return a district as it stands in a sentence, empty for None."""
    if not district:
        return ""
    name = district_word(district, language)
    return f"{name} " if language == "ko" else f" in {name}"


def facts_of(place: Mapping[str, Any], language: str) -> dict[str, str]:
    """Return the name, the district and the price of a place, as words."""
    return {
        "name": name_of(place, language),
        "district": district_word(place["district"], language),
        "price": PRICE_WORDS[language][place["price_level"]],
    }


def about_place(place: Mapping[str, Any], language: str) -> str:
    """Return what is said of one place."""
    say = phrases()[language]
    facts = facts_of(place, language)
    what = kind_word(place["category"], 1, language)
    words = {
        "what": what,
        "summary": summary_of(place, language),
        "indoor": say["indoor" if place["indoor"] else "outdoor"],
        **facts,
    }
    if language == "ko":
        copula = with_particle(facts["price"], "이에요/예요").removeprefix(facts["price"])
        free = place["price_level"] == 0
        words |= {
            "topic_name": with_particle(facts["name"], "은/는"),
            "what_is": with_particle(what, "이에요/예요"),
            "cost": say["cost_free"]
            if free
            else say["cost"].format(price=facts["price"], copula=copula),
        }
    return say["about"].format(**words)


def numbered_names(places: Sequence[Mapping[str, Any]], language: str) -> str:
    """Return the names of places behind their numbers, in one line."""
    return ", ".join(f"{n}. {name_of(place, language)}" for n, place in enumerate(places, 1))
