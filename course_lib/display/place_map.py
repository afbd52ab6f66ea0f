"""A map of Seoul with numbered pins, drawn from the outlines of its districts, with no network.

show_map(state["last_recommended_places"])
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from typing import Any

from course_lib.display.output import DisplayOutput, display_output
from course_lib.display.values import as_fields
from course_lib.places import load_districts
from course_lib.settings import DATA

KM_PER_DEGREE = 111.2
MIDDLE = (37.5665, 126.978)
"""Where the flat drawing touches the globe: Seoul's city hall, latitude and longitude."""

MIN_SPAN = 9.0
"""How much of the city is shown at least, from side to side, in km."""

WIDTH = 360
"""Width of the drawing's own units; it is as wide as its place on the page."""

PIN = 10.0
"""Radius of a pin, in units of the drawing."""

LETTER = 7.5
"""Width of a letter of a district's name, in units of the drawing."""

HANGUL = re.compile("[\uac00-\ud7a3]")

Point = tuple[float, float]

STYLE = (
    ".namu-map{width:100%;max-width:560px;color:var(--jp-content-font-color1,#212121);"
    "background:var(--jp-layout-color1,#fff)}"
    ".namu-map path{fill:var(--jp-layout-color2,#eee);stroke:var(--jp-border-color0,#757575);"
    "stroke-width:1;vector-effect:non-scaling-stroke}"
    ".namu-map .namu-map-here{fill:color-mix(in srgb,#1565c0 22%,var(--jp-layout-color1,#fff))}"
    ".namu-map polyline{fill:none;stroke:#5b9bd5;stroke-width:5;stroke-linejoin:round}"
    ".namu-map text{fill:currentColor;text-anchor:middle;font:13px system-ui,sans-serif}"
    ".namu-map circle{fill:#1565c0;stroke:#fff;stroke-width:1.5}"
    ".namu-map .namu-map-number{fill:#fff;font-weight:700;font-size:12px}"
)


@lru_cache(maxsize=1)
def _outlines() -> Mapping[str, Any]:
    return json.loads((DATA / "district_outlines.json").read_text(encoding="utf-8"))


def show_map(places: Iterable[Mapping[str, Any] | Any]) -> None:
    """Show places of Seoul on a map, numbered in their order.

    Args:
        places: `Place` objects, or mappings with their fields.

    Raises:
        KeyError: one of them has no `lat`, `lon` or `name_en`.
    """
    fields = [place if isinstance(place, Mapping) else as_fields(place) for place in places]
    pins = [(str(p["name_en"]), (float(p["lat"]), float(p["lon"]))) for p in fields]
    names = [
        f"{name} ({place['district']})" if "district" in place else name
        for (name, _), place in zip(pins, fields, strict=True)
    ]
    legend = "".join(f"<li>{escape(name)}</li>" for name in names)
    text = "\n".join(f"{n}. {name}" for n, name in enumerate(names, 1))
    source = f"{map_svg(pins)}<ol>{legend}</ol>"
    display_output(DisplayOutput(text or "no places", "text/html", source))


def map_svg(pins: Sequence[tuple[str, Point]]) -> str:
    """Return a map as SVG, as near as all pins allow; the whole city where there are none.

    Args:
        pins: name, and latitude and longitude in degrees; the first gets the number 1.

    Returns:
        Markup in which every name is escaped. The districts have Korean names if a pin has one.
    """
    spots = [_flat(point) for _, point in pins]
    left, top, span_x, span_y = _window(spots)
    scale = WIDTH / span_x

    def at(point: Point) -> Point:
        x, y = _flat(point)
        return (x - left) * scale, (y - top) * scale

    height = span_y * scale
    parts = [_district(name, ring, at, spots, height) for name, ring in _districts()]
    river = " ".join(f"{x:.0f},{y:.0f}" for x, y in map(at, _outlines()["han_river"]))
    parts.append(f'<polyline points="{river}"/>')
    placed = _apart([at(point) for _, point in pins])
    in_korean = any(HANGUL.search(name) for name, _ in pins)
    for name, ring in _districts():
        shown = load_districts()[name]["name_ko"] if in_korean else name.removesuffix("-gu")
        parts.append(_label(shown, ring, at, height, placed))
    for n, ((name, _), (x, y)) in enumerate(zip(pins, placed, strict=True), 1):
        parts.append(
            f'<g><title>{escape(name)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="{PIN}"/>'
            f'<text class="namu-map-number" x="{x:.1f}" y="{y + 4:.1f}">{n}</text></g>'
        )
    told = "; ".join(f"{n} {name}" for n, (name, _) in enumerate(pins, 1)) or "no places"
    return (
        f"<style>{STYLE}</style>"
        f'<svg class="namu-map" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(f"Map of Seoul: {told}")}">{"".join(parts)}</svg>'
    )


def _districts() -> Iterable[tuple[str, Sequence[Point]]]:
    return _outlines()["districts"].items()


def _flat(point: Point) -> Point:
    """Kilometres to the east and to the south of the city hall."""
    lat, lon = point
    east = (lon - MIDDLE[1]) * KM_PER_DEGREE * math.cos(math.radians(MIDDLE[0]))
    return east, (MIDDLE[0] - lat) * KM_PER_DEGREE


def _window(spots: Sequence[Point]) -> tuple[float, float, float, float]:
    """Left, top, width and height of what is shown, in km; four wide for three high."""
    shown = spots or [_flat(point) for _, ring in _districts() for point in ring]
    xs, ys = [x for x, _ in shown], [y for _, y in shown]
    margin = 1.35 if spots else 1.02
    wide = max((max(xs) - min(xs)) * margin, (max(ys) - min(ys)) * margin * 4 / 3, MIN_SPAN)
    high = wide * 3 / 4
    return (min(xs) + max(xs) - wide) / 2, (min(ys) + max(ys) - high) / 2, wide, high


def _district(
    name: str, ring: Sequence[Point], at: Any, spots: Sequence[Point], height: float
) -> str:
    """One district, left out where none of it is in sight."""
    drawn = [at(point) for point in ring]
    if not _in_sight(drawn, height):
        return ""
    here = any(_is_inside(spot, [_flat(point) for point in ring]) for spot in spots)
    steps = "L".join(f"{x:.0f} {y:.0f}" for x, y in drawn)
    kind = ' class="namu-map-here"' if here else ""
    return f'<path{kind} d="M{steps}Z"><title>{escape(name)}</title></path>'


def _label(name: str, ring: Sequence[Point], at: Any, height: float, pins: Sequence[Point]) -> str:
    """A district's name where most of it is seen, left out where there is no room for it."""
    drawn = [at(point) for point in ring]
    low, high = max(min(y for _, y in drawn), 0), min(max(y for _, y in drawn), height)
    half = sum(2 * LETTER if HANGUL.match(sign) else LETTER for sign in name) / 2
    fits: list[tuple[float, float, float]] = []  # how well it fits, and where its middle is
    for step in range(1, 16):
        y = low + (high - low) * step / 16
        for left, right in _crossed(drawn, y):
            left, right = max(left, 0) + half, min(right, WIDTH) - half
            for x in ((left + right) / 2, left, right):
                is_free = all(abs(x - a) > half + PIN or abs(y - b) > 2 * PIN for a, b in pins)
                if left <= right and 14 < y < height - 8 and is_free:
                    room = min(x - left, right - x, half)
                    fits.append((room - abs(y - (low + high) / 2), x, y))
    if not fits:
        return ""
    _, x, y = max(fits)
    return f'<text x="{x:.0f}" y="{y + 4:.0f}">{escape(name)}</text>'


def _crossed(drawn: Sequence[Point], y: float) -> list[Point]:
    """Where a level line is inside a ring: pairs of its left and its right end."""
    ends = sorted(
        x1 + (x2 - x1) * (y - y1) / (y2 - y1)
        for (x1, y1), (x2, y2) in zip(drawn, [*drawn[1:], drawn[0]], strict=True)
        if (y1 > y) != (y2 > y)
    )
    return list(zip(ends[::2], ends[1::2], strict=True))


def _in_sight(drawn: Sequence[Point], height: float) -> bool:
    xs, ys = [x for x, _ in drawn], [y for _, y in drawn]
    return min(xs) < WIDTH and max(xs) > 0 and min(ys) < height and max(ys) > 0


def _is_inside(spot: Point, ring: Sequence[Point]) -> bool:
    """Whether a point lies in a ring, by counting the borders to its right."""
    x, y = spot
    inside = False
    for (x1, y1), (x2, y2) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def _apart(spots: Sequence[Point]) -> list[Point]:
    """Pins that would cover each other, moved to the right until each number can be read."""
    placed: list[Point] = []
    for x, y in spots:
        while any(math.hypot(x - a, y - b) < 1.7 * PIN for a, b in placed):
            x += PIN / 2
        placed.append((x, y))
    return placed
