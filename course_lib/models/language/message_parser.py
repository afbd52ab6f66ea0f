"""What one message says: which of Namu's words are in it, and what they ask for.

This is the offline model's whole understanding of language, and it is deliberately plain: words
and phrases of `data/` are looked up in the text, and an ordered table of rules turns what was found
into an intent. No statistics, no network, no weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from course_lib.models.language.about_the_list import compared
from course_lib.models.language.booking_wish import (
    booking_of_a_name,
    people_in,
    unknown_place_in,
)
from course_lib.models.language.english import find_english
from course_lib.models.language.food_wish import is_food_alone, where_it_tastes, wished_soup
from course_lib.models.language.korean import find_korean
from course_lib.models.language.lexicon import (
    HANGUL,
    KOREAN,
    SLOTS,
    Hit,
    lexicon,
    normalise,
    numbered,
)
from course_lib.models.language.message_shapes import signals_of_shape
from course_lib.models.language.negation import is_refused
from course_lib.models.language.place_names import MANY, places_by_id
from course_lib.models.language.refused_kinds import (
    areas_of,
    disliked_kinds,
    kinds_of,
    of_food_itself,
    without_heads,
)
from course_lib.models.language.wish_words import (
    OPPOSITES,
    asked_count,
    asks_for_more,
    head_category,
    price_of,
    split_in_two,
    won_price,
)
from course_lib.models.language.word_filters import usable
from course_lib.neighbourhoods import spot_named


@dataclass(frozen=True)
class ParsedMessage:
    """What the lexicon finds in one message.

    Args:
        text: the message after `normalise`.
        language: `ko` or `en`; None if the text has no letters of either.
        category: the kind of place that the person wants.
        district: as in `Mapo-gu`.
        area: a neighbourhood that the message names, as `spot_named` knows it.
        tags: the wanted tags, in the order of the text.
        indoor: True, False, or None when the message does not say.
        price: `free`, `cheap`, `cheaper`, `moderate`, `expensive` or None.
        positions: ordinals in the text, from 1; -1 stands for "the last one".
        names: ids of places that the message names; several joined by `MANY` have one name.
        refused_names: the same, for those that it turns down.
        refused_positions: ordinals that it turns down.
        without: categories, tags, districts and neighbourhoods that it turns down.
        disliked: those of them that it turns down for good, see `refused_kinds`.
        elsewhere: a place outside Seoul that the message names.
        topics: what it asks for and the data lacks, such as `parking`.
        count: how many places it asks for.
        rejected_slots: wishes that the message rejects ("not Mapo"), by kind.
        unknown_place: a name in a wish to book that nothing in the data has.
        second: the second wish of a message with two.
        signals: everything else the rules ask about, such as `wish`, `reject`, `greet`.
    """

    text: str
    language: str | None
    category: str | None = None
    district: str | None = None
    area: str | None = None
    tags: tuple[str, ...] = ()
    indoor: bool | None = None
    price: str | None = None
    positions: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    refused_names: tuple[str, ...] = ()
    refused_positions: tuple[int, ...] = ()
    without: tuple[str, ...] = ()
    disliked: tuple[str, ...] = ()
    elsewhere: str | None = None
    topics: tuple[str, ...] = ()
    count: int | None = None
    rejected_slots: Mapping[str, str] = field(default_factory=dict)
    unknown_place: str | None = None
    second: ParsedMessage | None = None
    signals: frozenset[str] = frozenset()

    @property
    def name(self) -> str | None:
        """The id of the first place that the message names, None where the name has several."""
        return self.names[0] if self.names and MANY not in self.names[0] else None

    @property
    def slots(self) -> dict[str, Any]:
        """The wishes that the message states, by field name."""
        named = {
            "category": self.category,
            "district": self.district,
            "tags": list(self.tags) or None,
            "indoor": self.indoor,
            "price": self.price,
        }
        return {name: value for name, value in named.items() if value is not None}


def language_of(text: str) -> str | None:
    """Return `ko`, `en`, or None for a text with no letters (a text mostly in Hangul is Korean)."""
    hangul = len(KOREAN.findall(text))
    latin = sum(ch.isascii() and ch.isalpha() for ch in text)
    if not hangul and not latin:
        return None
    return "ko" if hangul * 2 > latin or (hangul >= 2 and hangul * 4 > latin) else "en"


def find(text: str) -> list[Hit]:
    """Return every entry of the lexicon, every name and every ordinal that occurs in a text.

    Args:
        text: a text from `normalise`.
    """
    return [*find_english(text), *find_korean(text), *numbered(text)]


def read(text: str) -> ParsedMessage:
    """Parse one message.

    Args:
        text: anything that a person or an attacker may type. It is never executed.

    Returns:
        What was found. A text without a known word gives no slots and few signals.
    """
    return _read(normalise(text))


@lru_cache(maxsize=256)
def _read(clean: str) -> ParsedMessage:
    found = find(clean)
    hits = sorted([*found, *booking_of_a_name(clean, found)], key=lambda h: (h.start, -h.end))
    cut = split_in_two(clean, hits)
    if cut is None:
        return _parsed(clean, hits)
    first = _parsed(clean, [h for h in hits if h.kind not in (*SLOTS, "area") or h.end <= cut])
    second = _parsed(
        clean[cut:],
        [h._replace(start=h.start - cut, end=h.end - cut) for h in hits if h.start >= cut],
    )
    here = {"district": first.district or second.district, "area": first.area or second.area}
    if not (first.district or first.area):
        first = replace(first, **here)
    if not (second.district or second.area):
        second = replace(second, **here)
    return replace(first, second=second)


def _parsed(clean: str, hits: list[Hit]) -> ParsedMessage:
    language, hits = language_of(clean), where_it_tastes(hits, clean)
    signals = {h.value for h in hits if h.kind == "signals"}
    hits = wished_soup(clean, usable(clean, hits))
    kept: dict[str, list[Hit]] = {}
    refused: dict[str, list[Hit]] = {}
    for hit in hits:
        may_be_refused = hit.kind not in ("signals", "topics", "elsewhere")
        group = refused if may_be_refused and is_refused(hit, clean, hits) else kept
        group.setdefault(hit.kind, []).append(hit)
    kept = _turned_round(kept, refused)
    kept, refused = without_heads(kept, refused), of_food_itself(refused)
    areas = [spot_named(h.value) for h in kept.get("area", ())]
    districts = [h.value for h in kept.get("district", ())]
    price = price_of(kept.get("price", [])) or won_price(clean)
    pair = compared(clean)
    parsed = ParsedMessage(
        text=clean,
        language=language,
        category=head_category(kept.get("category", []), language),
        district=districts[0] if districts else (areas[0].district if areas else None),
        area=None if districts or not areas else areas[0].name_ko,
        tags=tuple(dict.fromkeys(h.value for h in kept.get("tags", ()))),
        indoor=next((h.value == "true" for h in kept.get("indoor", ())), None),
        price=price,
        positions=pair.numbers if pair else _numbers(kept.get("ordinals", ())),
        names=tuple(dict.fromkeys(h.value for h in kept.get("name", ()))),
        refused_names=tuple(dict.fromkeys(h.value for h in refused.get("name", ()))),
        refused_positions=_numbers(refused.get("ordinals", ())),
        without=(*kinds_of(refused), *areas_of(clean, refused, districts, areas)),
        disliked=disliked_kinds(clean, refused, hits),
        elsewhere=next((h.value for h in kept.get("elsewhere", ())), None),
        topics=tuple(dict.fromkeys(h.value for h in kept.get("topics", ()))),
        count=asked_count(clean, [h for h in hits if h.kind == "ordinals"]),
        rejected_slots={
            kind: spot_named(h[-1].value).district if kind == "area" else h[-1].value
            for kind, h in refused.items()
            if kind in SLOTS or kind == "area"
        },
    )
    return replace(parsed, signals=frozenset(_signals(parsed, hits, signals)))


def _signals(parsed: ParsedMessage, hits: Sequence[Hit], signals: set[str]) -> set[str]:
    clean, found = parsed.text, set(signals)
    if not KOREAN.search(clean) and not re.search("[a-z]", clean) and not parsed.positions:
        found.add("empty")
    found |= signals_of_shape(clean, hits)
    rejected = parsed.rejected_slots
    if any(
        rejected.get(kind) and parsed.slots.get(kind) not in (None, rejected[kind])
        for kind in ("category", "district")
    ):
        found.add("swap")
    if parsed.topics:
        found.add("topics")
        if set(parsed.topics) & set(lexicon()["topic_places"]):
            found.add("missing_kind")
    if parsed.area:
        found.add("area")
    if is_food_alone(hits):
        found.add("food_alone")
    if asks_for_more(clean):
        found.add("more")
    if "such" in found and not parsed.slots:
        found.add("like_it")
    if "book" in found and (people_in(clean) or 0) > 8:
        found.add("too_many")
    return found


def _turned_round(
    kept: dict[str, list[Hit]], refused: dict[str, list[Hit]]
) -> dict[str, list[Hit]]:
    """Add the opposite of what was refused: who wants nothing expensive wants it cheap."""
    for kind, hits in refused.items():
        for hit in hits:
            other = OPPOSITES.get((kind, hit.value))
            if other is not None and not kept.get(kind):
                kept = {**kept, kind: [hit._replace(value=other)]}
    return kept


def _numbers(hits: Sequence[Hit]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(int(h.value) for h in hits))


def known_spans(text: str) -> list[tuple[int, int]]:
    """Return start and end of everything in a message that is known.

    Args:
        text: a text from `normalise`.
    """
    # In "에덴식당" the known half is no word of its own.
    return [
        (hit.start, hit.end)
        for hit in find(text)
        if hit.kind not in ("category", "tags") or not HANGUL.match(text[max(hit.start - 1, 0)])
    ]


def unknown_booking(parsed: ParsedMessage) -> str | None:
    """Return the name in a wish to book that nothing in the data has, None if there is none."""
    if "book" not in parsed.signals or parsed.names or parsed.positions:
        return None
    if parsed.language == "ko" and "deictic" in parsed.signals and "reject" not in parsed.signals:
        return None  # "거기" is the place, whatever the other words are
    return unknown_place_in(parsed.text, known_spans(parsed.text))


def ids_of(name: str) -> tuple[str, ...]:
    """Return the ids of the places that a value of `names` stands for."""
    return tuple(place_id for place_id in name.split(MANY) if place_id in places_by_id())
