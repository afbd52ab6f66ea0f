"""What every request and answer goes through: a limit on the body, and headers for browsers."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problems import Problem

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load: only its own files. Text of a model that became HTML could do nothing."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
DOCUMENTATION = ("/docs", "/redoc")
"""FastAPI's pages load their scripts from elsewhere, so the policy would leave them empty."""

NUMBER = re.compile(r"[0-9]{1,18}")


class LimitBody:
    """Refuses a body that is too long, also one that does not tell its length.

    Args:
        app: what is behind it.
        max_bytes: the longest body.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what is received, and stop at the limit."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "0")
        if not NUMBER.fullmatch(told) or int(told) > self.max_bytes:
            await self._refuse(scope, receive, send)
            return
        received = 0
        answered = refused = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes and not answered:
                return {"type": "http.disconnect"}  # whoever reads the body reads no further
            return message

        async def watched(message: Message) -> None:
            nonlocal answered, refused
            if received > self.max_bytes and not answered:
                refused = True
            answered = True
            if not refused:  # else what it says of half a body is of no use
                await send(message)

        try:
            await self.app(scope, counted, watched)
        except ClientDisconnect:
            refused = received > self.max_bytes
            if not refused:
                raise
        if refused:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        problem = Problem(
            413, "body-too-long", f"The request is longer than {self.max_bytes} bytes. Shorten it."
        )
        await problem.response()(scope, receive, send)


class SecurityHeaders:
    """Adds the headers that tell a browser what this service's answers may do.

    Args:
        app: what is behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to the start of every answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if not scope["path"].startswith(DOCUMENTATION):
                    headers["Content-Security-Policy"] = PAGE_POLICY
            await send(message)

        await self.app(scope, receive, with_headers)
