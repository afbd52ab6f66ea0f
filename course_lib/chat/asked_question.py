"""What a person sent to get an answer, as the checkpoints hold it.

The thread may not hold it any more, or hold other words: a node may take a message away that it
refuses, put a summary in its place, or write a clearer question under the same id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from langgraph.constants import START

from course_lib.chat.message_keys import message_keys, read_messages

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langgraph.checkpoint.base import CheckpointTuple

BY_HAND = ("input", "update")
"""Sources of checkpoints that hold what somebody has put there, and not a node."""


def question_on_path(
    path: Sequence[CheckpointTuple], key: str
) -> tuple[str, BaseMessage, CheckpointTuple] | None:
    """Return the person's message that led to an answer.

    Args:
        path: the checkpoints that lead to where the thread stands, oldest first.
        key: of the answer.

    Returns:
        The key of the message, the message as it was sent, and the first checkpoint that holds it.
        None where the path does not tell: the checkpoints are too old, or store only differences.
    """
    question = None
    known: list[str] = []
    takes_input = False
    for each in path:
        values = each.checkpoint["channel_values"]
        stored = values.get("messages")
        if stored is None and "messages" in each.checkpoint["channel_versions"]:
            return None
        if not isinstance(stored, (Sequence, Mapping, type(None))):
            return None
        messages = read_messages(stored)
        keys = message_keys(messages)
        if takes_input or each.metadata.get("source") in BY_HAND:
            for name, message in zip(keys, messages, strict=True):
                if message.type == "human" and name not in known:
                    question = name, message, each
        if key in keys:
            return question
        known, takes_input = keys, START in values
    return None
