"""Texts that a JSON schema accepts: formats, patterns and lengths."""

from __future__ import annotations

import base64
import math
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from course_lib.json_checks import pattern_fault
from course_lib.models.json_schema.effort import seconds_left, take_time
from course_lib.models.json_schema.pattern_search import matching_texts

MAX_VARIANTS = 12
"""How many different texts are offered for one pattern."""
MAX_MADE_UP = 150
"""How many are made up for one format, or for any text: these take no search."""

FIRST_DAY = date(2026, 1, 1)
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.I)
DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
URL = re.compile(r"\bhttps?://[^\s'\"<>]*[\w/]")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
CLOCK = re.compile(r"(?<!\d)([01]?\d|2[0-3]):([0-5]\d)(?!\d)")
NOTHING = re.compile(r"(?!)")


def _day(n: int) -> str:
    """Return the n-th day that is made up: a hundred in a row, and then some of later years."""
    return (FIRST_DAY + timedelta(days=n if n < 100 else n * 97 - 9600)).isoformat()


def _uuid(version: int) -> Callable[[int], str]:
    return lambda n: f"00000000-0000-{version}000-8000-{n:012d}"


FORMATS: dict[str, tuple[re.Pattern[str], Callable[[int], str]]] = {
    "date": (DATE, _day),
    "date-time": (NOTHING, lambda n: f"{_day(n)}T09:00:00Z"),
    "time": (NOTHING, lambda n: f"09:{n % 60:02d}:00Z"),
    "duration": (re.compile(r"\bP(?:\d+D)?T\d+[HMS]\b|\bP\d+[YMWD]\b"), lambda n: f"PT{n + 1}H"),
    "email": (EMAIL, lambda n: f"person{n or ''}@example.com"),
    "idn-email": (EMAIL, lambda n: f"person{n or ''}@example.com"),
    "uri": (URL, lambda n: f"https://example.com/{n or ''}"),
    "iri": (URL, lambda n: f"https://example.com/{n or ''}"),
    "uri-reference": (URL, lambda n: f"https://example.com/{n or ''}"),
    "iri-reference": (URL, lambda n: f"https://example.com/{n or ''}"),
    "uri-template": (URL, lambda n: f"https://example.com/{n or ''}"),
    "multi-host-uri": (NOTHING, lambda n: f"postgres://user:pass@localhost:{5432 + n}/app"),
    "hostname": (NOTHING, lambda n: f"host{n or ''}.example.com"),
    "idn-hostname": (NOTHING, lambda n: f"host{n or ''}.example.com"),
    "ipv4": (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b"), lambda n: f"192.0.2.{n + 1}"),
    "ipv6": (NOTHING, lambda n: f"2001:db8::{n + 1:x}"),
    "ipvanyaddress": (NOTHING, lambda n: f"192.0.2.{n + 1}"),
    "ipvanyinterface": (NOTHING, lambda n: f"192.0.2.{n + 1}/24"),
    "ipvanynetwork": (NOTHING, lambda n: f"192.0.{n}.0/24"),
    "ipv4interface": (NOTHING, lambda n: f"192.0.2.{n + 1}/24"),
    "ipv4network": (NOTHING, lambda n: f"192.0.{n}.0/24"),
    "ipv6interface": (NOTHING, lambda n: f"2001:db8::{n + 1:x}/64"),
    "ipv6network": (NOTHING, lambda n: f"2001:db8:{n:x}::/64"),
    "uuid": (UUID, _uuid(4)),
    **{f"uuid{version}": (NOTHING, _uuid(version)) for version in range(1, 9)},
    "json-pointer": (NOTHING, lambda n: f"/{n}"),
    "relative-json-pointer": (NOTHING, lambda n: f"{n}/a"),
    "regex": (NOTHING, lambda n: "a" * (n + 1)),
    "json-string": (NOTHING, str),
    "byte": (NOTHING, lambda n: _base64(f"text {n}")),
    "base64": (NOTHING, lambda n: _base64(f"text {n}")),
    "base64url": (NOTHING, lambda n: _base64(f"text {n}")),
}
"""For each format, how to find it in a text, and how to make up the n-th value of it."""


def strings(schema: Mapping[str, Any], quotes: list[str], text: str) -> Iterator[str]:
    """Yield texts that may fit a schema of type string, the likeliest first.

    Args:
        schema: with any of `format`, `pattern`, `minLength`, `maxLength`.
        quotes: what the message puts in quotes, in order.
        text: the message.
    """
    low, high = int(schema.get("minLength", 0)), schema.get("maxLength")
    pattern = schema.get("pattern")
    known = FORMATS.get(str(schema.get("format", "")).lower())
    if known is not None:
        yield from _formatted(str(schema["format"]).lower(), known, text)
    else:
        yield from quotes
        yield text
        yield from _noted(schema)
        if pattern is not None:
            yield from text.split()
    if pattern is not None:
        yield from _matching(pattern, low, high)
    if known is None:
        filled = text.strip() or "text"
        size = max(low, len(filled) if high is None else min(len(filled), high))
        yield (filled * (size // len(filled) + 1))[:size]
        yield from (f"{n} {filled}"[:high] for n in range(1, MAX_VARIANTS))
        yield from (str(n).rjust(low, "0")[:high] for n in range(MAX_MADE_UP))
        yield "x" * low


def _noted(schema: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the values that the schema itself gives: its default and its examples."""
    if "default" in schema:
        yield schema["default"]
    examples = schema.get("examples")
    if isinstance(examples, list):
        yield from examples


def _formatted(
    name: str, known: tuple[re.Pattern[str], Callable[[int], str]], text: str
) -> Iterator[str]:
    spoken, made_up = known
    day = DATE.search(text)
    clock = CLOCK.search(text)
    if name in ("time", "date-time") and clock:
        time_of_day = f"{int(clock[1]):02d}:{clock[2]}:00Z"
        yield time_of_day if name == "time" else f"{day[0] if day else _day(0)}T{time_of_day}"
    elif name == "date-time" and day:
        yield f"{day[0]}T09:00:00Z"
    yield from (match.group() for match in spoken.finditer(text))
    yield from (made_up(n) for n in range(MAX_MADE_UP))


def _matching(pattern: str, low: int, high: int | None) -> Iterator[str]:
    """Yield different short texts of an allowed length in which a pattern is found."""
    if pattern_fault(pattern) is not None:
        return
    known = _matches(pattern, low, high, 1)
    yield from known
    if known:
        yield from _matches(pattern, low, high, MAX_VARIANTS)[1:]


_MATCHES: dict[tuple[str, int, int | None, int], tuple[list[str], float]] = {}
"""The texts for a pattern, and until when they count."""
MAX_KEPT = 256
"""For how many patterns the texts are kept: a search takes most of a second."""
MAX_SEARCH_SECONDS = 8.0
RETRY_SECONDS = 60.0
"""When a search that ran out of time is tried again: the computer may have been busy."""


def _matches(pattern: str, low: int, high: int | None, most: int) -> list[str]:
    asked = (pattern, low, high, most)
    found, until = _MATCHES.get(asked, ([], 0.0))
    if time.monotonic() < until:
        return found
    take_time()
    seconds = min(MAX_SEARCH_SECONDS, seconds_left())
    texts = matching_texts(pattern, low, high, most=most, seconds=seconds)
    while len(_MATCHES) >= MAX_KEPT:
        _MATCHES.pop(next(iter(_MATCHES)), None)
    until = math.inf if texts is not None else time.monotonic() + RETRY_SECONDS
    _MATCHES[asked] = (texts or [], until)
    return texts or []


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
