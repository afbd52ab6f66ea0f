"""One id for each request, in every log: taken from the proxy, kept in the checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from starlette.datastructures import Headers, MutableHeaders

from course_lib.fastapi_app import ServiceHooks
from course_lib.models.request_ids import HEADER, REQUEST_ID, request_id_from

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from course_lib.fastapi_app.run import Run

METADATA_KEY = "request_id"
"""Where a checkpoint's metadata have the id: `saver.list(None, filter={"request_id": ...})`."""


class RequestIds:
    """Gives every request an id, and names it in the answer.

    The id is bound to structlog's context as well, from which log lines and spans take it.

    Args:
        app: what is behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the id of `X-Request-ID`, or make one where it is missing or malformed."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = request_id_of(scope)
        REQUEST_ID.set(request_id)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self.app(scope, receive, named)


class RequestIdHooks(ServiceHooks):
    """Keeps the request's id in the checkpoints of its turn, and binds the ids of the turn."""

    @contextmanager
    def turn(self, run: Run) -> Iterator[None]:
        """Name thread and run in all that is logged and traced from here on."""
        # A run is a task with a context of its own, so there is nothing to take back.
        structlog.contextvars.bind_contextvars(thread_id=run.thread.id, run_id=str(run.id))
        yield

    def config(self, run: Run, config: dict[str, Any]) -> dict[str, Any]:
        """Add the request's id to the metadata of the turn's checkpoints."""
        request_id = REQUEST_ID.get()
        if request_id is None:
            return config
        return {**config, "metadata": {**config.get("metadata", {}), METADATA_KEY: request_id}}


def request_id_of(scope: Scope) -> str:
    """Return the id of a request, the same one however often it is asked for.

    Args:
        scope: of an ASGI application.
    """
    if METADATA_KEY not in scope:
        scope[METADATA_KEY] = request_id_from(Headers(scope=scope).get(HEADER))
    return scope[METADATA_KEY]


def ids_now() -> dict[str, str]:
    """The ids of the running task: `request_id`, and within a turn `thread_id` and `run_id`."""
    return structlog.contextvars.get_contextvars()
