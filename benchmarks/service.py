"""Measure the chat service of chapter 13 and print the numbers as JSON.

50 tokens at 25 a second: a stream takes 2 seconds if nothing but the model takes time. The same
graph is run beside it with no service: in one process, on the same database.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
os.environ["TEST_TOKEN_SECONDS"] = "0.04"

from api_graphs import build  # noqa: E402
from page_delays import page_delays  # noqa: E402

from course_lib.doctor import find_chromium  # noqa: E402
from course_lib.fastapi_app.database import GraphPool, open_database  # noqa: E402
from course_lib.persistence import postgres  # noqa: E402
from course_lib.serving import api_workers  # noqa: E402
from course_lib.serving.api_workers import ApiWorkers  # noqa: E402

TOKENS = 50
ROUNDS = 7
STAMPS = 20
MESSAGE = f"slow {TOKENS}"

Times = tuple[float, float]
"""Seconds to the first token and to the end of one stream."""


async def stream_from_service(client: httpx.AsyncClient, url: str, token: str) -> Times:
    """One message to the service, as its page sends it."""
    began, first, told = time.perf_counter(), 0.0, 0
    body = {"message_id": str(uuid4()), "text": MESSAGE}
    headers = {"Authorization": f"Bearer {token}"}
    async with client.stream("POST", f"{url}/chat/stream", json=body, headers=headers) as answer:
        answer.raise_for_status()
        async for line in answer.aiter_lines():
            if line == "event: token":
                told += 1
                first = first or time.perf_counter() - began
    if told != TOKENS:
        raise RuntimeError(f"{told} of {TOKENS} tokens came")
    return first, time.perf_counter() - began


async def stream_from_graph(graphs: GraphPool) -> Times:
    """The same message to the graph itself."""
    began, first = time.perf_counter(), 0.0
    config = {"configurable": {"thread_id": str(uuid4())}}
    value = {"messages": [{"role": "user", "content": MESSAGE}]}
    with graphs.borrow() as graph:
        parts = graph.astream(value, config, stream_mode=["messages"], durability="sync")
        async for _ in parts:
            first = first or time.perf_counter() - began
    return first, time.perf_counter() - began


async def with_service(workers: ApiWorkers, streams: int) -> list[Times]:
    """So many streams at once, shared by the workers."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(trust_env=False, timeout=120, limits=limits) as client:
        tokens = [workers.token(f"user-{n}") for n in range(streams)]
        return await asyncio.gather(
            *(
                stream_from_service(client, workers.urls[n % len(workers.urls)], token)
                for n, token in enumerate(tokens)
            )
        )


async def without_service(url: str, streams: int, rounds: int = 1) -> list[Times]:
    """So many runs of the graph at once, in this process."""
    async with open_database(url, savers=4) as database:
        graphs = GraphPool([build(saver, database.store) for saver in database.savers])
        found: list[Times] = []
        for _ in range(rounds):
            found += await asyncio.gather(*(stream_from_graph(graphs) for _ in range(streams)))
        return found


def memory_mb(workers: ApiWorkers) -> list[float]:
    """Resident memory of each worker, in megabytes."""
    sizes = []
    for server in workers.servers:
        port = int(server.url.rpartition(":")[2])
        for process in psutil.process_iter(["pid", "cmdline"]):
            line = process.info["cmdline"] or []
            if "uvicorn" in line and line[-1] == str(port):
                sizes.append((process.memory_info().rss / 1e6, "supervisor" in " ".join(line)))
    return [size for size, guard in sizes if not guard]


async def streams_with_memory(workers: ApiWorkers, streams: int) -> tuple[list[Times], float]:
    """The streams, and what each of them took of the workers' memory at its peak, in kilobytes."""
    before, peak, over = sum(memory_mb(workers)), 0.0, False

    async def watch() -> None:
        nonlocal peak
        while not over:
            peak = max(peak, sum(await asyncio.to_thread(memory_mb, workers)))
            await asyncio.sleep(0.3)

    watching = asyncio.create_task(watch())
    times = await with_service(workers, streams)
    over = True
    await watching
    return times, max(peak - before, 0.0) * 1000 / streams


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def delays_in_browser(workers: ApiWorkers) -> list[float]:
    """From the moment when the model made a token to its letters in the page, in milliseconds."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        return []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(f"{workers.urls[0]}/#token={workers.token('page')}")
        delays = page_delays({"fastapi": page}, STAMPS)["fastapi"]
        chromium.close()
    return delays


def main() -> None:
    """Start what is measured, measure it in turn, and print the numbers."""
    numbers: dict[str, Any] = {}
    with postgres("service", scratch=True) as database:
        began = time.perf_counter()
        with api_workers(1, database_url=database.url) as namu:
            numbers["ready"] = time.perf_counter() - began
            numbers["memory"] = memory_mb(namu)[0]
        path = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        echo = {"app": "api_graphs:make_app", "variables": path}
        with api_workers(2, database_url=database.url, **echo) as workers:
            asyncio.run(with_service(workers, 4))  # everything is loaded once
            ratios = []
            for _ in range(ROUNDS):
                served = [whole for _, whole in asyncio.run(with_service(workers, 20))]
                bare = [whole for _, whole in asyncio.run(without_service(database.url, 20))]
                ratios.append(statistics.median(served) / statistics.median(bare))
            numbers["ratio"] = [statistics.median(ratios), min(ratios), max(ratios)]
            times, kilobytes = asyncio.run(streams_with_memory(workers, 100))
            bare_100 = asyncio.run(without_service(database.url, 100))
            numbers["streams"] = len(times)
            numbers["first"] = p95([first for first, _ in times])
            numbers["whole"] = p95([whole for _, whole in times])
            numbers["bare first"] = p95([first for first, _ in bare_100])
            numbers["bare whole"] = p95([whole for _, whole in bare_100])
            numbers["kilobytes"] = kilobytes
            delays = delays_in_browser(workers)
            numbers["page"] = [statistics.median(delays), max(delays)] if delays else None
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
