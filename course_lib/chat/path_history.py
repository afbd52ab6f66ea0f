"""What the checkpoints tell of the messages on screen and the messages themselves do not.

These are the versions of a message, and what became of the questions of the graph.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.chat.decisions import stored_line
from course_lib.chat.versions import Versions, inputs_on_path, path_before, versions_on_path
from course_lib.persistence import CheckpointTree

if TYPE_CHECKING:
    from course_lib.chat.controller import ChatController


@dataclass(frozen=True)
class PathHistory:
    """What is known of the messages on the way to the checkpoint on screen.

    Args:
        versions: of the messages that were said in several, by the key of the message.
        dropped: how many questions the person let drop, by the key of the person's message in
            whose turn they were asked.
        decided: outcome and line of each question that was answered, by the same key.
    """

    versions: Mapping[str, Versions] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    decided: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    def of(self, key: str) -> tuple[Any, ...]:
        """Return all that is known of one message and its turn.

        Args:
            key: of the person's message.
        """
        return self.versions.get(key), self.dropped.get(key, 0), self.decided.get(key, ())


async def read_path_history(controller: ChatController, keys: Sequence[str]) -> PathHistory:
    """Read what the checkpoints tell; nothing where they cannot be read.

    Args:
        controller: of the chat.
        keys: of the person's messages on screen, in their order.
    """
    try:
        tree = await controller.tree()
    except Exception as error:  # of the saver: the conversation itself is on screen
        log = logging.getLogger(__name__)
        log.debug("the history of the messages could not be read", exc_info=error)
        return PathHistory()
    here = controller.config["configurable"].get("checkpoint_id")
    return PathHistory(
        versions_on_path(tree, here, keys),
        dropped_on_path(tree, here, keys),
        decided_on_path(tree, here, keys),
    )


def dropped_on_path(
    tree: CheckpointTree, checkpoint_id: str | None, keys: Sequence[str]
) -> dict[str, int]:
    """Return how many questions were let drop on the way to a checkpoint.

    An answer goes on from the checkpoint of its question. Where a new message does, the question
    was let drop.

    Args:
        tree: of the thread.
        checkpoint_id: which one is on screen; the newest when None.
        keys: of the person's messages on screen, in their order.

    Returns:
        The number by the key of the message in whose turn the questions were asked. A turn without
        such a question is left out.
    """
    inputs = inputs_on_path(tree, checkpoint_id)
    turns = list(reversed(keys))[1:]  # a message lets drop what was asked in the turn before it
    parents = [tree.checkpoints.get(each.parent or "") for each in inputs]
    pairs = zip(turns, parents, strict=False)
    return {turn: parent.questions for turn, parent in pairs if parent and parent.questions}


def decided_on_path(
    tree: CheckpointTree, checkpoint_id: str | None, keys: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Return how questions were answered on the way to a checkpoint.

    The answer stands at the checkpoint of its question, whatever branch it was given on. It was
    given on this one where the step that asked comes next.

    Args:
        tree: of the thread.
        checkpoint_id: which one is on screen; the newest when None.
        keys: of the person's messages on screen, in their order.

    Returns:
        Outcome and line of each answer, as `stored_line` tells them, by the key of the message in
        whose turn the question was asked. A turn without an answer is left out.
    """
    path = path_before(tree, checkpoint_id)
    inputs = [each.id for each in inputs_on_path(tree, checkpoint_id)]
    turns = dict(zip(inputs, reversed(keys), strict=False))
    found: dict[str, list[tuple[str, str]]] = {}
    key: str | None = None
    for each, following in reversed(list(zip(path, [None, *path], strict=False))):
        key = turns.get(each.id, key)  # the oldest first: an input, then the steps of its turn
        if key is not None and each.answers and following and following.source == "loop":
            found.setdefault(key, []).extend(stored_line(*answered) for answered in each.answers)
    return found
