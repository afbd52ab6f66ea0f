"""The question in an interrupt's value, and what is to be read beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Set
from typing import Any

from course_lib.chat.exact_json import shown_text
from course_lib.display import as_fields, summary_line

QUESTION_KEYS = ("question", "message", "description", "title", "prompt")
"""Keys of an interrupt's value under which its question may be, the likeliest first."""

ASKS = "The graph asks:"
MAY_CONTINUE = "May the graph continue?"

MAX_DETAILS = 200
"""How many parts of a value are shown one by one."""

Details = tuple[tuple[str, str], ...]


def question_of(value: Any) -> tuple[str, Details]:
    """Return the question in an interrupt's value, and the details beside it.

    Args:
        value: anything. Of a record (a mapping, a dataclass, a Pydantic model) the question is one
            of `QUESTION_KEYS`, and the rest are the details.
    """
    if isinstance(value, str):
        return (value, ()) if value.strip() else (MAY_CONTINUE, ())
    record = record_of(value)
    if record is not None:
        key = next((k for k in QUESTION_KEYS if isinstance(record.get(k), str)), None)
        question = record[key] if key is not None else ASKS
        return question or ASKS, _details({k: v for k, v in record.items() if k != key})
    if value is None or (isinstance(value, (list, tuple, Set)) and not value):
        return MAY_CONTINUE, ()
    text = shown_text(value)
    if isinstance(value, (list, tuple, Set)) or text != summary_line(text):
        return ASKS, (("value", text),)
    return text, ()


def record_of(value: Any) -> Mapping[Any, Any] | None:
    """Return a value's fields by name, None where it has none.

    Args:
        value: of an interrupt.
    """
    if isinstance(value, Mapping):
        return value
    is_record = hasattr(type(value), "model_fields") or dataclasses.is_dataclass(value)
    return as_fields(value) if is_record and not isinstance(value, type) else None


def _details(rest: Mapping[Any, Any]) -> Details:
    shown = [
        (key if isinstance(key, str) else summary_line(key), shown_text(each))
        for key, each in list(rest.items())[:MAX_DETAILS]
    ]
    if len(rest) > MAX_DETAILS:
        shown.append(("...", f"{len(rest) - MAX_DETAILS:,} more, which are not shown"))
    return tuple(shown)
