"""Where a message comes from, as the checkpoints tell: who asked for an answer, and in what words.

The thread may not tell it any more. A node may take a message away that it refuses, put a summary
in its place, write a clearer question under the same id, or return copies with other ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langgraph.constants import START

from course_lib.chat.message_keys import message_keys, read_messages

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langgraph.checkpoint.base import CheckpointTuple

BY_HAND = ("input", "update")
"""Sources of checkpoints that hold what somebody has put there, and not a node."""


@dataclass(frozen=True)
class Origin:
    """The first checkpoint on a path that holds a message.

    Args:
        key: of the message there.
        message: as it was there.
        checkpoint: which one.
    """

    key: str
    message: BaseMessage
    checkpoint: CheckpointTuple


def origin_on_path(path: Sequence[CheckpointTuple], key: str) -> Origin | None:
    """Return where a message comes from.

    Args:
        path: the checkpoints that lead to where the thread stands, oldest first.
        key: of a message there.

    Returns:
        None where the path does not tell: it does not hold the message, or stores only differences.
    """
    origin = None
    later: dict[str, BaseMessage] = {}
    for each in reversed(path):
        held = _held(each)
        if held is None:
            return None
        before = key if origin is None else _key_before(key, held, later)
        if before not in held:
            break
        key = before
        origin, later = Origin(key, held[key], each), held
    return origin


def question_on_path(path: Sequence[CheckpointTuple], key: str) -> Origin | None:
    """Return the person's message that led to an answer, as it was sent.

    Args:
        path: the checkpoints that lead to where the thread stands, oldest first.
        key: of the answer.

    Returns:
        None where the path does not tell: its checkpoints are too young, or store only differences.
    """
    answer = origin_on_path(path, key)
    if answer is None:
        return None
    question = None
    known: Mapping[str, BaseMessage] = {}
    takes_input = False
    for each in path:
        held = _held(each) or {}
        if takes_input or each.metadata.get("source") in BY_HAND:
            for name, message in held.items():
                if message.type == "human" and name not in known:
                    question = Origin(name, message, each)
        if each is answer.checkpoint:
            break
        known, takes_input = held, START in each.checkpoint["channel_values"]
    return question


def _held(checkpoint: CheckpointTuple) -> dict[str, BaseMessage] | None:
    """The messages of a checkpoint by their keys; None where it keeps only differences."""
    stored = checkpoint.checkpoint["channel_values"].get("messages")
    if stored is None and "messages" in checkpoint.checkpoint["channel_versions"]:
        return None
    if not isinstance(stored, (Sequence, Mapping, type(None))):
        return None
    messages = read_messages(stored)
    return dict(zip(message_keys(messages), messages, strict=True))


def _key_before(
    key: str, earlier: Mapping[str, BaseMessage], later: Mapping[str, BaseMessage]
) -> str | None:
    """The key that a message had at an earlier checkpoint; None where it was not there.

    A message without an id has its position as its key, and another message may have had that.
    """
    message = later[key]
    there = earlier.get(key)
    if there is not None and (message.id or _words(there) == _words(message)):
        return key

    def only_in(these: Mapping[str, BaseMessage], others: Mapping[str, BaseMessage]) -> list[str]:
        alike = ((name, each) for name, each in these.items() if _words(each) == _words(message))
        return [k for k, m in alike if k not in others or _words(others[k]) != _words(m)]

    gone, at = only_in(earlier, later), only_in(later, earlier).index(key)
    if at < len(gone):
        return gone[at]
    return key if there is not None and there.type == message.type else None


def _words(message: BaseMessage) -> tuple[str, str]:
    return message.type, message.text
