"""Stopping without turning anybody away: first not ready, then no new requests, then the end.

uvicorn closes its socket as soon as it gets SIGTERM. A proxy or Kubernetes learns only some seconds
later that it should send nothing more, and its requests would be refused meanwhile. So `/ready`
says 503 first, and uvicorn is told a notice later.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Draining:
    """Whether this worker is about to stop.

    Args:
        notice_seconds: from the signal until uvicorn is told. 0 tells it at once.
    """

    def __init__(self, notice_seconds: float) -> None:
        self.notice_seconds = notice_seconds
        self.begun = False

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Take SIGTERM for the length of the context; a second one ends the notice."""
        loop = asyncio.get_running_loop()
        try:
            uvicorns = signal.getsignal(signal.SIGTERM)
            if not callable(uvicorns):  # there is no server: a test, say
                yield
                return

            def tell(number: int, frame: Any) -> None:
                at_once = self.begun or not self.notice_seconds
                self.begun = True
                if at_once:
                    uvicorns(number, frame)
                else:
                    later = (self.notice_seconds, uvicorns, number, None)
                    loop.call_soon_threadsafe(loop.call_later, *later)

            signal.signal(signal.SIGTERM, tell)
        except ValueError:  # not in the main thread
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, uvicorns)
