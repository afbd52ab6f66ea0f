"""Measure how fast the stack of chapter 18 starts and recovers, and print the numbers as JSON.

After each kill one person sends a message, as the page does. Two times are taken from the moment of
the kill: until that message is answered, and until every part runs again.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from uuid import uuid4

import httpx
from langgraph_sdk.sse import SSEDecoder

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from course_lib.operations import Stack, say, stack, tls_context  # noqa: E402

ROUNDS = 3
KILLS = {
    "one worker": ("worker-1",),
    "both workers": ("worker-1", "worker-2"),
    "one replica of the model": ("model-1",),
    "the proxy": ("proxy",),
    "PostgreSQL's primary": ("primary",),
}
WISHES = ["A cafe in Jongno", "A museum in Jongno", "A park in Mapo"] * 4


async def recovery_from(running: Stack, names: tuple[str, ...]) -> tuple[float, float]:
    """Kill parts; return the seconds until a message is answered, and until everything runs."""
    headers = {"Authorization": f"Bearer {running.token('ann')}"}
    async with httpx.AsyncClient(
        base_url=running.url, verify=tls_context(running.ca_file), trust_env=False, timeout=60
    ) as client:
        await say(client, headers, "ann", "A cafe in Mapo", None)  # connected, as a page is
        began = time.perf_counter()
        running.kill(*names)
        whole = asyncio.create_task(asyncio.to_thread(_whole_after, running, began))
        turn = await say(client, headers, "ann", "A park in Mapo", None)
        answered = time.perf_counter() - began
        if turn.answer is None:
            raise RuntimeError(f"{names}: no answer, but {turn.problems}")
        return answered, await whole


def _whole_after(running: Stack, began: float) -> float:
    running.wait_until_whole()
    return time.perf_counter() - began


def recovery_of_a_job(running: Stack) -> tuple[float, float]:
    """Kill the job worker in the middle of a plan; until the next stop, and until it runs."""
    with running.client("ann", timeout=120) as client:
        body = {"request_id": str(uuid4()), "wishes": WISHES}
        path = client.post("/jobs/day-plan", json=body).json()["events"]
        last = _next_event(client, path, 0)
        began = time.perf_counter()
        running.kill("jobs")
        # What was told before the kill does not count.
        while last < len(WISHES):
            following = _next_event(client, path, last)
            if time.perf_counter() - began > 0.5:
                break
            last = following
        told = time.perf_counter() - began
        running.wait_until_whole()
        return told, time.perf_counter() - began


def _next_event(client: httpx.Client, path: str, after: int) -> int:
    decoder = SSEDecoder()
    with client.stream("GET", path, headers={"Last-Event-ID": str(after)}) as answer:
        for line in answer.iter_lines():
            event = decoder.decode(line.encode())
            if event is not None and event.event:
                return int(event.id or 0)
    raise RuntimeError("the stream of the job ended")


def main() -> None:
    """Measure, and print JSON."""
    began = time.perf_counter()
    with stack() as running:
        ready = time.perf_counter() - began
        with running.client("ann") as client:
            body = {"message_id": str(uuid4()), "text": "A cafe in Jongno"}
            client.post("/chat", json=body).raise_for_status()
        memory = sum(running.memory().values()) / 1e6
        found: dict[str, tuple[float, float]] = {}
        for what, names in KILLS.items():
            times = [asyncio.run(recovery_from(running, names)) for _ in range(ROUNDS)]
            found[what] = _medians(times)
        found["the job worker"] = _medians([recovery_of_a_job(running) for _ in range(ROUNDS)])
    print(json.dumps({"ready": ready, "memory": memory, "recovery": found}))


def _medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    answered, whole = zip(*times, strict=True)
    return statistics.median(answered), statistics.median(whole)


if __name__ == "__main__":
    main()
