"""A small HTTP server of the course's own, in a thread of this process, on 127.0.0.1."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


@dataclass
class HttpThread:
    """A server that runs in a thread of this process.

    Args:
        url: where it answers.
    """

    url: str
    _server: ThreadingHTTPServer = field(repr=False)

    def stop(self) -> None:
        """Stop the server; harmless a second time."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


class BusyHttpServer(ThreadingHTTPServer):
    """A server that many clients may connect to in the same moment."""

    request_queue_size = 128
    """Connections that wait to be accepted. Python's 5 resets the others on a busy machine."""


def bind(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    """Take a free port of 127.0.0.1 for a handler; requests wait until `serve`."""
    return BusyHttpServer(("127.0.0.1", 0), handler)


def serve(server: ThreadingHTTPServer) -> None:
    """Answer requests from now on, in a thread that ends with the process."""
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
