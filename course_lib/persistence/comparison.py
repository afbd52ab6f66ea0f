"""Whether two values of a state are equal, whatever their classes make of `==`."""

from __future__ import annotations

from typing import Any


def is_equal(first: Any, second: Any) -> bool:
    """Return whether two values are equal, also where `==` raises or returns an array.

    Args:
        first: any value.
        second: another one.

    Returns:
        Values that cannot be compared are equal where they read the same.
    """
    if first is second:
        return True
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
