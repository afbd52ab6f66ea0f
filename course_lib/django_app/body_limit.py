"""A limit on request bodies: under ASGI, Django stores a whole body before it looks at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


class BodyTooLong(Exception):
    """A body went over the limit while it was read."""


class LimitBody:
    """Refuses a body that is too long, also one that does not tell its length.

    Args:
        app: the ASGI application behind it.
        max_bytes: the longest body.
    """

    def __init__(self, app: Application, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Count what is received, and stop at the limit."""
        if scope["type"] == "lifespan":  # Django has none; uvicorn goes on without it
            raise RuntimeError("This application has nothing to do when the server starts or ends.")
        told = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if not told.isdigit() or int(told) > self.max_bytes:
            await self._refuse(send)
            return
        received = 0
        answered = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.max_bytes:
                raise BodyTooLong
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except BodyTooLong:
            if not answered:
                await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        text = f"The request is longer than {self.max_bytes} bytes. Shorten it.".encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": text})
