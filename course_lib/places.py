"""The places Namu knows, and how a search picks among them.

The data is `data/places.json`; `data/places_card.md` says how it was made and what it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from course_lib.settings import DATA

Category = Literal[
    "cafe",
    "restaurant",
    "park",
    "museum",
    "palace",
    "market",
    "gallery",
    "bookstore",
    "viewpoint",
    "trail",
    "shopping",
    "temple",
]
"""The twelve categories of a place."""

District = Literal[
    "Dobong-gu",
    "Dongdaemun-gu",
    "Dongjak-gu",
    "Eunpyeong-gu",
    "Gangbuk-gu",
    "Gangdong-gu",
    "Gangnam-gu",
    "Gangseo-gu",
    "Geumcheon-gu",
    "Guro-gu",
    "Gwanak-gu",
    "Gwangjin-gu",
    "Jongno-gu",
    "Jung-gu",
    "Jungnang-gu",
    "Mapo-gu",
    "Nowon-gu",
    "Seocho-gu",
    "Seodaemun-gu",
    "Seongbuk-gu",
    "Seongdong-gu",
    "Songpa-gu",
    "Yangcheon-gu",
    "Yeongdeungpo-gu",
    "Yongsan-gu",
]
"""Seoul's 25 districts, by their official English names."""

CATEGORIES: tuple[str, ...] = get_args(Category)

SOLEMN = re.compile(r"묘$|릉$|묘지|묘역|현충원|형무소|순교|추모|희생|절두산|독립공원|안중근")
"""Names of tombs, shrines, cemeteries and memorials."""

SPICY = re.compile(r"매운|매콤|얼큰|얼얼")
"""Words of a sentence that tells of something spicy; no tag says it."""

PRICE_WORDS = {
    "en": ("free", "inexpensive", "mid-priced", "expensive"),
    "ko": ("무료", "저렴한 편", "중간 가격대", "비싼 편"),
}
"""What the price levels 0 to 3 are called."""


@dataclass(frozen=True)
class Place:
    """One real place in Seoul.

    Args:
        id: stable name such as `cafe-12`, unique in the file.
        name_ko: name on the signboard.
        name_en: usual English name.
        category: one of `CATEGORIES`.
        district: one of Seoul's 25 districts, as in `Jongno-gu`.
        lat: latitude in degrees (WGS 84), to 0.001.
        lon: longitude in degrees, to 0.001.
        tags: a few words such as `quiet` or `night-view`.
        indoor: whether a visit is essentially under a roof.
        price_level: 0 free, 1 inexpensive, 2 middle, 3 expensive.
        summary_ko: one honest sentence in Korean, or two short ones.
        summary_en: one honest sentence in English.
    """

    id: str
    name_ko: str
    name_en: str
    category: str
    district: str
    lat: float
    lon: float
    tags: tuple[str, ...]
    indoor: bool
    price_level: int
    summary_ko: str
    summary_en: str

    def has(self, wish: str) -> bool:
        """Whether the place has a tag, or its sentence tells of a dish.

        Args:
            wish: a tag such as `quiet`, a dish such as `감자탕` or `food:chicken`, or `spicy`.
        """
        if wish == "spicy":
            return SPICY.search(self.summary_ko) is not None
        if wish.startswith("food:"):
            return wish.removeprefix("food:") in self.summary_en.casefold()
        return wish in self.tags or (not wish.isascii() and wish in self.name_ko + self.summary_ko)

    def is_of_kind(self, kinds: Collection[str]) -> bool:
        """Whether the place is of one of these kinds; an art museum is a museum too, by its name.

        Args:
            kinds: categories, districts, and wishes as `has` takes them.
        """
        own = {self.category, self.district, *self.name_en.casefold().split()}
        return not own.isdisjoint(kinds) or any(map(self.has, kinds))

    def as_dict(self) -> dict[str, Any]:
        """Return the place as plain JSON data, the form it has inside a graph's state."""
        return {**asdict(self), "tags": list(self.tags)}


@lru_cache(maxsize=8)
def load_places(path: Path = DATA / "places.json") -> tuple[Place, ...]:
    """Read all places, in the order of the file.

    Args:
        path: a JSON list of objects with the fields of `Place`.

    Raises:
        FileNotFoundError: the file is not there.
        ValueError: an entry lacks a field or has one too many; the text names the entry.
    """
    entries = json.loads(Path(path).read_text(encoding="utf-8"))
    places = []
    for entry in entries:
        try:
            places.append(Place(**{**entry, "tags": tuple(entry["tags"])}))
        except (TypeError, KeyError) as error:
            raise ValueError(
                f"{Path(path).name}: the entry {entry.get('id', entry)!r} is no Place: {error}"
            ) from error
    return tuple(places)


@lru_cache(maxsize=1)
def load_districts(path: Path = DATA / "districts.json") -> dict[str, dict[str, Any]]:
    """Read Seoul's 25 districts: Korean name and bounding box in degrees, by English name."""
    return json.loads(Path(path).read_text(encoding="utf-8"))["districts"]


def search_places(
    *,
    category: str | None = None,
    district: str | None = None,
    tags: Collection[str] = (),
    indoor: bool | None = None,
    max_price: int | None = None,
    min_price: int | None = None,
    name: str | None = None,
    exclude_ids: Collection[str] = (),
    without: Collection[str] = (),
    limit: int = 3,
    places: Iterable[Place] | None = None,
) -> list[Place]:
    """Return the places that fit a wish, best first, always in the same order.

    Category, district, indoor, the price bounds and the name must hold. Tags are softer: places
    with more of the wished tags come first, and places with none come only if no place has any.
    Without tags the order spreads categories and prices, so that three answers to a loose wish
    are three different things. Of all Seoul, the well-known places come first; where somebody
    goes to mourn comes last unless it is asked for.

    Args:
        category: one of `CATEGORIES`, or None for any.
        district: as in `Mapo-gu`, or None for anywhere in Seoul.
        tags: wished tags or dishes, see `Place.has`; more matches are better.
        indoor: True under a roof, False in the open, None for either.
        max_price: highest price level, 0 to 3.
        min_price: lowest price level, 0 to 3.
        name: a place's name in Korean or English, or a part of it if no name is just that.
        exclude_ids: ids that must not come.
        without: categories, districts and tags that no place may have.
        limit: how many places at most.
        places: what to search; all of `load_places()` when left out.
    """
    refused = set(exclude_ids)
    pool = [
        place
        for place in (load_places() if places is None else places)
        if place.id not in refused
        and not place.is_of_kind(without)
        and (category is None or place.category == category)
        and (district is None or place.district == district)
        and (indoor is None or place.indoor is indoor)
        and (max_price is None or place.price_level <= max_price)
        and (min_price is None or place.price_level >= min_price)
    ]
    if name:
        named = [place for place in pool if _has_name(place, name)]
        wanted = name.casefold()
        exact = [p for p in named if wanted in (p.name_ko.casefold(), p.name_en.casefold())]
        pool = exact or named
    if tags:
        tagged = [place for place in pool if _matches(place, tags)]
        pool = sorted(tagged or pool, key=lambda place: -_matches(place, tags))
        return (pool if district else sorted(pool, key=lambda p: _tagged_rank(p, tags)))[:limit]
    if district is None and name is None:
        return _best_known(pool)[:limit]
    ordered = _spread(pool)
    return sorted(ordered, key=is_solemn)[:limit] if category is None else ordered[:limit]


def is_solemn(place: Place) -> bool:
    """Whether a place is one of mourning or of worship for the dead, and no place for fun."""
    return SOLEMN.search(place.name_ko) is not None


def _matches(place: Place, wishes: Collection[str]) -> int:
    return sum(map(place.has, wishes))


def _tagged_rank(place: Place, tags: Collection[str]) -> tuple[int, bool, int]:
    known = _well_known()
    return (
        -_matches(place, tags),
        is_solemn(place) and "history" not in tags,
        known.get(place.name_ko, 999),
    )


def _best_known(pool: list[Place]) -> list[Place]:
    """Order places of all Seoul: well-known ones first, and no two neighbours of one district."""
    known = _well_known()
    spread = _spread(pool)
    ranked = sorted(spread, key=lambda place: (is_solemn(place), known.get(place.name_ko, 999)))
    famous = [place for place in ranked if place.name_ko in known and not is_solemn(place)]
    rest = [place for place in ranked if place not in famous]
    return [*_mixed(famous), *_mixed(rest)]


def _mixed(places: list[Place]) -> list[Place]:
    """Order places so that each next one differs from those before in district and category."""
    left, ordered = list(places), []
    used: dict[str, int] = {}
    while left and len(ordered) < 30:
        best = min(left, key=lambda p: used.get(p.district, 0) + 2 * used.get(p.category, 0))
        left.remove(best)
        ordered.append(best)
        used[best.district] = used.get(best.district, 0) + 1
        used[best.category] = used.get(best.category, 0) + 1
    return [*ordered, *left]


@lru_cache(maxsize=1)
def _well_known() -> dict[str, int]:
    """Return the rank of each well-known place by its Korean name."""
    names = json.loads((DATA / "well_known.json").read_text(encoding="utf-8"))["names"]
    return {name: n for n, name in enumerate(names)}


def _has_name(place: Place, name: str) -> bool:
    wanted = name.casefold().replace(" ", "")
    return any(
        wanted in text.casefold().replace(" ", "") for text in (place.name_ko, place.name_en)
    )


def _spread(pool: list[Place]) -> list[Place]:
    """Order a pool so that neighbours differ in category, then in price; stable otherwise."""
    queues: dict[tuple[str, int], list[Place]] = {}
    for place in pool:
        queues.setdefault((place.category, place.price_level), []).append(place)
    keys = sorted(queues, key=lambda key: (abs(key[1] - 1.6), key[0]))
    seen: dict[str, int] = {}
    ordered: list[Place] = []
    while queues:
        # The least used category first; inside it the price nearest the middle.
        key = min(
            (key for key in keys if key in queues), key=lambda k: (seen.get(k[0], 0), keys.index(k))
        )
        ordered.append(queues[key].pop(0))
        seen[key[0]] = seen.get(key[0], 0) + 1
        keys.append(keys.pop(keys.index(key)))
        if not queues[key]:
            del queues[key]
    return ordered
