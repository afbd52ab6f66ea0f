"""Masking what identifies a person: e-mail addresses, telephone numbers, cards, IP addresses.

The detectors are LangChain's, of its `PIIMiddleware`, with one more for telephone numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from langchain.agents.middleware.pii import (
    PIIMatch,
    detect_credit_card,
    detect_email,
    detect_ip,
)

PHONE = re.compile(
    r"(?<![\w.-])(?:\+\d{1,3}[ .-]?\(?0?\)?\d{1,2}|\(?0\d{1,2}\)?)[ .-]?\d{3,4}[ .-]?\d{4}(?!\d)"
)
"""Korean numbers as they are written at home and from abroad: 010-1234-5678, +82 10 1234 5678."""


def detect_phone(text: str) -> list[PIIMatch]:
    """Find telephone numbers, in the form of LangChain's detectors."""
    return [
        PIIMatch(type="phone", value=found[0], start=found.start(), end=found.end())
        for found in PHONE.finditer(text)
    ]


DETECTORS: tuple[Callable[[str], list[PIIMatch]], ...] = (
    detect_email,
    detect_credit_card,
    detect_phone,
    detect_ip,
)


def mask(value: Any) -> Any:
    """Return a value in which `[phone]`, `[email]` and so on stand for what identifies a person.

    A name is not found: only what has a form of its own.

    Args:
        value: a text, or a value of JSON with texts in it.
    """
    if isinstance(value, str):
        for detect in DETECTORS:
            for found in reversed(detect(value)):
                value = f"{value[: found['start']]}[{found['type']}]{value[found['end'] :]}"
        return value
    if isinstance(value, Mapping):
        return {mask(str(key)): mask(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [mask(each) for each in value]
    return value
