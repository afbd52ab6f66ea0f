"""Any value in short or as JSON, the same from run to run.

Values come from other people's graphs: arrays, cycles, a million items, objects whose `__repr__`
raises. Whatever a value is, these functions return a short text.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import count, islice
from typing import Any

from course_lib.display.quoting import quoted

SHORT = 72
"""Longest value shown in one table cell, in characters."""

MAX_ITEMS = 200
"""How many items of a container are looked at."""

MAX_DEPTH = 12  # containers inside each other that are looked at
MAX_TEXT = 20_000
"""Longest text that is looked at, in characters."""

MAX_FIELDS = 1_000
"""How many fields of a state are looked at."""

LONG = 2_000
"""Longest line that is cut without its length being told, and longest line of a table's cell."""

RAISED = (Exception, SystemExit, GeneratorExit)
"""What a class may raise when it is looked at; only an interrupt of the person's own goes on."""

MAX_BITS = 10_000
"""Largest integer that is written out; Python refuses to write one of more than 4,300 digits."""

CUT = "..."

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+| id='\d{9,}'")
"""Where an object is in memory, as Python and its mocks write it: another place in each run."""


def summary_line(value: Any) -> str:
    """Return one short line for any value, the same from run to run.

    Args:
        value: anything.

    Returns:
        At most 72 characters. Where a long text was cut, they end in its length.
    """
    length = str.__len__(value) if issubclass(type(value), str) else None
    return shorten(one_line(value), SHORT, length)


def shorten(text: str, width: int, length: int | None = None) -> str:
    """Return a text on one line, cut to a width; of a long one the length is told.

    Args:
        text: any text.
        width: in characters.
        length: how long the text is, where `text` is only its beginning.
    """
    line = re.sub(r"\s+", " ", text[: max(MAX_TEXT, width)]).strip()
    if len(line) <= width:
        return line
    cut = CUT
    if max(length or 0, len(text)) > LONG:
        whole = f"{length or len(text):,}"
        if length is None and len(text) >= MAX_TEXT:
            whole = f"more than {MAX_TEXT:,}"
        cut = f"{CUT} ({whole} characters)"
    return line[: width - len(cut)].rstrip() + cut


def cut_text(text: str, length: int = MAX_TEXT) -> str:
    """Return a text, cut where it is too long; the cut tells how much more there is.

    Args:
        text: any text.
        length: how many characters are kept.
    """
    if len(text) <= length:
        return text
    return f"{text[:length]}{CUT} {len(text) - length:,} more characters"


def as_fields(state: Any) -> dict[str, Any]:
    """Return a state's fields by name, whichever of Python's record types it is.

    Args:
        state: a mapping, a dataclass, a Pydantic model, a `StateSnapshot`, or any other value,
            which becomes the one field `(whole state)`.
    """
    if state is None:
        return {}
    try:
        return _fields(state)
    except RAISED:
        return {"(whole state)": state}


def _fields(state: Any) -> dict[str, Any]:
    from langgraph.types import StateSnapshot

    if isinstance(state, StateSnapshot):
        return as_fields(state.values)
    if isinstance(state, Mapping):
        found = list(islice(state.items(), MAX_FIELDS))
        return {**named_apart(found), **dict.fromkeys(rest_of(state, MAX_FIELDS), CUT)}
    names = _field_names(state)
    if names is None:
        return {"(whole state)": state}
    return {name: _attribute(state, name) for name in names}


def is_message(value: Any) -> bool:
    """Return whether a value is a LangChain message."""
    return all(hasattr(type(value), name) for name in ("text", "pretty_repr")) and all(
        hasattr(value, name) for name in ("content", "type")
    )


def speaker_of(message: Any) -> tuple[str, str]:
    """Return who says a message, and what: its text and the tool calls it makes.

    Args:
        message: a LangChain message, or a `{"role": ..., "content": ...}` mapping.
    """
    if isinstance(message, Mapping):
        role = message.get("role", message.get("type", "?"))
        content = message.get("content", "")
        return text_of(role), content if isinstance(content, str) else one_line(content)
    if message.type == "remove":
        return "remove", text_of(message.id)
    text = text_of(message.text)
    calls = "; ".join(
        f"{call['name']}({', '.join(f'{k}={one_line(v)}' for k, v in call['args'].items())})"
        for call in getattr(message, "tool_calls", ())
    )
    if message.type == "tool" and message.name:
        return f"tool {message.name}", text
    return message.type, " ".join(filter(None, [text, f"-> {calls}" if calls else ""]))


def one_line(value: Any, depth: int = 0, inside: tuple[int, ...] = ()) -> str:
    """Return a value on one line, whatever its length.

    Args:
        value: anything.
        depth: how many containers it is inside.
        inside: the ids of these containers.
    """
    try:
        return _one_line(value, depth, inside)
    except RAISED as error:
        return unshowable(value, error)


def _one_line(value: Any, depth: int, inside: tuple[int, ...]) -> str:
    if is_message(value):
        who, text = speaker_of(value)
        return f"{who}: {text}"
    if class_name(value) == "Overwrite":
        return f"Overwrite({one_line(value.value, depth + 1, inside)})"
    container = isinstance(value, (Mapping, list, tuple, Set)) and not _has_own_repr(value)
    if container and (depth >= MAX_DEPTH or id(value) in inside):
        return CUT
    inside = (*inside, id(value))
    if not container:
        return text_of(value, repr)
    if isinstance(value, Mapping):
        if "name_en" in value and "id" in value:
            return f"{value['id']} {value['name_en']}"
        shown = named_apart(first_of(value.items())).items()
        pairs = (f"{name}: {one_line(v, depth + 1, inside)}" for name, v in shown)
        return "{" + ", ".join([*_enough(pairs), *rest_of(value)]) + "}"
    items = first_of(value)
    if isinstance(value, (list, tuple)):
        if items and all(map(is_message, items)):
            number = len(value)
            return f"{number} message{'s' if number > 1 else ''}, last {one_line(value[-1])}"
        lines = _enough(one_line(item, depth + 1, inside) for item in items)
        return "[" + ", ".join([*lines, *rest_of(value)]) + "]"
    lines = sorted(_enough(one_line(item, depth + 1, inside) for item in items))
    return "{" + ", ".join([*lines, *rest_of(value)]) + "}"


def _has_own_repr(value: Any) -> bool:
    """Whether a container is a record with names of its own, as a named tuple is."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def first_of(values: Any) -> list[Any]:
    """Return the first items of a container, as many as are looked at."""
    return list(islice(values, MAX_ITEMS))


def _enough(parts: Iterable[str]) -> Iterator[str]:
    """Parts up to the longest text that is looked at: a list may hold one list many times."""
    length = 0
    for part in parts:
        yield part
        length += len(part)
        if length > MAX_TEXT:
            yield CUT
            return


def rest_of(value: Any, shown: int = MAX_ITEMS) -> list[str]:
    """Return a line that tells how many items are left out, or none.

    Args:
        value: a container.
        shown: how many of its items are looked at.
    """
    more = len(value) - shown
    return [f"{CUT} {more:,} more"] if more > 0 else []


def text_of(value: Any, form: Any = str) -> str:
    """Return a value as text, without the addresses of objects, which change from run to run."""
    if issubclass(type(value), str):
        value = str.__str__(value)[:MAX_TEXT]
    elif isinstance(value, (bytes, bytearray)):
        value = value[:MAX_TEXT]
    elif isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > MAX_BITS:
        return f"an integer of {value.bit_length():,} bits"
    try:
        text = quoted(value) if form is repr and type(value) is str else form(value)
    except RAISED as error:
        return unshowable(value, error)
    if not isinstance(text, str):
        return f"<{class_name(value)}>"
    return ADDRESS.sub("", text[:MAX_TEXT])


def class_name(value: Any) -> str:
    """Return the name of a value's class, also where its metaclass has another idea of it."""
    return type.__dict__["__name__"].__get__(type(value))


def unshowable(value: Any, error: BaseException) -> str:
    """Return what stands for a value that raised when it was looked at."""
    return f"<{class_name(value)}, which cannot be shown: {class_name(error)}>"


def name_of(key: Any) -> str:
    """Return the key of a mapping as text, cut where it is very long."""
    return cut_text(key) if type(key) is str else one_line(key, MAX_DEPTH - 1)


def named_apart(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Return values by the names of their keys; keys that look alike are told apart.

    Args:
        pairs: of a mapping, such as `{1: "a", "1": "b"}`.
    """
    named: dict[str, Any] = {}
    for key, value in pairs:
        name = first = name_of(key)
        for number in count(1):
            if name not in named:
                break
            name = f"{first} ({class_name(key)}{'' if number == 1 else f' {number}'})"
        named[name] = value
    return named


def _field_names(state: Any) -> Sequence[str] | None:
    fields = getattr(type(state), "model_fields", None)
    if isinstance(fields, Mapping):
        return list(fields)
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        return [field.name for field in dataclasses.fields(state)]
    return None


def _attribute(state: Any, name: str) -> Any:
    try:
        return getattr(state, name)
    except RAISED as error:
        return error
