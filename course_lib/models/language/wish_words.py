"""Readings of a wish that need more than one word: its head, its price, its number, its parts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from course_lib.models.language.lexicon import HANGUL, Hit, lexicon
from course_lib.models.language.negation import is_refused

OPPOSITES = {
    ("price", "expensive"): "moderate",
    ("price", "cheap"): "expensive",
    ("indoor", "true"): "false",
    ("indoor", "false"): "true",
    ("tags", "lively"): "quiet",
    ("tags", "quiet"): "lively",
    ("tags", "barbecue"): "vegetarian",
    ("tags", "modern"): "traditional",
    ("tags", "traditional"): "modern",
}
"""What somebody wants who refuses a word."""

MAX_COUNT = 10
"""Most places in one answer."""

UNITS_KO = r"(?:개|곳|군데|가지|집|데)"
LINKS_KO = re.compile(
    r"(?:이랑|랑|하고|와|과|이나|그리고|그담에|그다음에|도|및|,|/|\+|또|다음|갔다가|먹고|마시고|보고|들렀다가|가고)"
)
LINKS_EN = re.compile(r"\band\b|\bthen\b|\bplus\b|\balso\b|\bafter(?:wards| that)\b|,|&|\+")
NOT_TWO = re.compile(
    r"\b(?:near|by|next to|beside|close to|around|with|without|not|or|inside|in a)\b"
    r"|근처|옆|주변|있는|안에|앞|말고|빼고|대신|가까운|보이는|같은|느낌|겸"
)
WON = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+|[이삼사오]?)\s*(만|천)\s*원|(\d{4,6})\s*(?:원|won|krw)")
BOUND = re.compile(
    r"이하|이내|안쪽|안으로|미만|까지|대|짜리|정도|쯤|예산|있는데|밖에|"
    r"under|below|less than|max|around|about|up to|at most|budget|tops"
)
"""What makes an amount of money the highest that somebody pays."""

DIGITS = {"": 1, "이": 2, "삼": 3, "사": 4, "오": 5}


def head_category(hits: Sequence[Hit], language: str | None) -> str | None:
    """Return the wanted category: the first one in an English text, the last in a Korean one.

    Args:
        hits: the categories that the message names.
        language: of the message.
    """
    weak = set(lexicon()["weak"])
    strong = [hit for hit in hits if hit.phrase not in weak]
    pool = strong or hits
    if not pool:
        return None
    return (pool[-1] if language == "ko" else pool[0]).value


def price_of(hits: Sequence[Hit]) -> str | None:
    """Return the wanted price of several: a comparison before anything else."""
    values = [hit.value for hit in hits]
    return next(
        (v for v in ("cheaper", "free", "cheap", "expensive", "moderate") if v in values), None
    )


def won_price(text: str) -> str | None:
    """Return `cheap` for an upper bound in won that only an inexpensive place keeps.

    Args:
        text: a text from `normalise`.
    """
    found = WON.search(text)
    if found is None:
        return None
    if found[3]:
        won = int(found[3])
    else:
        number = DIGITS.get(found[1]) or int(found[1].replace(",", ""))
        won = number * (10_000 if found[2] == "만" else 1_000)
    bound = BOUND.search(text)
    return "cheap" if bound and won <= 15_000 else None


def asked_count(text: str, ordinals: Sequence[Hit]) -> int | None:
    """Return how many places a message asks for, from 1 to 10, None if it does not say.

    Args:
        text: a text from `normalise`.
        ordinals: the ordinals in it; their digits count nothing.
    """
    for pattern in _count_patterns():
        for found in pattern.finditer(text):
            if any(h.start < found.end() and found.start() < h.end for h in ordinals):
                continue
            number = int(found[1]) if found[1].isdigit() else _numbers()[found[1]]
            if 0 < number <= MAX_COUNT:
                return number
    return None


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    counts = lexicon()["counts"]
    return {word: int(n) for by_n in counts.values() for n, words in by_n.items() for word in words}


@lru_cache(maxsize=1)
def _count_patterns() -> tuple[re.Pattern[str], ...]:
    korean = "|".join(w for words in lexicon()["counts"]["ko"].values() for w in words)
    english = "|".join(w for words in lexicon()["counts"]["en"].values() for w in words)
    kinds = "|".join(
        sorted(
            {f"{p}s?" for e in lexicon()["category"].values() for p in e["en"]}
            | {"places?", "spots?", "options?", "ideas?", "suggestions?", "recommendations?"},
            key=len,
            reverse=True,
        )
    )
    adjectives = r"(?:(?:good|nice|quiet|cheap|great|free|different|best|more|other|of the best) )*"
    return (
        re.compile(rf"(?<!\d)(\d{{1,2}}) ?{UNITS_KO}(?![가-힣]*\s*(?:더|번째))"),
        re.compile(rf"(?<![가-힣])({korean}) ?{UNITS_KO}(?!\s*더)"),
        re.compile(r"(?<![가-힣])(하나)만"),
        re.compile(rf"(?<![\d:])\b(\d{{1,2}}|{english}) {adjectives}(?:{kinds})\b"),
        re.compile(rf"\btop (\d{{1,2}}|{english})\b"),
        *_more_patterns(2),
    )


@lru_cache(maxsize=2)
def _more_patterns(least: int) -> tuple[re.Pattern[str], ...]:
    """Return how a number of further places is asked for, from a least number on."""
    words = {
        language: "|".join(w for n, each in by_n.items() if int(n) >= least for w in each)
        for language, by_n in lexicon()["counts"].items()
    }
    number = rf"[{least}-9]|10"
    units = rf"({number}|{words['ko']}) ?{UNITS_KO}"
    return (
        re.compile(rf"\b({number}|{words['en']}) more\b(?! (?:people|persons?|ppl))"),
        re.compile(rf"(?<![\d가-힣]){units}(?:만|정도|쯤)? ?(?:더|또)"),
        re.compile(rf"(?<![가-힣])[더또] {units}"),
    )


def asks_for_more(text: str) -> bool:
    """Whether a message asks for a number of places besides those that were shown.

    Args:
        text: a text from `normalise`.
    """
    return any(pattern.search(text) for pattern in _more_patterns(1))


def split_in_two(text: str, hits: Sequence[Hit]) -> int | None:
    """Return where the second wish of a message begins, None if there is only one wish.

    Two wishes are two kinds of places that are joined by "and", such as a cafe in Mapo and a park
    in Gangnam. "A cafe near a park" is one wish.

    Args:
        text: a text from `normalise`.
        hits: what was found in it.
    """
    weak = set(lexicon()["weak"])
    kinds = [h for h in hits if h.kind == "category" and h.phrase not in weak]
    for one, other in pairwise(kinds):
        if one.value == other.value or other.start < one.end or is_refused(one, text, hits):
            continue
        between = text[one.end : other.start]
        links = LINKS_KO if HANGUL.search(one.phrase) else LINKS_EN
        joined = links.search(between)
        if joined and not NOT_TWO.search(between) and not NOT_TWO.match(text[other.end :].strip()):
            return one.end + joined.end()
    return None
