"""The event log of the chat service: what a node may report, and what is deleted when."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import date
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from langchain_core.messages import AIMessage
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from test_fastapi_service import KEY, events_in, headers

from course_lib.fastapi_app import ServiceSettings, create_app
from course_lib.fastapi_app.event_data import storable
from course_lib.fastapi_app.run_events import Event
from course_lib.persistence import postgres

SCOPE = "module"
pytestmark = pytest.mark.asyncio(loop_scope=SCOPE)


class Broken:
    """An object without fields that cannot even be shown."""

    __slots__ = ()

    def __repr__(self):
        raise RuntimeError("no repr")


ODD = {
    "date": (date(2026, 1, 2), "2026-01-02"),
    "not finite": ([float("nan"), float("inf")], [None, None]),
    "nul": ("a\x00b", "a\ufffdb"),
    "half": ("a\ud83d", "a?"),
    "set": ({1}, [1]),
    "bytes": (b"\xff", repr(b"\xff")),
    "object": (Broken(), "<Broken>"),
    "keys": ({1: {"x\x00": None}}, {"1": {"x\ufffd": None}}),
}


def build(saver, store):
    async def say(state: MessagesState):
        how, _, name = str(state["messages"][-1].text).partition(" ")
        if how == "report":
            get_stream_writer()({"x": ODD[name][0]})
        if how == "ask":
            interrupt({"x": ODD[name][0]})
        return {"messages": [AIMessage("done")]}

    builder = StateGraph(MessagesState).add_node(say).add_edge(START, "say")
    return builder.compile(checkpointer=saver, store=store)


@pytest_asyncio.fixture(scope=SCOPE, loop_scope=SCOPE)
async def app():
    async with AsyncExitStack() as stack:
        database = stack.enter_context(postgres("events", scratch=True))
        made = create_app(build, ServiceSettings(database.url, KEY))
        await stack.enter_async_context(made.router.lifespan_context(made))
        yield made


@pytest_asyncio.fixture(loop_scope=SCOPE)
async def client(app):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as made:
        yield made


@pytest.mark.parametrize("name", ODD)
async def test_what_a_node_reports_reaches_the_client_and_the_log(client, name):
    body = {"message_id": str(uuid4()), "text": f"report {name}"}
    stream = await client.post("/chat/stream", headers=headers(), json=body)
    events = events_in(stream.text)
    told = [data for kind, data, _ in events if kind == "progress"]
    assert told == [{"data": {"x": ODD[name][1]}}]
    run_id = events[0][1]["run_id"]
    again = await client.get(f"/runs/{run_id}/events", headers=headers())
    assert events_in(again.text) == events and events[-1][0] == "end"


@pytest.mark.parametrize("name", ["date", "not finite", "nul", "set", "keys"])
async def test_a_question_may_hold_anything_that_a_checkpoint_can(client, name):
    body = {"message_id": str(uuid4()), "text": f"ask {name}"}
    asked = (await client.post("/chat", headers=headers(), json=body)).json()
    assert asked["questions"][0]["value"] == {"x": ODD[name][1]}
    parameters = {"thread_id": asked["thread_id"]}
    state = (await client.get("/state", headers=headers(), params=parameters)).json()
    assert state["questions"] == asked["questions"]
    again = await client.get(f"/runs/{asked['run_id']}/events", headers=headers())
    assert [kind for kind, _, _ in events_in(again.text)][-2:] == ["question", "end"]


async def test_events_of_a_deleted_thread_lose_none_of_others(app):
    log = app.state.service.event_log
    mine, gone = uuid4(), uuid4()
    await log.begin(mine, "mine")
    for run_id in (gone, mine, gone):
        log.append(run_id, Event(1, "token", {"text": "x"}))
    await log.flush()
    assert [event.number for event in await log.read(mine, 0)] == [1]
    assert await log.read(gone, 0) == []


async def test_a_stop_that_comes_at_the_end_of_a_run_loses_none_of_its_events(
    client, app, monkeypatch
):
    service, noting, may_end = app.state.service, asyncio.Event(), asyncio.Event()
    end = service.event_log.end

    async def slow_end(run_id):
        noting.set()
        await may_end.wait()
        await end(run_id)

    monkeypatch.setattr(service.event_log, "end", slow_end)
    body = {"message_id": str(uuid4()), "text": "hello"}
    answer = (await client.post("/chat", headers=headers(), json=body)).json()
    await noting.wait()
    stop = {"thread_id": answer["thread_id"]}
    stopped = await client.post("/stop", headers=headers(), json=stop)
    assert stopped.json() == {"stopping": False}
    may_end.set()
    again = await client.get(f"/runs/{answer['run_id']}/events", headers=headers())
    assert events_in(again.text)[-1][:2] == ("end", {"status": "done"})
    for _ in range(100):
        if not len(service.runs):
            break
        await asyncio.sleep(0.02)
    assert len(service.runs) == 0 and len(await service.event_log.read(answer["run_id"], 0)) > 3


async def test_old_events_are_deleted_while_the_worker_runs(app, monkeypatch):
    log, pool = app.state.service.event_log, app.state.service.database.pool
    ages = {"ended": "ended = now() - interval '2 hours'", "new": "ended = now()"}
    ages["running"] = "begun = now() - interval '2 hours'"  # and it has not ended
    ages["killed"] = "begun = now() - interval '2 days'"
    runs = {name: uuid4() for name in ages}
    for name, run_id in runs.items():
        await log.begin(run_id, name)
        async with pool.connection() as connection:
            statement = f"UPDATE chat_runs SET {ages[name]} WHERE run_id = %s"
            await connection.execute(statement, [run_id])
    monkeypatch.setattr("course_lib.fastapi_app.run_events.FORGET_SECONDS", 0.05)
    task = asyncio.create_task(log.keep_forgetting(3600))
    for _ in range(100):
        await asyncio.sleep(0.05)
        left = {name for name, run_id in runs.items() if await log.thread_of(run_id)}
        if left == {"new", "running"}:
            break
    task.cancel()
    assert left == {"new", "running"}


async def test_whatever_is_storable_is_json():
    deep: list = []
    for _ in range(500):
        deep = [deep]
    endless: dict = {}
    endless["again"] = endless
    for value in (deep, endless, lambda: 1, type, 10**400, "한국어 😀", (1, [2, {"a": {3}}])):
        assert json.loads(json.dumps(storable(value), allow_nan=False)) is not None
    assert storable({"a": (1, "한국어 😀", True, None, 1.5)}) == {
        "a": [1, "한국어 😀", True, None, 1.5]
    }
