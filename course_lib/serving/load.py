"""Putting load on a model server, and measuring what comes back.

    load = await run_load(server.api, server.model, prompts, concurrency=16)
    load.tokens_per_second, load.first_token(0.5)

`run_load` is a closed loop: the next request starts when an earlier one has been answered.
`run_arrivals` is an open loop: requests come at a rate, whether the server keeps up or not.

The client is as plain as it can be: one HTTP connection for each conversation, server-sent events
read by the decoder of LangGraph's SDK. So what is measured is the server.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import httpx
from langgraph_sdk.sse import SSEDecoder, aiter_lines_raw


@dataclass(frozen=True)
class Answer:
    """One answer as it was measured.

    Args:
        first_token_seconds: seconds until the first token.
        total_seconds: seconds until the last.
        tokens: how many the server counted, or how many pieces of text came where it counts none.
    """

    first_token_seconds: float
    total_seconds: float
    tokens: int


@dataclass(frozen=True)
class LoadResult:
    """What a server did under a load.

    Args:
        concurrency: most conversations at the same time.
        seconds: from the first request to the last token.
        answers: every answer.
    """

    concurrency: int
    seconds: float
    answers: tuple[Answer, ...]

    @property
    def tokens_per_second(self) -> float:
        """Tokens of all answers together, per second."""
        return sum(answer.tokens for answer in self.answers) / self.seconds

    @property
    def requests_per_second(self) -> float:
        """Answers per second."""
        return len(self.answers) / self.seconds

    def first_token(self, share: float) -> float:
        """Seconds in which this share of the answers (0.5, 0.95) had begun."""
        return _quantile([answer.first_token_seconds for answer in self.answers], share)

    def total(self, share: float) -> float:
        """Seconds in which this share of the answers (0.5, 0.95) was complete."""
        return _quantile([answer.total_seconds for answer in self.answers], share)


def _quantile(seconds: list[float], share: float) -> float:
    if len(seconds) == 1:
        return seconds[0]
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[min(max(round(100 * share), 1), 99) - 1]


async def run_load(
    api: str,
    model: str,
    prompts: Sequence[str | list[dict[str, Any]]],
    *,
    concurrency: int,
    tokens: int = 64,
    timeout: float = 120,
) -> LoadResult:
    """Send prompts, a fixed number at a time, and measure the answers.

    Args:
        api: base address, ending in `/v1`.
        model: name of the model.
        prompts: one for each request: messages for `/chat/completions`, or a text for
            `/completions`, which no chat template touches.
        concurrency: how many requests are under way at any moment.
        tokens: length of every answer; the model may not stop earlier.
        timeout: seconds without a byte before a request is given up.

    Raises:
        httpx.HTTPError: the server cannot be reached, refused a request, or broke off.
    """
    gate = asyncio.Semaphore(concurrency)
    limits = httpx.Limits(max_connections=concurrency)
    async with httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False) as client:

        async def one(prompt: str | list[dict[str, Any]]) -> Answer:
            async with gate:
                return await measure_request(client, api, model, prompt, tokens=tokens)

        began = time.perf_counter()
        answers = await asyncio.gather(*map(one, prompts))
        return LoadResult(concurrency, time.perf_counter() - began, tuple(answers))


async def run_arrivals(
    api: str,
    model: str,
    prompts: Sequence[str | list[dict[str, Any]]],
    *,
    rate: float,
    tokens: int = 64,
    timeout: float = 120,
    seed: int = 0,
) -> LoadResult:
    """Send prompts at random moments, at a mean rate, and measure the answers.

    People do not wait for each other. The time between two requests is drawn from an exponential
    distribution, so the requests are a Poisson process; see `arrival_times`.

    Args:
        api: base address, ending in `/v1`.
        model: name of the model.
        prompts: one for each request; see `run_load`.
        rate: requests per second, on average.
        tokens: length of every answer; the model may not stop earlier.
        timeout: seconds without a byte before a request is given up.
        seed: the same seed gives the same moments.

    Raises:
        ValueError: the rate is not above zero.
        httpx.HTTPError: the server cannot be reached, refused a request, or broke off.
    """
    if rate <= 0:
        raise ValueError(f"rate is {rate}. Give a number of requests per second above 0.")
    in_flight, most = 0, 0
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(timeout=timeout, limits=limits, trust_env=False) as client:

        async def one(prompt: str | list[dict[str, Any]]) -> Answer:
            nonlocal in_flight, most
            in_flight += 1
            most = max(most, in_flight)
            try:
                return await measure_request(client, api, model, prompt, tokens=tokens)
            finally:
                in_flight -= 1

        began, running = time.perf_counter(), []
        moments = arrival_times(len(prompts), rate, seed)
        async with asyncio.TaskGroup() as group:
            for prompt, due in zip(prompts, moments, strict=True):
                await asyncio.sleep(began + due - time.perf_counter())
                running.append(group.create_task(one(prompt)))
        answers = tuple(task.result() for task in running)
        return LoadResult(most, time.perf_counter() - began, answers)


def arrival_times(count: int, rate: float, seed: int = 0) -> list[float]:
    """Return the moments of requests that come at random, in seconds, the first one at 0.

    The times between them are drawn from an exponential distribution and then scaled, so that the
    load as a whole has exactly this rate: a few hundred drawn moments alone miss it by a tenth.

    Args:
        count: how many requests.
        rate: requests per second.
        seed: the same seed gives the same moments.
    """
    chance = random.Random(seed)
    drawn = [0.0, *accumulate(chance.expovariate(1) for _ in range(count))]
    return [each * count / rate / drawn[-1] for each in drawn[:-1]] if count else []


async def measure_request(
    client: httpx.AsyncClient,
    api: str,
    model: str,
    prompt: str | list[dict[str, Any]],
    *,
    tokens: int,
) -> Answer:
    """Send one prompt and measure its answer; see `run_load` for the arguments."""
    chat = not isinstance(prompt, str)
    asked = {
        "model": model,
        "messages" if chat else "prompt": prompt,
        "max_tokens": tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "ignore_eos": True,
    }
    path = "chat/completions" if chat else "completions"
    began = time.perf_counter()
    first: float | None = None
    counted: int | None = None
    pieces = 0
    async with client.stream("POST", f"{api}/{path}", json=asked) as response:
        if response.is_error:
            await response.aread()
        response.raise_for_status()
        async for event in _events(response):
            if "error" in event:  # reported in the stream, since the status was sent already
                raise httpx.RemoteProtocolError(f"{api} broke off: {event['error']}")
            if (usage := event.get("usage")) and usage.get("completion_tokens") is not None:
                counted = usage["completion_tokens"]
            if any(map(_text_of, event.get("choices") or ())):
                pieces += 1
                # The chat protocol opens with an empty piece; the first token comes with text.
                first = time.perf_counter() - began if first is None else first
    total = time.perf_counter() - began
    if first is None:
        raise httpx.RemoteProtocolError(
            f"{api} sent no text that could be measured. Look at what it answers to one request "
            "before you put load on it."
        )
    return Answer(first, total, pieces if counted is None else counted)


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of a stream of server-sent events, however the server writes them."""
    decoder = SSEDecoder()
    async for line in _lines(response):
        if line.removeprefix(b"data:").strip() == b"[DONE]":
            return
        event = decoder.decode(bytes(line))
        if event is not None and isinstance(event.data, dict):
            yield event.data


async def _lines(response: httpx.Response) -> AsyncIterator[bytes]:
    async for line in aiter_lines_raw(response):
        yield bytes(line)
    yield b""  # a server may close the connection without the empty line behind its last event


def _text_of(choice: dict[str, Any]) -> str:
    return (choice.get("delta") or {}).get("content") or choice.get("text") or ""
