"""A conversation, a row for each message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from course_lib.display.tables import show_table
from course_lib.display.values import SHORT, is_message, one_line, shorten, speaker_of

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
        if is_message(message) or isinstance(message, Mapping):
            who, text = speaker_of(message)
        else:
            who, text = "?", one_line(message)
        rows.append([who, shorten(text, 3 * SHORT)])
    show_table(rows, ["who", "says"])
