"""The search that a message asks for, as arguments of a tool that searches places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.models.language.conversation_context import ConversationContext
from course_lib.places import load_places

SEARCH_FIELDS = frozenset(("category", "district"))


def is_search(schema: Mapping[str, Any]) -> bool:
    """Whether a tool searches places, which means that it takes a category and a district."""
    return set(schema.get("properties", ())) >= SEARCH_FIELDS


def search_wish(context: ConversationContext) -> dict[str, Any]:
    """Return the arguments of the search that the last message asks for.

    A refinement starts from the last search and changes what the message names. A retry after an
    empty result has fewer conditions: first the nearest places instead of the district, then one
    condition less with each retry.
    """
    if context.calls:
        return _looser(dict(context.calls[-1]["args"]), context)
    parsed = context.parsed
    carried = {} if context.intent == "NEW_SEARCH" else dict(context.searched)
    wish = {k: v for k, v in carried.items() if k not in ("name", "exclude_ids", "near")}
    if "near" in carried and "district" not in wish:
        wish["district"] = carried["near"]
    for kind in ("category", "district"):
        if wish.get(kind) is not None and wish.get(kind) == parsed.rejected_slots.get(kind):
            del wish[kind]
    if "widen" in parsed.signals:
        wish.pop("district", None)
    if "anyprice" in parsed.signals:
        wish = {k: v for k, v in wish.items() if k not in ("max_price", "min_price")}
    if parsed.category not in (None, wish.get("category")):
        wish = {k: v for k, v in wish.items() if k in ("district", "indoor")}
    slots = parsed.slots
    slots.pop("price", None)
    if "tags" in slots and "tags" in wish:
        slots["tags"] = list(dict.fromkeys([*wish["tags"], *slots["tags"]]))
    wish.update(slots)
    wish.update(_price_bounds(context))
    if parsed.price in ("free", "cheap", "cheaper"):
        wish.pop("min_price", None)
    if parsed.price == "expensive":
        wish.pop("max_price", None)
    named = next((p for p in load_places() if p.id == parsed.name), None)
    if named and context.intent == "NEW_SEARCH" and parsed.category in (None, named.category):
        wish["name"] = named.name_en
    if "more" in parsed.signals and context.intent == "REFINEMENT":
        wish["exclude_ids"] = context.shown
    return wish


def may_loosen(context: ConversationContext) -> bool:
    """Whether a search without results can be repeated with fewer conditions."""
    if not context.calls or len(context.calls) > 3:
        return False
    return bool(_looser(dict(context.calls[-1]["args"]), context))


def _price_bounds(context: ConversationContext) -> dict[str, Any]:
    levels = context.price_levels
    match context.parsed.price:
        case "free":
            return {"max_price": 0}
        case "cheap":
            return {"max_price": 1}
        case "expensive":
            return {"min_price": 2}
        case "cheaper" if levels and min(levels) > 0:
            return {"max_price": min(levels) - 1}
        case "cheaper" if levels:
            return {"max_price": 0, "exclude_ids": context.shown}
        case "cheaper":
            return {"max_price": 1}
    return {}


def _looser(wish: dict[str, Any], context: ConversationContext) -> dict[str, Any]:
    levels = context.price_levels
    if context.parsed.price == "cheaper" and levels and wish.get("max_price", 9) < min(levels):
        return {**wish, "max_price": min(levels), "exclude_ids": context.shown}
    if "district" in wish:
        rest = {k: v for k, v in wish.items() if k != "district"}
        return {**rest, "near": wish["district"]}
    if context.parsed.price == "cheaper":
        return {}  # something that costs more is no answer to "cheaper"
    for optional in ("indoor", "max_price", "min_price", "tags"):
        if optional in wish:
            return {k: v for k, v in wish.items() if k != optional}
    return {}
