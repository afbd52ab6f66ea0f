"""LangGraph's stream, part by part, as the chat's events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from course_lib.chat.events import (
    Event,
    NodeEnded,
    NodeStarted,
    Progress,
    Token,
    ToolCalled,
    ToolReturned,
)
from course_lib.chat.message_keys import read_messages
from course_lib.display import format_json, summary_line
from course_lib.models.tool_calls import sent_arguments

MODES = ["tasks", "messages", "custom"]
"""The stream modes that a chat needs: which nodes run, what is said, how far it is."""


class StreamReader:
    """Turns the parts of one stream into events, and reports every tool call once.

    A subgraph hands all of its messages on to its parent, so the same call appears in several
    parts. A message that a node wrote without an id has one by then, which its reducer gave it.

    Args:
        known: messages whose tool calls have been reported already.
        earlier: the reader of the run that this one goes on with. What a subgraph has said there is
            in no message of its parent before it ends.
    """

    def __init__(self, known: list[BaseMessage], earlier: StreamReader | None = None) -> None:
        self._reported: set[tuple[str, Any]] = set() if earlier is None else {*earlier._reported}
        self._id_given: dict[tuple[Any, str], str] = {}
        for message in known:
            for place, content, _ in _tool_events(message):
                self._is_new(message.id or "", place, content)
        self._id_given = dict.fromkeys(self._id_given, "of an earlier run")

    def events_from_part(self, part: Mapping[str, Any]) -> Iterator[Event]:
        """Read one part of `graph.astream(..., stream_mode=MODES, subgraphs=True, version="v2")`.

        Args:
            part: with `type`, `ns` and `data`.
        """
        data = part["data"]
        if part["type"] == "messages":
            chunk, metadata = data
            (message,) = read_messages([chunk])
            if isinstance(message, AIMessage) and (text := str(message.text)):
                yield Token(message.id or "", text, metadata.get("langgraph_node", ""))
        elif part["type"] == "custom":
            yield Progress(data)
        elif part["type"] == "tasks":
            path = tuple(name.split(":")[0] for name in part["ns"])
            if "result" not in data:
                yield NodeStarted(data["id"], data["name"], path)
                return
            update = data["result"] if isinstance(data["result"], Mapping) else {}
            yield NodeEnded(
                task=data["id"],
                node=data["name"],
                path=path,
                update=update,
                error=_error_text(data["error"]),
                interrupted=bool(data["interrupts"]),
            )
            for message in written_messages(update):
                for place, content, event in _tool_events(message):
                    if self._is_new(message.id or "", place, content):
                        yield event

    def _is_new(self, message_id: str, place: Any, content: str) -> bool:
        """Note a tool call or an answer, and return whether it has not been reported.

        Args:
            message_id: of its message; empty where it has none yet.
            place: which part of the message it is.
            content: what it says.
        """
        if not message_id:
            if (place, content) in self._id_given:
                return False
            self._id_given[place, content] = ""
            return True
        if (message_id, place) in self._reported:
            return False
        self._reported.add((message_id, place))
        if self._id_given.get((place, content)) != "":
            return True
        self._id_given[place, content] = message_id
        return False


def written_messages(update: Mapping[str, Any]) -> list[BaseMessage]:
    """Return the messages in a node's update.

    Args:
        update: by field. Several writes to one field, as from a list of `Command`s, come as
            `{"$writes": [...]}`.
    """
    value = update.get("messages")
    several = isinstance(value, Mapping) and isinstance(value.get("$writes"), list)
    writes = value["$writes"] if several else [value]
    found: list[BaseMessage] = []
    for write in writes:
        # Overwrite(...) replaces the whole list instead of adding to it.
        found += read_messages(getattr(write, "value", write))
    return found


def _error_text(error: Any) -> str | None:
    """How a node failed: LangGraph gives an exception, and a LangGraph server a text or a dict."""
    if error is None or isinstance(error, str):
        return error
    if isinstance(error, Mapping):
        return ": ".join(str(part) for part in error.values())
    text = str(error) if isinstance(error, Exception) else summary_line(error)
    return f"{type(error).__name__}: {text}"


def _tool_events(message: Any) -> Iterator[tuple[Any, str, ToolCalled | ToolReturned]]:
    """The tool calls that a message makes, or the answer that it is.

    Each comes with its place in the message and what it says, to know it by: a model may use the id
    of a call twice.
    """
    if isinstance(message, ToolMessage):
        text = str(message.text)
        event = ToolReturned(
            message.tool_call_id, message.name or "tool", text, message.status == "error"
        )
        yield ("returned", message.tool_call_id), text, event
    elif isinstance(message, AIMessage):
        calls = [*message.tool_calls, *message.invalid_tool_calls]
        for position, call in enumerate(calls):
            call_id, name = call.get("id") or "", call.get("name") or "tool"
            args = sent_arguments(call)
            content = format_json([name, args])
            yield ("called", position, call_id), content, ToolCalled(call_id, name, args)
