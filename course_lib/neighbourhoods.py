"""Seoul's neighbourhoods as people say them: legal ones, stations, streets and universities.

The data is `data/neighbourhoods.json`; each entry has a district, a point on the map and a source.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from course_lib.places import Place, load_districts, load_places, search_places
from course_lib.settings import DATA

KM_PER_DEGREE = 111.2
"""Kilometres in one degree of latitude."""

SHORT = 0.79
"""A degree of longitude in Seoul (37.5 N), in degrees of latitude."""

FEW = 2
"""With fewer places than this within a walk of a neighbourhood, those behind come too."""

USUAL_COUNT = 3
"""How many places are returned where nobody asked for a number."""

AVOIDED_KM = 0.8
"""A place nearer than this lies in a neighbourhood that was turned down, also if it names none.

Of the places whose summary names one of 18 neighbourhoods, 25 lie so near to another one as well,
and 90 nearer than 1.2 km.
"""

RIGHT_THERE_KM = 1.2
"""A place nearer than this lies in the neighbourhood that was named."""

WALK_KM = 2.0
"""Places nearer than this are near; a person walks it in half an hour."""


@dataclass(frozen=True)
class Neighbourhood:
    """One part of Seoul with a name of its own.

    Args:
        name_ko: its Korean name, such as `연남동`.
        name_en: its English name.
        also: other names for it, in either language.
        district: the district that it mostly lies in.
        lat: latitude of its middle, in degrees.
        lon: longitude of its middle, in degrees.
        kind: what it is, such as `station` or `street`.
        is_ambiguous: whether its name is also an everyday word.
    """

    name_ko: str
    name_en: str
    also: tuple[str, ...]
    district: str
    lat: float
    lon: float
    kind: str
    is_ambiguous: bool = False


@dataclass(frozen=True)
class Spot:
    """A point that places can be near to.

    Args:
        name_ko: what it is called in Korean.
        name_en: what it is called in English.
        district: the district that it lies in.
        lat: latitude in degrees.
        lon: longitude in degrees.
        place_id: id of the place that it is, None for a neighbourhood or a district.
        is_district: whether it is the middle of a whole district.
    """

    name_ko: str
    name_en: str
    district: str
    lat: float
    lon: float
    place_id: str | None = None
    is_district: bool = False


@lru_cache(maxsize=4)
def load_neighbourhoods(path: Path = DATA / "neighbourhoods.json") -> tuple[Neighbourhood, ...]:
    """Read all neighbourhoods, in the order of the file.

    Args:
        path: a JSON object with a list `neighbourhoods`.
    """
    entries = json.loads(Path(path).read_text(encoding="utf-8"))["neighbourhoods"]
    return tuple(
        Neighbourhood(
            **{key: entry[key] for key in ("name_ko", "name_en", "district", "lat", "lon")},
            also=tuple(entry.get("also", ())),
            kind=str(entry.get("kind", "")),
            is_ambiguous=bool(entry.get("ambiguous", False)),
        )
        for entry in entries
    )


def spot_named(name: str) -> Spot | None:
    """Return where something lies: a district, a place or a neighbourhood, by its name.

    Args:
        name: in Korean or English; case and spaces do not count.

    Returns:
        The point, or None if no such name is known.
    """
    return _spots().get(_folded(name))


def distance_km(lat: float, lon: float, spot: Spot) -> float:
    """Return the distance of a point from a spot, in kilometres.

    Args:
        lat: latitude of the point, in degrees.
        lon: longitude of the point, in degrees.
        spot: the other end.
    """
    return KM_PER_DEGREE * math.hypot(lat - spot.lat, SHORT * (lon - spot.lon))


def lies_in(place: Place, spot: Spot, *, or_near: bool = False) -> bool:
    """Whether a place lies in a neighbourhood.

    Args:
        place: any place.
        spot: the middle of the neighbourhood.
        or_near: whether right beside it is enough.
    """
    is_named = spot.name_ko.removesuffix("동") in f"{place.name_ko} {place.summary_ko}"
    furthest = RIGHT_THERE_KM if or_near or is_named else AVOIDED_KM
    return distance_km(place.lat, place.lon, spot) <= furthest


def neighbourhoods_in(names: Sequence[str]) -> list[Spot]:
    """Return those of some names that are neighbourhoods, and no districts or places.

    Args:
        names: such as the kinds that somebody turns down.
    """
    spots = [spot_named(name) for name in names]
    return [s for s in spots if s is not None and not s.is_district and s.place_id is None]


def nearest_to(
    places: Sequence[Place], spot: Spot, tags: Sequence[str] = (), *, at_least: int = 1
) -> list[Place]:
    """Sort places by their distance from a spot, without the far ones if some are near.

    Args:
        places: any places.
        spot: what they should be near to. A place is not near to itself.
        tags: places with one of these come before the others within a walk.
        at_least: how many places were asked for; further ones follow where fewer are near.
    """

    def away(place: Place) -> float:
        return distance_km(place.lat, place.lon, spot)

    others = sorted((p for p in places if p.id != spot.place_id), key=away)
    if spot.is_district:
        return others
    near = [place for place in others if away(place) <= WALK_KM]
    if len(near) < (1 if spot.place_id else FEW):
        near = others
    far = [place for place in others if place not in near] if len(near) < at_least else []
    return [*sorted(near, key=lambda p: bool(tags) and not any(map(p.has, tags))), *far]


def find_places(
    refused: Sequence[str] = (),
    *,
    near: str | None = None,
    tags: Sequence[str] | None = None,
    exclude_ids: Sequence[str] | None = None,
    include_rejected: bool = False,
    limit: int = USUAL_COUNT,
    **wish: Any,
) -> list[Place]:
    """Return the places that fit a wish best, as Namu's search tool does.

    Args:
        refused: ids of the places that the person has turned down.
        near: a district, a neighbourhood or a place; the places nearest to it come first. An
            unknown name changes nothing.
        tags: moods such as `quiet`. Near a spot they only decide between equally near places.
        exclude_ids: ids of more places that must not come.
        include_rejected: whether what was turned down comes, and comes first; where
            `exclude_ids` leave it among the first places anyway, their order stays.
        limit: how many places.
        wish: more arguments for `course_lib.places.search_places`, such as `category`. None means
            that nothing was asked for. Its `without` may name neighbourhoods too.
    """
    spot = spot_named(near) if near else None
    is_close = spot is not None and not spot.is_district
    avoided = neighbourhoods_in(wish.get("without") or ())
    if avoided:
        there = [p.id for p in load_places() if any(lies_in(p, each) for each in avoided)]
        exclude_ids = [*(exclude_ids or ()), *there]
    found = search_places(
        tags=() if is_close else tags or (),
        exclude_ids=[*(exclude_ids or ()), *(() if include_rejected else refused)],
        limit=1000 if near or include_rejected else limit,
        **{name: value for name, value in wish.items() if value is not None},
    )
    if spot is not None:
        asked = limit if limit > USUAL_COUNT else 1
        found = nearest_to(found, spot, tags or (), at_least=asked)
    is_cut = not exclude_ids or any(place.id in refused for place in found[limit:])
    if include_rejected and is_cut:
        found = sorted(found, key=lambda place: place.id not in refused)
    return found[:limit]


def _folded(name: str) -> str:
    return name.casefold().replace(" ", "")


@lru_cache(maxsize=1)
def _spots() -> dict[str, Spot]:
    """All named spots, by folded name; districts win over places, places over neighbourhoods."""
    found: dict[str, Spot] = {}
    for name, box in load_districts().items():
        lat, lon = (box["lat_min"] + box["lat_max"]) / 2, (box["lon_min"] + box["lon_max"]) / 2
        spot = Spot(box["name_ko"], name, name, lat, lon, is_district=True)
        found.update({_folded(text): spot for text in (name, box["name_ko"])})
    for place in load_places():
        spot = Spot(
            place.name_ko, place.name_en, place.district, place.lat, place.lon, place_id=place.id
        )
        for text in (place.name_ko, place.name_en, place.id):
            found.setdefault(_folded(text), spot)
    for each in load_neighbourhoods():
        spot = Spot(each.name_ko, each.name_en, each.district, each.lat, each.lon)
        for text in (each.name_ko, each.name_en, *each.also):
            found.setdefault(_folded(text), spot)
    return found
