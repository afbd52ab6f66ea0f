"""The limit of the wait for a server that keeps a connection open and sends nothing of an answer.

A server that lets requests wait may send comments (in a stream) or blanks (before a JSON body), so
that nothing on the way closes the connection. The client's own limit counts the seconds between
two bytes, and such a server would be waited for without end. DeepSeek, for example, sends both for
up to ten minutes: https://api-docs.deepseek.com/quick_start/rate_limit.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import openai

TIMES = 10
"""How many times the client's own limit: with the course's 60 s, the ten minutes of DeepSeek."""


class OnlyKeptOpen(openai.OpenAIError):
    """A server kept the connection open for too long and sent nothing of an answer.

    It is an `OpenAIError`, which the client passes on without asking again.

    Args:
        seconds: how long it was waited for.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"for {seconds:g} s it sent only what keeps a connection open, and nothing of an answer"
        )


class LimitedStream(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """The body of an answer, whose next part has to come within a limit.

    Args:
        stream: the body as it comes.
        seconds: how long to wait for the next byte that is no comment and no blank.
        is_events: whether the body is a stream of events, in which lines that begin with a colon
            are comments.
    """

    def __init__(self, stream: Any, seconds: float, *, is_events: bool) -> None:
        self._stream = stream
        self._seconds = seconds
        self._is_events = is_events
        self._line_is_comment = False
        self._line_is_empty = True
        self._last = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            self._check(piece)
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            self._check(piece)
            yield piece

    def close(self) -> None:
        """Close the body."""
        self._stream.close()

    async def aclose(self) -> None:
        """Close the body."""
        await self._stream.aclose()

    @property
    def elapsed(self) -> Any:
        """How long the answer took, which httpx asks the body for."""
        return self._stream.elapsed

    def _check(self, piece: bytes) -> None:
        now = time.monotonic()
        if self._holds_more(piece):
            self._last = now
        elif now - self._last > self._seconds:
            raise OnlyKeptOpen(self._seconds)

    def _holds_more(self, piece: bytes) -> bool:
        """Whether a piece holds anything of an answer. A comment may be cut into pieces."""
        if not self._is_events:
            return bool(piece.strip())
        more = False
        for line in piece.splitlines(keepends=True):
            if self._line_is_empty and line.strip():
                self._line_is_comment, self._line_is_empty = line.startswith(b":"), False
            more |= bool(line.strip()) and not self._line_is_comment
            if line.endswith((b"\n", b"\r")):
                self._line_is_comment, self._line_is_empty = False, True
        return more


def limit_wait(response: Any) -> None:
    """Give the body of an answer a limit for the wait for its next part.

    It is `TIMES` the limit that the client has between two bytes; without one, there is none.

    Args:
        response: an answer of which nothing has been read.
    """
    between_bytes = response.request.extensions.get("timeout", {}).get("read")
    if between_bytes is None:
        return
    is_events = "event-stream" in response.headers.get("content-type", "")
    response.stream = LimitedStream(response.stream, TIMES * between_bytes, is_events=is_events)
