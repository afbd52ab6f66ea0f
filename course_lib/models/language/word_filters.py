"""Leaving out words that mean nothing of their own where they stand, such as parts of names."""

from __future__ import annotations

import re

from course_lib.models.language.lexicon import SLOTS, Hit, lexicon
from course_lib.models.language.negation import is_refused
from course_lib.models.language.place_names import MANY, places_by_id

A_LENGTH = re.compile(r"\b(?:\d+|an?|one|two|three|four|five|six|few|several|couple of) hours?$")
"""Hours that somebody has, not those of a place."""

NO_ORDINAL = re.compile(r" (?:time|visit|trip|day|date|floor|week|love|thing)\b")
"""What follows `first` where it is no place on a list."""

LOCATIVE = re.compile(
    r"(?:역|동|구|사거리|쪽|에서|에 |근처|주변|부근)|\s*$|\s*[?!.,]|(?:은|는)\s*\?"
    r"|\s?[이가]?\s*좋|이?요(?![가-힣])"
)
"""What makes the name of a place of a word that is also an everyday one."""

ORIGIN = re.compile(
    r"(?:에서|서)?\s*(?:온|오는|오신|왔|올라온|놀러|출신)|\s*(?:음식|요리|사람|친구|관광객|스타일|풍)"
)
"""What follows a place outside Seoul where somebody or something comes from it."""

FOLLOWS = frozenset(
    ("category", "tags", "price", "indoor", "topics", "near", "anyplace", "recommend", "sights")
)
"""Kinds of words, and signals, before which such a word is the name of a place."""

IMPLIED = {
    "cafe": "coffee",
    "gallery": "art",
    "trail": "hike",
    "temple": "buddhist",
    "bookstore": "books",
}
"""The tag that each kind of place has by itself."""


def usable(text: str, hits: list[Hit]) -> list[Hit]:
    """Leave out the words that mean nothing of their own where they stand.

    Args:
        text: a text from `normalise`.
        hits: what was found in it, in order.
    """
    hits = _without_everyday(text, _without_names(text, hits))
    areas = [h for h in hits if h.kind == "area"]
    hits = [
        h  # "Gangnam Station" is not all of Gangnam
        for h in hits
        if h.kind != "district"
        or not any(a.start <= h.start and h.end <= a.end and len(a) and a != h for a in areas)
    ]
    topics = [h for h in hits if h.kind == "topics"]
    hits = [
        h
        for h in hits
        if h.kind not in (*SLOTS, "ordinals")
        or not any(t.start <= h.start and h.end <= t.end and t.phrase != h.phrase for t in topics)
    ]
    hits = [h for h in hits if not (h.kind == "topics" and A_LENGTH.search(text[: h.end]))]
    hits = [h for h in hits if not (h.kind == "ordinals" and NO_ORDINAL.match(text[h.end :]))]
    booked = [h for h in hits if h.value == "book" and h.kind == "signals"]
    starts = {h.start for h in booked}
    return [h for h in hits if h.kind not in SLOTS or h.start not in starts]  # no wish for books


def _without_names(text: str, hits: list[Hit]) -> list[Hit]:
    """Leave out the words of which a name is made, and one of two things with one name.

    "Gwangjang Market" is one name, not the wish for a market. Where a neighbourhood and a place
    have one name, it is the neighbourhood if a kind of place is asked for beside it.

    Args:
        text: a text from `normalise`.
        hits: what was found in it.
    """
    names = [h for h in hits if h.kind == "name"]
    areas = [h for h in hits if h.kind == "area"]
    categories = [h for h in hits if h.kind == "category"]
    dropped: set[Hit] = set()
    for name in names:
        inside = [h for h in hits if h is not name and name.start <= h.start and h.end <= name.end]
        others = [c for c in categories if c not in inside]
        if any(_covers(other, name) for other in (*names, *areas) if other is not name):
            dropped.add(name)
            continue
        if _is_wide(name) and any(h.kind in ("area", "district") for h in inside):
            dropped.add(name)  # the first word of a name is a part of Seoul
            continue
        same = [a for a in areas if a.start == name.start and a.end >= name.end]
        if same and others and not is_refused(name, text, hits):
            dropped.add(name)
            continue
        dropped.update(h for h in inside if h.kind in (*SLOTS, "area", "topics", "elsewhere"))
        dropped.update(h for h in inside if h.kind in ("signals", "ordinals"))
        dropped.update(same)
    return [hit for hit in hits if hit not in dropped]


def _covers(other: Hit, name: Hit) -> bool:
    overlap = other.start < name.end and name.start < other.end
    return overlap and other.end - other.start > name.end - name.start


def _is_wide(name: Hit) -> bool:
    """Whether a name is shared by several places, as a first word is."""
    return MANY in name.value and len({places_by_id()[i].category for i in _ids(name)}) > 1


def _ids(name: Hit) -> list[str]:
    return [place_id for place_id in name.value.split(MANY) if place_id in places_by_id()]


def _without_everyday(text: str, hits: list[Hit]) -> list[Hit]:
    """Leave out parts of Seoul that are everyday words here, and tags that a kind implies.

    `중계` is a part of Nowon-gu and a broadcast: it counts where a kind of place or "near" follows.

    Args:
        text: a text from `normalise`.
        hits: what was found in it.
    """
    ambiguous = set(lexicon()["ambiguous"])
    starts = {h.start for h in hits if h.kind in FOLLOWS or h.value in FOLLOWS}
    kinds = [h for h in hits if h.kind == "category"]

    def stays(hit: Hit) -> bool:
        if hit.kind in ("area", "district") and hit.phrase in ambiguous:
            behind = text[hit.end :]
            is_next = {hit.end, hit.end + 1} & starts
            return bool(LOCATIVE.match(behind) or is_next)
        if hit.kind == "elsewhere":
            return not ORIGIN.match(text[hit.end :])
        if hit.kind == "tags":
            return not any(
                IMPLIED.get(k.value) == hit.value and k.start <= hit.start and hit.end <= k.end
                for k in kinds
            )
        return True

    return [hit for hit in hits if stays(hit)]
