"""A checkpoint tree as the turns of a conversation: what was said, and the steps it led to.

A turn is one message of a person and every checkpoint up to the next one. Answers to questions of
the graph go on with the same turn. Where a checkpoint has several children, the oldest one goes
on with its turn or line; the others begin branches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from course_lib.persistence import Checkpoint, CheckpointTree


@dataclass
class Turn:
    """One turn of a conversation.

    Args:
        said: the person's text, or what else the turn began with.
        depth: how many branches it is away from the first line.
        active: whether it lies on the way to where the chat stands.
        steps: its checkpoints, oldest first.
        branch: whether a branch begins with it.
    """

    said: str
    depth: int
    branch: bool
    active: bool = False
    steps: list[Checkpoint] = field(default_factory=list)

    @property
    def end(self) -> Checkpoint:
        """Its last checkpoint."""
        return self.steps[-1]


def turns_of(tree: CheckpointTree, at: str | None = None) -> list[Turn]:
    """Return the turns of a tree in the order in which they are read.

    A branch follows the turn that it forks from, one level deeper; then the line goes on.

    Args:
        tree: of a thread.
        at: id of the checkpoint where the chat stands; the newest when left out.
    """
    if not len(tree):
        return []
    at = at if at in tree.checkpoints else tree.newest.id
    path = _way_to(tree, at)
    found: list[Turn] = []
    # What is still to be read, the next at the end: a first checkpoint, its depth, if it branches.
    waiting = [(each, 0, n > 0) for n, each in enumerate(tree.children(None))][::-1]
    while waiting:
        first, depth, branch = waiting.pop()
        turn = Turn(_said(first), depth, branch)
        following, forks = _read(tree, first, turn)
        turn.active = any(each.id in path and _is_inside(each, at) for each in turn.steps)
        found.append(turn)
        if following is not None:
            waiting.append((following, depth, False))
        waiting += [(each, depth + 1, True) for each in reversed(forks)]
    return found


def step_label(step: Checkpoint) -> str:
    """Return what a reader of the chat calls a step.

    Args:
        step: a checkpoint.
    """
    if step.nodes:
        return ", ".join(step.nodes)
    if step.source == "input":
        return "before the message"
    if step.source == "update":
        return "changed from code"
    if step.parent is None and step.source == "loop":
        return "earlier steps are not shown"
    return "asked again" if step.source == "fork" else "the message is in"


def _read(
    tree: CheckpointTree, first: Checkpoint, turn: Turn
) -> tuple[Checkpoint | None, list[Checkpoint]]:
    """Collect the steps of a turn; return the first one of the next turn, and of each branch."""
    forks: list[Checkpoint] = []
    step: Checkpoint | None = first
    while step is not None:
        turn.steps.append(step)
        children = tree.children(step.id)
        forks += children[1:]
        step = children[0] if children else None
        if step is not None and step.source == "input":
            return step, forks
    return None, forks


def _said(first: Checkpoint) -> str:
    if first.source == "input":
        return first.said or "a message"
    if first.source in ("update", "fork"):
        return step_label(first)
    return "earlier" if first.parent is None else "went on"


def _way_to(tree: CheckpointTree, at: str) -> set[str]:
    return set(_ancestors(tree, at))


def _ancestors(tree: CheckpointTree, at: str | None) -> Iterator[str]:
    while at is not None:
        yield at
        at = tree.checkpoints[at].parent


def _is_inside(step: Checkpoint, at: str) -> bool:
    """Whether passing a step means that its turn's message was said.

    A fork from a turn's input takes the place of its message.
    """
    return step.source != "input" or step.id == at
