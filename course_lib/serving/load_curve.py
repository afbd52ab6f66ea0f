"""One server under rising load: what chapter 16 sizes by."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence

import httpx

from course_lib.serving.load import LoadResult, run_arrivals, run_load
from course_lib.serving.vllm_process import ModelServer
from course_lib.sizing import LoadPoint

WAITING = "vllm:num_requests_waiting"
"""The number of vLLM's metrics page that counts requests in its queue."""


def numbered_prompts(count: int, tokens: int) -> list[str]:
    """Return prompts that begin at random, so that the prefix cache helps none of them.

    Args:
        count: how many.
        tokens: length of each for namu-tiny, about: it reads a number of three digits and the
            space before it as four tokens.
    """
    return [
        " ".join(str(random.randint(100, 999)) for _ in range(tokens // 4)) for _ in range(count)
    ]


async def measure_closed(
    server: ModelServer,
    *,
    at_once: int,
    requests: int,
    prompt_tokens: int,
    answer_tokens: int,
) -> LoadPoint:
    """Measure a server in a closed loop: as soon as one request is answered, the next one starts.

    Args:
        server: a running server.
        at_once: requests in flight at any moment.
        requests: how many in all; a p95 of fewer than 100 says little.
        prompt_tokens: length of each prompt.
        answer_tokens: length of each answer.
    """
    prompts = numbered_prompts(requests, prompt_tokens)
    async with _watching(server) as seen:
        load = await run_load(
            server.api, server.model, prompts, concurrency=at_once, tokens=answer_tokens
        )
    return _point(at_once, load, seen)


async def measure_open(
    server: ModelServer,
    *,
    rate: float,
    requests: int,
    prompt_tokens: int,
    answer_tokens: int,
) -> LoadPoint:
    """Measure a server in an open loop: requests come at random moments, at a mean rate.

    Args:
        server: a running server.
        rate: requests per second.
        requests: how many in all.
        prompt_tokens: length of each prompt.
        answer_tokens: length of each answer.
    """
    prompts = numbered_prompts(requests, prompt_tokens)
    async with _watching(server) as seen:
        load = await run_arrivals(
            server.api, server.model, prompts, rate=rate, tokens=answer_tokens
        )
    return _point(load.concurrency, load, seen)


def _point(at_once: int, load: LoadResult, waiting: Sequence[int]) -> LoadPoint:
    return LoadPoint(
        at_once,
        round(load.requests_per_second, 3),
        round(load.total(0.5), 3),
        round(load.total(0.95), 3),
        max(waiting, default=0),
    )


@contextlib.asynccontextmanager
async def _watching(server: ModelServer) -> AsyncIterator[list[int]]:
    """Read the length of the server's queue again and again while the block runs."""
    seen: list[int] = []

    async def watch() -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                seen.append(int((await asyncio.to_thread(server.metrics))[WAITING]))
            await asyncio.sleep(0.2)

    watcher = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
