"""The names by which places and neighbourhoods are called, the short ones among them.

A place is called by its name, by that name without its kind (`리움` for `리움미술관`), by the first
word of it (`블루보틀`), or by a short name that the data knows (`국중박`, `DDP`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

from course_lib.models.language.lexicon import HANGUL, entries, lexicon, normalise
from course_lib.neighbourhoods import load_neighbourhoods
from course_lib.places import Place, load_districts, load_places

MANY = "|"
"""What stands between the ids of several places with one name, in a `Hit` of kind `name`."""

BRACKETS = re.compile(r"\(.*?\)")


def korean_names() -> Iterator[tuple[str, str, str]]:
    """Yield every Korean name without spaces, with its kind (`name` or `area`) and its value.

    The value of a name is the id of its place, or several; that of an area is the name of the
    neighbourhood as `spot_named` knows it.
    """
    yield from ((name, "name", MANY.join(ids)) for name, ids in _place_names()["ko"].items())
    for area in load_neighbourhoods():
        for name in (area.name_ko, *area.also):
            is_korean = HANGUL.search(name) and not _is_district(name, area.district)
            if is_korean or (name.isupper() and len(name) >= 3):  # DMC, IFC
                yield _compact(name), "area", area.name_ko


def english_names() -> Iterator[tuple[str, str, str]]:
    """Yield every English name, with its kind (`name` or `area`) and its value."""
    yield from ((name, "name", MANY.join(ids)) for name, ids in _place_names()["en"].items())
    common = {phrase for kind, _, phrase in entries("en") if kind not in ("district", "elsewhere")}
    common |= set(lexicon()["no_short_names"])
    names = [
        (normalise(name), area)
        for area in load_neighbourhoods()
        for name in (area.name_en, *area.also)
        if not HANGUL.search(name)
    ]
    shorter = [
        (name.removesuffix(ending), area)
        for name, area in names
        for ending in (" station", "-dong", " univ.", " university")
        if name.endswith(ending) and len(name.removesuffix(ending)) >= 5
    ]
    for name, area in [*names, *shorter]:
        if len(name) >= 3 and name not in common and not _is_district(name, area.district):
            yield name, "area", area.name_ko


@lru_cache(maxsize=1)
def places_by_id() -> dict[str, Place]:
    """Return all places by their ids."""
    return {place.id: place for place in load_places()}


def _is_district(name: str, district: str) -> bool:
    """Whether a name is that of the whole district that it lies in, with or without its ending.

    Dongdaemun is a gate in Jung-gu, and no short name of Dongdaemun-gu.
    """
    return _district_stems().get(_compact(name).removesuffix("-gu").removesuffix("구")) == district


@lru_cache(maxsize=1)
def _district_stems() -> dict[str, str]:
    stems = {}
    for name, box in load_districts().items():
        stems |= {name.removesuffix("-gu").lower(): name, box["name_ko"].removesuffix("구"): name}
    return {stem: name for stem, name in stems.items() if len(stem) > 1}


def _compact(name: str) -> str:
    return normalise(BRACKETS.sub("", name)).replace(" ", "")


@lru_cache(maxsize=1)
def _place_names() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the ids of the places that each name means, by language; full names win."""
    full: dict[str, dict[str, list[str]]] = {"ko": defaultdict(list), "en": defaultdict(list)}
    short: dict[str, dict[str, list[str]]] = {"ko": defaultdict(list), "en": defaultdict(list)}
    for place in load_places():
        full["ko"][_compact(place.name_ko)].append(place.id)
        full["en"][normalise(BRACKETS.sub("", place.name_en))].append(place.id)
        for name in _short_korean(place.name_ko):
            short["ko"][name].append(place.id)
        for name in _short_english(place.name_en):
            short["en"][name].append(place.id)
    for names, name_ko in _known_short_names():
        place_id = next((p.id for p in load_places() if p.name_ko == name_ko), None)
        if place_id is not None:
            for name in names:
                if HANGUL.search(name) or name.isupper():
                    full["ko"].setdefault(_compact(name), [place_id])
                if not HANGUL.search(name):
                    full["en"].setdefault(normalise(name), [place_id])
    found = {}
    for language, names_of in full.items():
        taken = _other_words(language)
        extra = {n: ids for n, ids in short[language].items() if n not in names_of}
        extra = {n: ids for n, ids in extra.items() if n not in taken and len(set(ids)) <= 6}
        usable = {n: ids for n, ids in names_of.items() if len(n) >= (2 if language == "ko" else 3)}
        found[language] = {n: tuple(dict.fromkeys(i)) for n, i in {**extra, **usable}.items()}
    return found


def _known_short_names() -> Iterator[tuple[tuple[str, ...], str]]:
    """Short names of the lexicon, and all names of landmarks that are also places."""
    for name_ko, names in lexicon()["short_names"].items():
        yield tuple(names), name_ko
    by_name = {_compact(place.name_ko): place.name_ko for place in load_places()}
    for area in load_neighbourhoods():
        names = [name for name in (area.name_ko, *area.also) if not name.endswith("역")]
        same = next((by_name[_compact(n)] for n in names if _compact(n) in by_name), None)
        if same is not None and area.kind == "landmark":
            yield tuple(names), same


@lru_cache(maxsize=2)
def _other_words(language: str) -> frozenset[str]:
    """Words that mean something else, and so are no short names."""
    words = {_compact(phrase) if language == "ko" else phrase for _, _, phrase in entries(language)}
    by_name = {_compact(place.name_ko) for place in load_places()}
    for area in load_neighbourhoods():
        names = {_compact(name) for name in (area.name_ko, *area.also)}
        if area.kind == "landmark" and by_name & names:
            continue  # a landmark that is a place itself
        words.update(_compact(name) for name in (area.name_ko, *area.also))
        words.update(normalise(name) for name in (area.name_en, *area.also))
    words.update(lexicon()["everyday"])
    words.update(lexicon()["no_short_names"])
    return frozenset(words)


def _short_korean(name: str) -> Iterator[str]:
    plain = normalise(BRACKETS.sub("", name))
    first = plain.split(" ")[0]
    if first != plain and len(first) >= 3:
        yield first
    for ending in lexicon()["name_endings"]["ko"]:
        stem = _compact(plain).removesuffix(ending)
        if stem != _compact(plain) and len(stem) >= 3:
            yield stem
            break


def _short_english(name: str) -> Iterator[str]:
    words = normalise(BRACKETS.sub("", name)).split(" ")
    endings = set(lexicon()["name_endings"]["en"])
    kept = [word for word in words if word not in endings]
    if kept and kept != words and (len(kept) > 1 or len(kept[0]) >= 5):
        yield " ".join(kept)
    if len(words) > 1 and len(words[0]) >= 5 and words[0] not in endings:
        yield words[0]
