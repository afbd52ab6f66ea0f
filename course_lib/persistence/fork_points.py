"""The place in a thread to fork from, so that a message can be replaced.

LangGraph keeps the whole state with every checkpoint, so reading all of them takes time that grows
with the square of the conversation. The number of the super-step, which every checkpoint's metadata
holds, allows a binary search instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import get_checkpoint_id

from course_lib.persistence.graph_saver import saver_of

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple
    from langgraph.graph.state import CompiledStateGraph

KeysOf = Callable[[Sequence[Any] | Mapping[str, Any]], Sequence[str | None]]
"""Names the messages of a list, or of a dict that holds them by their ids, each by a key."""


def message_ids(messages: Sequence[Any] | Mapping[str, Any]) -> list[str | None]:
    """Return the id of each message, None where it has none.

    Args:
        messages: LangChain messages, or mappings with an `id`; a dict holds them by their ids.
    """
    if isinstance(messages, Mapping):
        return list(messages)
    return [
        message.get("id") if isinstance(message, Mapping) else getattr(message, "id", None)
        for message in messages
    ]


async def fork_point(
    graph: CompiledStateGraph,
    config: RunnableConfig,
    message_id: str,
    *,
    keys_of: KeysOf = message_ids,
) -> RunnableConfig:
    """Find the last checkpoint from before a message.

    Args:
        graph: compiled with a saver that can be awaited.
        config: names the thread, and perhaps a checkpoint in it.
        message_id: key of a message that the state holds there.
        keys_of: names the messages of a list; by their ids when left out.

    Returns:
        The configuration of that checkpoint: the end of the turn before, or the thread's first
        input, whose message a run from there replaces.

    Raises:
        LookupError: there is no such message, or nothing from before it is stored.
        TypeError: it is no compiled graph of this process.
        ValueError: the graph has no checkpointer.
    """
    saver = saver_of(graph, "fork_point")
    search = _Search(graph, _thread(config), message_id, keys_of)
    newest = await saver.aget_tuple(_named(config))
    if newest is not None and await search.holds(newest):
        before = await search.last_without(newest)
        if before is not None:
            return await search.end_of_turn(before)
    elif newest is not None and newest.metadata.get("source") == "input":
        # The step that takes in the input has not ended: the state shows its message already.
        shown = (await graph.aget_state(_named(config))).values.get("messages")
        if message_id in keys_of(shown or []):
            return await search.end_of_turn(newest)
    raise LookupError(
        "There is no checkpoint from before that message, so there is nothing to fork from. "
        "Choose a later message."
    )


class _Search:
    """The search for the last checkpoint on a path that does not hold a message."""

    def __init__(
        self, graph: CompiledStateGraph, thread: RunnableConfig, key: str, keys_of: KeysOf
    ) -> None:
        self._graph = graph
        self._saver = graph.checkpointer
        self._thread = thread
        self._key = key
        self._keys_of = keys_of

    async def holds(self, found: CheckpointTuple) -> bool:
        """Whether the state at a checkpoint holds the message."""
        messages = found.checkpoint["channel_values"].get("messages")
        if not isinstance(messages, list):
            if "messages" not in found.checkpoint["channel_versions"]:
                return False
            # Not the state but a part of it, as a delta channel stores it: LangGraph rebuilds it.
            messages = (await self._graph.aget_state(found.config)).values.get("messages")
        single = isinstance(messages, Mapping) and "content" in messages
        if single or not isinstance(messages, (list, tuple, Mapping)):
            messages = [] if messages is None else [messages]
        return self._key in self._keys_of(messages)

    async def last_without(self, newest: CheckpointTuple) -> CheckpointTuple | None:
        """Return the last checkpoint on the way to one that does not hold the message.

        The step of a checkpoint is its parent's plus one. So a checkpoint that is the only one of
        its step lies on the way to every later one.
        """
        holding, without = newest, None
        low = -2  # no checkpoint has this step: the first has -1
        while (high := holding.metadata.get("step", low)) - low > 1:
            middle = await self._only_one_of_step((low + high) // 2)
            if middle is None:
                return await self._walk(holding)
            if await self.holds(middle):
                holding = middle
            else:
                without, low = middle, (low + high) // 2
        parent = holding.parent_config
        if without is None or parent is None:
            return await self._walk(holding)
        same = get_checkpoint_id(parent) == without.checkpoint["id"]
        return without if same else await self._walk(holding)

    async def end_of_turn(self, before: CheckpointTuple) -> RunnableConfig:
        """Return where the turn before ended: the checkpoint before an input, if there is one."""
        if before.metadata.get("source") == "input" and before.parent_config:
            parent = await self._saver.aget_tuple(_named(before.parent_config))
            before = before if parent is None else parent
        return before.config

    async def _only_one_of_step(self, step: int) -> CheckpointTuple | None:
        # Read first, and then use: a saver may hold a lock for as long as it is iterated.
        found = [
            each async for each in self._saver.alist(self._thread, filter={"step": step}, limit=2)
        ]
        alone = len(found) == 1 and found[0].metadata.get("step") == step
        return found[0] if alone else None

    async def _walk(self, found: CheckpointTuple) -> CheckpointTuple | None:
        """Go back from a checkpoint that holds the message, one parent after the other."""
        passed = set()  # in a thread that a script copied, a checkpoint may be its own parent
        while found.parent_config is not None and found.checkpoint["id"] not in passed:
            passed.add(found.checkpoint["id"])
            parent = await self._saver.aget_tuple(_named(found.parent_config))
            if parent is None:
                return None
            if not await self.holds(parent):
                return parent
            found = parent
        return None


def _thread(config: RunnableConfig) -> RunnableConfig:
    named = config["configurable"]
    space = named.get("checkpoint_ns", "")
    return {"configurable": {"thread_id": named["thread_id"], "checkpoint_ns": space}}


def _named(config: RunnableConfig) -> RunnableConfig:
    """A configuration that names a thread, and a checkpoint where the given one does."""
    thread = _thread(config)
    if (checkpoint_id := get_checkpoint_id(config)) is not None:
        thread["configurable"]["checkpoint_id"] = checkpoint_id
    return thread
