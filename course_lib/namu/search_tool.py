"""The tool with which Namu searches places."""

from __future__ import annotations

import json
from typing import Annotated, Any

from langchain_core.tools import tool
from langgraph.prebuilt import InjectedState
from pydantic import AfterValidator, Field

from course_lib import places as place_data
from course_lib.namu.memory import never_again
from course_lib.neighbourhoods import find_places, spot_named


def _known_spot(name: str) -> str:
    if spot_named(name) is None:
        raise ValueError(f"{name!r} is no district, neighbourhood, station or place that is known")
    return name


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
    near: Annotated[str, AfterValidator(_known_spot)] | None = None,
    exclude_ids: list[str] | None = None,
    without: list[str] | None = None,
    limit: Annotated[int, Field(ge=1, le=10)] = 3,
    include_rejected: bool = False,
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
        near: a district, a neighbourhood or a place; the places nearest to it come first.
        exclude_ids: ids of places that must not come.
        without: categories, districts and tags that no place may have.
        limit: how many places, from 1 to 10.
        include_rejected: true to bring back what the person has turned down.
    """
    # Who asks for a place by its name gets it, also if it was turned down for good.
    never = () if name else never_again(state.get("known") or {})
    found = find_places(
        list(state.get("excluded_place_ids") or ()),
        category=category,
        district=district,
        tags=tags,
        indoor=indoor,
        max_price=max_price,
        min_price=min_price,
        name=name,
        near=near,
        exclude_ids=[*(exclude_ids or ()), *never],
        without=without,
        limit=limit,
        include_rejected=include_rejected,
    )
    return json.dumps([place.as_dict() for place in found], ensure_ascii=False)
