"""A read-through cache in front of a saver: the newest checkpoint of a thread is read only once.

    cache = MemoryCache()                              # or RedisCheckpointCache(url)
    async with open_async_checkpointer(url) as saver:
        graph = builder.compile(checkpointer=CachedSaver(saver, cache))

Every write through the `CachedSaver` drops what is cached of its thread. That alone is not enough.
A reader may fetch the old checkpoint from the database just before a writer writes and drops. Then
the reader puts the old checkpoint into the cache, where it stays. So a reader that finds nothing
takes a *lease*, and only the holder of the lease may fill the entry. A write removes all leases of
its thread before it begins and again when it has ended, and no lease is given out in between. (A
lock for each thread would have to be held during the reader's database call, and by all processes.
A lease makes nobody wait. Facebook described leases for memcached in 2013.)
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncIterator,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver, get_checkpoint_id

from course_lib.persistence.cache_protocol import CheckpointCache
from course_lib.persistence.packed_tuple import pack, unpack

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, CheckpointTuple

T = TypeVar("T")


class _Place(NamedTuple):
    thread_id: str
    name: str


class CachedSaver(BaseCheckpointSaver[Any]):
    """A saver that answers for the newest checkpoint of a thread from a cache.

    It has the same optional abilities as the saver (pruning, copying, deleting by run). Checkpoints
    that are asked for by their id, and lists, always come from the saver. What is cached is written
    by the saver's own serialiser: where that encrypts, the cache holds nothing in the clear but
    thread ids and namespaces.

    Args:
        saver: the saver to read from and write to, synchronous or not.
        cache: a `MemoryCache`, right where one process writes, or a `RedisCheckpointCache`. Savers
            may share one only if they use the same database.
    """

    def __new__(cls, saver: Any = None, cache: Any = None) -> CachedSaver:
        """Make an instance of a class with the abilities of the saver.

        LangGraph finds out what a saver can do by the methods that its class overrides.
        """
        own = {
            name: method
            for name, method in ABILITIES.items()
            if getattr(type(saver), name, None) is not getattr(BaseCheckpointSaver, name)
        }
        able = type(cls.__name__, (cls,), own) if saver is not None and own else cls
        return super().__new__(able)

    def __init__(self, saver: BaseCheckpointSaver[Any], cache: CheckpointCache) -> None:
        super().__init__(serde=saver.serde)
        self.saver = saver
        self.cache = cache
        self._allowlist: frozenset[tuple[str, ...]] = frozenset()
        self._was_awaited = False

    @property
    def config_specs(self) -> list[Any]:
        """The configuration values that the saver reads."""
        return self.saver.config_specs

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the saver's next version of a channel."""
        return self.saver.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> CachedSaver:
        """Return a cached saver that allows more types to be read, with entries of its own.

        A reader that may not read a type gets a plain dict in its place. That dict must not reach
        a reader that may.
        """
        saver = self.saver.with_allowlist(extra_allowlist)
        if saver is self.saver:
            return self
        made = CachedSaver(saver, self.cache)
        made._allowlist = self._allowlist | frozenset(extra_allowlist)
        return made

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint, the newest one from the cache if it is there."""
        place = self._place(config)
        if place is None:
            return self.saver.get_tuple(config)
        found, lease = self._read(place)
        if found is None:
            found = self.saver.get_tuple(config)
            self._fill(place, lease, found)
        return found

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint, the newest one from the cache if it is there."""
        place = self._place(config)
        if place is None:
            return await self.saver.aget_tuple(config)
        found, lease = await self._ask(self._read, place)
        # The first call goes to the saver in any case: a synchronous one refuses to be awaited,
        # and a cached answer must not hide that.
        if found is None or not self._was_awaited:
            found = await self.saver.aget_tuple(config)
            self._was_awaited = True
            await self._ask(self._fill, place, lease, found)
        return found

    def list(self, config: RunnableConfig | None, **options: Any) -> Iterator[CheckpointTuple]:
        """List checkpoints from the saver."""
        return self.saver.list(config, **options)

    async def alist(
        self, config: RunnableConfig | None, **options: Any
    ) -> AsyncIterator[CheckpointTuple]:
        """List checkpoints from the saver."""
        async for each in self.saver.alist(config, **options):
            yield each

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: Any,
    ) -> RunnableConfig:
        """Write a checkpoint and drop what is cached of its thread."""
        with self._writing(_thread_of(config)):
            return self.saver.put(config, checkpoint, metadata, new_versions)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: Any,
    ) -> RunnableConfig:
        """Write a checkpoint and drop what is cached of its thread."""
        async with self._awriting(_thread_of(config)):
            return await self.saver.aput(config, checkpoint, metadata, new_versions)

    def put_writes(self, config: RunnableConfig, *arguments: Any, **options: Any) -> None:
        """Write what a task has written, which is part of the newest checkpoint's tuple."""
        with self._writing(_thread_of(config)):
            self.saver.put_writes(config, *arguments, **options)

    async def aput_writes(self, config: RunnableConfig, *arguments: Any, **options: Any) -> None:
        """Write what a task has written, which is part of the newest checkpoint's tuple."""
        async with self._awriting(_thread_of(config)):
            await self.saver.aput_writes(config, *arguments, **options)

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread, also from the cache."""
        with self._writing([str(thread_id)]):
            self.saver.delete_thread(thread_id)

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread, also from the cache."""
        async with self._awriting([str(thread_id)]):
            await self.saver.adelete_thread(thread_id)

    def get_delta_channel_history(self, **options: Any) -> Mapping[str, Any]:
        """Read from the saver what delta channels are rebuilt from."""
        return self.saver.get_delta_channel_history(**options)

    async def aget_delta_channel_history(self, **options: Any) -> Mapping[str, Any]:
        """Read from the saver what delta channels are rebuilt from."""
        return await self.saver.aget_delta_channel_history(**options)

    def _place(self, config: RunnableConfig) -> _Place | None:
        """Where the cache keeps what a config asks for; None if it does not."""
        asked = config["configurable"]
        if get_checkpoint_id(config) or not isinstance(asked["thread_id"], str):
            return None
        name = asked.get("checkpoint_ns", "")
        if self._allowlist:
            name += f"|{sha256(repr(sorted(self._allowlist)).encode()).hexdigest()[:16]}"
        return _Place(asked["thread_id"], name)

    def _read(self, place: _Place) -> tuple[CheckpointTuple | None, str | None]:
        data, lease = self.cache.read(*place)
        return None if data is None else unpack(data, self.serde), lease

    def _fill(self, place: _Place, lease: str | None, found: CheckpointTuple | None) -> None:
        data = None if found is None or lease is None else pack(found, self.serde)
        if data is not None:
            self.cache.fill(*place, lease, data)

    async def _ask(self, call: Callable[..., T], *arguments: Any) -> T:
        """Call the cache, in a thread of its own where that waits for a server."""
        if self.cache.remote:
            return await asyncio.to_thread(call, *arguments)
        return call(*arguments)

    # A write that was cancelled may still reach the database. It does not end here: its mark
    # expires in the cache after LEASE_SECONDS, and until then its thread is not cached.

    @contextmanager
    def _writing(self, thread_ids: Sequence[str]) -> Iterator[None]:
        token = self.cache.begin_write(thread_ids)
        try:
            yield
        except Exception:
            self.cache.end_write(thread_ids, token)
            raise
        self.cache.end_write(thread_ids, token)

    @asynccontextmanager
    async def _awriting(self, thread_ids: Sequence[str]) -> AsyncIterator[None]:
        token = await self._ask(self.cache.begin_write, thread_ids)
        try:
            yield
        except Exception:
            await self._ask(self.cache.end_write, thread_ids, token)
            raise
        await self._ask(self.cache.end_write, thread_ids, token)


def _thread_of(config: RunnableConfig) -> list[str]:
    return [str(config["configurable"]["thread_id"])]


def _names(thread_ids: Sequence[str]) -> list[str]:
    """The threads to drop; none where a single text was given, which the saver refuses."""
    return [] if isinstance(thread_ids, str) else [str(each) for each in thread_ids]


def _prune(self: CachedSaver, thread_ids: Sequence[str], **options: Any) -> None:
    """Remove old checkpoints of threads, and drop what is cached of them."""
    with self._writing(_names(thread_ids)):
        self.saver.prune(thread_ids, **options)


async def _aprune(self: CachedSaver, thread_ids: Sequence[str], **options: Any) -> None:
    """Remove old checkpoints of threads, and drop what is cached of them."""
    async with self._awriting(_names(thread_ids)):
        await self.saver.aprune(thread_ids, **options)


def _copy_thread(self: CachedSaver, source_thread_id: str, target_thread_id: str) -> None:
    """Copy a thread, and drop what is cached of its target."""
    with self._writing([str(target_thread_id)]):
        self.saver.copy_thread(source_thread_id, target_thread_id)


async def _acopy_thread(self: CachedSaver, source_thread_id: str, target_thread_id: str) -> None:
    """Copy a thread, and drop what is cached of its target."""
    async with self._awriting([str(target_thread_id)]):
        await self.saver.acopy_thread(source_thread_id, target_thread_id)


def _delete_for_runs(self: CachedSaver, run_ids: Sequence[str]) -> None:
    """Delete what some runs wrote. Nobody knows in which threads, so the cache is emptied."""
    try:
        self.saver.delete_for_runs(run_ids)
    finally:
        self.cache.clear()


async def _adelete_for_runs(self: CachedSaver, run_ids: Sequence[str]) -> None:
    """Delete what some runs wrote. Nobody knows in which threads, so the cache is emptied."""
    try:
        await self.saver.adelete_for_runs(run_ids)
    finally:
        await self._ask(self.cache.clear)


ABILITIES: dict[str, Callable[..., Any]] = {
    "prune": _prune,
    "aprune": _aprune,
    "copy_thread": _copy_thread,
    "acopy_thread": _acopy_thread,
    "delete_for_runs": _delete_for_runs,
    "adelete_for_runs": _adelete_for_runs,
}
"""What savers may be able to do or not."""
