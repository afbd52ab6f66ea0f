"""The searches of a conversation before its last message: the last one, and the first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

CONDITIONS = frozenset(
    ("category", "district", "near", "name", "tags", "indoor", "max_price", "min_price")
)
"""Arguments by which a call of a tool is known as a search."""


class FirstShown(NamedTuple):
    """The search with which a conversation began.

    Args:
        search: its arguments.
        ids: what it found.
    """

    search: Mapping[str, Any]
    ids: tuple[str, ...]


def first_shown(earlier: Sequence[BaseMessage]) -> FirstShown | None:
    """Return the search that found the places shown first, None if nothing was found.

    Args:
        earlier: what came before the message that is read.
    """
    calls = {
        str(c["id"]): c["args"] for m in earlier if isinstance(m, AIMessage) for c in m.tool_calls
    }
    for message in earlier:
        if isinstance(message, ToolMessage):
            ids, search = _ids_in(message.text), calls.get(message.tool_call_id, {})
            if ids and CONDITIONS & set(search):
                return FirstShown(search, tuple(ids))
    return None


def last_search(earlier: Sequence[BaseMessage]) -> Mapping[str, Any]:
    """Return the arguments of the last search, none before the first one.

    Args:
        earlier: what came before the message that is read.
    """
    for message in reversed(earlier):
        if isinstance(message, AIMessage):
            for call in reversed(message.tool_calls):
                if CONDITIONS & set(call["args"]):
                    return call["args"]
    return {}


def seen_in(earlier: Sequence[BaseMessage]) -> tuple[str, ...]:
    """Return the ids of all places that were found, in their order.

    Args:
        earlier: what came before the message that is read.
    """
    found: dict[str, None] = {}
    for message in earlier:
        if isinstance(message, ToolMessage):
            found.update((place, None) for place in _ids_in(message.text))
    return tuple(found)


def _ids_in(content: str) -> list[str]:
    """Return the ids of the places in an answer of the search, however little else it tells."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        return []
    return [each["id"] for each in found if isinstance(each.get("id"), str)]
