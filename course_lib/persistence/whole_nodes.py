"""Savers that keep nothing of a node that did not come to its end, and all of its answers.

When a run is cancelled (a person presses Stop, a server drains, its database fails over), or the
conditional edge behind a node raises, LangGraph saves what the node has written so far, say its
messages and not yet where its conditional edge leads. A later run takes that for the node's whole
result: the graph goes nowhere from there, and the turn ends without an answer. Without these writes
the node runs again.

They keep each answer that a node was given, too. A node that asks twice hands its answers to the
saver with whatever it writes at its end, and the savers for SQLite and PostgreSQL put new answers
in the place of older ones only where nothing else is written with them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar

from langgraph.checkpoint.serde.types import ERROR, RESUME

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver

HANDLED = "__error_source_node__"
"""The channel in which LangGraph notes that a node handles the error of another one."""

Saver = TypeVar("Saver", bound="BaseCheckpointSaver[Any]")


class WholeNodes:
    """Put before a saver's class: its `put_writes` and `aput_writes` drop what is half done."""

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save what a node has written; of one that failed, the error."""
        put_writes = super().put_writes  # type: ignore[misc]
        for part in whole_writes(writes):
            put_writes(config, part, task_id, *path_for(put_writes, task_path))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """The same, awaited."""
        put_writes = super().aput_writes  # type: ignore[misc]
        for part in whole_writes(writes):
            await put_writes(config, part, task_id, *path_for(put_writes, task_path))


def keep_whole_nodes(saver: Saver) -> Saver:
    """Return a twin of a saver that keeps nothing of a node that failed but the error.

    Args:
        saver: any saver; it stays as it is. The twin shares its attributes, so it stores into the
            same place, and what is set on one of them is set on both.
    """
    if isinstance(saver, WholeNodes):
        return saver
    whole_class = _whole_class(type(saver))
    whole = whole_class.__new__(whole_class)
    whole.__dict__ = vars(saver)
    return whole


def class_of(saver: Any) -> type:
    """Return the class of a saver, or of the one that it is the twin of."""
    if not isinstance(saver, WholeNodes):
        return type(saver)
    order = type(saver).__mro__
    return order[order.index(WholeNodes) + 1]


def whole_writes(writes: Sequence[tuple[str, Any]]) -> list[Sequence[tuple[str, Any]]]:
    """Return what a later run may use of a node's writes, in the parts that are to be saved.

    Args:
        writes: pairs of a channel and a value, as LangGraph's runner hands them to a saver. Of a
            node that was cancelled or raised, the error is one of them.
    """
    errors = [each for each in writes if each[0] == ERROR and isinstance(each[1], BaseException)]
    if any(isinstance(error, asyncio.CancelledError) for _, error in errors):
        return [errors]
    if errors and not any(name == HANDLED for name, _ in writes):
        writes = [each for each in writes if each[0] in (ERROR, RESUME)]
    answers = [each for each in writes if each[0] == RESUME]
    if not answers or len(answers) == len(writes):
        return [writes]
    return [[each for each in writes if each[0] != RESUME], answers]


def path_for(put_writes: Callable[..., Any], task_path: str) -> tuple[str, ...]:
    """Return what to hand on as the path of a task: nothing to a saver written before it existed.

    Args:
        put_writes: the method that is called, `put_writes` or `aput_writes` of a saver.
        task_path: where in the graph the task is.
    """
    return (task_path,) if _takes_path(getattr(put_writes, "__func__", put_writes)) else ()


@cache
def _takes_path(function: Callable[..., Any]) -> bool:
    return "task_path" in signature(function).parameters


@cache
def _whole_class(saver_class: type) -> type:
    return type(saver_class.__name__, (WholeNodes, saver_class), {})
