"""What the searches of one turn found, read from the messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from course_lib.namu.search_tool import search_places


def brings_back(messages: Sequence[BaseMessage]) -> bool:
    """Whether a search since the person spoke asked for what had been turned down.

    Args:
        messages: of a conversation, oldest first.
    """
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return False
        if isinstance(message, AIMessage) and any(
            call["args"].get("include_rejected") for call in message.tool_calls
        ):
            return True
    return False


def found_in_this_turn(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the places of the last successful searches since the person spoke, each once.

    Args:
        messages: of a conversation, oldest first.
    """
    found: dict[str, dict[str, Any]] = {}
    for message in reversed(messages):
        if isinstance(message, ToolMessage):
            if message.name == search_places.name and message.status != "error":
                found = {**{p["id"]: p for p in json.loads(message.text)}, **found}
        elif not isinstance(message, AIMessage) or (found and message.tool_calls):
            break
    return list(found.values())
