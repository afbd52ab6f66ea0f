"""Measure the load curve of namu-tiny and store it for chapter 16.

    python -m tools.load_curve

It needs `make vllm`, takes some minutes, and writes `data/load_namu_tiny.json`: what one server
does in a closed loop of 1 to 64 requests and in an open loop, its speed in prefill and decode, and
what it reports of its KV cache. The lengths are those of `LENGTHS`, counted on Namu in chapter 16.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import platform
import statistics
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult
from langgraph.checkpoint.memory import InMemorySaver
from prometheus_client.parser import text_string_to_metric_families

from course_lib.models import RemoteChatModel
from course_lib.namu import build_namu
from course_lib.serving import (
    ModelServer,
    measure_closed,
    measure_open,
    numbered_prompts,
    run_load,
    vllm_server,
)
from course_lib.sizing import LoadPoint

ROOT = Path(__file__).resolve().parent.parent

DIALOGUE = (
    "hello",
    "a quiet cafe in Mapo",
    "not the first one",
    "두 번째는 어떤 곳이야?",
    "thanks",
)
"""What a person says to Namu; the requests that follow give the lengths of the load."""

AT_ONCE = (1, 2, 4, 8, 16, 32, 64)
RATES = (0.3, 0.6, 0.8, 0.95, 1.2, 1.5)
"""As shares of what the closed loop reached at its best."""

OPEN_SECONDS = 6
"""How long requests come in an open loop: long enough for a queue to grow."""

REQUESTS = 150
"""Requests of one load."""

ROUNDS = 3
"""How often each load runs; the middle one is kept."""


class Requests(BaseCallbackHandler):
    """Collects the prompt and answer tokens of every request of a turn."""

    def __init__(self) -> None:
        self.tokens: list[tuple[int, int]] = []

    def on_llm_end(self, response: LLMResult, **more: Any) -> None:
        """Note the tokens of one answered request."""
        usage = response.generations[0][0].message.usage_metadata
        self.tokens.append((usage["input_tokens"], usage["output_tokens"]))


def dialogue(server: ModelServer) -> list[list[tuple[int, int]]]:
    """Talk to Namu on the server, and return the requests of each turn."""
    model = RemoteChatModel(
        base_url=server.api, model=server.model, api_key="none", temperature=0, stream_usage=True
    )
    namu, turns = build_namu(model=model, checkpointer=InMemorySaver()), []
    for text in DIALOGUE:
        requests = Requests()
        config = {"configurable": {"thread_id": "load"}, "callbacks": [requests]}
        namu.invoke({"messages": [("user", text)]}, config)
        turns.append(requests.tokens)
    return turns


async def speeds(server: ModelServer) -> dict[str, float]:
    """Tokens per second of one request alone: read in prefill, written in decode."""
    prompts = numbered_prompts(10, 1500)  # long enough that the work around it hardly counts
    load = await run_load(server.api, server.model, prompts, concurrency=1, tokens=101)
    first = statistics.median(answer.first_token_seconds for answer in load.answers)
    rest = statistics.median(a.total_seconds - a.first_token_seconds for a in load.answers)
    asked = {"model": server.model, "prompt": prompts[0]}
    counted = httpx.post(f"{server.url}/tokenize", json=asked, trust_env=False).json()["count"]
    return {"prefill": round(counted / first), "decode": round(100 / rest), "counted": counted}


def cache(server: ModelServer) -> dict[str, int]:
    """What the server reports of its KV cache."""
    page = httpx.get(f"{server.url}/metrics", trust_env=False).text
    families = {family.name: family for family in text_string_to_metric_families(page)}
    labels = families["vllm:cache_config_info"].samples[0].labels
    return {"block": int(labels["block_size"]), "tokens": int(labels["kv_cache_size_tokens"])}


async def rounds(loads: list[Callable[[], Awaitable[LoadPoint]]]) -> list[LoadPoint]:
    """Run all loads several times, one after the other, and keep the middle one of each.

    Other programs only make a round slower, and rarely all rounds of one load.
    """
    found: list[list[LoadPoint]] = [[] for _ in loads]
    for _ in range(ROUNDS):
        for points, load in zip(found, loads, strict=True):
            points.append(await load())
            print(points[-1], flush=True)
    return [sorted(points, key=lambda p: p.requests_per_second)[ROUNDS // 2] for points in found]


async def measure(server: ModelServer, lengths: dict[str, int]) -> dict[str, object]:
    """Run all loads, the lightest first."""
    alone, options = await speeds(server), {"requests": REQUESTS, **lengths}
    closed = await rounds(
        [partial(measure_closed, server, at_once=each, **options) for each in AT_ONCE]
    )
    best = max(point.requests_per_second for point in closed)
    rates = [round(share * best, 2) for share in RATES]
    counts = [max(REQUESTS, round(rate * OPEN_SECONDS)) for rate in rates]
    points = await rounds(
        [
            partial(measure_open, server, rate=rate, requests=count, **lengths)
            for rate, count in zip(rates, counts, strict=True)
        ]
    )
    opened = [{"rate": rate, **asdict(p)} for rate, p in zip(rates, points, strict=True)]
    return {"alone": alone, "closed": [asdict(each) for each in closed], "open": opened}


def main() -> int:
    """Measure and store."""
    with vllm_server(sequences=16) as server:
        version = httpx.get(f"{server.url}/version", trust_env=False).json()["version"]
        turns = dialogue(server)
        prompts, answers = zip(*(request for turn in turns for request in turn), strict=True)
        lengths = {
            "prompt_tokens": round(statistics.mean(prompts)),
            "answer_tokens": round(statistics.mean(answers)),
        }
        found = {
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} shared cores",
            "note": "Server and client share these cores.",
            "day": datetime.date.today().isoformat(),
            "vllm": version,
            "model": server.model,
            "sequences": 16,
            "dialogue": [list(each) for each in zip(DIALOGUE, turns, strict=True)],
            "requests": REQUESTS,
            "rounds": ROUNDS,
            **lengths,
            "kv_cache": {"gib": 1, **cache(server)},
            **asyncio.run(measure(server, lengths)),
        }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    (ROOT / "data" / "load_namu_tiny.json").write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
