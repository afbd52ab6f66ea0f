"""The search that a message asks for, as arguments of a tool that searches places."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.models.language.conversation_context import ConversationContext
from course_lib.models.language.earlier_searches import Shown
from course_lib.models.language.food_wish import is_rare_in, joined_tags, kind_that_has_it
from course_lib.models.language.intents import means_near_it, refuses_the_spot
from course_lib.models.language.likes import to_resemble
from course_lib.models.language.memory_words import is_at_home
from course_lib.models.language.message_parser import ids_of
from course_lib.models.language.place_names import places_by_id
from course_lib.models.language.references import positions_on
from course_lib.neighbourhoods import USUAL_COUNT, neighbourhoods_in, spot_named
from course_lib.places import load_districts

SEARCH_FIELDS = frozenset(("category", "district"))

NOT_CARRIED = ("name", "exclude_ids", "limit", "include_rejected")
"""Arguments of a search that say nothing about the next one."""


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
    if context.shown_again is not None and context.intent == "REFINEMENT":
        return _shown_again(context, context.shown_again)
    parsed = context.parsed
    wish = {} if context.intent == "NEW_SEARCH" else _carried(context)
    if "anyprice" in parsed.signals:
        wish = {k: v for k, v in wish.items() if k not in ("max_price", "min_price")}
    if parsed.category not in (None, wish.get("category")):
        wish = {k: v for k, v in wish.items() if k in ("district", "indoor", "near")}
    slots = parsed.slots
    slots.pop("price", None)
    if "tags" in slots and "tags" in wish:
        joined = joined_tags(wish["tags"], slots["tags"])
        is_other = not set(wish["tags"]) <= set(joined) | {*context.disliked}
        if is_other and parsed.category is None and is_rare_in(wish.get("category"), parsed.tags):
            wish = {k: v for k, v in wish.items() if k != "category"}
        slots["tags"] = joined
    if parsed.district:
        wish.pop("near", None)
    wish.update(_resembling(context, wish))
    wish.update(slots)
    wish.update(_price_bounds(context))
    if parsed.price in ("free", "cheap", "cheaper", "moderate"):
        wish.pop("min_price", None)
    if parsed.price == "expensive":
        wish.pop("max_price", None)
    wish.update(_near_home(context, wish) or _where(context))
    wish.update(_turned_down(context, wish))
    is_open = "food_alone" in parsed.signals and not {"near", "district"} & set(wish)
    guessed = parsed.category is None or is_open
    if guessed and (kind := kind_that_has_it(wish, parsed.tags)):
        wish["category"] = kind
    here = (wish.get("near"), wish.get("district"))
    if parsed.area and "near" in wish:  # what was turned down reaches into its neighbours
        here = (*here, *(s.name_ko for s in neighbourhoods_in(wish.get("without", ()))))
    wish["without"] = [kind for kind in wish.pop("without", ()) if kind not in here]
    if not wish["without"]:
        del wish["without"]
    if parsed.count is not None:
        wish["limit"] = parsed.count
        if parsed.area and parsed.count > USUAL_COUNT:
            wish.pop("district", None)  # the nearest ones, also beyond the border of the district
    if parsed.signals & {"more", "like_it"} and context.intent == "REFINEMENT":
        before = context.searched.get("exclude_ids", ())
        wish["exclude_ids"] = list(dict.fromkeys([*before, *context.seen, *context.shown]))
    if "restore" in parsed.signals and context.intent == "REFINEMENT":
        wish["include_rejected"] = True
    return wish


def _shown_again(context: ConversationContext, shown: Shown) -> dict[str, Any]:
    """Return an earlier search once more, for what it found then, turned down since or not."""
    others = [place for place in context.seen if place not in shown.ids]
    ids = list(dict.fromkeys([*shown.search.get("exclude_ids", ()), *others]))
    ids = [place for place in ids if place not in shown.ids]
    again = {**shown.search, "limit": len(shown.ids), "include_rejected": True}
    return {**again, "exclude_ids": ids} if ids else again


def may_loosen(context: ConversationContext) -> bool:
    """Whether a search without results can be repeated with fewer conditions."""
    if not context.calls or len(context.calls) > 3:
        return False
    return bool(_looser(dict(context.calls[-1]["args"]), context))


def _carried(context: ConversationContext) -> dict[str, Any]:
    """What holds on of the last search: all that the message does not refuse or widen."""
    parsed = context.parsed
    wish = {k: v for k, v in context.searched.items() if k not in NOT_CARRIED}
    spot = spot_named(str(wish.get("near", "")))
    if spot is not None and spot.is_district:
        wish.pop("near")
    if spot is not None and spot.place_id is None:
        wish.setdefault("district", spot.district)
    for kind in ("category", "district"):
        refused = parsed.rejected_slots.get(kind)
        if kind == "district" and not neighbourhoods_in(parsed.without):
            refused = refused or parsed.rejected_slots.get("area")
        if wish.get(kind) is not None and wish.get(kind) == refused:
            del wish[kind]
            if kind == "district":
                wish.pop("near", None)
    if "widen" in parsed.signals or refuses_the_spot(parsed, context.searched):
        wish.pop("district", None)
        wish.pop("near", None)
    return wish


def _resembling(context: ConversationContext, wish: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a place similar to the one that the message means: its kind and tags."""
    model = to_resemble(context.parsed, context.recommended, context.focus)
    if model is None:
        return {}
    kind = context.parsed.category or model["category"]
    found = {"category": kind, "tags": list(model.get("tags", ())), "exclude_ids": [model["id"]]}
    return {**found, "district": wish["district"]} if "district" in wish else found


def _where(context: ConversationContext) -> dict[str, Any]:
    """Return `name` for a place that is asked for itself, `near` for what is to be near."""
    parsed = context.parsed
    if parsed.area:
        return {"near": parsed.area}
    if parsed.names:
        place = places_by_id()[ids_of(parsed.names[0])[0]]
        other = parsed.category not in (None, place.category)
        if context.intent != "NEW_SEARCH" and not other:
            return {}
        if "like_it" in parsed.signals and "near" not in parsed.signals:
            return {}
        if other or "near" in parsed.signals:
            return {"near": place.name_en}
        name = parsed.names[0]
        return {"name": _shared_name(name) if "|" in name else place.name_en}
    if means_near_it(parsed, context.recommended, context.focus):
        numbered = positions_on(parsed, context.recommended)
        spoken_id = context.shown[numbered[0]] if numbered else context.focus
        spoken_of = places_by_id().get(spoken_id or "")
        if spoken_of is not None:
            return {"near": spoken_of.name_en}
        if "deictic" not in parsed.signals:
            found = {k: v for k, v in context.searched.items() if k in ("district", "near")}
            if found:
                return found
        first = places_by_id().get(str(context.recommended[0]["id"]))
        return {"near": first.name_en} if first else {}
    return {}


def _near_home(context: ConversationContext, wish: Mapping[str, Any]) -> dict[str, Any]:
    """Return the home that is remembered, for a wish that names it or no part of the city."""
    home = ((context.memory or {}).get("known") or {}).get("home_district")
    parsed = context.parsed
    if home is None or parsed.district or parsed.area or parsed.names or parsed.elsewhere:
        return {}
    if is_at_home(parsed):
        return {"district": home}
    is_open = context.intent == "NEW_SEARCH" and not {"near", "district"} & set(wish)
    near_it = means_near_it(parsed, context.recommended, context.focus)
    return {"district": home} if is_open and not near_it else {}


def _shared_name(name: str) -> str:
    """Return what the names of several places have in common at their beginning."""
    names = [places_by_id()[place_id].name_ko for place_id in ids_of(name)]
    shared = names[0]
    for other in names[1:]:
        while not other.startswith(shared):
            shared = shared[:-1]
    return shared.strip() or names[0]


def _turned_down(context: ConversationContext, wish: Mapping[str, Any]) -> dict[str, Any]:
    """Return `without` and `exclude_ids` for what the message refuses by kind and by name."""
    parsed, found = context.parsed, {}
    still = [n for n in wish.get("without", ()) if neighbourhoods_in((n,))]
    if refuses_the_spot(parsed, context.searched):
        still.append(context.searched["near"])
    refused = dict.fromkeys([*still, *context.disliked, *parsed.without])
    if "sights" in parsed.signals and not wish.get("category"):
        refused["restaurant"] = None  # who asks what to see or do does not ask where to eat
    without = [kind for kind in refused if kind != wish.get("category") and "name" not in wish]
    without = [kind for kind in without if kind not in wish.get("tags", ())]
    if wish.get("district") or wish.get("near"):
        without = [kind for kind in without if kind not in load_districts()]
    if without:
        found["without"] = without
    ids = [place_id for name in parsed.refused_names for place_id in ids_of(name)]
    if ids:
        found["exclude_ids"] = ids
    return found


def _price_bounds(context: ConversationContext) -> dict[str, Any]:
    model = to_resemble(context.parsed, context.recommended, context.focus)
    levels = [model.get("price_level", 0)] if model else context.price_levels
    match context.parsed.price:
        case "free":
            return {"max_price": 0}
        case "cheap":
            return {"max_price": 1}
        case "moderate":
            return {"max_price": 2}
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
        return {**rest, "near": wish.get("near") or wish["district"]}
    if context.parsed.price == "cheaper":
        return {}  # something that costs more is no answer to "cheaper"
    for optional in ("indoor", "max_price", "min_price", "tags"):
        if optional in wish:
            return {k: v for k, v in wish.items() if k != optional}
    return {}
