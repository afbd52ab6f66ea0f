"""A conversation, a row for each message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from course_lib.display.tables import show_table
from course_lib.display.values import RAISED, SHORT, is_message, one_line, shorten, speaker_of

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


def show_messages(messages: Iterable[BaseMessage | Mapping[str, object]]) -> None:
    """Show a conversation, a row for each message.

    Args:
        messages: LangChain messages or `{"role": ..., "content": ...}` mappings.

    Raises:
        TypeError: one text, a single message or a whole state was given.
    """
    if isinstance(messages, (str, Mapping)) or is_message(messages):
        raise TypeError(
            f"show_messages takes a list of messages, and this is a {type(messages).__name__}. "
            'Hand over state["messages"].'
        )
    rows = []
    for message in messages:
        who, text = _said(message)
        rows.append([who, shorten(text, 3 * SHORT)])
    show_table(rows, ["who", "says"])


def _said(message: Any) -> tuple[str, str]:
    """Who says a message, and what; what is no message is said by `?`."""
    with suppress(*RAISED):  # a message of another class may raise anything
        if is_message(message) or isinstance(message, Mapping):
            return speaker_of(message)
    return "?", one_line(message)
