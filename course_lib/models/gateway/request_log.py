"""The gateway's request log: a line of JSON for each request, with the id of its caller."""

from __future__ import annotations

import json
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from course_lib.models.line_file import LineFile
from course_lib.models.request_ids import HEADER, REQUEST_ID, request_id_from

log = logging.getLogger("uvicorn.error")

QUIET = ("/health", "/metrics")
"""Paths that are asked every few seconds, and would fill the log."""


class RequestLog:
    """Writes down every request but its body, and answers with its id.

    Args:
        app: what is behind it.
        path: of the log; it is appended to. None for no log.
    """

    def __init__(self, app: ASGIApp, path: Path | None) -> None:
        self.app = app
        self._file = None if path is None else LineFile(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and write its line when it is over, however it ends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        request_id = request_id_from(Headers(scope=scope).get(HEADER))
        REQUEST_ID.set(request_id)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self.app(scope, receive, answer)
        finally:
            self._write(scope, request_id, status, time.perf_counter() - began)

    def _write(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        if self._file is None or scope["path"] in QUIET:
            return
        line = {
            "time": datetime.now(UTC).isoformat(),
            "event": "request",
            "request_id": request_id,
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": status,  # 0: it ended before there was one
            "seconds": round(seconds, 6),
        }
        try:
            self._file.write(json.dumps(line) + "\n")
        except OSError as error:  # a full disk must not end the request
            log.error("the request log does not keep a line: %s", error.strerror)
