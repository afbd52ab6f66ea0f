"""Jobs on the chat's event loop, started from any thread, with their failures reported."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any


class TaskRunner:
    """Starts jobs on one event loop.

    Args:
        report: is called with what a job raised; the log gets it in any case.
    """

    def __init__(self, report: Callable[[Exception], object] = lambda error: None) -> None:
        self._report = report
        self._loop: asyncio.AbstractEventLoop | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    def use_running_loop(self) -> None:
        """Start jobs on the loop that runs now."""
        self._loop = asyncio.get_running_loop()

    def spawn(self, job: Coroutine[Any, Any, None]) -> None:
        """Start a job; the browser's messages may arrive on another thread than the loop's.

        Args:
            job: a coroutine. It is dropped where the loop has been closed.
        """
        loop = self._loop if self._loop is not None else asyncio.get_event_loop()
        try:
            loop.call_soon_threadsafe(self._start, job)
        except RuntimeError:  # the loop is closed: nobody looks at that chat any more
            job.close()

    def _start(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(job))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        task.add_done_callback(lambda ended: job.close())  # where it was cancelled before it began

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except Exception as error:  # a card in the chat instead of a traceback under it
            logging.getLogger(__name__).debug("a job of the chat failed", exc_info=error)
            self._report(error)
