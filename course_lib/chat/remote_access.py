"""A graph on a LangGraph server, as the chat uses it: LangGraph's `RemoteGraph`.

The server keeps the threads. Sending, streaming, answering questions, reading the state, going back
and forking work as on a graph of this process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import CheckpointTuple, empty_checkpoint, get_checkpoint_id
from langgraph.checkpoint.serde.types import INTERRUPT
from langgraph.constants import START
from langgraph.types import StateSnapshot
from langgraph_sdk.errors import NotFoundError

from course_lib.chat.message_keys import message_keys, read_messages
from course_lib.chat.stream_events import MODES

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel.remote import RemoteGraph

    from course_lib.chat.stored_answers import AnswersBelow

MAX_HISTORY = 1000
"""How many checkpoints are searched for a place to fork from."""


class RemoteGraphAccess:
    """A graph on a LangGraph server.

    Args:
        graph: LangGraph's client of it. The server takes only UUIDs as ids of threads.
    """

    is_local = False
    caveats: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()  # the error of a node comes without its traceback
    store = context_schema = None
    keeps_history = replaces_by_id = True
    writes_dicts = False

    def __init__(self, graph: RemoteGraph) -> None:
        self.graph = graph
        self.name = graph.name or graph.assistant_id
        self.storage = graph

    def run_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration as it is: the server has its own limit of super-steps."""
        return dict(config)

    async def stream(
        self, value: Any, config: RunnableConfig, context: Any
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Run the graph on the server and yield the parts of its stream."""
        named = dict(config["configurable"])
        options: dict[str, Any] = {"stream_mode": MODES, "subgraphs": True, "version": "v2"}
        if checkpoint_id := named.pop("checkpoint_id", None):
            named.pop("checkpoint_ns", None)
            options["checkpoint"] = {"checkpoint_id": checkpoint_id, "checkpoint_ns": ""}
        if context is not None:
            options["context"] = context
        parts = self.graph.astream(value, {**config, "configurable": named}, **options)
        async with aclosing(parts):
            async for part in parts:
                yield part

    async def snapshot(self, config: RunnableConfig) -> StateSnapshot:
        """Read the state of a thread; one that the server does not know yet is empty."""
        try:
            snapshot = await self.graph.aget_state(config)
        except NotFoundError:
            return StateSnapshot({}, (), config, None, None, None, (), ())
        values = snapshot.values if isinstance(snapshot.values, dict) else {}
        return snapshot._replace(values=values)

    async def exists(self, config: RunnableConfig) -> bool:
        """Return whether the checkpoint that a configuration names is stored."""
        wanted = get_checkpoint_id(config)
        thread = {"configurable": {"thread_id": config["configurable"]["thread_id"]}}
        history = self.graph.aget_state_history(thread, limit=MAX_HISTORY)
        return wanted in [get_checkpoint_id(found.config) async for found in history]

    async def checkpoints(self, thread_id: str, limit: int) -> list[CheckpointTuple]:
        """Return the newest checkpoints of a thread, in the form that savers give them.

        The server reports states, so the fields that a step wrote are found by comparing states.
        """
        snapshots = await self._history({"configurable": {"thread_id": thread_id}}, limit)
        by_id = {get_checkpoint_id(each.config): each for each in snapshots}
        found: dict[str | None, CheckpointTuple] = {}
        for each in reversed(snapshots):
            parent_id = get_checkpoint_id(each.parent_config) if each.parent_config else None
            _note_input(found.get(parent_id), each)
            found[get_checkpoint_id(each.config)] = _as_tuple(
                each, found.get(parent_id), by_id.get(parent_id)
            )
        return list(reversed(found.values()))

    async def answers_below(self, thread_id: str) -> AnswersBelow:
        """Return nothing: the server does not report what its questions were answered with."""
        return {}

    async def before(self, config: RunnableConfig, key: str) -> RunnableConfig:
        """Return the last checkpoint from before a message.

        Raises:
            LookupError: there is no such message, or nothing from before it is stored.
        """
        thread = {"configurable": {"thread_id": config["configurable"]["thread_id"]}}
        by_id = {get_checkpoint_id(s.config): s for s in await self._history(thread, MAX_HISTORY)}
        current = by_id.get(get_checkpoint_id((await self.snapshot(config)).config))
        held = False
        while current is not None:
            keys = message_keys(read_messages(dict(current.values or {}).get("messages")))
            if held and key not in keys:
                return current.config
            held = held or key in keys
            parent = current.parent_config
            current = by_id.pop(get_checkpoint_id(parent), None) if parent else None
        raise LookupError(
            "There is no checkpoint from before that message, so there is nothing to fork from. "
            "Choose a later message."
        )

    async def delete_thread(self, thread_id: str) -> None:
        """Delete a thread on the server; one that the server does not know is gone already."""
        try:
            await self.graph.client.threads.delete(thread_id)
        except NotFoundError:
            return

    async def _history(self, thread: RunnableConfig, limit: int) -> list[StateSnapshot]:
        """The states of a thread, newest first."""
        try:
            return [each async for each in self.graph.aget_state_history(thread, limit=limit)]
        except NotFoundError:
            return []


def _as_tuple(
    snapshot: StateSnapshot, parent: CheckpointTuple | None, before: StateSnapshot | None
) -> CheckpointTuple:
    checkpoint_id = str(get_checkpoint_id(snapshot.config))
    values = dict(snapshot.values or {})
    versions = dict(parent.checkpoint["channel_versions"]) if parent else {}
    seen = dict(parent.checkpoint["versions_seen"]) if parent else {}
    old = dict(before.values or {}) if before else {}
    changed = [name for name in values if name not in old or values[name] != old[name]]
    versions |= dict.fromkeys(changed, checkpoint_id)
    seen |= {node: {START: checkpoint_id} for node in (before.next if before else ())}
    checkpoint = {
        **empty_checkpoint(),
        "id": checkpoint_id,
        "ts": snapshot.created_at or "",
        "channel_values": values,
        "channel_versions": versions,
        "versions_seen": seen,
    }
    metadata = snapshot.metadata or {}
    waiting = (task for task in snapshot.tasks if task.interrupts and not task.result)
    asked = [(task.id, INTERRUPT, task.interrupts) for task in waiting]
    return CheckpointTuple(snapshot.config, checkpoint, metadata, snapshot.parent_config, asked)


def _note_input(parent: CheckpointTuple | None, snapshot: StateSnapshot) -> None:
    """Note in an input's checkpoint what came in, as a saver would have it.

    The server does not report it. The step after the input has it as its last message.
    """
    if parent is None or parent.metadata.get("source") != "input":
        return
    messages = dict(snapshot.values or {}).get("messages")
    if isinstance(messages, list) and messages:
        given = {"messages": messages[-1:]}
        parent.checkpoint["channel_values"].setdefault(START, given)
