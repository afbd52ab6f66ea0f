"""A connection pooler in transaction mode, as PgBouncer and its hosted kind are, for tests.

A client's transaction is sent over whichever server connection is free, and the connection is free
again when the transaction has ended.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager, suppress
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

NO_ENCRYPTION = (80877103, 80877104)  # what a client asks before it begins: SSL, GSSAPI
PROTOCOL = 196608


@contextmanager
def pooler(url: str, size: int):
    """Run a pooler before a PostgreSQL on a Unix socket, and yield its address.

    Args:
        url: of the database.
        size: how many connections it has to the server.
    """
    parts = conninfo_to_dict(url)
    started = threading.Event()
    relay = _Relay(parts, size, started)
    thread = threading.Thread(target=lambda: asyncio.run(relay.serve()), daemon=True)
    thread.start()
    assert started.wait(10), "the pooler did not start"
    try:
        name = quote(parts["dbname"])
        yield f"postgresql://{parts['user']}@127.0.0.1:{relay.port}/{name}"
    finally:
        relay.loop.call_soon_threadsafe(relay.stopped.set)
        thread.join(10)


class _Relay:
    def __init__(self, parts, size, started):
        self.parts, self.size, self.started = parts, size, started

    async def serve(self):
        self.loop, self.stopped = asyncio.get_running_loop(), asyncio.Event()
        self.idle: asyncio.Queue = asyncio.Queue()
        for _ in range(self.size):
            self.idle.put_nowait(await self.connect())
        server = await asyncio.start_server(self.relay, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.started.set()
        await self.stopped.wait()
        server.close()

    async def connect(self):
        path = f"{self.parts['host']}/.s.PGSQL.{self.parts.get('port', 5432)}"
        reader, writer = await asyncio.open_unix_connection(path)
        fields = ("user", self.parts["user"], "database", self.parts["dbname"])
        body = PROTOCOL.to_bytes(4, "big") + b"".join(f.encode() + b"\0" for f in fields) + b"\0"
        writer.write((len(body) + 4).to_bytes(4, "big") + body)
        self.greeting = b""
        while not self.greeting.endswith(b"Z\0\0\0\5I"):
            self.greeting += await _message(reader)
        return reader, writer

    async def relay(self, reader, writer):
        client = _Client(self.idle, writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while int.from_bytes((await _body(reader))[:4], "big") in NO_ENCRYPTION:
                writer.write(b"N")
            writer.write(self.greeting)
            while (asked := await _message(reader))[:1] != b"X":
                await client.ask(asked)
        client.leave()
        writer.close()


class _Client:
    """One client, and the server connection that its transaction holds."""

    def __init__(self, idle, writer):
        self.idle, self.writer = idle, writer
        self.held = self.answers = None
        self.open_requests = 0

    async def ask(self, message):
        if self.held is None:
            self.held = await self.idle.get()
            self.answers = asyncio.create_task(self.pump())
        self.open_requests += message[:1] in b"QS"
        self.held[1].write(message)

    async def pump(self):
        """Hand on what the server says, until the transaction has ended."""
        while True:
            answer = await _message(self.held[0])
            ended = False
            if answer[:1] == b"Z":
                self.open_requests -= 1
                ended = self.open_requests == 0 and answer[5:6] == b"I"
            if ended:
                self.idle.put_nowait(self.held)
                self.held = None
            self.writer.write(answer)
            if ended:
                return

    def leave(self):
        if self.held is not None:  # a real pooler rolls back; here the connection is given up
            self.answers.cancel()
            self.held[1].close()


async def _message(reader) -> bytes:
    kind = await reader.readexactly(1)
    body = await _body(reader)
    return kind + (len(body) + 4).to_bytes(4, "big") + body


async def _body(reader) -> bytes:
    size = int.from_bytes(await reader.readexactly(4), "big")
    return await reader.readexactly(size - 4)
