"""Filling a tool's arguments from what a message says.

A schema names its fields; what the offline model has understood goes into the fields it knows
by name (`category`, `district`, `intent`, ...). Other fields take what their type suggests from
the words of the message: numbers in order, quoted text, a spoken enum value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.models.language.conversation_context import Situation
from course_lib.models.language.message_parser import booking_words
from course_lib.places import load_places

NUMBER = re.compile(r"(?<!\d)-?\d{1,15}(?:\.\d{1,15})?(?!\d)")
QUOTED = re.compile(r"['\"“‘「]([^'\"”’」]+)['\"”’」]")
SEARCH_FIELDS = {"category", "district"}


def is_search(schema: Mapping[str, Any]) -> bool:
    """Whether a tool looks for places: it takes both a category and a district."""
    return set(schema.get("properties", ())) >= SEARCH_FIELDS


def fill(schema: Mapping[str, Any], situation: Situation) -> dict[str, Any]:
    """Return arguments for a JSON schema of type object.

    Args:
        schema: the tool's parameters; `$ref`s already resolved.
        situation: the conversation, understood.

    Returns:
        Every required field, and those optional fields that the conversation speaks of.
    """
    properties: Mapping[str, Any] = schema.get("properties", {})
    if is_search(schema):
        # A wish is only what was understood: "a cafe for 4" asks for no price level 4.
        wish = search_wish(situation)
        return {name: wish[name] for name in properties if wish.get(name) is not None}
    known = spoken(situation)
    required = set(schema.get("required", ()))
    numbers = [float(n) for n in NUMBER.findall(situation.text)]
    quotes = QUOTED.findall(situation.text)
    arguments: dict[str, Any] = {}
    for name, field in properties.items():
        kind = _plain(field)
        value = known.get(name)
        if value is not None and value not in kind.get("enum", [value]):
            value = None
        if value is None and (name in required or _speaks_of(kind, numbers, quotes)):
            value = _guess(kind, situation, numbers, quotes)
        if value is not None:
            arguments[name] = value
    return arguments


def spoken(situation: Situation) -> dict[str, Any]:
    """Everything understood of the last message, by the field names that tools use for it."""
    return {
        **situation.reading.slots,
        **booking_words(situation.reading),
        **_place_meant(situation),
        "intent": situation.intent,
        "language": situation.language,
        "positions": [i + 1 for i in situation.positions],
    }


def _place_meant(situation: Situation) -> dict[str, Any]:
    """The place of the table that the message singles out, or the first where it says "it"."""
    if not situation.table or situation.intent != "FOLLOW_UP":
        return {}
    place = situation.table[(situation.positions or (0,))[0]]
    return {"place": place[f"name_{situation.language}"], "place_id": place["id"]}


def search_wish(situation: Situation) -> dict[str, Any]:
    """The search this message asks for: the last one, with what the message changes.

    A retry after an empty result is looser: first without the district (the nearest places
    instead), then without one condition after the other.
    """
    if situation.calls:
        return _looser(dict(situation.calls[-1]["args"]), situation)
    reading = situation.reading
    carried = {} if situation.intent == "NEW_SEARCH" else dict(situation.searched)
    wish = {k: v for k, v in carried.items() if k not in ("name", "exclude_ids", "near")}
    if "near" in carried and "district" not in wish:
        wish["district"] = carried["near"]
    for kind in ("category", "district"):
        if wish.get(kind) is not None and wish.get(kind) == reading.denied.get(kind):
            del wish[kind]
    if "widen" in reading.signals:
        wish.pop("district", None)
    if "anyprice" in reading.signals:
        wish = {k: v for k, v in wish.items() if k not in ("max_price", "min_price")}
    if reading.category not in (None, wish.get("category")):
        wish = {k: v for k, v in wish.items() if k in ("district", "indoor")}
    slots = reading.slots
    slots.pop("price", None)
    if "tags" in slots and "tags" in wish:
        slots["tags"] = list(dict.fromkeys([*wish["tags"], *slots["tags"]]))
    wish.update(slots)
    wish.update(_price_bounds(situation))
    if reading.price in ("free", "cheap", "cheaper"):
        wish.pop("min_price", None)
    if reading.price == "dear":
        wish.pop("max_price", None)
    named = next((p for p in load_places() if p.id == reading.name), None)
    if named and situation.intent == "NEW_SEARCH" and reading.category in (None, named.category):
        wish["name"] = named.name_en
    if "more" in reading.signals and situation.intent == "REFINEMENT":
        wish["exclude_ids"] = situation.shown
    return wish


def may_loosen(situation: Situation) -> bool:
    """Whether an empty search can be tried again with fewer conditions."""
    if not situation.calls or len(situation.calls) > 3:
        return False
    return bool(_looser(dict(situation.calls[-1]["args"]), situation))


def _price_bounds(situation: Situation) -> dict[str, Any]:
    levels = situation.price_levels
    match situation.reading.price:
        case "free":
            return {"max_price": 0}
        case "cheap":
            return {"max_price": 1}
        case "dear":
            return {"min_price": 2}
        case "cheaper" if levels and min(levels) > 0:
            return {"max_price": min(levels) - 1}
        case "cheaper" if levels:
            return {"max_price": 0, "exclude_ids": situation.shown}
        case "cheaper":
            return {"max_price": 1}
    return {}


def _looser(wish: dict[str, Any], situation: Situation) -> dict[str, Any]:
    levels = situation.price_levels
    if situation.reading.price == "cheaper" and levels and wish.get("max_price", 9) < min(levels):
        return {**wish, "max_price": min(levels), "exclude_ids": situation.shown}
    if "district" in wish:
        rest = {k: v for k, v in wish.items() if k != "district"}
        return {**rest, "near": wish["district"]}
    if situation.reading.price == "cheaper":
        return {}  # something that costs more is no answer to "cheaper"
    for optional in ("indoor", "max_price", "min_price", "tags"):
        if optional in wish:
            return {k: v for k, v in wish.items() if k != optional}
    return {}


def _plain(field: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first alternative of a field that is not null."""
    for key in ("anyOf", "oneOf"):
        for option in field.get(key, ()):
            if option.get("type") != "null":
                return {**option, **{k: v for k, v in field.items() if k != key}}
    return field


def _speaks_of(kind: Mapping[str, Any], numbers: Sequence[float], quotes: Sequence[str]) -> bool:
    if kind.get("type") in ("integer", "number"):
        return bool(numbers)
    return kind.get("type") == "string" and bool(quotes) and "enum" not in kind


def _guess(
    kind: Mapping[str, Any], situation: Situation, numbers: list[float], quotes: list[str]
) -> Any:
    if "const" in kind:
        return kind["const"]
    if "enum" in kind:
        words = situation.reading.text
        return next((v for v in kind["enum"] if str(v).casefold() in words), kind["enum"][0])
    match kind.get("type", "string"):
        case "integer" | "number":
            low = kind.get("minimum", kind.get("exclusiveMinimum", -1) + 1)
            value = numbers.pop(0) if numbers else max(0, low)
            return value if kind["type"] == "number" else int(value)
        case "boolean":
            return False
        case "array":
            return []
        case "object":
            return fill(kind, situation)
        case _:
            return quotes.pop(0) if quotes else situation.text
