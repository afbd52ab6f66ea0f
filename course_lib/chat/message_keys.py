"""The messages of a state, read in whatever form it holds them, each under a key of its own.

LangGraph's `add_messages` gives every message an id. Other reducers give none, or keep two messages
with one id, so the chat names messages by a key: the id where it is there and not used before,
else the position in the list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AnyMessage, BaseMessage, ChatMessage, convert_to_messages


def read_messages(value: Any) -> list[BaseMessage]:
    """Return a state's messages as LangChain messages.

    Args:
        value: what the field `messages` holds: messages, dicts, pairs of role and text, texts,
            a single one of these, a dict that holds messages by their ids, or nothing.

    Returns:
        As many messages as the value has. What is no message becomes one with the role `unknown`.
    """
    if value is None:
        return []
    if isinstance(value, Mapping) and all(map(_is_message, value.values())):
        named = [(_read(each), key) for key, each in value.items()]
        return [m if m.id else m.model_copy(update={"id": str(key)}) for m, key in named]
    if isinstance(value, (str, BaseMessage, Mapping)):
        value = [value]
    elif not isinstance(value, Sequence):
        return [_unknown(value)]
    return [_read(each) for each in value]


def _is_message(value: Any) -> bool:
    return isinstance(value, BaseMessage) or (
        isinstance(value, Mapping) and "content" in value and ("role" in value or "type" in value)
    )


def _read(value: Any) -> BaseMessage:
    if isinstance(value, BaseMessage):
        return value
    kind = value.get("type") if isinstance(value, Mapping) else None
    if isinstance(kind, str) and kind.endswith("MessageChunk"):  # as a LangGraph server sends it
        value = {**value, "type": kind.removesuffix("MessageChunk").lower()}
    try:
        (message,) = convert_to_messages([value])
    except Exception:  # noqa: BLE001  convert_to_messages raises several types
        return _unknown(value)
    return message


def _unknown(value: Any) -> BaseMessage:
    from course_lib.display import summary_line

    text = value.get("content") if isinstance(value, Mapping) else None
    role = value.get("role") if isinstance(value, Mapping) else None
    return ChatMessage(
        text if isinstance(text, str) else summary_line(value),
        role=role if isinstance(role, str) else "unknown",
    )


def message_keys(messages: Sequence[BaseMessage | AnyMessage]) -> list[str]:
    """Return a key for each message, no key twice.

    Args:
        messages: in the order of the state.
    """
    keys: dict[str, None] = {}
    for position, message in enumerate(messages):
        key = message.id or f"message-{position}"
        keys[key if key not in keys else f"message-{position}"] = None
    return list(keys)


def position_of(messages: Sequence[BaseMessage | AnyMessage], key: str) -> int | None:
    """Return the position of the message with a key, None where there is none."""
    keys = message_keys(messages)
    return keys.index(key) if key in keys else None
