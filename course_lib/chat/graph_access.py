"""What the chat needs of a graph: run it, read a thread, list its checkpoints, find a fork point.

`open_graph` checks that a graph can be chatted with, and says what to change where it cannot.
"""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

import typing_extensions

from course_lib.chat.caveats import caveats_of, subgraphs_of
from course_lib.chat.message_field import holds_dicts, reducer_kind
from course_lib.chat.message_keys import message_keys, read_messages
from course_lib.chat.missing_fields import state_fields
from course_lib.chat.stored_answers import MAX_BELOW, answers_below
from course_lib.chat.stored_state import read_state
from course_lib.chat.stream_events import MODES
from course_lib.display import as_fields
from course_lib.persistence import as_async_saver, fork_point, keep_whole_nodes

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import StateSnapshot

    from course_lib.chat.stored_answers import AnswersBelow

RECURSION_LIMIT = 100
"""Super-steps after which a run counts as endless, for graphs that set no limit of their own.

LangGraph's own default is about 10,000."""


class GraphAccess(Protocol):
    """A graph as the chat uses it.

    Args:
        name: of the graph.
        is_local: whether the graph runs in this process, so that callbacks are called.
        caveats: what the chat cannot do well on this graph, in whole sentences.
        fields: names of the fields that the states of the graph have; empty where unknown.
        context_schema: what its context is made of; None where it has none, or it is unknown.
        storage: an object that stands for where the threads are kept.
        store: the graph's long-term store, if it has one.
        replaces_by_id: whether writing a message with a known id replaces that message.
        keeps_history: whether a write to `messages` leaves the earlier messages in place.
    """

    name: str
    is_local: bool
    caveats: tuple[str, ...]
    fields: frozenset[str]
    context_schema: type | None
    storage: Any
    store: Any
    replaces_by_id: bool
    keeps_history: bool
    writes_dicts: bool

    def run_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration to run with, such as the limit of super-steps."""

    def stream(
        self, value: Any, config: RunnableConfig, context: Any
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Run the graph and yield the parts of its stream."""

    async def snapshot(self, config: RunnableConfig) -> StateSnapshot:
        """Read the state of a thread, at a checkpoint if the configuration names one."""

    async def exists(self, config: RunnableConfig) -> bool:
        """Return whether the checkpoint that a configuration names is stored."""

    async def checkpoints(self, thread_id: str, limit: int) -> list[CheckpointTuple]:
        """Return the newest checkpoints of a thread."""

    async def answers_below(self, thread_id: str) -> AnswersBelow:
        """Return what the questions of subgraphs were answered with, by the task that ran each."""

    async def before(self, config: RunnableConfig, key: str) -> RunnableConfig:
        """Return the last checkpoint from before a message.

        Raises:
            LookupError: there is no such message, or nothing from before it is stored.
        """

    async def delete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints of a thread."""


class LocalGraph:
    """A compiled graph of this process.

    Args:
        graph: compiled, with `messages` in its state and a checkpointer.

    Raises:
        ValueError: the graph has no checkpointer, or no `messages`.
    """

    is_local = True

    def __init__(self, graph: CompiledStateGraph) -> None:
        if not graph.checkpointer or isinstance(graph.checkpointer, bool):
            raise ValueError(
                "This graph has no checkpointer, so it would forget every message. Compile it "
                "with one, for example build_namu(checkpointer=InMemorySaver())."
            )
        if "__previous__" in graph.channels:
            raise ValueError(
                f"{graph.name!r} is an @entrypoint, which has no state to keep messages in. Call "
                "it in a node of a StateGraph(MessagesState), and hand over that graph, compiled."
            )
        if "messages" not in graph.channels:
            raise ValueError(
                f"The state of {graph.name!r} has no field 'messages', so there is nothing to "
                "chat with. Build its state on langgraph.graph.MessagesState."
            )
        self.graph = graph
        self.name = graph.name
        self.store = graph.store
        self.storage = graph.checkpointer
        self.keeps_history, self.replaces_by_id = reducer_kind(graph.channels["messages"])
        self.writes_dicts = holds_dicts(graph)
        self.caveats = caveats_of(graph, keeps_history=self.keeps_history)
        self.fields = state_fields(graph)
        self.context_schema = graph.context_schema
        self._limit = _limit_of_super_steps(graph)
        self._async_graph: CompiledStateGraph | None = None

    def run_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Add the limit of super-steps, unless the graph has a limit of its own."""
        return {**config, **self._limit}

    async def stream(
        self, value: Any, config: RunnableConfig, context: Any
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Run the graph and yield the parts of its stream, in LangGraph's version 2 form.

        Many a schema was written when LangGraph had no context, as a `config_schema`: its nodes
        look for the values in the configuration. As on a LangGraph server they get them there too.
        """
        graph = await self._awaitable(config)
        options: dict[str, Any] = {"stream_mode": MODES, "subgraphs": True, "version": "v2"}
        if context is not None and _may_be_configuration(self.context_schema):
            fields, named = as_fields(context), config["configurable"]
            context = _made(self.context_schema, fields, named)
            config = {**config, "configurable": {**fields, **named}}
        if context is not None:
            options["context"] = context
        async with aclosing(graph.astream(value, config, **options)) as parts:
            async for part in parts:
                yield part

    async def snapshot(self, config: RunnableConfig) -> StateSnapshot:
        """Read the state of a thread, with as much as can be read of its unfinished step."""
        return await read_state(await self._awaitable(config), config)

    async def exists(self, config: RunnableConfig) -> bool:
        """Return whether the checkpoint that a configuration names is stored."""
        graph = await self._awaitable(config)
        return await graph.checkpointer.aget_tuple(config) is not None

    async def checkpoints(self, thread_id: str, limit: int) -> list[CheckpointTuple]:
        """Return the newest checkpoints of a thread, newest first."""
        config = _root({"configurable": {"thread_id": thread_id}})
        graph = await self._awaitable(config)
        return [found async for found in graph.checkpointer.alist(config, limit=limit)]

    async def answers_below(self, thread_id: str) -> AnswersBelow:
        """Return what the questions of subgraphs were answered with, by the task that ran each."""
        config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
        graph = await self._awaitable(config)
        found = [each async for each in graph.checkpointer.alist(config, limit=MAX_BELOW)]
        return answers_below(found)

    async def before(self, config: RunnableConfig, key: str) -> RunnableConfig:
        """Return the last checkpoint from before a message."""
        graph = await self._awaitable(config)
        return await fork_point(graph, config, key, keys_of=_keys)

    async def delete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints of a thread."""
        graph = await self._awaitable({"configurable": {"thread_id": thread_id}})
        await graph.checkpointer.adelete_thread(thread_id)

    async def _awaitable(self, config: RunnableConfig) -> CompiledStateGraph:
        """Return the graph with a saver that can be awaited, found on the first thread read."""
        if self._async_graph is None:
            saver: BaseCheckpointSaver[Any] = self.graph.checkpointer
            saver = await as_async_saver(saver, str(config["configurable"]["thread_id"]))
            self._async_graph = self.graph.copy({"checkpointer": keep_whole_nodes(saver)})
        return self._async_graph


def open_graph(graph: Any) -> GraphAccess:
    """Return what the chat needs of a graph.

    Args:
        graph: a compiled graph, or LangGraph's `RemoteGraph`.

    Raises:
        TypeError: it is neither; the text says what to hand over.
        ValueError: it has no checkpointer, or no `messages`.
    """
    from langgraph.pregel import Pregel
    from langgraph.pregel.remote import RemoteGraph

    if isinstance(graph, RemoteGraph):
        from course_lib.chat.remote_access import RemoteGraphAccess

        return RemoteGraphAccess(graph)
    if isinstance(graph, Pregel):
        return LocalGraph(graph)
    if hasattr(graph, "compile"):
        raise TypeError(
            f"This {type(graph).__name__} was not compiled, so it cannot run. Hand over what "
            "compile() returns: graph.compile(checkpointer=InMemorySaver())."
        )
    raise TypeError(
        f"A chat needs a compiled LangGraph graph, and this is a {type(graph).__name__}. Hand over "
        "what StateGraph(...).compile(checkpointer=InMemorySaver()) or create_agent(..., "
        "checkpointer=InMemorySaver()) returns."
    )


def _limit_of_super_steps(graph: CompiledStateGraph) -> dict[str, int]:
    """What a run's configuration says of the limit: nothing where the graph has one of its own.

    A graph inside the graph inherits it, so it is never less than such a graph's own limit.
    """
    if _own_limit(graph):
        return {}
    inner = (_own_limit(each) for _, each in subgraphs_of(graph))
    return {"recursion_limit": max([RECURSION_LIMIT, *inner])}


def _own_limit(graph: Any) -> int:
    return (graph.config or {}).get("recursion_limit") or 0


def _may_be_configuration(schema: Any) -> bool:
    """Whether a context schema has the form that a `config_schema` had."""
    return typing_extensions.is_typeddict(schema) or hasattr(schema, "from_runnable_config")


def _made(schema: Any, fields: Mapping[str, Any], more: Mapping[str, Any]) -> Any:
    """Return a context of some fields and of more values that its schema names.

    It is None where they do not do: the nodes that look for the rest say what is missing.
    """
    try:
        hints = typing.get_type_hints(schema)
        named = {name: value for name, value in more.items() if name in hints}
        return schema(**{**fields, **named})
    except Exception:  # noqa: BLE001  hints and schemas raise anything
        return None


def _keys(stored: Sequence[Any] | Mapping[str, Any]) -> list[str]:
    """The keys of messages as a checkpoint holds them."""
    return message_keys(read_messages(stored))


def check_configurable(configurable: Mapping[str, Any]) -> None:
    """Refuse values that the chat sets itself.

    Args:
        configurable: values for the `configurable` part of a run's configuration.

    Raises:
        ValueError: they name a thread or a checkpoint.
    """
    if named := {"thread_id", "checkpoint_id", "checkpoint_ns"} & set(configurable):
        raise ValueError(
            f"configurable= holds {', '.join(sorted(named))}, and the chat sets that itself. Name "
            "the thread with thread_id=, and leave the checkpoint out."
        )


def _root(config: RunnableConfig) -> RunnableConfig:
    named = {"thread_id": config["configurable"]["thread_id"], "checkpoint_ns": ""}
    return {"configurable": named}
