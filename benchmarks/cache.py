"""The numbers of `run.py cache`, printed as one line of JSON. Run by that, not by hand."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

from course_lib.persistence import (
    CachedSaver,
    MemoryCache,
    RedisCheckpointCache,
    open_async_checkpointer,
    postgres,
)
from course_lib.places import load_places
from course_lib.serving import redis_server

MESSAGES = 120
PAIRS = 20
ROUNDS = 11
"""How often each of a pair runs; the pair counts by the medians, so one slow moment is no pair."""

Work = Callable[[CompiledStateGraph], Awaitable[None]]

HERE = {"configurable": {"thread_id": "ann/1"}}


def conversation() -> list[HumanMessage | AIMessage]:
    """Messages that differ, with the lengths of a real conversation."""
    places = random.Random(11).choices(load_places(), k=MESSAGES // 2)
    return [
        message
        for place in places
        for message in (HumanMessage(f"tell me about {place.name_en}"), AIMessage(place.summary_en))
    ]


async def read(graph: CompiledStateGraph) -> None:
    """Read the state of the thread."""
    await graph.aget_state(HERE)


async def turn(graph: CompiledStateGraph) -> None:
    """Run a turn of a graph that does nothing, with its three writes."""
    await graph.ainvoke({"messages": []}, HERE)


async def pair(work: Work, graphs: dict[str, CompiledStateGraph]) -> dict[str, float]:
    """The median seconds of the same work on each graph, all run in turn."""
    taken: dict[str, list[float]] = {name: [] for name in graphs}
    for number in range(ROUNDS):
        names = [*graphs]
        for name in names[number % 3 :] + names[: number % 3]:
            began = time.perf_counter()
            await work(graphs[name])
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def summary(taken: dict[str, list[float]], name: str) -> dict[str, float]:
    """The median of the pairs' ratios to PostgreSQL alone, and an interval of about 95 %.

    The 6th and the 15th of 20 sorted ratios enclose the median with a probability of 0.96,
    whatever their distribution.
    """
    ratios = sorted(a / b for a, b in zip(taken[name], taken["alone"], strict=True))
    return {
        "ms": 1000 * statistics.median(taken[name]),
        "ratio": statistics.median(ratios),
        "low": ratios[5],
        "high": ratios[-6],
    }


async def measure(url: str, redis_url: str) -> dict[str, dict[str, dict[str, float]]]:
    """Reads and writes without a cache, with one in the process, and with one on Redis."""
    builder = StateGraph(MessagesState).add_node("pass", lambda state: {}).add_edge(START, "pass")
    async with open_async_checkpointer(url) as saver:
        graphs = {
            "alone": builder.compile(checkpointer=saver),
            "in process": builder.compile(checkpointer=CachedSaver(saver, MemoryCache())),
            "Redis": builder.compile(
                checkpointer=CachedSaver(saver, RedisCheckpointCache(redis_url))
            ),
        }
        await graphs["alone"].ainvoke({"messages": conversation()}, HERE)
        told = {}
        for work in (read, turn):
            await pair(work, graphs)  # once unmeasured
            pairs = [await pair(work, graphs) for _ in range(PAIRS)]
            taken = {name: [each[name] for each in pairs] for name in graphs}
            told[work.__name__] = {name: summary(taken, name) for name in graphs}
    return told


def main() -> None:
    """Measure everything and print it."""
    with postgres("cache", scratch=True) as database, redis_server() as redis:
        print(json.dumps(asyncio.run(measure(database.url, redis.url))))


if __name__ == "__main__":
    main()
