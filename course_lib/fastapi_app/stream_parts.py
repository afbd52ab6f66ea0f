"""The parts of LangGraph's stream that a chat page needs, as events for the client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage

MODES = ["messages", "custom", "tasks"]
"""The stream modes that a chat page needs: what is said, how far a tool is, which node runs."""


def events_from_part(part: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Turn one part of LangGraph's stream into events for the client.

    Args:
        part: of `graph.astream(..., stream_mode=MODES, version="v2")`, with `type` and `data`.
    """
    kind, data = part["type"], part["data"]
    if kind == "messages":
        chunk, _ = data
        if isinstance(chunk, AIMessage) and (text := str(chunk.text)):
            yield "token", {"message_id": chunk.id, "text": text}
    elif kind == "custom":
        yield "progress", {"data": data}
    elif kind == "tasks" and "result" not in data:
        yield "step", {"node": data["name"]}
