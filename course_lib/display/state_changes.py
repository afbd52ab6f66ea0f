"""What a turn changed in a state, field by field and in few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.display.values import RAISED, SHORT, as_fields, is_message, shorten, summary_line
from course_lib.persistence import is_equal

MAX_COMPARED = 100
"""Longest list that is compared item by item; of a longer one the lengths are told."""

MAX_NAMED = 4
"""How many items that were added or removed are named."""

NOTHING = "nothing"
"""What stands for a field that is not there, or is None."""


@dataclass(frozen=True)
class StateChange:
    """One field that changed.

    Args:
        field: its name; the key of a mapping follows a dot.
        text: what became of it, such as `4 -> 8` or `+ cafe-02`.
    """

    field: str
    text: str


def state_changes(before: Any, after: Any) -> list[StateChange]:
    """Return what differs between two states, in the order of the later one's fields.

    Args:
        before: the earlier state: a dict, a dataclass, a Pydantic model or a `StateSnapshot`.
        after: the later one.

    Returns:
        One entry for each field that changed, and for each changed key of a field that is a dict.
    """
    old, new = as_fields(before), as_fields(after)
    changes: list[StateChange] = []
    for name in dict.fromkeys([*new, *old]):
        try:
            changes += _changes(name, old.get(name), new.get(name))
        except RAISED as error:
            changes.append(StateChange(name, f"cannot be compared: {type(error).__name__}"))
    return changes


def _changes(name: str, old: Any, new: Any) -> list[StateChange]:
    if is_equal(old, new):
        return []
    if type(old) is type(new) is dict and not _is_place(old) and not _is_place(new):
        keys = list(dict.fromkeys([*new, *old]))
        if len(keys) <= MAX_COMPARED:
            pairs = [(f"{name}.{_plain(key)}", old.get(key), new.get(key)) for key in keys]
            found = [StateChange(key, _told(*pair)) for key, *pair in pairs if not is_equal(*pair)]
            return found or [StateChange(name, _arrow(old, new))]
    return [StateChange(name, _told(old, new))]


def _told(old: Any, new: Any) -> str:
    """What became of one value."""
    if _is_messages(old) and _is_messages(new) and (old or new):
        return _told_messages(_items(old), _items(new))
    if _is_list(old) and _is_list(new):
        sizes = [0 if each is None else len(each) for each in (old, new)]
        if max(sizes) > MAX_COMPARED:
            same = " items, others than before" if sizes[0] == sizes[1] else " items"
            return f"{sizes[0]:,} -> {sizes[1]:,}{same}"
        before, now = _items(old), _items(new)
        removed, added = _without(before, now), _without(now, before)
        if (added or removed) and (len(removed) < len(before) or not before or not now):
            return " ".join([*_named("+", added), *_named("-", removed)])
        if before and not added and not removed and type(old) is type(new):
            return "the same items in another order"
    return _arrow(old, new)


def _told_messages(before: Sequence[Any], now: Sequence[Any]) -> str:
    count = f"{len(before)} -> {len(now)}"
    if len(before) != len(now):
        return count
    other = sum(not is_equal(one, two) for one, two in zip(before, now, strict=True))
    return f"{count}, {other} of them changed"


def _arrow(old: Any, new: Any) -> str:
    first, second = _plain(old), _plain(new)
    if first == second:
        return f"{second} (changed in what is too long to show, or has no words)"
    return f"{first} -> {second}"


def _named(sign: str, items: Sequence[Any]) -> list[str]:
    if not items:
        return []
    named = ", ".join(_plain(item) for item in items[:MAX_NAMED])
    more = len(items) - MAX_NAMED
    return [f"{sign} {named}" + (f" and {more} more" if more > 0 else "")]


def _without(items: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """The items that are not among the others; an equal one is taken from those only once."""
    left = list(others)
    found = []
    for item in items:
        place = next((n for n, each in enumerate(left) if is_equal(item, each)), None)
        if place is None:
            found.append(item)
        else:
            del left[place]
    return found


def _plain(value: Any) -> str:
    """A value in few words; a text stands without quotes, unless it would not be seen."""
    if isinstance(value, str):
        return shorten(value, SHORT) or repr(value[:SHORT])
    return NOTHING if value is None else summary_line(value)


def _is_list(value: Any) -> bool:
    return value is None or isinstance(value, (list, set, frozenset)) or type(value) is tuple


def _items(value: Any) -> list[Any]:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=summary_line)
    return [] if value is None else list(value)


def _is_messages(value: Any) -> bool:
    """Whether a value is a list of messages, as objects or as dicts; an empty one counts."""
    return value is None or (isinstance(value, list) and all(map(_is_message, value)))


def _is_message(value: Any) -> bool:
    return is_message(value) or (isinstance(value, Mapping) and {"role", "content"} <= set(value))


def _is_place(value: Mapping[Any, Any]) -> bool:
    return "name_en" in value and "id" in value
