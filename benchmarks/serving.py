"""What a graph node and the chat add to a call of vLLM, side by side, and how fast a server starts.

    python benchmarks/serving.py

Needs `make vllm`. Each round has the same conversation in every way, one after the other. Prints
one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable

import httpx
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.chat import ChatController, Event, Token
from course_lib.models import chat_model
from course_lib.serving import ModelServer, measure_request, vllm_server

TOKENS, ROUNDS, CROWD = 256, 25, 16
Run = Callable[[int], Awaitable[tuple[float, float]]]
"""Has one conversation; returns the seconds to its first token and to its last."""


def graph_of(model):
    """The smallest graph that has a conversation: one node that asks the model."""

    async def answer(state: MessagesState):
        return {"messages": [await model.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node(answer)
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=InMemorySaver())


def direct(server: ModelServer, client: httpx.AsyncClient) -> Run:
    """The request alone, over HTTP."""

    async def run(n: int) -> tuple[float, float]:
        wish = [{"role": "user", "content": f"a quiet cafe in Mapo {n}"}]
        answer = await measure_request(client, server.api, server.model, wish, tokens=TOKENS)
        return answer.first_token_seconds, answer.total_seconds

    return run


def through_graph(graph) -> Run:
    """The same request from a node, its tokens read from the graph's stream."""

    async def run(n: int) -> tuple[float, float]:
        given = {"messages": [("user", f"a quiet cafe in Mapo {n}")]}
        config = {"configurable": {"thread_id": f"{n}-{time.monotonic_ns()}"}}
        began, first = time.perf_counter(), None
        async for part in graph.astream(given, config, stream_mode="messages", version="v2"):
            if first is None and part["data"][0].text:
                first = time.perf_counter() - began
        total = time.perf_counter() - began
        return (total if first is None else first), total

    return run


def through_chat(graph) -> Run:
    """The same request from the chat that is under the panel, its tokens read from its events."""

    async def run(n: int) -> tuple[float, float]:
        heard: list[float] = []

        def listen(event: Event) -> None:
            if isinstance(event, Token):
                heard.append(time.perf_counter())

        chat = ChatController(graph, on_event=listen)
        began = time.perf_counter()
        await chat.send(f"a quiet cafe in Mapo {n}")
        return heard[0] - began, time.perf_counter() - began

    return run


async def side_by_side(runs: dict[str, Run]) -> dict[str, list[tuple[float, float]]]:
    """Have the same conversations each way, in turn, after one of each to warm up."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for n in range(-1, ROUNDS):
        for name, run in runs.items():
            took = await run(n)
            if n >= 0:
                found[name].append(took)
    return found


async def crowd(run: Run) -> float:
    """Tokens per second of a crowd's conversations, three for each place in it."""
    gate = asyncio.Semaphore(CROWD)

    async def one(n: int) -> None:
        async with gate:
            await run(n)

    began = time.perf_counter()
    await asyncio.gather(*(one(n) for n in range(3 * CROWD)))
    return 3 * CROWD * TOKENS / (time.perf_counter() - began)


async def _measure(server: ModelServer, client: httpx.AsyncClient) -> dict[str, dict[str, float]]:
    os.environ.update(server.variables)
    model = chat_model(max_tokens=TOKENS, extra_body={"ignore_eos": True}, streaming=True)
    graph = graph_of(model)
    runs = {
        "directly": direct(server, client),
        "through a graph node": through_graph(graph),
        "through the chat": through_chat(graph),
    }
    alone = await side_by_side(runs)
    base_first, base_total = _medians(alone["directly"])
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(3):
        for name in ("directly", "through a graph node"):
            speeds[name].append(await crowd(runs[name]))
    told = {}
    for name, took in alone.items():
        first, total = _medians(took)
        told[name] = {"first": first - base_first, "total": total / base_total}
    many = {name: statistics.median(found) for name, found in speeds.items() if found}
    told["crowd"] = {"directly": many["directly"], "graph": many["through a graph node"]}
    return told


def _medians(took: list[tuple[float, float]]) -> tuple[float, float]:
    firsts, totals = zip(*took, strict=True)
    return statistics.median(firsts), statistics.median(totals)


def main() -> None:
    """Start a server, measure, and print what was found."""
    began = time.perf_counter()
    with vllm_server(sequences=32, on_progress=None) as server:
        ready = time.perf_counter() - began
        print(json.dumps({"ready": ready, **asyncio.run(_with_client(server))}))


async def _with_client(server: ModelServer) -> dict[str, dict[str, float]]:
    async with httpx.AsyncClient(timeout=120, trust_env=False) as client:
        return await _measure(server, client)


if __name__ == "__main__":
    main()
