"""The places and the search of namu-tiny's dialogues, as they were when it was trained.

Frozen on purpose: `course_lib.places` and its data go on changing, and the stored evaluation of
the model must still reproduce.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

FROZEN = Path(__file__).parent
"""The folder of what the dialogues are composed from."""

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
        summary_ko: one honest sentence in Korean.
        summary_en: the same in English.
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

    def as_dict(self) -> dict[str, Any]:
        """Return the place as plain JSON data, the form it has inside a graph's state."""
        return {**asdict(self), "tags": list(self.tags)}


@lru_cache(maxsize=8)
def load_places(path: Path = FROZEN / "places.json") -> tuple[Place, ...]:
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
def load_districts(path: Path = FROZEN / "districts.json") -> dict[str, dict[str, Any]]:
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
    limit: int = 3,
    places: Iterable[Place] | None = None,
) -> list[Place]:
    """Return the places that fit a wish, best first, always in the same order.

    Category, district, indoor, the price bounds and the name must hold. Tags are softer: places
    with more of the wished tags come first, and places with none come only if no place has any.
    Without tags the order spreads categories and prices, so that three answers to a loose wish
    are three different things.

    Args:
        category: one of `CATEGORIES`, or None for any.
        district: as in `Mapo-gu`, or None for anywhere in Seoul.
        tags: wished tags; more matches are better.
        indoor: True under a roof, False in the open, None for either.
        max_price: highest price level, 0 to 3.
        min_price: lowest price level, 0 to 3.
        name: (part of) a place's name in Korean or English.
        exclude_ids: ids that must not come.
        limit: how many places at most.
        places: what to search; all of `load_places()` when left out.
    """
    refused = set(exclude_ids)
    pool = [
        place
        for place in (load_places() if places is None else places)
        if place.id not in refused
        and (category is None or place.category == category)
        and (district is None or place.district == district)
        and (indoor is None or place.indoor is indoor)
        and (max_price is None or place.price_level <= max_price)
        and (min_price is None or place.price_level >= min_price)
    ]
    if name:
        pool = [place for place in pool if _has_name(place, name)]
    if tags:
        tagged = [place for place in pool if set(tags) & set(place.tags)]
        pool = sorted(tagged or pool, key=lambda place: -len(set(tags) & set(place.tags)))
        return pool[:limit]
    return _spread(pool)[:limit]


def nearest_first(places: Sequence[Place], district: str) -> list[Place]:
    """Sort places by their distance from the middle of a district.

    Args:
        places: any places.
        district: as in `Mapo-gu`.

    Raises:
        KeyError: there is no such district.
    """
    box = load_districts()[district]
    lat, lon = (box["lat_min"] + box["lat_max"]) / 2, (box["lon_min"] + box["lon_max"]) / 2
    # One degree of longitude in Seoul (37.5 N) is about 0.79 of a degree of latitude.
    return sorted(places, key=lambda p: math.hypot(p.lat - lat, 0.79 * (p.lon - lon)))


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
