"""Measure what observing and limiting the chat service costs, and print the numbers as JSON.

Two workers run beside each other on one database and one model gateway: the service of chapter 13,
and the same service with everything of chapter 18. They get the same turns, one after the other in
pairs, and which one begins changes from pair to pair.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
from psycopg_pool import AsyncConnectionPool

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from timing import interval  # noqa: E402

from course_lib.operations.limits import Bucket, TokenBuckets  # noqa: E402
from course_lib.persistence import postgres  # noqa: E402
from course_lib.serving import api_workers, model_gateway  # noqa: E402
from course_lib.serving.api_workers import ApiWorkers  # noqa: E402

PAIRS = int(os.environ.get("BENCH_PAIRS", "20"))
TURNS = 12
AT_ONCE = 4
MESSAGE = "Where can I eat bibimbap near Gyeongbokgung?"
TAKES = 500


async def turns_per_second(workers: ApiWorkers) -> float:
    """Turns that one worker ends in a second, each on a thread of its own."""
    begin = asyncio.Semaphore(AT_ONCE)
    headers = {"Authorization": f"Bearer {workers.token('ann')}"}
    async with httpx.AsyncClient(trust_env=False, timeout=120, headers=headers) as client:

        async def turn() -> None:
            body = {"message_id": str(uuid4()), "text": MESSAGE}
            async with begin:
                answer = await client.post(f"{workers.urls[0]}/chat", json=body)
            if answer.json().get("status") != "done":
                raise RuntimeError(f"a turn was not answered: {answer.text[:200]}")

        began = time.perf_counter()
        await asyncio.gather(*(turn() for _ in range(TURNS)))
        return TURNS / (time.perf_counter() - began)


def processor_seconds(workers: ApiWorkers) -> float:
    """Processor time that a worker has used, which a busy machine changes less than the clock."""
    children = psutil.Process(workers.servers[0]._process.pid).children(recursive=True)
    return sum(sum(child.cpu_times()[:2]) for child in children)


async def limit_milliseconds(url: str) -> list[float]:
    """How long a turn waits for its two limits, as often as `TAKES`."""
    options = {"autocommit": True}
    async with AsyncConnectionPool(url, min_size=1, max_size=2, kwargs=options, open=False) as pool:
        buckets = TokenBuckets(pool)
        await buckets.make_table()
        asked = [Bucket("user", "user ann", 1e6), Bucket("tenant", "tenant one", 1e6)]
        taken = []
        for _ in range(TAKES + 20):
            began = time.perf_counter()
            await buckets.take(asked)
            taken.append((time.perf_counter() - began) * 1000)
    return taken[20:]


def main() -> None:
    """Start what is measured, measure it in turn, and print the numbers."""
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres("observability", scratch=True) as database,
        model_gateway() as gateway,
    ):
        (Path(folder) / "metrics").mkdir()
        everything = {
            "PROMETHEUS_MULTIPROC_DIR": f"{folder}/metrics",
            "CHAT_TRACES_FILE": f"{folder}/traces.jsonl",
            "CHAT_LOG_FILE": f"{folder}/log.jsonl",
            "CHAT_AUDIT_FILE": f"{folder}/audit.jsonl",
            "CHAT_TURNS_PER_MINUTE": "1000000",
            "CHAT_TENANT_TURNS_PER_MINUTE": "1000000",
        }
        app = "course_lib.operations.service_app:make_app"
        common: dict[str, Any] = {"database_url": database.url}
        with (
            api_workers(1, **common, variables=gateway.variables) as plain,
            api_workers(
                1, **common, app=app, variables={**gateway.variables, **everything}
            ) as observed,
        ):
            sides = {"off": plain, "on": observed}
            found: dict[str, list[float]] = {"off": [], "on": []}
            used: dict[str, list[float]] = {"off": [], "on": []}
            for workers in sides.values():
                for _ in range(2):  # everything is loaded
                    asyncio.run(turns_per_second(workers))
            for pair in range(PAIRS):
                for name in sorted(sides, reverse=pair % 2 == 1):
                    before = processor_seconds(sides[name])
                    found[name].append(asyncio.run(turns_per_second(sides[name])))
                    used[name].append((processor_seconds(sides[name]) - before) / TURNS * 1000)
        losses = [1 - on / off for on, off in zip(found["on"], found["off"], strict=True)]
        more = [on / off - 1 for on, off in zip(used["on"], used["off"], strict=True)]
        taken = asyncio.run(limit_milliseconds(database.url))
    numbers = {
        "pairs": PAIRS,
        "loss": interval(losses),
        **{name: statistics.median(values) for name, values in found.items()},
        "processor": {name: statistics.median(values) for name, values in used.items()},
        "more": interval(more),
        "limit": statistics.median(taken),
        "limit p95": statistics.quantiles(taken, n=20)[-1],
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
