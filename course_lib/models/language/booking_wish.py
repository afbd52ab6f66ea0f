"""What a message says about a booking: for how many, on which day, at what time, and what to do."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, Literal

from course_lib.models.language.lexicon import HANGUL, Hit, lexicon

MAX_PEOPLE = 8
"""Largest number of people in one booking."""

Act = Literal["book", "cancel", "change", "list"]
"""What is to be done with a booking."""

UNIT_KO = r"(?:명|사람|분(?!\s*(?:거리|정도|이내))|인(?![가-힣]|용))"
UNIT_EN = r"(?:people|persons?|ppl|pax|guests?|adults?|seats?|of us|friends)"
TIME = re.compile(
    r"(?:(?:오전|오후|저녁|아침|점심|밤|낮)\s*)?(?<!\d)\d{1,2}\s*시(?!간)(?:\s*(?:반|\d{1,2}\s*분))?"
    r"|(?:오전|오후|저녁|아침|점심|밤)(?:에|으로)?\s+(?=예약)"
    r"|(?<!\d)\d{1,2}:\d{2}(?:\s*[ap]m)?|\b\d{1,2}\s*[ap]\.?m\b\.?|\bat (?:noon|midnight|\d{1,2})\b"
    r"|\b\d{1,2} ?o'?clock|\bfor (?:lunch|dinner|breakfast)\b"
    r"|\b(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|열한|열두)\s*시(?:\s*반)?(?![가-힣]{2})"
)
"""A time of day; it is said that no times are stored."""


def booking_words(text: str) -> dict[str, Any]:
    """Return `people`, `day` and `time` of a booking, each only if the message states it.

    A day that cannot be stored (`next Friday`, `the weekend`) is left out: the question asks for
    it.

    Args:
        text: a text from `normalise`.
    """
    found: dict[str, Any] = {}
    people = people_in(text)
    if people is not None:
        found["people"] = people
    words = lexicon()["booking"]
    if not any(re.search(pattern, text) for pattern in words["unclear_days"]):
        days = [
            (match.start(), -len(phrase), day)
            for day, phrases in _days().items()
            for phrase in phrases
            for match in [re.search(_word(phrase), text)]
            if match
        ]
        if days:
            found["day"] = _last_or_first(text, days)
    if time := TIME.search(text):
        found["time"] = time[0].strip()
    return found


@lru_cache(maxsize=1)
def _days() -> dict[str, list[str]]:
    """Return the words for each day; "the day after" stands before any word for tomorrow."""
    days = lexicon()["booking"]["days"]
    after = [f"day after {word}" for word in days["tomorrow"] if word.isascii()]
    return {**days, "day after tomorrow": [*days["day after tomorrow"], *after]}


def _last_or_first(text: str, days: list[tuple[int, int, str]]) -> str:
    """Return the day that holds: the one behind "말고" or "not ... but", else the first."""
    ordered = sorted(days)
    for start, size, day in ordered:
        behind = text[start - size :]
        if not re.match(r"\s*(?:은|는|이|가)?\s*(?:말고|아니고|대신)", behind):
            return day
    return ordered[0][2]


def _word(phrase: str) -> str:
    if phrase.isascii():
        return rf"\b{re.escape(phrase)}\b"
    return rf"(?<![가-힣]){re.escape(phrase)}"


def people_in(text: str) -> int | None:
    """Return the number of people that a message states, None if it states none.

    Args:
        text: a text from `normalise`.
    """
    for pattern in _patterns():
        # "3 말고 4명": the number that is not refused.
        for match in pattern.finditer(text):
            if re.match(r"\s*(?:은|는|이|가)?\s*(?:말고|아니고)", text[match.end() :]):
                continue
            number = match[1]
            words = {**lexicon()["booking"]["ko_numbers"], **lexicon()["booking"]["en_numbers"]}
            return int(number) if number.isdigit() else words[number]
    for people, phrases in lexicon()["booking"]["people"].items():
        if any(re.search(rf"{_word(phrase)}(?![번째])", text) for phrase in phrases):
            return int(people)
    return None


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], ...]:
    words = lexicon()["booking"]
    korean = "|".join(sorted(words["ko_numbers"], key=len, reverse=True))
    english = "|".join(words["en_numbers"])
    return (
        re.compile(rf"(?<!\d)(\d{{1,3}}) ?(?:{UNIT_KO}|{UNIT_EN}\b)"),
        re.compile(rf"(?<![가-힣])({korean}) ?{UNIT_KO}"),
        re.compile(rf"\b({english}) {UNIT_EN}\b"),
        re.compile(
            rf"\b(?:for|party of|table of|group of|to) (\d{{1,3}}|{english})\b"
            r"(?! ?(?:pm|am|:|o'?clock|hours?|days?|nights?|minutes?|won|km|th\b|st\b|nd\b|rd\b))"
        ),
    )


def act_of(signals: Collection[str], *, after_booking: bool, text: str) -> Act | None:
    """Return what a message wants done with a booking, None if nothing.

    Args:
        signals: what the lexicon found.
        after_booking: whether the last thing done in the conversation was about a booking.
        text: the message.
    """
    if "no_booking" in signals:
        return None
    is_about = bool(re.search(r"예약|\bbook|\breserv", text))
    if "cancel_booking" in signals and (is_about or after_booking or _is_short(text)):
        return "cancel"
    told = booking_words(text)
    if "change_booking" in signals:
        return "change"
    if after_booking and {"change_it", "narrow"} & set(signals) and {"day", "people"} & set(told):
        return "change"
    if "my_bookings" in signals and "position" not in signals:
        return "list"
    return "book" if "book" in signals else None


def _is_short(text: str) -> bool:
    return len(text.split()) <= 3


UNKNOWN_PLACE = re.compile(
    r"\b(?:book|reserve|reservation (?:at|for)|booking (?:at|for)|table at|seat at)\s+"
    r"(?:me |us |a |an |the |table |seat |at )*([a-z][a-z0-9&'. -]{2,40}?)"
    r"(?=\s+(?:for|on|at|tomorrow|today|tonight|this|please|next|with|party)\b|[?.!,]|$)"
)
"""Where the name of a place stands in an English wish to book."""


def unknown_place_in(text: str, is_known: Collection[tuple[int, int]]) -> str | None:
    """Return the name in a wish to book that nothing in the data has, None if there is none.

    Args:
        text: a text from `normalise`.
        is_known: start and end of everything in it that is known.
    """
    plain = list(text)
    for start, end in is_known:
        plain[start:end] = "\x00" * (end - start)
    for start, end in _told_spans(text):
        plain[start:end] = "\x00" * (end - start)
    rest = "".join(plain)
    for word in re.findall(r"[가-힣]{2,}", rest):
        stem = re.sub(r"(?:으로|로|에서|에다|에|을|를|은|는|이|가|도|좀|요)$", "", word)
        if len(stem) >= 2 and not _is_filler(stem):
            return stem
    match = UNKNOWN_PLACE.search(text)
    if match:
        start, end = match.span(1)
        if not any(s < end and start < e for s, e in is_known):
            name = match[1].strip(" '.-")
            if name and not _is_filler(name):
                return name
    return None


@lru_cache(maxsize=1)
def _told_patterns() -> tuple[re.Pattern[str], ...]:
    """Return how the number of people, a time and a day are written."""
    phrases = [*lexicon()["booking"]["people"].values(), *_days().values()]
    return (*_patterns(), TIME, *(re.compile(_word(each)) for words in phrases for each in words))


def _told_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield where a message says how many people come and when, to the end of the word."""
    for pattern in _told_patterns():
        for match in pattern.finditer(text):
            behind = re.match("[가-힣]*", text[match.end() :]) if HANGUL.search(match[0]) else None
            yield match.start(), match.end() + (behind.end() if behind else 0)


@lru_cache(maxsize=1)
def _fillers() -> frozenset[str]:
    return frozenset(lexicon()["booking_fillers"]) | frozenset(lexicon()["everyday"])


def _is_filler(word: str) -> bool:
    fillers = _fillers()
    if word in fillers or any(word.startswith(f) for f in lexicon()["booking_stems"]):
        return True
    return all(part in fillers for part in word.split())


BOOK_FIRST = re.compile(r"^(?:(?:ok|okay|then|and|so|yes|now|great|please)[ ,]+)*book (?:the )?")
"""A message that begins with the verb; elsewhere in a message `book` may be a thing to read."""


def booking_of_a_name(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """Return the wish to book in a message such as "book Dawon for 2", none where there is none.

    Args:
        text: a text from `normalise`.
        hits: what was found in it.
    """
    begun = BOOK_FIRST.match(text)
    if begun is None or not any(h.kind == "name" and h.start == begun.end() for h in hits):
        return []
    return [Hit("signals", "book", text.index("book"), begun.end(), "book")]
