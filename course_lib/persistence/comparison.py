"""Whether two values of a state are equal, whatever their classes make of `==`."""

from __future__ import annotations

from typing import Any


def is_equal(first: Any, second: Any) -> bool:
    """Return whether two values are equal, also where `==` raises or returns an array.

    Containers are walked, and each pair of containers is looked at once. So lists that hold
    themselves, lists inside each other 3,000 deep, and lists that share their parts all come to
    an end; a plain `==` raises on the first two and takes hours over the third.

    Args:
        first: any value.
        second: another one.

    Returns:
        Values that cannot be compared are equal where they read the same.
    """
    pairs, seen = [(first, second)], set()
    while pairs:
        one, other = pairs.pop()
        if one is other or (id(one), id(other)) in seen:
            continue
        if type(one) is not type(other) or type(one) not in (list, tuple, dict):
            if not _is_equal_value(one, other):
                return False
            continue
        seen.add((id(one), id(other)))
        if len(one) != len(other):
            return False
        if not isinstance(one, dict):
            pairs += zip(one, other, strict=True)
        elif all(key in other for key in one):
            pairs += [(value, other[key]) for key, value in one.items()]
        else:
            return False
    return True


def _is_equal_value(first: Any, second: Any) -> bool:
    try:
        found = first == second
        if isinstance(found, bool):
            return found
        same_shape = getattr(first, "shape", None) == getattr(second, "shape", None)
        return bool(found.all()) and same_shape if hasattr(found, "all") else bool(found)
    except Exception:  # noqa: BLE001  arrays and tables raise ValueError, other classes anything
        return type(first) is type(second) and _text(first) == _text(second)


def _text(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  a __repr__ may raise anything
        return f"<{type(value).__name__}>"
