"""The tool with which Namu searches places."""

from __future__ import annotations

import json
from typing import Annotated, Any

from langchain_core.tools import tool
from langgraph.prebuilt import InjectedState

from course_lib import places as place_data


@tool
def search_places(
    state: Annotated[dict[str, Any], InjectedState],
    category: place_data.Category | None = None,
    district: place_data.District | None = None,
    tags: list[str] | None = None,
    indoor: bool | None = None,
    max_price: int | None = None,
    min_price: int | None = None,
    name: str | None = None,
    near: place_data.District | None = None,
    exclude_ids: list[str] | None = None,
) -> str:
    """Search real places in Seoul. Every argument is optional; leave out what was not asked for.

    Args:
        state: filled in by LangGraph, unseen by the model.
        category: the kind of place.
        district: one of Seoul's districts.
        tags: moods such as quiet or night-view.
        indoor: true for under a roof, false for in the open.
        max_price: highest price level, from 0 (free) to 3.
        min_price: lowest price level.
        name: (part of) the name of a place.
        near: a district; the places nearest to it come first.
        exclude_ids: ids of places that must not come.
    """
    found = place_data.search_places(
        category=category,
        district=district,
        tags=tags or (),
        indoor=indoor,
        max_price=max_price,
        min_price=min_price,
        name=name,
        exclude_ids=[*(exclude_ids or ()), *(state.get("excluded_place_ids") or ())],
        limit=1000 if near else 3,
    )
    if near:
        found = place_data.nearest_first(found, near)[:3]
    return json.dumps([place.as_dict() for place in found], ensure_ascii=False)
