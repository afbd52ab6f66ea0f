"""The answers of the offline model: sentences from `data/replies.json` with the facts filled in."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from langchain_core.messages import ToolMessage

from course_lib.models.language.conversation_context import ConversationContext, places_in
from course_lib.places import PRICE_WORDS, load_districts
from course_lib.settings import DATA

NUMBERS_EN = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@lru_cache(maxsize=1)
def phrases() -> dict[str, Any]:
    """Return the sentences of `data/replies.json`; the file is read once."""
    return json.loads((DATA / "replies.json").read_text(encoding="utf-8"))


def reply(context: ConversationContext, *, searches: Collection[str] = ()) -> str:
    """Compose the answer to the last message.

    Args:
        context: the conversation.
        searches: names of the bound tools that search places.

    Returns:
        Text in the person's language, never empty.
    """
    if context.results:
        return _from_results(context, searches)
    say = phrases()[context.language]
    signals = context.parsed.signals
    if context.intent == "FOLLOW_UP" and context.recommended:
        meant = [context.recommended[i] for i in context.positions or (0,)]
        return "\n".join(_about(place, context.language) for place in meant)
    if context.intent != "CONVERSATION" and not searches:
        return say["no_tool"].format(wish=_wish_in_words(context))
    if context.parsed.positions and context.intent == "CONVERSATION":
        if not context.recommended:
            return say["no_table"]
        names = ", ".join(_name(place, context.language) for place in context.recommended)
        size = len(context.recommended)
        return say["beyond"].format(
            size=size if context.language == "ko" else _count(size, "en"),
            places="place" if size == 1 else "places",
            names=names,
        )
    if "book" in signals and not context.recommended:
        return say["no_table"]
    for signal in ("who", "thanks", "bye", "greet", "mood"):
        if signal in signals:
            return say[signal]
    return say["unknown"]


def _from_results(context: ConversationContext, searches: Collection[str]) -> str:
    last = context.results[-1]
    found = places_in(last.text)
    say = phrases()[context.language]
    if found is None or (not found and last.name not in searches):
        return "\n".join(_tool_line(message, say) for message in context.results)
    if not found:
        return _nothing(context)
    lines = [_headline(found, context)]
    lines += [
        say["line"].format(
            n=n, summary=place[f"summary_{context.language}"], **_facts(place, context.language)
        )
        for n, place in enumerate(found, 1)
    ]
    return "\n".join([*lines, "", say["next"]])


def _tool_line(message: ToolMessage, say: Mapping[str, str]) -> str:
    content = str(message.text)
    if message.status != "error" and content.endswith("."):
        return content  # a tool that speaks in sentences speaks for itself
    key = "tool_error" if message.status == "error" else "tool"
    return say[key].format(name=message.name or "tool", content=content)


def _headline(found: Sequence[Mapping[str, Any]], context: ConversationContext) -> str:
    language = context.language
    say = phrases()[language]
    first, last = context.calls[0]["args"], context.calls[-1]["args"]
    category = last.get("category") or "place"
    words = {
        "what": _what(category, len(found), language),
        "wish": _what(category, 2, language),
        "count": _count(len(found), language),
        "be": "is" if len(found) == 1 else "are",
        "cost": "costs" if len(found) == 1 else "cost",
        "where": _where(last.get("district"), language),
        "district": _district(first.get("district") or last.get("near"), language),
        "elsewhere": context.parsed.elsewhere or "",
    }
    if language == "ko":
        words["wish"] = _as_subject(words["wish"])
    key = "found"
    # Of the first wish's conditions, what did the last search leave out?
    left_out = set(first) - set(last) - {"district"}
    near = last.get("near")
    if near and (left_out or any(place["district"] == near for place in found)):
        key = "found_loosened"
    elif near and context.parsed.price == "cheaper":
        key = "found_no_cheaper"
    elif near:
        key = "found_no_more" if context.intent == "REFINE_EXCLUDE" else "found_elsewhere"
    elif context.parsed.price == "cheaper" and context.recommended:
        lowest = min(context.price_levels)
        cheaper = all(place["price_level"] < lowest for place in found)
        key = "found_cheaper" if cheaper else "found_same_price"
    elif len(context.calls) > 1 or not _has_a_tag(found, last.get("tags")):
        key = "found_loosened"
    elif context.parsed.elsewhere and not context.parsed.district:
        key = "found_only_seoul"
    elif context.intent == "REFINE_EXCLUDE":
        key = "found_exclude"
    text = say[key].format(**words)
    return text[0].upper() + text[1:]


def _nothing(context: ConversationContext) -> str:
    say = phrases()[context.language]
    if context.parsed.price != "cheaper" or not context.recommended:
        return say["nothing"]
    category = context.calls[-1]["args"].get("category") or "place"
    wish = _what(category, 2, context.language)
    return say["nothing_cheaper"].format(
        wish=_as_subject(wish) if context.language == "ko" else wish
    )


def _has_a_tag(found: Sequence[Mapping[str, Any]], tags: Sequence[str] | None) -> bool:
    return not tags or any(set(tags) & set(place.get("tags", ())) for place in found)


def _about(place: Mapping[str, Any], language: str) -> str:
    say = phrases()[language]
    facts = _facts(place, language)
    return say["about"].format(
        what=_what(place["category"], 1, language),
        summary=place[f"summary_{language}"],
        indoor=say["indoor" if place["indoor"] else "outdoor"],
        copula="이에요" if _has_final_consonant(facts["price"]) else "예요",
        **facts,
    )


def _facts(place: Mapping[str, Any], language: str) -> dict[str, str]:
    return {
        "name": _name(place, language),
        "district": _district(place["district"], language),
        "price": PRICE_WORDS[language][place["price_level"]],
    }


def _name(place: Mapping[str, Any], language: str) -> str:
    return place[f"name_{language}"]


def _what(category: str, count: int, language: str) -> str:
    words = phrases()["categories"]
    word = words.get(category, words["place"])[language]
    return word if language == "ko" else word[count != 1]


def _count(count: int, language: str) -> str:
    words = phrases()["counts_ko"] if language == "ko" else NUMBERS_EN
    return words[count] if count < len(words) else str(count)


def _district(name: str | None, language: str) -> str:
    if not name:
        return "서울" if language == "ko" else "Seoul"
    known = load_districts().get(name)
    return known["name_ko"] if known and language == "ko" else name


def _where(district: str | None, language: str) -> str:
    if not district:
        return ""
    name = _district(district, language)
    return f"{name} " if language == "ko" else f" in {name}"


def _as_subject(word: str) -> str:
    return word + ("이" if _has_final_consonant(word) else "가")


def _has_final_consonant(word: str) -> bool:
    return (ord(word[-1]) - 0xAC00) % 28 > 0


def _wish_in_words(context: ConversationContext) -> str:
    said = {"intent": context.intent, **context.parsed.slots}
    return ", ".join(f"{name} {value}" for name, value in said.items())
