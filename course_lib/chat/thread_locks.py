"""One lock for each thread: several controllers on one thread of one database take turns.

LangGraph lets two runs write to one thread at the same time, and their checkpoints mix. Inside one
process this lock prevents it. Between processes the controller reads the thread before each run.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakSet, ref

from course_lib.persistence import same_storage

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


class ThreadLock:
    """A fair lock for tasks of several event loops, which `asyncio.Lock` cannot be.

    The loops may run in different threads of Python.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *details: object) -> None:
        self.release()

    def locked(self) -> bool:
        """Whether somebody holds the lock."""
        return self._held

    async def acquire(self) -> None:
        """Wait for the lock; those who wait get it in the order in which they came."""
        with self._guard:
            if not self._held:
                self._held = True
                return
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            with self._guard:
                had_turn = turn not in self._waiting
                if not had_turn:
                    self._waiting.remove(turn)
            if had_turn:  # the lock was handed over while this task was being cancelled
                self.release()
            raise

    def release(self) -> None:
        """Hand the lock to whoever has waited longest."""
        with self._guard:
            while self._waiting:
                turn = self._waiting.popleft()
                try:
                    turn.get_loop().call_soon_threadsafe(_give, turn)
                except RuntimeError:  # the loop of that task is closed: nobody waits there
                    continue
                return
            self._held = False


def _give(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_result(None)


class SharedThread:
    """What all controllers on one thread of one database share.

    Args:
        lock: is held by the one whose run has not ended.
        controllers: everybody who shows this thread.
    """

    def __init__(self) -> None:
        self.lock = ThreadLock()
        self.controllers: WeakSet[Any] = WeakSet()

    def notify(self, changed_by: object, call: Callable[[Any], object]) -> None:
        """Call a function with every controller but the one that changed the thread."""
        for other in list(self.controllers):
            if other is not changed_by:
                call(other)


class _Storage:
    """One place where threads are kept, known by the savers that store into it."""

    def __init__(self) -> None:
        self.savers: list[ref[Any]] = []
        self.threads: dict[str, SharedThread] = {}

    def is_used(self) -> bool:
        self.savers = [known for known in self.savers if known() is not None]
        return bool(self.savers)

    def is_of(self, saver: BaseCheckpointSaver[Any]) -> bool:
        others = (known() for known in self.savers)
        return any(other is not None and same_storage(other, saver) for other in others)


_storages: list[_Storage] = []
_guard = threading.Lock()


def shared_thread(saver: BaseCheckpointSaver[Any], thread_id: str) -> SharedThread:
    """Return what is shared on a thread: the same object for a saver and all of its copies.

    Args:
        saver: where the thread is kept. `compile()` may work with a copy of the saver that it was
            given, so savers are compared by what they store into.
        thread_id: which thread.
    """
    with _guard:
        _storages[:] = [storage for storage in _storages if storage.is_used()]
        storage = next((each for each in _storages if each.is_of(saver)), None)
        if storage is None:
            storage = _Storage()
            _storages.append(storage)
        if not any(known() is saver for known in storage.savers):
            storage.savers.append(ref(saver))
        return storage.threads.setdefault(thread_id, SharedThread())


def running_threads(saver: BaseCheckpointSaver[Any]) -> set[str]:
    """Return the ids of the threads of a saver on which a run of this process has not ended.

    Args:
        saver: where the threads are kept.
    """
    with _guard:
        known = [storage for storage in _storages if storage.is_of(saver)]
        return {
            thread_id
            for storage in known
            for thread_id, shared in storage.threads.items()
            if shared.lock.locked()
        }
