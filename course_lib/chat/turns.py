"""Whose turn it is: one operation at a time in a controller, one run at a time on a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from course_lib.chat.thread_locks import SharedThread, ThreadLock


class Turns:
    """The order of one controller's operations, and its place among those on the same thread.

    Args:
        shared: returns what is shared on the thread that the controller is on now.
    """

    def __init__(self, shared: Callable[[], SharedThread]) -> None:
        self._shared = shared
        self._stop_count = 0
        self._waiting: asyncio.Future[Any] | None = None
        self.operation_lock = ThreadLock()

    def would_wait(self) -> bool:
        """Whether an operation that asks now has to wait for another one."""
        return self.are_taken() or self._shared().lock.locked()

    def are_taken(self) -> bool:
        """Whether an operation of this controller has begun and not ended."""
        return self.operation_lock.locked()

    def stop(self) -> None:
        """Give up the wait for the thread's lock, and every operation that has not begun."""
        self._stop_count += 1
        if self._waiting is not None:
            self._waiting.cancel()

    def mark(self) -> Callable[[], bool]:
        """Return a function that says whether `stop` has been called since now."""
        count = self._stop_count
        return lambda: self._stop_count != count

    @asynccontextmanager
    async def exclusive(self, stopped: Callable[[], bool]) -> AsyncIterator[bool]:
        """Hold the controller's and the thread's lock.

        Args:
            stopped: as returned by `mark` when the operation was asked for.

        Yields:
            False where the operation was stopped while it waited; then no lock is held.
        """
        async with self.operation_lock:
            shared = self._shared()
            if stopped() or not await self._acquire_thread_lock(shared):
                yield False
                return
            try:
                yield True
            finally:
                shared.lock.release()

    async def _acquire_thread_lock(self, shared: SharedThread) -> bool:
        """Wait for the thread's lock; return False when stopped meanwhile."""
        waiting = self._waiting = asyncio.ensure_future(shared.lock.acquire())
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            if not waiting.cancel():
                shared.lock.release()
            raise
        finally:
            self._waiting = None
        return not waiting.cancelled()


async def wait_until_ended(
    job: asyncio.Future[Any], *, cancel: bool
) -> asyncio.CancelledError | None:
    """Wait until a job has ended, also when this task is cancelled meanwhile.

    A cancellation from outside (the kernel's interrupt, a caller's) must not leave a run behind
    that nobody looks after.

    Args:
        job: what to wait for.
        cancel: whether a cancellation from outside cancels the job.

    Returns:
        The cancellation that came meanwhile, for the caller to raise at its end.
    """
    interrupted = None
    while not job.done():
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError as cancelled:
            interrupted = cancelled
            if cancel:
                job.cancel()
    return interrupted
