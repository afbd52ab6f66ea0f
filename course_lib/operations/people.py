"""People who talk to the stack through its proxy, while parts of it are killed.

    turns = await talk(running, [["A cafe in Mapo", "Another one"]] * 100, rate=2.0)
    print(judge(running.database_url, turns))

Each person behaves as the page of chapter 13 does: a request that broke is sent again with the same
message id, and a run that goes on is followed again. People arrive at random moments, whether the
service keeps up or not (an open loop). Within one conversation a person waits for the answer.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
from langgraph_sdk.sse import SSEDecoder, aiter_lines_raw

from course_lib.operations.proxy import tls_context

if TYPE_CHECKING:
    from course_lib.operations.running_stack import Stack

RETRIES = 8
"""How often a request is sent again before the person is told, as the page does."""

BY_HAND = 5
"""How often a person presses "Send again" before giving up."""


@dataclass(frozen=True)
class SaidTurn:
    """What a person saw of one turn.

    Args:
        person: who.
        text: what was said.
        message_id: made once by the client.
        thread_id: of the conversation; None where the service never answered.
        answer: what came back in the end; None where nothing did.
        problems: what the person was told instead, each with what to do; empty when all went well.
        sent: how many requests it took.
        began: when it was sent first, in seconds of `time.monotonic()`.
        first_token_seconds: until the first token; None where the answer came whole.
        seconds: until the answer.
    """

    person: str
    text: str
    message_id: str
    thread_id: str | None
    answer: str | None
    problems: tuple[str, ...]
    sent: int
    began: float
    first_token_seconds: float | None
    seconds: float

    @property
    def by_itself(self) -> bool:
        """Whether it was answered without the person doing anything."""
        return self.answer is not None and not self.problems

    @property
    def resumed(self) -> bool:
        """Whether it was answered although a request of it broke or was refused."""
        return self.by_itself and self.sent > 1


class Refused(Exception):
    """The service answered with an error; `status` and `body` as it sent them."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body.get("detail") or body.get("title") or f"HTTP {status}")
        self.status = status


async def talk(
    stack: Stack,
    conversations: Sequence[Sequence[str]],
    *,
    rate: float,
    seed: int = 0,
    seen: Callable[[SaidTurn], None] = lambda _: None,
) -> list[SaidTurn]:
    """Let one person after the other begin a conversation, at random moments.

    Args:
        stack: which they talk to.
        conversations: for each person the messages, in order.
        rate: people who arrive per second, on average; a Poisson process.
        seed: the same seed gives the same moments.
        seen: is called with each turn when it has ended.

    Returns:
        Every turn, in the order of the conversations.
    """
    chance = random.Random(seed)
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
    timeout = httpx.Timeout(60, connect=10)
    context = tls_context(stack.ca_file)
    async with httpx.AsyncClient(
        base_url=stack.url, verify=context, limits=limits, timeout=timeout, trust_env=False
    ) as client:

        async def person(name: str, texts: Sequence[str]) -> list[SaidTurn]:
            headers = {"Authorization": f"Bearer {stack.token(name)}"}
            thread_id: str | None = None
            turns = []
            for text in texts:
                turn = await say(client, headers, name, text, thread_id)
                thread_id = turn.thread_id
                seen(turn)
                turns.append(turn)
                if turn.answer is None:
                    break  # the person has given up
            return turns

        began, due, running = time.monotonic(), 0.0, []
        async with asyncio.TaskGroup() as group:
            for number, texts in enumerate(conversations):
                await asyncio.sleep(max(0.0, began + due - time.monotonic()))
                running.append(group.create_task(person(f"person-{number}", texts)))
                due += chance.expovariate(rate)
    return [turn for task in running for turn in task.result()]


async def say(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    person: str,
    text: str,
    thread_id: str | None,
) -> SaidTurn:
    """Send one message and wait for its answer, as a person with the page does.

    Args:
        client: of the proxy.
        headers: with the person's token.
        person: who it is.
        text: what is said.
        thread_id: of the conversation; None to begin one.
    """
    page = _Page(client, headers, text, thread_id)
    began, problems = time.monotonic(), []
    answer: str | None = None
    for _ in range(BY_HAND):
        try:
            answer = await page.turn()
            break
        except Refused as refused:
            problems.append(str(refused))
            await asyncio.sleep(2)  # somebody reads the message, and does what it says
    return SaidTurn(
        person=person,
        text=text,
        message_id=page.message_id,
        thread_id=page.thread_id,
        answer=answer,
        problems=tuple(problems),
        sent=page.sent,
        began=began,
        first_token_seconds=page.first_token and page.first_token - began,
        seconds=time.monotonic() - began,
    )


class _Page:
    """The page of chapter 13 (`static/service.js`), for one message."""

    def __init__(
        self, client: httpx.AsyncClient, headers: dict[str, str], text: str, thread_id: str | None
    ) -> None:
        self.message_id = str(uuid4())
        self.thread_id = thread_id
        self.sent = 0
        self.first_token: float | None = None
        self._client = client
        self._headers = headers
        self._text = text
        self._run: str | None = None
        self._last = ""

    async def turn(self) -> str:
        """The answer, also over connections that break and workers that are killed.

        Raises:
            Refused: the service says what to do, or cannot be reached at all.
        """
        tries = lost_runs = 0
        self._run = None
        answer: str | None = None
        while True:
            lost = False
            try:
                async for name, data, event_id in self._events():
                    if name == "problem":
                        lost = data.get("type") == "/problems/run-lost" and lost_runs < RETRIES
                        if not lost:
                            raise Refused(data.get("status", 500), data)
                        lost_runs, self._run = lost_runs + 1, None
                        break
                    tries, self._last = 0, event_id
                    if name == "start":
                        self._run, self.thread_id = data["run_id"], data["thread_id"]
                    elif name == "token":
                        self.first_token = self.first_token or time.monotonic()
                    elif name == "answer":
                        answer = data["text"]
                    elif name == "end" and answer is not None:
                        return answer
                    elif name == "end":
                        raise Refused(200, {"detail": f"The run ended: {data['status']}"})
            except Refused as refused:
                if self._run is not None and refused.status == 404:
                    self._run = None  # another worker does not know the run
                elif refused.status < 500 or tries >= RETRIES or self._run_is_over(refused):
                    raise
            except httpx.TransportError:
                if tries >= RETRIES:
                    told = "The service cannot be reached. Try again later."
                    raise Refused(503, {"detail": told}) from None
            await asyncio.sleep(min(0.25 * 2 ** max(tries, lost_runs), 4))
            tries += 1

    @staticmethod
    def _run_is_over(refused: Refused) -> bool:
        return refused.status == 200

    async def _events(self) -> AsyncIterator[tuple[str, dict[str, Any], str]]:
        """The events of one request: of the message, or of a run that is followed again."""
        self.sent += 1
        if self._run is not None:
            path, body = f"/runs/{self._run}/events", None
            headers = {**self._headers, "Last-Event-ID": self._last}
        else:
            path, headers = "/chat/stream", self._headers
            body = {"message_id": self.message_id, "text": self._text}
            body |= {"thread_id": self.thread_id} if self.thread_id else {}
        method = "GET" if body is None else "POST"
        async with self._client.stream(method, path, json=body, headers=headers) as response:
            if response.is_error:
                text = (await response.aread()).decode(errors="replace")
                raise Refused(response.status_code, _as_object(text))
            decoder = SSEDecoder()
            async for line in aiter_lines_raw(response):
                event = decoder.decode(bytes(line))
                if event is not None and event.event and isinstance(event.data, dict):
                    yield event.event, event.data, event.id or ""


def _as_object(text: str) -> dict[str, Any]:
    """The body of an error; the proxy's own have none."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}
