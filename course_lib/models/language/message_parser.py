"""Reading one message: which of Namu's words are in it, and what they ask for.

This is the offline model's whole understanding of language, and it is deliberately plain: words
and phrases from `data/lexicon.json` are looked up in the text, and an ordered table of rules in
the same file turns what was found into an intent. No statistics, no network, no weights.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from course_lib.models.language.lexicon import HANGUL, SLOTS, Hit, find, lexicon, normalise
from course_lib.places import load_places

INTENTS = ("NEW_SEARCH", "REFINEMENT", "REFINE_EXCLUDE", "FOLLOW_UP", "CONVERSATION")
"""What a message may want."""

NOT_BEFORE = re.compile(
    r"\b(?:not|no|instead of|rather than|except|other than|without|than|besides|apart from|"
    r"don'?t want|do not want|no more|sick of|tired of|enough of|enough|forget|skip|drop)"
    r"(?: (?:in|a|an|the|any|at|to|for|from|another|more|of))* $"
)
QUESTION = re.compile(r"\?|(?:나요|가요|까요|니까|예요|이에요|야|니|냐|어때)[\s.!]*$")
COPULA = re.compile(r"(?:야|예요|이에요|인가요?|입니까)\s*\?+$")
NOT_AFTER = re.compile(
    r"^(?:에|에서|으로|로|쪽|은|는|이|가|을|를)?\s*(?:말고|빼고|대신|제외|아니고|아니라|보다|싫|별로)"
)


@dataclass(frozen=True)
class Reading:
    """What one message says, as far as the lexicon goes.

    Args:
        text: the message, normalised.
        language: `ko` or `en`; None where the text has no letters of either.
        category: the kind of place wished for.
        district: as in `Mapo-gu`.
        tags: wished tags, in the order they were said.
        indoor: True, False, or None when the message does not say.
        price: `free`, `cheap`, `cheaper`, `dear` or None.
        positions: ordinals as said, 1-based; -1 is "the last one".
        name: a place of the data that the message names, by its id.
        elsewhere: a place outside Seoul that the message names.
        denied: slots the message turns down ("not Mapo"), by kind.
        signals: everything else the rules ask about, such as `wish`, `reject`, `greet`.
    """

    text: str
    language: str | None
    category: str | None = None
    district: str | None = None
    tags: tuple[str, ...] = ()
    indoor: bool | None = None
    price: str | None = None
    positions: tuple[int, ...] = ()
    name: str | None = None
    elsewhere: str | None = None
    denied: Mapping[str, str] = field(default_factory=dict)
    signals: frozenset[str] = frozenset()

    @property
    def slots(self) -> dict[str, Any]:
        """The wishes of this message that are set, by name."""
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
    hangul = len(HANGUL.findall(text))
    latin = sum(ch.isascii() and ch.isalpha() for ch in text)
    if not hangul and not latin:
        return None
    return "ko" if hangul * 2 > latin or (hangul >= 2 and hangul * 4 > latin) else "en"


def read(text: str) -> Reading:
    """Read one message.

    Args:
        text: anything a person or an attacker may type; it is only ever looked at.

    Returns:
        A `Reading`; for a text without any known word, one with no slots and few signals.
    """
    clean = normalise(text)
    hits = find(clean)
    name = _named(clean)
    if name is not None:
        # "Gwangjang Market" is one name, not the wish for a market.
        inside = range(name[1], name[2])
        hits = [h for h in hits if h.kind not in ("category", "tags") or h.start not in inside]
    booked = {h.start for h in hits if h.value == "book"}
    hits = [h for h in hits if h.kind not in SLOTS or h.start not in booked]  # no wish for books
    denied: dict[str, str] = {}
    by_kind: dict[str, list[Hit]] = {}
    for hit in sorted(hits, key=lambda h: h.start):
        if hit.kind in SLOTS and _is_denied(hit, clean):
            denied[hit.kind] = hit.value
        else:
            by_kind.setdefault(hit.kind, []).append(hit)
    language = language_of(clean)
    tags = tuple(dict.fromkeys(h.value for h in by_kind.get("tags", ())))
    reading = Reading(
        text=clean,
        language=language,
        category=_head(by_kind.get("category", []), language),
        district=next((h.value for h in by_kind.get("district", ())), None),
        tags=tags,
        indoor=next((h.value == "true" for h in by_kind.get("indoor", ())), None),
        price=_price(by_kind.get("price", [])),
        positions=tuple(dict.fromkeys(int(h.value) for h in by_kind.get("ordinals", ()))),
        name=name[0] if name else None,
        elsewhere=next((h.value for h in by_kind.get("elsewhere", ())), None),
        denied=denied,
    )
    signals = {h.value for h in by_kind.get("signals", ())}
    if not HANGUL.search(clean) and not re.search("[a-z]", clean) and not reading.positions:
        signals.add("empty")
    signals.update(
        name
        for name, pattern in (("question", QUESTION), ("copula", COPULA))
        if pattern.search(clean)
    )
    if any(
        denied.get(kind) and reading.slots.get(kind) not in (None, denied[kind])
        for kind in ("category", "district")
    ):
        signals.add("swap")
    return replace(reading, signals=frozenset(signals))


def intent_of(
    reading: Reading, *, table: Sequence[Mapping[str, Any]] = (), searched: Mapping[str, Any] = {}
) -> str:
    """Decide what a message wants, by the ordered rules of the lexicon.

    Args:
        reading: the message, read.
        table: the places recommended last, the ones "it" and "the second one" refer to.
        searched: the arguments of the last search.

    Returns:
        One of `INTENTS`.
    """
    signals = set(reading.signals) | set(reading.slots)
    if table:
        signals.add("table")
    if reading.slots:
        signals.add("slot")
    if reading.price == "cheaper":
        signals.add("cheaper")
    inside = positions_on(reading, table)
    if inside:
        signals.add("position")
    if len(inside) < len(reading.positions):
        signals.add("beyond")
    if reading.name:
        signals.add("named")
    if mentioned(reading, table):
        signals.add("named_on_table")
    if reading.category and reading.category != searched.get("category"):
        signals.add("new_category")
    if signals & {"wish", "recommend"} and reading.slots:
        signals.add("wish_slot")
    if reading.category and signals & {"wish", "recommend", "district"}:
        signals.add("category_wish")
        same = reading.category == searched.get("category") and not reading.district
        if not signals & {"narrow", "cheaper"} and not (table and same):
            signals.add("fresh")
    for rule in lexicon()["intents"]:
        if (
            signals.issuperset(rule.get("all", ()))
            and (not rule.get("any") or signals & set(rule["any"]))
            and not signals & set(rule.get("none", ()))
        ):
            return rule["intent"]
    raise LookupError("data/lexicon.json: the last intent rule must always hold")


def booking_words(reading: Reading) -> dict[str, Any]:
    """Return what a message says of a booking: `people` and `day`, as far as it says them."""
    words = lexicon()["booking"]
    found: dict[str, Any] = {}
    for day, phrases in words["days"].items():
        if any(phrase in reading.text for phrase in phrases):
            found.setdefault("day", day)
    for pattern in words["people_patterns"]:
        if number := re.search(pattern, reading.text):
            found.setdefault("people", int(number[1]))
    for people, phrases in words["people"].items():
        if any(phrase in reading.text for phrase in phrases):
            found.setdefault("people", int(people))
    return found


def mentioned(reading: Reading, table: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the 0-based places of `table` that the message names, in full or by a telling word."""
    whole = tuple(i for i, place in enumerate(table) if place.get("id") == reading.name)
    return whole or tuple(
        i
        for i, place in enumerate(table)
        if any(
            re.search(rf"\b{re.escape(word)}\b", reading.text)
            for word in _telling(str(place.get("name_en", "")), str(place.get("name_ko", "")))
        )
    )


@lru_cache(maxsize=1024)
def _telling(name_en: str, name_ko: str) -> list[str]:
    """The words of a place's name that are neither a kind of place nor a district."""
    english = re.findall(r"[a-z]{5,}", normalise(name_en))
    korean = normalise(name_ko).split()[:1]
    words = [*english, *(word for word in korean if len(word) >= 3)]
    return [word for word in words if not any(hit.kind in SLOTS for hit in find(word))]


def positions_on(reading: Reading, table: Sequence[Any]) -> tuple[int, ...]:
    """Return the 0-based places of `table` that the message's ordinals mean."""
    indices = (n - 1 if n > 0 else len(table) + n for n in reading.positions)
    return tuple(i for i in indices if 0 <= i < len(table))


@lru_cache(maxsize=1)
def _names() -> list[tuple[str, str]]:
    """Names that can be looked for in a text, longest first, with the id of their place."""
    names = []
    for place in load_places():
        for name in (place.name_en, place.name_ko):
            folded = normalise(re.sub(r"\(.*?\)", "", name))
            if len(folded.replace(" ", "")) >= (3 if HANGUL.search(folded) else 7):
                names.append((folded, place.id))
    return sorted(names, key=lambda entry: -len(entry[0]))


def _named(text: str) -> tuple[str, int, int] | None:
    for name, place_id in _names():
        start = text.find(name)
        if start >= 0:
            return place_id, start, start + len(name)
    return None


def _is_denied(hit: Hit, text: str) -> bool:
    return bool(NOT_BEFORE.search(text[: hit.start]) or NOT_AFTER.match(text[hit.end :]))


def _head(hits: list[Hit], language: str | None) -> str | None:
    """The category that is asked for: English says it first, Korean last."""
    weak = set(lexicon()["weak"])
    strong = [hit for hit in hits if hit.phrase not in weak]
    pool = strong or hits
    if not pool:
        return None
    return (pool[-1] if language == "ko" else pool[0]).value


def _price(hits: list[Hit]) -> str | None:
    values = [hit.value for hit in hits]
    return next((v for v in ("cheaper", "free", "cheap", "dear") if v in values), None)
