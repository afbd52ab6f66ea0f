"""Sending a prepared answer at a speed, with the faults that were asked for.

The answer is known before its first token is sent. So every refusal comes before the status line,
and a fault hits exactly the token that it names.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
from starlette.types import Receive, Scope, Send

from course_lib.models.gateway.answers import PreparedAnswer, message_of
from course_lib.models.gateway.faults import Faults
from course_lib.models.gateway.metrics import Metrics


class ConnectionCut(Exception):
    """The answer breaks off here; the server closes the connection."""


@dataclass
class Playback:
    """The response that sends an answer; an ASGI application.

    Args:
        answer: what is sent.
        head: `id`, `created` and `model` of the answer.
        streams: whether the tokens are sent one by one.
        with_usage: whether a stream ends with the usage.
        faults: what goes wrong on the way.
        first_token_seconds: seconds before the first token.
        token_seconds: seconds before each later token.
        places: a request is answered once it has one of these.
        metrics: where it is counted.
        began: when the request came, by `time.perf_counter()`.
    """

    answer: PreparedAnswer
    head: Mapping[str, Any]
    streams: bool
    with_usage: bool
    faults: Faults
    first_token_seconds: float
    token_seconds: float
    places: anyio.Semaphore
    metrics: Metrics
    began: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer, and stop when the client goes away."""
        status = "aborted"
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            with contextlib.suppress(ConnectionCut):
                status = "broken"
                try:
                    async with self._place():
                        await (self._stream(send) if self.streams else self._whole(send))
                    status = "200"
                except anyio.get_cancelled_exc_class():
                    status = "aborted"
                    raise
                finally:
                    self.metrics.requests.labels(status).inc()
                    self.metrics.latency.observe(time.perf_counter() - self.began)
            group.cancel_scope.cancel()

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        with self.metrics.waiting.track_inprogress():
            await self.places.acquire()
        try:
            with self.metrics.running.track_inprogress():
                yield
        finally:
            self.places.release()

    async def _tokens(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the deltas, each when it is due, up to the fault that was asked for."""
        due = anyio.current_time()
        for n, delta in enumerate(self.answer.deltas):
            await self._fault_at(n)
            due += self.token_seconds if n else self.first_token_seconds
            await anyio.sleep_until(due)
            if n == 0:
                self.metrics.first_token.observe(time.perf_counter() - self.began)
                self.metrics.prompt_tokens.inc(self.answer.prompt_tokens)
            self.metrics.generation_tokens.inc()
            yield delta
        # A fault behind the last token still comes before the client is told of the end.
        await self._fault_at(None)

    async def _fault_at(self, token: int | None) -> None:
        def is_due(after: int | None) -> bool:
            return after is not None and (token is None or token >= after)

        if is_due(self.faults.break_after):
            raise ConnectionCut
        if is_due(self.faults.stall_after):
            await anyio.sleep_forever()

    async def _whole(self, send: Send) -> None:
        cut = False
        try:
            async for _ in self._tokens():
                pass
        except ConnectionCut:
            cut = True
        message = message_of(self.answer.deltas)
        choice = {"index": 0, "message": message, "finish_reason": self.answer.finish_reason}
        body = {
            **self.head,
            "object": "chat.completion",
            "choices": [{**choice, "logprobs": None}],
            "usage": self.answer.usage,
        }
        written = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), _length(written)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if cut:
            await send({"type": "http.response.body", "body": written[:40], "more_body": True})
            raise ConnectionCut
        await send({"type": "http.response.body", "body": written})

    async def _stream(self, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-cache"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        role = False
        async for delta in self._tokens():
            if not role:
                await send(self._event([{"index": 0, "delta": ROLE, "finish_reason": None}]))
                role = True
            await send(self._event([{"index": 0, "delta": delta, "finish_reason": None}]))
        ending = {"index": 0, "delta": {}, "finish_reason": self.answer.finish_reason}
        await send(self._event([ending]))
        if self.with_usage:
            await send(self._event([], usage=self.answer.usage))
        await send(_line("[DONE]"))
        await send({"type": "http.response.body", "body": b""})

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        chunk = {**self.head, "object": "chat.completion.chunk", "choices": choices, **more}
        return _line(json.dumps(chunk))


ROLE = {"role": "assistant", "content": ""}


def _line(data: str) -> dict[str, Any]:
    body = f"data: {data}\n\n".encode()
    return {"type": "http.response.body", "body": body, "more_body": True}


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()
