"""A server that speaks OpenAI's protocol and fails as it should, for chapter 15's exercises."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from course_lib.models import ModelRequestError, ModelServerError, RemoteChatModel
from course_lib.serving.http_thread import serve

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 0,
    "model": "scripted",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": "hello"},
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


@contextlib.contextmanager
def scripted_server(statuses: Callable[[int], int], *, breaks: bool = False) -> Iterator[Any]:
    """Start a server that answers the n-th request with a status; yields its address and requests.

    Args:
        statuses: from the number of a request, counted from 1, to its status.
        breaks: whether each answer is a stream that ends in the middle.
    """
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.path)
            status = statuses(len(seen))
            error = {"error": {"message": f"status {status}", "type": "scripted"}}
            body = json.dumps(ANSWER if status == 200 else error).encode()
            if breaks:
                piece = {**ANSWER, "object": "chat.completion.chunk", "choices": [_piece("hel")]}
                body = f"data: {json.dumps(piece)}\n\n".encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream" if breaks else "application/json")
            self.send_header("Content-Length", str(len(body) + 100 * breaks))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    serve(server)
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", seen
    finally:
        server.shutdown()
        server.server_close()


def _piece(text: str) -> dict[str, Any]:
    return {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}


CASES: Mapping[str, tuple[Callable[[int], int], int, bool]] = {
    "200 at once, 3 retries allowed": (lambda n: 200, 3, False),
    "429 twice and then 200, 3 retries allowed": (lambda n: 429 if n < 3 else 200, 3, False),
    "503 each time, 2 retries allowed": (lambda n: 503, 2, False),
    "400 each time, 3 retries allowed": (lambda n: 400, 3, False),
    "404 each time, 3 retries allowed": (lambda n: 404, 3, False),
    "a stream that breaks off, 3 retries allowed": (lambda n: 200, 3, True),
}
"""What exercise 1 asks about: the statuses, the retries, and whether the stream breaks."""


def requests_seen() -> dict[str, int]:
    """Run every case and return how many requests the server saw."""
    found = {}
    for name, (statuses, retries, breaks) in CASES.items():
        with scripted_server(statuses, breaks=breaks) as (url, seen):
            model = RemoteChatModel(
                base_url=url, api_key="none", model="scripted", max_retries=retries, timeout=5
            )
            with contextlib.suppress(ModelServerError, ModelRequestError):
                list(model.stream("hello")) if breaks else model.invoke("hello")
            found[name] = len(seen)
    return found
