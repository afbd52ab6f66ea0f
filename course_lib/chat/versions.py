"""The versions of a message: what was said, or asked again, in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from course_lib.persistence import Checkpoint, CheckpointTree


@dataclass(frozen=True)
class Versions:
    """The versions of one message.

    Args:
        ends: for each version the checkpoint where its newest branch ends, the oldest first.
        at: which of them is on screen.
    """

    ends: tuple[str, ...]
    at: int

    def shown(self) -> dict[str, Any]:
        """Return what the browser gets."""
        return {"ids": list(self.ends), "at": self.at}


def versions_on_path(
    tree: CheckpointTree, checkpoint_id: str | None, keys: Sequence[str]
) -> dict[str, Versions]:
    """Return the versions of the messages on the way to a checkpoint.

    Each message that a person sends begins with a checkpoint of the source `input`. Those with one
    parent are versions of each other. Before the first message there is nothing to fork from, so
    its other versions come from the checkpoint of the first.

    Args:
        tree: of the thread.
        checkpoint_id: which one is on screen; the newest when None.
        keys: of the person's messages on screen, in their order.

    Returns:
        By the key of the message. A message with one version is left out.
    """
    by_id = tree.checkpoints
    said = inputs_on_path(tree, checkpoint_id)
    groups: dict[str | None, list[str]] = {}
    for each in by_id.values():
        if each.source == "input":
            groups.setdefault(_origin(each, by_id), []).append(each.id)
    found = {}
    for key, version in zip(reversed(keys), said, strict=False):
        siblings = sorted(groups[_origin(version, by_id)])
        if len(siblings) > 1:
            ends = tuple(_newest_of(tree, each) for each in siblings)
            found[key] = Versions(ends, siblings.index(version.id))
    return found


def inputs_on_path(tree: CheckpointTree, checkpoint_id: str | None) -> list[Checkpoint]:
    """Return the checkpoints that the messages on the way to a checkpoint begin with, newest first.

    Args:
        tree: of the thread.
        checkpoint_id: which one is on screen; the newest when None.
    """
    said: list[Checkpoint] = []
    for each in path_before(tree, checkpoint_id):
        if each.source == "input" and not (said and said[-1].parent == each.id):
            said.append(each)
    return said


def path_before(tree: CheckpointTree, checkpoint_id: str | None) -> list[Checkpoint]:
    """Return a checkpoint and all that lead to it, newest first.

    Args:
        tree: of the thread.
        checkpoint_id: which one is on screen; the newest when None.
    """
    by_id = tree.checkpoints
    here = by_id.get(checkpoint_id or "") or by_id.get(max(by_id, default=""))
    path: list[Checkpoint] = []
    while here is not None:
        path.append(here)
        here = by_id.get(here.parent or "")
    return path


def _origin(said: Checkpoint, by_id: Mapping[str, Checkpoint]) -> str | None:
    """The checkpoint before a message, which its other versions have too."""
    parent = by_id.get(said.parent or "")
    return parent.parent if parent is not None and parent.source == "input" else said.parent


def _newest_of(tree: CheckpointTree, start: str) -> str:
    """The newest checkpoint that came from one, other versions of its message left out."""
    newest, open_ = start, [start]
    while open_:
        here = open_.pop()
        newest = max(newest, here)
        below = tree.children(here)
        open_ += [each.id for each in below if here != start or each.source != "input"]
    return newest
