"""What the page's script sends, checked field by field before anything is done with it."""

from __future__ import annotations

from math import isfinite
from typing import Any
from uuid import UUID

from django.conf import settings

from .problems import Problem

MAX_ID_LETTERS = 200
MAX_DEPTH = 100
"""How many lists and objects of an answer may lie inside each other; the SDK can send about 250."""
LEAST, MOST = -(2**63), 2**63 - 1
"""The integers of 64 bits with a sign, which every database can hold."""


def text_in(body: dict[str, Any]) -> str:
    """The text of a message.

    Raises:
        Problem: 400 or 422; it is no text, is empty, too long, or holds what cannot be stored.
    """
    text = body.get("text")
    if not isinstance(text, str):
        raise Problem(400, "bad-request")
    if not text.strip():
        raise Problem(422, "empty")
    if len(text) > settings.CHAT_MAX_LETTERS:
        raise Problem(422, "too-long", limit=settings.CHAT_MAX_LETTERS)
    return storable(text)


def storable(text: str) -> str:
    """Return a text that every database can hold.

    Raises:
        Problem: 400; it holds a NUL, or half of a surrogate pair.
    """
    if "\x00" in text or (not text.isprintable() and any("\ud800" <= c <= "\udfff" for c in text)):
        raise Problem(400, "bad-request")
    return text


def uuid_in(body: dict[str, Any], name: str) -> str:
    """A UUID, as text in its usual form.

    Raises:
        Problem: 400; it is missing or no UUID.
    """
    value = body.get(name)
    try:
        return str(UUID(value)) if isinstance(value, str) else _refuse()
    except ValueError:
        return _refuse()


def short_text_in(body: dict[str, Any], name: str) -> str:
    """An id or a key.

    Raises:
        Problem: 400; it is missing, no text, or too long.
    """
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LETTERS:
        return _refuse()
    return storable(value)


def answer_in(body: dict[str, Any]) -> Any:
    """An answer to a question: any JSON that can be sent on and stored.

    Raises:
        Problem: 400; it is missing or nested too deeply, or holds a text or a number that cannot be
            stored.
    """
    if body.get("answer") is None:  # `Command(resume=None)` would not count as an answer
        _refuse()
    unseen = [(body["answer"], 1)]
    while unseen:
        each, depth = unseen.pop()
        if depth > MAX_DEPTH:
            _refuse()
        if isinstance(each, dict):
            unseen += [(inner, depth + 1) for inner in (*each.keys(), *each.values())]
        elif isinstance(each, list):
            unseen += [(inner, depth + 1) for inner in each]
        elif isinstance(each, str):
            storable(each)
        elif isinstance(each, int | float):
            _check_number(each)
    return body["answer"]


def _check_number(number: float) -> None:
    # The SDK raises an error for an integer of more than 64 bits. It sends `1e400`, which Python
    # reads as infinity, as `null`.
    fits = LEAST <= number <= MOST if isinstance(number, int) else isfinite(number)
    if not fits:
        _refuse()


def _refuse() -> Any:
    raise Problem(400, "bad-request")
