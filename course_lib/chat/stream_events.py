"""LangGraph's stream, part by part, as the chat's events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from course_lib.chat.events import (
    Event,
    NodeEnded,
    NodeStarted,
    Progress,
    Token,
    ToolCalled,
    ToolReturned,
)

MODES = ["tasks", "messages", "custom"]
"""The stream modes that a chat needs: what runs, what is said, how far it is."""


def events_of(part: Mapping[str, Any], known: set[ToolCalled | ToolReturned]) -> Iterator[Event]:
    """Read one part of `graph.astream(..., stream_mode=MODES, subgraphs=True, version="v2")`.

    Args:
        part: with `type`, `ns` and `data`.
        known: tool calls and answers told already; grows. A subgraph hands all its messages on
            to its parent, so the same call is seen more than once.
    """
    data = part["data"]
    if part["type"] == "messages":
        chunk, metadata = data
        if isinstance(chunk, AIMessage) and (text := str(chunk.text)):
            yield Token(chunk.id or "", text, metadata.get("langgraph_node", ""))
    elif part["type"] == "custom":
        yield Progress(data)
    elif part["type"] == "tasks":
        within = tuple(name.split(":")[0] for name in part["ns"])
        if "result" not in data:
            yield NodeStarted(data["id"], data["name"], within)
            return
        wrote = data["result"] if isinstance(data["result"], Mapping) else {}
        error = data["error"]
        if isinstance(error, Exception):
            error = f"{type(error).__name__}: {error}"
        waits = bool(data["interrupts"])
        yield NodeEnded(data["id"], data["name"], within, wrote, error, waits)
        written = wrote.get("messages")
        for message in written if isinstance(written, list) else [written]:
            for event in tool_events(message):
                if event not in known:
                    known.add(event)
                    yield event


def tool_events(message: Any) -> list[ToolCalled | ToolReturned]:
    """Return the tool calls that a message makes, or the answer that it is."""
    if isinstance(message, ToolMessage):
        failed = message.status == "error"
        name = message.name or "tool"
        return [ToolReturned(message.tool_call_id, name, str(message.text), failed)]
    calls = message.tool_calls if isinstance(message, AIMessage) else []
    return [ToolCalled(call["id"] or "", call["name"], call["args"]) for call in calls]
