"""The chat service where it is easy to get wrong: odd input, lost locks, stops at bad moments."""

from __future__ import annotations

import asyncio
import base64
from uuid import uuid4

import psycopg
import pytest
from test_fastapi_service import (
    SCOPE,
    app,
    client,
    events_in,
    headers,
    say,
    state_of,
    texts,
)

from course_lib.fastapi_app.auth import Person
from course_lib.fastapi_app.problems import cause
from course_lib.fastapi_app.run_events import Event
from course_lib.fastapi_app.turns import Turn
from course_lib.persistence import postgres

__all__ = ["app", "client"]

pytestmark = pytest.mark.asyncio(loop_scope=SCOPE)
ANN = Person("ann", "one")


async def new_thread(client):
    return (await client.post("/threads", headers=headers(), json={})).json()["id"]


async def post(client, path, text):
    sent = {**headers(), "Content-Type": "application/json"}
    return await client.post(path, headers=sent, content=text)


# what comes in


async def test_a_field_with_half_a_character_is_refused(client):
    body = f'{{"message_id": "{uuid4()}", "text": "x", "\\ud83d": 1}}'
    assert (await post(client, "/chat", body)).status_code == 422


@pytest.mark.parametrize(
    "odd", ['"\\ud83d"', '"a\\u0000"', "1" * 400, "NaN", "[" * 400 + "]" * 400, '{"\\ud83d": 1}']
)
async def test_an_answer_that_cannot_be_kept_is_refused(client, odd):
    asked = (await say(client, "ask me")).json()
    thread, question = asked["thread_id"], asked["questions"][0]["id"]
    answer = f'{{"approve": true, "more": {odd}}}'
    body = f'{{"thread_id": "{thread}", "question_id": "{question}", "answer": {answer}}}'
    assert (await post(client, "/resume", body)).status_code == 422
    assert (await state_of(client, thread))["questions"] == asked["questions"]


async def test_a_body_in_pieces_that_grows_too_long_is_told_so(client):
    async def pieces():
        for _ in range(100):
            yield b"x" * 1000

    sent = {**headers(), "Content-Type": "application/json"}
    answer = await client.post("/chat", headers=sent, content=pieces())
    assert answer.status_code == 413, answer.text


@pytest.mark.parametrize("length", [b"\xb2", b"9" * 5000, b"-1", b""])
async def test_a_length_that_is_no_number_is_refused(client, length):
    answer = await client.post("/chat", headers=[(b"content-length", length)], content=b"")
    assert answer.status_code == 413


async def test_a_token_with_a_deep_header(client):
    head = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    got = await client.get("/threads", headers={"Authorization": f"Bearer {head}.e30.AA"})
    assert got.status_code == 401


# runs


async def test_a_run_that_is_stopped_before_it_began_ends(client, app):
    service = app.state.service
    thread = await service.thread(ANN, await new_thread(client))
    run = service.runs.start(ANN, thread, Turn(message_id=str(uuid4()), text="hi"))
    assert await service.runs.stop(thread.id)
    async with asyncio.timeout(3):
        names = [event.name async for event in run.follow()]
    assert names[-1] == "end" and run.status == "stopped"
    await asyncio.sleep(0.2)
    assert len(service.runs) == 0


async def test_a_run_that_is_stopped_twice_leaves_nothing(client, app):
    service = app.state.service
    thread = await service.thread(ANN, await new_thread(client))
    run = service.runs.start(ANN, thread, Turn(message_id=str(uuid4()), text="slow 60"))
    async for event in run.follow():
        if event.name == "token" or event.name == "end":
            await service.runs.stop(thread.id)
    await asyncio.sleep(0.5)
    assert len(service.runs) == 0
    assert await service.runs.stop(thread.id) is False


async def test_a_stopped_wait_for_a_lock_leaves_no_lock(client, app):
    service = app.state.service
    url = service.settings.database_url
    for n in range(25):
        thread = str(uuid4())

        async def wait(thread=thread):
            async with service.locks.hold(thread, 5):
                await asyncio.sleep(5)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.0004 * (n % 12))
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0.05)
        async with await psycopg.AsyncConnection.connect(url) as other:
            cursor = await other.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [thread]
            )
            assert (await cursor.fetchone())[0], n


async def test_whoever_holds_a_lost_lock_is_told(client, app):
    service = app.state.service
    url = service.settings.database_url
    ended = []

    async def hold():
        try:
            async with service.locks.hold("held", 5):
                await asyncio.sleep(4)
                ended.append("as if nothing had happened")
        except asyncio.CancelledError:
            ended.append("cancelled")

    task = asyncio.create_task(hold())
    await asyncio.sleep(0.3)
    pid = service.locks._connection.info.backend_pid
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s)", [pid])
    for _ in range(3):
        assert await service.locks.is_free("another")
    await task
    assert ended == ["cancelled"]


async def test_an_event_of_a_deleted_run_costs_no_other_run_its_own(client, app):
    log, good, deleted = app.state.service.event_log, uuid4(), uuid4()
    await log.begin(good, "t")
    log.append(deleted, Event(1, "end", {}))
    log.append(good, Event(1, "end", {}))
    await log.end(good)
    assert [event.name for event in await log.read(good, 0)] == ["end"]


async def test_events_wait_for_a_database_that_is_away(client, app, monkeypatch):
    log, run = app.state.service.event_log, uuid4()
    await log.begin(run, "t")
    with monkeypatch.context() as patched:
        cut = "SELECT pg_terminate_backend(pg_backend_pid()), %s, %s, %s, %s"
        patched.setattr("course_lib.fastapi_app.run_events.WRITE", cut)
        log.append(run, Event(1, "token", {}))
        with pytest.raises(psycopg.OperationalError):
            await log.flush()
    log.append(run, Event(2, "end", {}))
    await log.end(run)
    assert [event.number for event in await log.read(run, 0)] == [1, 2]
    assert await log.is_told(run, 2) and not await log.is_told(run, 1)


async def test_events_of_a_run_that_goes_on_are_not_forgotten(client, app):
    log, runs = app.state.service.event_log, [uuid4(), uuid4()]
    for run in runs:
        await log.begin(run, "t")
        log.append(run, Event(1, "token", {}))
    await log.end(runs[1])
    await asyncio.sleep(0.05)
    await log.forget(0.01)
    assert await log.read(runs[0], 0) and not await log.read(runs[1], 0)


async def test_following_behind_the_end_ends(client):
    whole = events_in((await say(client, "hello", path="/chat/stream")).text)
    run_id, last = whole[0][1]["run_id"], whole[-1][2]
    joined = await client.get(
        f"/runs/{run_id}/events", headers={**headers(), "Last-Event-ID": last}
    )
    assert events_in(joined.text) == []


async def test_deleting_twice_at_once(client):
    thread = (await say(client, "hello")).json()["thread_id"]
    both = await asyncio.gather(
        *(client.delete(f"/threads/{thread}", headers=headers()) for _ in range(2))
    )
    assert sorted(each.status_code for each in both) in ([204, 404], [204, 204])


async def test_a_run_that_waited_while_its_thread_was_deleted_does_not_run(client, app):
    service = app.state.service
    thread = (await say(client, "hello")).json()["thread_id"]
    async with service.locks.hold(thread, 5):  # as another worker's run
        waiting = asyncio.create_task(say(client, "too late", thread))
        await asyncio.sleep(0.3)
        directory = service.directory(ANN)
        await asyncio.to_thread(directory.delete, "ann", thread)
    answer = await waiting
    assert answer.status_code == 404, answer.text
    listed = (await client.get("/threads", headers=headers())).json()
    assert thread not in [each["id"] for each in listed]


async def test_an_older_message_sent_again_does_not_continue_a_stopped_one(client):
    first = str(uuid4())
    thread = (await say(client, "hello", message_id=first)).json()["thread_id"]
    running = asyncio.create_task(say(client, "slow 60", thread))
    await asyncio.sleep(0.5)
    await client.post("/stop", headers=headers(), json={"thread_id": thread})
    await running
    before = await state_of(client, thread)
    again = await say(client, "hello", thread, message_id=first)
    assert again.json()["answer"]["text"] == "re: hello"
    assert texts(await state_of(client, thread)) == texts(before)


async def test_a_thread_that_is_running_is_not_unfinished(client):
    thread = (await say(client, "hello")).json()["thread_id"]
    running = asyncio.create_task(say(client, "slow 20", thread))
    await asyncio.sleep(0.5)
    assert not (await state_of(client, thread))["unfinished"]
    await running


async def test_whatever_waits_on_a_thread_is_stopped_on_every_worker(client, app):
    log, stopped = app.state.service.event_log, uuid4()
    thread = (await say(client, "hello")).json()["thread_id"]
    await log.begin(stopped, thread)  # as another worker does
    mine = asyncio.create_task(say(client, "slow 60", thread))
    await asyncio.sleep(0.4)
    await client.post("/stop", headers=headers(), json={"thread_id": thread})
    assert (await mine).json()["status"] == "stopped"
    assert await log.asked_to_stop([stopped]) == [stopped]


async def test_a_run_that_a_killed_worker_left_is_not_said_to_stop(client, app):
    thread = (await say(client, "hello")).json()["thread_id"]
    await app.state.service.event_log.begin(uuid4(), thread)
    stopped = await client.post("/stop", headers=headers(), json={"thread_id": thread})
    assert stopped.json() == {"stopping": False}


async def test_a_message_sent_again_while_it_is_stopped_is_a_run_of_its_own(client):
    message_id = str(uuid4())
    thread = await new_thread(client)
    first = asyncio.create_task(say(client, "slow 8", thread, message_id=message_id))
    await asyncio.sleep(0.4)
    answers = await asyncio.gather(
        client.post("/stop", headers=headers(), json={"thread_id": thread}),
        say(client, "slow 8", thread, message_id=message_id),
    )
    assert (await first).json()["status"] == "stopped"
    assert answers[1].json()["status"] in ("done", "stopped")
    assert (await state_of(client, thread))["values"]["seen"] == ["slow 8"]


@pytest.mark.soak
async def test_a_run_whose_database_went_away_is_told_and_continued(client, app):
    """Every connection is cut, as by a restart of the server."""
    thread = (await say(client, "hello")).json()["thread_id"]
    message_id = str(uuid4())
    stream = asyncio.create_task(
        say(client, "slow 30", thread, message_id=message_id, path="/chat/stream")
    )
    await asyncio.sleep(0.6)
    cut = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    url = app.state.service.settings.database_url
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as other:
        await other.execute(cut)
    told = events_in((await stream).text)
    assert [name for name, _, _ in told][-2:] == ["problem", "end"]
    assert told[-2][1]["type"] == "/problems/run-lost"
    again = await say(client, "slow 30", thread, message_id=message_id)
    assert again.json()["answer"]["text"] == "".join(f"w{n} " for n in range(30))
    state = await state_of(client, thread)
    assert state["values"]["seen"] == ["hello", "slow 30"] and len(state["messages"]) == 4
    joined = await client.get(f"/runs/{told[0][1]['run_id']}/events", headers=headers())
    assert events_in(joined.text) == told


async def test_the_openapi_document_tells_what_errors_look_like(client):
    document = (await client.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            told = operation["responses"]
            assert "application/problem+json" in told["default"]["content"], (method, path)
            assert "422" not in told, (method, path)
    assert "HTTPValidationError" not in str(document)


async def test_a_busy_thread_says_when_to_come_back(client, app, monkeypatch):
    service = app.state.service
    thread = (await say(client, "hello")).json()["thread_id"]
    monkeypatch.setattr(service.runs, "_wait_seconds", 0.2)
    async with service.locks.hold(thread, 5):
        answers = await asyncio.gather(*(say(client, "too soon", thread) for _ in range(2)))
    for answer in answers:
        assert answer.status_code == 409 and answer.headers["retry-after"] == "5"
        assert answer.json()["type"] == "/problems/thread-busy"


@pytest.mark.parametrize(
    "path",
    ["/%00", "/" + "a" * 5000, "/..%2f..%2fetc%2fpasswd", "/%ff", "/%ed%a0%bd", "/chat/none"],
)
async def test_a_path_that_is_none_is_a_problem(client, path):
    answer = await client.get(path)
    assert answer.status_code in (400, 404), answer.status_code
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_fork_sent_again_is_no_second_fork(client):
    thread = (await say(client, "one")).json()["thread_id"]
    await say(client, "two", thread)
    rows = (await client.get("/history", headers=headers(), params={"thread_id": thread})).json()
    place = next(row for row in rows if row["messages"] == 2 and not row["next"])["checkpoint_id"]
    message_id = str(uuid4())
    forks = [
        await say(client, "x", thread, message_id=message_id, path="/fork", checkpoint_id=place)
        for _ in range(2)
    ]
    assert forks[0].json()["answer"] == forks[1].json()["answer"]
    assert texts(await state_of(client, thread)) == ["one", "re: one", "x", "re: x"]


async def test_a_fork_sent_again_after_another_fork_is_no_second_turn(client):
    thread = (await say(client, "one")).json()["thread_id"]
    rows = (await client.get("/history", headers=headers(), params={"thread_id": thread})).json()
    place = rows[0]["checkpoint_id"]
    ids = [str(uuid4()), str(uuid4())]
    fork = {"thread": thread, "path": "/fork", "checkpoint_id": place}
    for text, message_id in zip("xy", ids, strict=True):
        await say(client, text, message_id=message_id, **fork)
    before = await state_of(client, thread)
    late = await say(client, "x", message_id=ids[0], **fork)
    assert late.json()["answer"]["text"] == "re: x"
    assert (await state_of(client, thread))["checkpoint_id"] == before["checkpoint_id"]


async def test_a_log_says_of_an_error_what_it_was_and_never_what_was_written():
    """PostgreSQL quotes the data in the details and the context of an error."""
    with postgres("log-text", scratch=True) as server, psycopg.connect(server.url) as connection:
        with pytest.raises(psycopg.Error) as raised:
            connection.execute("SELECT %s::jsonb", ['{"text": "my secret \\u0000"}'])
    assert "secret" in str(raised.value)
    assert cause(raised.value).startswith(type(raised.value).__name__ + ": ")
    assert "secret" not in cause(raised.value)
    assert cause(ValueError("my secret")) == "ValueError"
    assert cause(ConnectionError("nobody there\nmore")) == "ConnectionError: nobody there"
