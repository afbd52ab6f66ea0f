"""The data of events as JSON and PostgreSQL can keep them.

A node may report anything as its progress, and ask about anything: a date, a set, an object. One
value that cannot be stored would lose the events that are written together with it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any

from fastapi.encoders import jsonable_encoder

MAX_REPR_LENGTH = 200
"""Of a value that JSON has no form for, so much of its `repr` is kept, in characters."""

MAX_DEPTH = 50
"""Values that are nested more deeply are shown by their `repr`."""

MAX_INTEGER = 2**63 - 1
"""Larger whole numbers do not fit into what a checkpoint is written with."""


def storable(value: Any, depth: int = 0) -> Any:
    """Return a value in a form that JSON and PostgreSQL's jsonb can hold.

    Args:
        value: anything.
        depth: how deeply it is nested in what was given first.

    Returns:
        The same where that is possible. NUL and half of an emoji become a replacement character, a
        number that is not finite becomes None, and an object becomes its fields or its `repr`.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    if depth < MAX_DEPTH:
        if isinstance(value, Mapping):
            return {storable(str(key)): storable(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list | tuple | Set):
            return [storable(each, depth + 1) for each in value]
        try:
            return storable(jsonable_encoder(value), depth + 1)
        except Exception:  # noqa: BLE001  # whatever it is, it has a repr
            pass
    try:
        return storable(repr(value)[:MAX_REPR_LENGTH])
    except Exception:  # noqa: BLE001  # a broken __repr__ of somebody's object
        return f"<{type(value).__name__}>"


def fault_of(value: Any, depth: int = MAX_DEPTH) -> str | None:
    """Why a value that a client sent cannot be kept in a checkpoint; None where it can."""
    if isinstance(value, str):
        return None if storable(value) == value else "a text that no database keeps"
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return None if abs(value) <= MAX_INTEGER else "a number that is too large"
    if isinstance(value, float):
        return None if math.isfinite(value) else "a number that is not finite"
    if depth == 0:
        return f"more than {MAX_DEPTH} levels"
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    return next(filter(None, (fault_of(each, depth - 1) for each in inside)), None)
