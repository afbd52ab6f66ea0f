"""The questions of a graph among the pending writes of a checkpoint: open ones, and answered ones.

A task that is interrupted writes its question at the checkpoint that it began from. Each answer is
written there too, and at last what the task itself wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.serde.types import ERROR, INTERRUPT, RESUME

if TYPE_CHECKING:
    from langgraph.types import Interrupt

Writes = Iterable[tuple[str, str, Any]]
"""Pending writes as a saver lists them: id of the task, channel, and value."""


def open_questions(writes: Writes) -> int:
    """Return how many interrupts of unfinished tasks are among the writes.

    Args:
        writes: of one checkpoint.
    """
    writes = list(writes)
    finished = _finished(writes)
    asked = [each for task, name, each in writes if name == INTERRUPT and task not in finished]
    return sum(len(each) if isinstance(each, (list, tuple)) else 1 for each in asked)


def answered_questions(writes: Writes) -> tuple[tuple[Interrupt, Any], ...]:
    """Return the questions of finished tasks, each with its answer, in the order of the writes.

    A task that asks a second question writes it in place of the first one. So of each task only the
    last question is known. What a subgraph asked is kept with the answer in the subgraph's own
    checkpoints, and is left out here.

    Args:
        writes: of one checkpoint.
    """
    writes = list(writes)
    finished = _finished(writes)
    answers = {task: value for task, name, value in writes if name == RESUME and task in finished}
    return tuple(
        (asked[-1], answers[task][-1])
        for task, name, asked in writes
        if name == INTERRUPT and asked and answers.get(task)
    )


def _finished(writes: list[tuple[str, str, Any]]) -> set[str]:
    return {task for task, name, _ in writes if name not in (INTERRUPT, RESUME, ERROR)}
