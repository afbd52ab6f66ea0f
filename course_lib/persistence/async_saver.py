"""A synchronous saver for an asynchronous graph.

LangGraph's `SqliteSaver` and `PostgresSaver` refuse to be awaited. A chat must not block the kernel
while it streams, so each of their calls goes to one worker thread, in the order in which it was
asked for: what was written is there for whoever reads next, also when the run that wrote it has
been cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from langgraph.checkpoint.base import BaseCheckpointSaver

from course_lib.persistence.storage_identity import same_saver
from course_lib.persistence.whole_nodes import path_for

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple

T = TypeVar("T")
PAGE = 20
"""How many checkpoints are listed at once; the event loop is free in between."""

_workers: list[tuple[ref[Any], ThreadPoolExecutor]] = []
_workers_lock = Lock()


class AsyncSaverAdapter(BaseCheckpointSaver[Any]):
    """A saver that can be awaited, around one that cannot.

    `adapt` makes one with the optional abilities of the saver (pruning, copying, deleting by run).

    Args:
        saver: a synchronous saver. Adapters around one saver, or around copies of it, share one
            worker thread.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=saver.serde)
        self.saver = saver
        self._worker = _worker_for(saver)

    @property
    def config_specs(self) -> list[Any]:
        """The configuration values that the wrapped saver reads."""
        return self.saver.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the wrapped saver's next version of a channel."""
        return self.saver.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> AsyncSaverAdapter:
        """Return an adapter around a copy of the saver that allows more types to be read."""
        return adapt(self.saver.with_allowlist(extra_allowlist))

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint here and now; a node that calls a graph of its own asks like this."""
        return self.saver.get_tuple(config)

    def list(self, config: RunnableConfig | None, **options: Any) -> Iterator[CheckpointTuple]:
        """List checkpoints here and now."""
        return self.saver.list(config, **options)

    def put(self, *arguments: Any) -> RunnableConfig:
        """Write a checkpoint here and now."""
        return self.saver.put(*arguments)

    def put_writes(self, *arguments: Any) -> None:
        """Write a task's writes here and now."""
        self.saver.put_writes(*arguments)

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread here and now."""
        self.saver.delete_thread(thread_id)

    def get_delta_channel_history(self, **options: Any) -> Mapping[str, Any]:
        """Read here and now what delta channels are rebuilt from."""
        return self.saver.get_delta_channel_history(**options)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint on the worker thread."""
        return await self._run(self.saver.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints, a page at a time so that the event loop stays free."""
        while limit is None or limit > 0:
            size = PAGE if limit is None else min(PAGE, limit)
            found = await self._run(self._page, config, filter, before, size)
            for each in found:
                yield each
            if len(found) < size:
                return
            before = found[-1].config
            limit = None if limit is None else limit - size

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: Any,
    ) -> RunnableConfig:
        """Write a checkpoint on the worker thread."""
        return await self._run(self.saver.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Write a task's writes on the worker thread."""
        put_writes = self.saver.put_writes
        await self._run(put_writes, config, writes, task_id, *path_for(put_writes, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread on the worker thread."""
        await self._run(self.saver.delete_thread, thread_id)

    async def aget_delta_channel_history(self, **options: Any) -> Mapping[str, Any]:
        """Read on the worker thread what delta channels are rebuilt from."""
        return await self._run(lambda: self.saver.get_delta_channel_history(**options))

    def _page(
        self, config: Any, filter: dict[str, Any] | None, before: Any, limit: int
    ) -> Sequence[CheckpointTuple]:
        return [*self.saver.list(config, filter=filter, before=before, limit=limit)]

    async def _run(self, call: Callable[..., T], *args: Any) -> T:
        loop = asyncio.get_running_loop()
        # Shielded: a write that was asked for is done, and done before the next read.
        return await asyncio.shield(loop.run_in_executor(self._worker, call, *args))


class _Prunes(AsyncSaverAdapter):
    def prune(self, thread_ids: Sequence[str], **options: Any) -> None:
        """Remove old checkpoints here and now."""
        self.saver.prune(thread_ids, **options)

    async def aprune(self, thread_ids: Sequence[str], **options: Any) -> None:
        """Remove old checkpoints on the worker thread."""
        await self._run(lambda: self.saver.prune(thread_ids, **options))


class _CopiesThreads(AsyncSaverAdapter):
    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread here and now."""
        self.saver.copy_thread(source_thread_id, target_thread_id)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread on the worker thread."""
        await self._run(self.saver.copy_thread, source_thread_id, target_thread_id)


class _DeletesRuns(AsyncSaverAdapter):
    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what some runs wrote, here and now."""
        self.saver.delete_for_runs(run_ids)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete what some runs wrote, on the worker thread."""
        await self._run(self.saver.delete_for_runs, run_ids)


ABILITIES: dict[str, type[AsyncSaverAdapter]] = {
    "prune": _Prunes,
    "copy_thread": _CopiesThreads,
    "delete_for_runs": _DeletesRuns,
}
"""What savers may be able to do or not, by the method that they override."""


def adapt(saver: BaseCheckpointSaver[Any]) -> AsyncSaverAdapter:
    """Return an adapter around a saver that has exactly the abilities of the saver.

    LangGraph finds out what a saver can do by the methods that its class overrides.

    Args:
        saver: a synchronous saver.
    """
    own = [
        mixin
        for method, mixin in ABILITIES.items()
        if getattr(type(saver), method) is not getattr(BaseCheckpointSaver, method)
    ]
    if not own:
        return AsyncSaverAdapter(saver)
    return type(AsyncSaverAdapter.__name__, tuple(own), {})(saver)


async def as_async_saver(
    saver: BaseCheckpointSaver[Any], thread_id: str
) -> BaseCheckpointSaver[Any]:
    """Return a saver that can be awaited: this one, or an adapter around it.

    Args:
        saver: any saver.
        thread_id: a thread that is about to be read. Reading it shows whether the saver can be
            awaited, and is a call that every saver must accept.
    """
    try:
        await saver.aget_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
    except NotImplementedError:  # how LangGraph's synchronous savers say so
        return adapt(saver)
    return saver


def _worker_for(saver: BaseCheckpointSaver[Any]) -> ThreadPoolExecutor:
    with _workers_lock:
        _workers[:] = [known for known in _workers if known[0]() is not None]
        for known, worker in _workers:
            if same_saver(known(), saver):
                return worker
        worker = ThreadPoolExecutor(1, "saver")
        _workers.append((ref(saver), worker))
        return worker
