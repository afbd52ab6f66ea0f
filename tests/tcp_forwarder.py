"""A port of 127.0.0.1 before a PostgreSQL on a Unix socket. It can be closed and opened again."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict


class Forwarder:
    """Hands bytes on, in a thread of its own.

    Args:
        url: of a database on a Unix socket.
    """

    def __init__(self, url: str) -> None:
        self._parts = conninfo_to_dict(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.open()
        user, name = self._parts.get("user", "postgres"), quote(self._parts["dbname"])
        self.url = f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def open(self) -> None:
        """Take connections, on the same port as before."""
        self._run(self._listen())

    def close(self) -> None:
        """End all connections and take no more, as a database that is down."""
        self._run(self._end())

    def stop(self) -> None:
        """Close for good."""
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _forward(self, reader, writer) -> None:
        path = f"{self._parts['host']}/.s.PGSQL.{self._parts.get('port', 5432)}"
        there = await asyncio.open_unix_connection(path)
        self._writers |= {writer, there[1]}
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
        self._writers -= {writer, there[1]}


async def _copy(reader, writer) -> None:
    with suppress(ConnectionError, RuntimeError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with suppress(ConnectionError, RuntimeError):
        writer.close()


@contextmanager
def forwarder(url: str):
    """Run one for the `with` block."""
    running = Forwarder(url)
    try:
        yield running
    finally:
        running.stop()
