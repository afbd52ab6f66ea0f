"""The searches of a conversation before its last message: the last one, and those shown again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

CONDITIONS = frozenset(
    ("category", "district", "near", "name", "tags", "indoor", "max_price", "min_price")
)
"""Arguments by which a call of a tool is known as a search."""


class Shown(NamedTuple):
    """One search of a conversation that found something.

    Args:
        search: its arguments.
        ids: what it found.
    """

    search: Mapping[str, Any]
    ids: tuple[str, ...]


def shown_again(
    earlier: Sequence[BaseMessage], signals: Collection[str], kind: str | None
) -> Shown | None:
    """Return the earlier search whose places a message wants to see again, None for none.

    That is the first one, or, of a kind of place that is named, the first or the last one of that
    kind. A kind that is on the screen now was not shown before.

    Args:
        earlier: what came before the message that is read.
        signals: of the message, see `about_the_list`.
        kind: the category that it names.
    """
    if not signals & {"shown_first", "shown_before"}:
        return None
    every = _shown(earlier)
    fit = [each for each in every if kind in (None, each.search.get("category"))]
    if "shown_first" in signals:
        return fit[0] if fit else None
    return fit[-1] if fit and fit[-1] is not every[-1] else None


def _shown(earlier: Sequence[BaseMessage]) -> list[Shown]:
    """Return the searches that found something, in their order."""
    calls = {
        str(c["id"]): c["args"] for m in earlier if isinstance(m, AIMessage) for c in m.tool_calls
    }
    found = []
    for message in earlier:
        if isinstance(message, ToolMessage):
            ids, search = _ids_in(message.text), calls.get(message.tool_call_id, {})
            if ids and CONDITIONS & set(search):
                found.append(Shown(search, tuple(ids)))
    return found


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
