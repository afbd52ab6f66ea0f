"""A synchronous saver for an asynchronous graph.

LangGraph's `SqliteSaver` and `PostgresSaver` refuse to be awaited. A chat must not block the
kernel while it streams, so each of their calls goes to one worker thread, in the order asked:
what was put is there for whoever reads next, even when the run that put it has been cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from langgraph.checkpoint.base import BaseCheckpointSaver

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple

T = TypeVar("T")
_workers: WeakKeyDictionary[BaseCheckpointSaver[Any], ThreadPoolExecutor] = WeakKeyDictionary()


class AsyncSaverAdapter(BaseCheckpointSaver[Any]):
    """The awaitable side of a saver that has only the other.

    Args:
        saver: a synchronous saver. Two `AsyncSaverAdapter`s over one saver share its worker.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any]) -> None:
        super().__init__(serde=saver.serde)
        self.saver = saver
        self._worker = _workers.setdefault(saver, ThreadPoolExecutor(1, "saver"))

    @property
    def config_specs(self) -> list[Any]:
        """As the saver's."""
        return self.saver.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        """As the saver's."""
        return self.saver.get_next_version(current, channel)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As the saver's; a node that calls a graph of its own asks synchronously."""
        return self.saver.get_tuple(config)

    def list(self, config: RunnableConfig | None, **options: Any) -> Iterator[CheckpointTuple]:
        """As the saver's."""
        return self.saver.list(config, **options)

    def put(self, *arguments: Any) -> RunnableConfig:
        """As the saver's."""
        return self.saver.put(*arguments)

    def put_writes(self, *arguments: Any) -> None:
        """As the saver's."""
        self.saver.put_writes(*arguments)

    def delete_thread(self, thread_id: str) -> None:
        """As the saver's."""
        self.saver.delete_thread(thread_id)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `get_tuple`."""
        return await self._run(self.saver.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As `list`, read a page at a time."""
        page = 20
        while limit is None or limit > 0:
            size = page if limit is None else min(page, limit)
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
        """As `put`."""
        return await self._run(self.saver.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """As `put_writes`."""
        await self._run(self.saver.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """As `delete_thread`."""
        await self._run(self.saver.delete_thread, thread_id)

    def _page(
        self, config: Any, filter: dict[str, Any] | None, before: Any, limit: int
    ) -> Sequence[CheckpointTuple]:
        return [*self.saver.list(config, filter=filter, before=before, limit=limit)]

    async def _run(self, call: Callable[..., T], *args: Any) -> T:
        loop = asyncio.get_running_loop()
        # Shielded: a write that was asked for is done, and done before the next read.
        return await asyncio.shield(loop.run_in_executor(self._worker, call, *args))


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
        return AsyncSaverAdapter(saver)
    return saver
