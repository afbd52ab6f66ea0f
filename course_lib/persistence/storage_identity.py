"""Whether two savers are one, and whether they store into the same place."""

from __future__ import annotations

from typing import Any

from course_lib.persistence.storage_places import connection_of, place_of
from course_lib.persistence.whole_nodes import class_of


def same_storage(first: Any, second: Any) -> bool:
    """Return whether what one saver writes is there for the other one to read.

    So it is where they are one, or copies of one, and where each has a connection of its own to
    the same file or database: a cell that opens a saver may have run twice. A database in memory
    belongs to one connection.

    Args:
        first: a saver, or an adapter or cache around one.
        second: another one.
    """
    if same_saver(first, second):
        return True
    first, second = _unwrapped(first), _unwrapped(second)
    connection = connection_of(first)
    if connection is not None and connection is connection_of(second):
        return True
    ours = place_of(first)
    theirs = None if ours is None else place_of(second)
    return ours is not None and theirs is not None and ours.is_same(theirs)


def same_saver(first: Any, second: Any) -> bool:
    """Return whether two savers are one, or copies of one.

    `compile()` copies a saver, and gives the copy another serialiser, where
    `LANGGRAPH_STRICT_MSGPACK` is set. A copy shares everything else: connection, tables, locks.
    So does a twin that `keep_whole_nodes` has made.

    Args:
        first: a saver, or an adapter or cache around one.
        second: another one.
    """
    first, second = _unwrapped(first), _unwrapped(second)
    if first is second:
        return True
    if class_of(first) is not class_of(second):
        return False
    ours, theirs = _parts(first), _parts(second)
    return (
        bool(ours)
        and ours.keys() == theirs.keys()
        and all(part is theirs[name] for name, part in ours.items())
    )


def _unwrapped(saver: Any) -> Any:
    """The saver inside adapters and caches; the saver itself where there is none."""
    while hasattr(saver, "__dict__") and vars(saver).get("saver") is not None:
        saver = vars(saver)["saver"]
    return saver


def _parts(saver: Any) -> dict[str, Any]:
    """What a saver stores with: everything that it holds but its serialiser."""
    return {name: part for name, part in vars(saver).items() if "serde" not in name}
