"""ParsedMessage one message: which of Namu's words are in it, and what they ask for.

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
"""The intents that a message can have."""

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
class ParsedMessage:
    """What the lexicon finds in one message.

    Args:
        text: the message after `normalise`.
        language: `ko` or `en`; None if the text has no letters of either.
        category: the kind of place that the person wants.
        district: as in `Mapo-gu`.
        tags: the wanted tags, in the order of the text.
        indoor: True, False, or None when the message does not say.
        price: `free`, `cheap`, `cheaper`, `expensive` or None.
        positions: ordinals in the text, from 1; -1 stands for "the last one".
        name: id of a place in the data that the message names.
        elsewhere: a place outside Seoul that the message names.
        rejected_slots: wishes that the message rejects ("not Mapo"), by kind.
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
    rejected_slots: Mapping[str, str] = field(default_factory=dict)
    signals: frozenset[str] = frozenset()

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
    hangul = len(HANGUL.findall(text))
    latin = sum(ch.isascii() and ch.isalpha() for ch in text)
    if not hangul and not latin:
        return None
    return "ko" if hangul * 2 > latin or (hangul >= 2 and hangul * 4 > latin) else "en"


def read(text: str) -> ParsedMessage:
    """Parse one message.

    Args:
        text: anything that a person or an attacker may type. It is never executed.

    Returns:
        What was found. A text without a known word gives no slots and few signals.
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
    rejected_slots: dict[str, str] = {}
    by_kind: dict[str, list[Hit]] = {}
    for hit in sorted(hits, key=lambda h: h.start):
        if hit.kind in SLOTS and _is_rejected(hit, clean):
            rejected_slots[hit.kind] = hit.value
        else:
            by_kind.setdefault(hit.kind, []).append(hit)
    language = language_of(clean)
    tags = tuple(dict.fromkeys(h.value for h in by_kind.get("tags", ())))
    parsed = ParsedMessage(
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
        rejected_slots=rejected_slots,
    )
    signals = {h.value for h in by_kind.get("signals", ())}
    if not HANGUL.search(clean) and not re.search("[a-z]", clean) and not parsed.positions:
        signals.add("empty")
    signals.update(
        name
        for name, pattern in (("question", QUESTION), ("copula", COPULA))
        if pattern.search(clean)
    )
    if any(
        rejected_slots.get(kind) and parsed.slots.get(kind) not in (None, rejected_slots[kind])
        for kind in ("category", "district")
    ):
        signals.add("swap")
    return replace(parsed, signals=frozenset(signals))


def intent_of(
    parsed: ParsedMessage,
    *,
    recommended: Sequence[Mapping[str, Any]] = (),
    searched: Mapping[str, Any] = {},
) -> str:
    """Decide what a message wants, by the ordered rules of the lexicon.

    Args:
        parsed: the message.
        recommended: the places recommended last, to which "it" and "the second one" refer.
        searched: the arguments of the last search.

    Returns:
        One of `INTENTS`.
    """
    signals = set(parsed.signals) | set(parsed.slots)
    if recommended:
        signals.add("table")
    if parsed.slots:
        signals.add("slot")
    if parsed.price == "cheaper":
        signals.add("cheaper")
    inside = positions_on(parsed, recommended)
    if inside:
        signals.add("position")
    if len(inside) < len(parsed.positions):
        signals.add("beyond")
    if parsed.name:
        signals.add("named")
    if mentioned(parsed, recommended):
        signals.add("named_on_table")
    if parsed.category and parsed.category != searched.get("category"):
        signals.add("new_category")
    if signals & {"wish", "recommend"} and parsed.slots:
        signals.add("wish_slot")
    if parsed.category and signals & {"wish", "recommend", "district"}:
        signals.add("category_wish")
        same = parsed.category == searched.get("category") and not parsed.district
        if not signals & {"narrow", "cheaper"} and not (recommended and same):
            signals.add("fresh")
    for rule in lexicon()["intents"]:
        if (
            signals.issuperset(rule.get("all", ()))
            and (not rule.get("any") or signals & set(rule["any"]))
            and not signals & set(rule.get("none", ()))
        ):
            return rule["intent"]
    raise LookupError("data/lexicon.json: the last intent rule must always hold")


def booking_words(parsed: ParsedMessage) -> dict[str, Any]:
    """Return `people` and `day` of a booking, each only if the message states it."""
    words = lexicon()["booking"]
    found: dict[str, Any] = {}
    for day, phrases in words["days"].items():
        if any(phrase in parsed.text for phrase in phrases):
            found.setdefault("day", day)
    for pattern in words["people_patterns"]:
        if number := re.search(pattern, parsed.text):
            found.setdefault("people", int(number[1]))
    for people, phrases in words["people"].items():
        if any(phrase in parsed.text for phrase in phrases):
            found.setdefault("people", int(people))
    return found


def mentioned(parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    """Return the indices, from 0, of the recommended places that the message names.

    A full name decides; otherwise a word that only this place's name has is enough.
    """
    whole = tuple(i for i, place in enumerate(recommended) if place.get("id") == parsed.name)
    return whole or tuple(
        i
        for i, place in enumerate(recommended)
        if any(
            re.search(rf"\b{re.escape(word)}\b", parsed.text)
            for word in _distinctive_words(
                str(place.get("name_en", "")), str(place.get("name_ko", ""))
            )
        )
    )


@lru_cache(maxsize=1024)
def _distinctive_words(name_en: str, name_ko: str) -> list[str]:
    """Return the words of a place's name that are neither a kind of place nor a district."""
    english = re.findall(r"[a-z]{5,}", normalise(name_en))
    korean = normalise(name_ko).split()[:1]
    words = [*english, *(word for word in korean if len(word) >= 3)]
    return [word for word in words if not any(hit.kind in SLOTS for hit in find(word))]


def positions_on(parsed: ParsedMessage, recommended: Sequence[Any]) -> tuple[int, ...]:
    """Return the indices, from 0, of the recommended places that the ordinals mean."""
    indices = (n - 1 if n > 0 else len(recommended) + n for n in parsed.positions)
    return tuple(i for i in indices if 0 <= i < len(recommended))


@lru_cache(maxsize=1)
def _names() -> list[tuple[str, str]]:
    """Return the names to look for in a text, longest first, each with its place's id."""
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


def _is_rejected(hit: Hit, text: str) -> bool:
    return bool(NOT_BEFORE.search(text[: hit.start]) or NOT_AFTER.match(text[hit.end :]))


def _head(hits: list[Hit], language: str | None) -> str | None:
    """Return the wanted category: the first one in an English text, the last in a Korean one."""
    weak = set(lexicon()["weak"])
    strong = [hit for hit in hits if hit.phrase not in weak]
    pool = strong or hits
    if not pool:
        return None
    return (pool[-1] if language == "ko" else pool[0]).value


def _price(hits: list[Hit]) -> str | None:
    values = [hit.value for hit in hits]
    return next((v for v in ("cheaper", "free", "cheap", "expensive") if v in values), None)
