"""What a person answered to the questions of a graph, in words and in the checkpoints.

LangGraph stores the answers of a node with the writes of its step, at the checkpoint from which the
step began; those of a subgraph's nodes stand in the subgraph's namespace.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.serde.types import INTERRUPT, RESUME

if TYPE_CHECKING:
    from langgraph.checkpoint.base import CheckpointTuple

NO_TASK = "00000000-0000-0000-0000-000000000000"
"""The task under which LangGraph stores an answer that names no question."""

MAX_BELOW = 1000
"""How many checkpoints of all namespaces are searched for the answers of subgraphs."""

AnswersBelow = Mapping[str, Sequence[Any]]
"""What the questions of subgraphs were answered with, by the task that ran the subgraph."""


def words_of(answer: Any) -> frozenset[str]:
    """Return the texts with which a node may store an answer as a message.

    Args:
        answer: a text, or any value as JSON has it, such as the decisions of a review.
    """
    if isinstance(answer, str):
        return frozenset({answer.strip()})  # nothing may be an answer too
    return frozenset(_texts_in(answer) - {""})


def answers_at(checkpoint: CheckpointTuple, below: AnswersBelow) -> Counter[str]:
    """Return the words of the answers that the step after a checkpoint was given, with their count.

    Args:
        checkpoint: of the root graph, with its pending writes.
        below: the answers of subgraphs.
    """
    writes = checkpoint.pending_writes or ()
    of_tasks = {task: value for task, channel, value in writes if channel == RESUME}
    last = of_tasks.pop(NO_TASK, None)  # stands among those of its task, too
    tasks = {task for task, _, _ in writes}
    given = [each for values in of_tasks.values() for each in _listed(values)]
    if below and asks_below([checkpoint]):
        tasks.add("")
    given += [each for task in tasks for each in below.get(task, ())]
    counted = counted_words(given)
    return counted if last is None else counted | counted_words([last])


def counted_words(answers: Iterable[Any]) -> Counter[str]:
    """Return how many of some answers each text may be.

    Args:
        answers: each as `words_of` takes it.
    """
    return Counter(word for answer in answers for word in words_of(answer))


def asks_below(path: Sequence[CheckpointTuple]) -> bool:
    """Whether a question on a path was asked by a subgraph, or was not answered.

    Args:
        path: checkpoints of the root graph.
    """
    for each in path:
        writes = each.pending_writes or ()
        answered = {task for task, channel, _ in writes if channel == RESUME}
        if {task for task, channel, _ in writes if channel == INTERRUPT} - answered:
            return True
    return False


def answers_below(checkpoints: Iterable[CheckpointTuple]) -> dict[str, list[Any]]:
    """Return the answers of subgraphs by the task of the root graph that ran them.

    Args:
        checkpoints: of a thread, of all namespaces. A namespace is `node:task`, and that of a
            subgraph in it goes on with `|node:task`. A subgraph that keeps its own state for the
            whole thread has the node's name alone: its answers are those of no task, under "".
    """
    found: dict[str, list[Any]] = {}
    for each in checkpoints:
        namespace = each.config["configurable"].get("checkpoint_ns") or ""
        task = namespace.partition("|")[0].partition(":")[2]
        for _, channel, value in (each.pending_writes or ()) if namespace else ():
            if channel == RESUME:
                found.setdefault(task, []).extend(_listed(value))
    return found


def _listed(values: Any) -> Sequence[Any]:
    return values if isinstance(values, (list, tuple)) else [values]


def _texts_in(value: Any, depth: int = 8) -> set[str]:
    """The texts and numbers in a value, as a node would write them into a message."""
    if isinstance(value, BaseMessage):
        return {value.text.strip()}
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return {str(value).strip()}
    if depth == 0 or not isinstance(value, (Mapping, list, tuple)):
        return set()
    if isinstance(value, Mapping):  # the type of a decision is no word of the person
        within = [each for key, each in value.items() if key != "type"]
        return set().union(*(_texts_in(each, depth - 1) for each in within))
    return set().union(_joined(value), *(_texts_in(each, depth - 1) for each in value))


def _joined(parts: Sequence[Any]) -> set[str]:
    """The text of a message whose content is a list."""
    if not all(isinstance(each, (str, Mapping)) for each in parts):
        return set()
    try:
        return {HumanMessage(list(parts)).text.strip()}
    except Exception:  # noqa: BLE001  a list that is no content raises several types
        return set()
