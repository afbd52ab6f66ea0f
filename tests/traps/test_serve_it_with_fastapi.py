"""What surprises in chapter 13, as FastAPI, LangGraph and PostgreSQL behave today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel


class Talk:
    """A graph whose node says three words, and notes whether it said them all."""

    def __init__(self, pause=0.05):
        self.complete = 0

        async def say(state: MessagesState):
            for word in ("one", "two", "three"):
                get_stream_writer()(word)
                await asyncio.sleep(pause)
            self.complete += 1
            return {"messages": [AIMessage(f"answer to {state['messages'][-1].text}")]}

        builder = StateGraph(MessagesState).add_node(say).add_edge(START, "say")
        self.graph = builder.compile(InMemorySaver())

    def run(self, text, thread_id="ann"):
        config = {"configurable": {"thread_id": thread_id}}
        return {"messages": [HumanMessage(text)]}, config

    def stored(self, thread_id="ann"):
        config = {"configurable": {"thread_id": thread_id}}
        return [m.text for m in self.graph.get_state(config).values["messages"]]


class Table(BaseModel):
    people: int


def client_of(app):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://app")


@asynccontextmanager
async def served(app):
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client
    server.should_exit = True
    await asyncio.to_thread(thread.join)


def nobody():
    raise HTTPException(404, "no such thread")


async def test_an_http_exception_inside_a_stream_is_a_200():
    app = FastAPI()

    @app.post("/late", response_class=EventSourceResponse)
    async def late():
        nobody()
        yield ServerSentEvent(data="hello")

    @app.post("/early", response_class=EventSourceResponse)
    async def early(_: Annotated[None, Depends(nobody)]):
        yield ServerSentEvent(data="hello")

    async with client_of(app) as client:
        found = [await client.post(path) for path in ("/late", "/early")]
    assert [each.status_code for each in found] == [200, 404]
    assert found[0].text == ""


async def test_an_error_in_the_middle_of_a_stream_only_ends_it():
    app = FastAPI()

    @app.post("/", response_class=EventSourceResponse)
    async def fails():
        yield ServerSentEvent(data={"text": "hello"})
        await asyncio.sleep(0.1)  # without a pause, this event would be lost as well
        raise RuntimeError("password=hunter2")

    async with client_of(app) as client:
        response = await client.post("/")
    assert response.status_code == 200
    assert response.text == 'data: {"text": "hello"}\n\n'


@pytest.mark.parametrize("how", ["blocking", "in a thread"])
async def test_a_blocking_call_stops_the_whole_event_loop(how):
    app, ticks = FastAPI(), []

    @app.post("/")
    async def report():
        if how == "blocking":
            time.sleep(0.3)
        else:
            await run_in_threadpool(time.sleep, 0.3)

    async def tick():
        while True:
            ticks.append(working)
            await asyncio.sleep(0.01)

    working = False
    ticking = asyncio.create_task(tick())
    async with client_of(app) as client:
        await client.get("/openapi.json")
        working = True
        await client.post("/")
        working = False
    ticking.cancel()
    assert (sum(ticks) > 5) == (how == "in a thread")


async def test_two_runs_on_one_thread_both_succeed_and_one_is_lost():
    talk = Talk()
    runs = (talk.graph.ainvoke(*talk.run(text)) for text in ("first", "second"))
    ends = await asyncio.gather(*runs)
    assert [end["messages"][-1].text for end in ends] == ["answer to first", "answer to second"]
    assert len(talk.stored()) == 2


def ways(talk):
    """Three ways to run a graph for a client."""
    tasks = []

    async def iterate():
        parts = talk.graph.astream(*talk.run("hello", "iterate"), stream_mode="custom")
        async for word in parts:
            yield word

    async def run_into(queue, name):
        async for word in talk.graph.astream(*talk.run("hello", name), stream_mode="custom"):
            await queue.put(word)
        await queue.put(None)

    async def cancel():
        queue = asyncio.Queue()
        task = asyncio.create_task(run_into(queue, "cancel"))
        try:
            while (word := await queue.get()) is not None:
                yield word
        finally:
            task.cancel()

    async def detach():
        queue = asyncio.Queue()
        tasks.append(asyncio.create_task(run_into(queue, "detach")))
        while (word := await queue.get()) is not None:
            yield word

    return {"iterate": iterate, "cancel": cancel, "detach": detach}


LEFT = {
    "iterate": (1, ["hello"]),
    "cancel": (0, ["hello"]),
    "detach": (1, ["hello", "answer to hello"]),
}


async def test_what_is_left_when_a_client_leaves():
    talks, app = {way: Talk(pause=0.3) for way in LEFT}, FastAPI()

    @app.post("/{way}", response_class=EventSourceResponse)
    async def stream(way: str):
        async for word in ways(talks[way])[way]():
            yield ServerSentEvent(data=word)

    async def leave(client, way):
        async with client.stream("POST", f"/{way}") as response:
            await anext(response.aiter_lines())

    async with served(app) as client:
        await asyncio.gather(*(leave(client, way) for way in LEFT))
        await asyncio.sleep(2)
    assert {way: (talk.complete, talk.stored(way)) for way, talk in talks.items()} == LEFT


async def test_an_asgi_transport_does_not_enter_the_lifespan():
    entered = []

    @asynccontextmanager
    async def lifespan(app):
        entered.append(app)
        yield

    app = FastAPI(lifespan=lifespan)
    async with client_of(app) as client:
        await client.get("/openapi.json")
        assert entered == []
        async with app.router.lifespan_context(app):
            assert entered == [app]


async def test_pydantic_takes_a_text_for_a_number_and_ignores_an_unknown_field():
    app = FastAPI()

    @app.post("/")
    async def book(body: Table):
        return body

    async with client_of(app) as client:
        response = await client.post("/", json={"people": "4", "poeple": 5})
    assert (response.status_code, response.json()) == (200, {"people": 4})


def test_a_session_gets_its_own_advisory_lock_twice(server):
    """So two requests that share a connection are not kept apart by it."""
    take = "SELECT pg_try_advisory_lock(7)"
    with psycopg.connect(server.url) as one, psycopg.connect(server.url) as two:
        assert one.execute(take).fetchone() == one.execute(take).fetchone() == (True,)
        assert two.execute(take).fetchone() == (False,)
    with psycopg.connect(server.url) as three:  # a closed connection gives its locks back
        for _ in range(100):
            if three.execute(take).fetchone() == (True,):
                return
            time.sleep(0.05)
    pytest.fail("the lock of a closed connection is still held")
