"""Reading the state of a thread, also where LangGraph cannot prepare its next step."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from langgraph.checkpoint.base import get_checkpoint_id
from langgraph.types import StateSnapshot

from course_lib.chat.process_exit import exits_as_errors

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple
    from langgraph.graph.state import CompiledStateGraph


async def read_state(graph: CompiledStateGraph, config: RunnableConfig) -> StateSnapshot:
    """Read the state of a thread, with as much as can be read of its unfinished step.

    LangGraph adds the pending writes of an unfinished step to the state. Where that raises, because
    two nodes wrote one field or a reducer failed, the state is read without them. It also makes
    the input of the next nodes. Where that raises, because a node wrote what the state's own class
    refuses, the state is read as the checkpoint holds it, without the step.

    Args:
        graph: compiled with a saver that can be awaited.
        config: names the thread, and perhaps a checkpoint in it.

    Raises:
        Exception: whatever the saver raises, and the graph where no checkpoint holds the messages.
    """
    try:
        with exits_as_errors():  # of a reducer
            return await graph.aget_state(config)
    except Exception:
        saved = await graph.checkpointer.aget_tuple(_named(config))
        if saved is None:
            raise
        if get_checkpoint_id(config) is None:
            named = {**config["configurable"], "checkpoint_id": saved.checkpoint["id"]}
            without = {**config, "configurable": {**named, "checkpoint_ns": ""}}
            with suppress(Exception):
                return (await graph.aget_state(without))._replace(interrupts=())
        if _holds_a_part(saved):
            raise
        return _as_it_lies(graph, saved)


def _holds_a_part(saved: CheckpointTuple) -> bool:
    """Whether a checkpoint holds the messages not whole, as that of a delta channel does."""
    written = "messages" in saved.checkpoint["channel_versions"]
    return written and "messages" not in saved.checkpoint["channel_values"]


def _as_it_lies(graph: CompiledStateGraph, saved: CheckpointTuple) -> StateSnapshot:
    """The state that a checkpoint holds, without a next step."""
    held = saved.checkpoint["channel_values"]
    values = {name: held[name] for name in graph.stream_channels_list if name in held}
    made = saved.checkpoint["ts"]
    return StateSnapshot(
        values, (), saved.config, saved.metadata, made, saved.parent_config, (), ()
    )


def _named(config: RunnableConfig) -> RunnableConfig:
    """A configuration that names the thread itself, and a checkpoint where the given one does."""
    named = {"thread_id": config["configurable"]["thread_id"], "checkpoint_ns": ""}
    if (checkpoint_id := get_checkpoint_id(config)) is not None:
        named["checkpoint_id"] = checkpoint_id
    return {"configurable": named}
