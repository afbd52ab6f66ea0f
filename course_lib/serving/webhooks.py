"""A small HTTP server on 127.0.0.1 that keeps what a webhook sends to it.

with webhook_receiver() as receiver:
    client.runs.create(thread_id, "guide", input=..., webhook=receiver.url)
    body = receiver.wait()
"""

from __future__ import annotations

import json
import queue
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from course_lib.serving.http_thread import HttpThread, bind, serve

MAX_BYTES = 1_000_000
"""Longest request that is read, in bytes."""


@dataclass
class WebhookReceiver(HttpThread):
    """A receiver that runs in a thread of this process.

    Args:
        url: where it takes requests, by POST.
    """

    _bodies: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue, repr=False)

    def wait(self, seconds: float = 30) -> dict[str, Any]:
        """Return the oldest request that was not returned yet, and wait for it where needed.

        Args:
            seconds: how long to wait.

        Raises:
            TimeoutError: nothing came in time.
        """
        try:
            return self._bodies.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(
                f"No webhook came to {self.url} in {seconds:g} s. Read the server's log: a refused "
                "or failed call stands there."
            ) from None


def webhook_receiver() -> WebhookReceiver:
    """Start a receiver on 127.0.0.1 and a free port."""
    server = bind(_Handler)
    receiver = WebhookReceiver(f"http://127.0.0.1:{server.server_port}/hook", server)
    server.bodies = receiver._bodies  # type: ignore[attr-defined]  # where the handler puts them
    serve(server)
    return receiver


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        try:
            body = json.loads(self.rfile.read(min(length, MAX_BYTES)))
        except ValueError:
            return self._answer(400)
        self.server.bodies.put(body)  # type: ignore[attr-defined]
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.end_headers()

    def log_message(self, *details: object) -> None:
        """Write nothing: the notebook shows what came."""
