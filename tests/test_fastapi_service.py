"""The chat service in one process: turns, repeats, questions, streams that break, and owners."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import uuid4

import httpx
import jwt
import pytest
import pytest_asyncio
from api_graphs import build

from course_lib.fastapi_app import ServiceSettings, create_app, make_token
from course_lib.persistence import postgres

KEY = b"k" * 32
SCOPE = "module"


@pytest_asyncio.fixture(scope=SCOPE, loop_scope=SCOPE)
async def app():
    async with AsyncExitStack() as stack:
        database = stack.enter_context(postgres("api", scratch=True))
        settings = ServiceSettings(database.url, KEY, wait_seconds=5, max_letters=500)
        made = create_app(build, settings)
        await stack.enter_async_context(made.router.lifespan_context(made))
        yield made


@pytest_asyncio.fixture(loop_scope=SCOPE)
async def client(app):
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as made:
        yield made


pytestmark = pytest.mark.asyncio(loop_scope=SCOPE)


def headers(user="ann", tenant="one", **more):
    return {"Authorization": f"Bearer {make_token(KEY, user, tenant=tenant, **more)}"}


async def say(client, text, thread=None, user="ann", message_id=None, path="/chat", **more):
    body = {"message_id": message_id or str(uuid4()), "text": text, **more}
    if thread:
        body["thread_id"] = thread
    return await client.post(path, headers=headers(user), json=body)


async def state_of(client, thread, user="ann"):
    answer = await client.get("/state", headers=headers(user), params={"thread_id": thread})
    return answer.json()


def texts(state):
    return [message["text"] for message in state["messages"]]


def events_in(text):
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "data" in lines:
            found.append((lines["event"], json.loads(lines["data"]), lines["id"]))
    return found


async def test_a_turn_is_answered_and_kept(client):
    answer = await say(client, "hello")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "done" and body["answer"]["text"] == "re: hello"
    second = (await say(client, "and again", body["thread_id"])).json()
    assert second["answer"]["text"] == "re: and again"
    state = await state_of(client, body["thread_id"])
    assert texts(state) == ["hello", "re: hello", "and again", "re: and again"]
    assert state["values"]["seen"] == ["hello", "and again"] and not state["unfinished"]


async def test_a_repeated_request_is_no_second_turn(client):
    message_id = str(uuid4())
    first = (await say(client, "once", message_id=message_id)).json()
    again = (await say(client, "once", message_id=message_id)).json()  # still without a thread
    assert again["thread_id"] == first["thread_id"] and again["answer"] == first["answer"]
    assert (await state_of(client, first["thread_id"]))["values"]["seen"].count("once") == 1


async def test_the_same_message_twice_at_once_is_one_run(client):
    thread = (await say(client, "hello")).json()["thread_id"]
    message_id = str(uuid4())
    answers = await asyncio.gather(
        *(say(client, "slow 6", thread, message_id=message_id) for _ in range(5))
    )
    assert len({each.json()["run_id"] for each in answers}) == 1
    assert (await state_of(client, thread))["values"]["seen"] == ["hello", "slow 6"]


@pytest.mark.parametrize("other", ["a different text", "re: first"])
async def test_an_id_stands_for_one_message(client, other):
    first = (await say(client, "first")).json()
    state = await state_of(client, first["thread_id"])
    used = state["messages"][0]["id"]
    answer = await say(client, other, first["thread_id"], message_id=used)
    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/message-id-used"
    assert texts(await state_of(client, first["thread_id"])) == texts(state)


async def test_tokens_come_as_events_in_order(client):
    answer = await say(client, "slow 5", path="/chat/stream")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_in(answer.text)
    assert [name for name, _, _ in events] == [
        "start", "step", "step", *["token"] * 5, "answer", "end",
    ]  # fmt: skip
    told = "".join(data["text"] for name, data, _ in events if name == "token")
    assert told == events[-2][1]["text"] == "w0 w1 w2 w3 w4 "
    run_id = events[0][1]["run_id"]
    assert [id_ for _, _, id_ in events] == [f"{run_id}:{n}" for n in range(1, len(events) + 1)]


async def test_a_question_is_answered_once(client):
    asked = (await say(client, "ask me")).json()
    thread, (question,) = asked["thread_id"], asked["questions"]
    assert asked["status"] == "waiting" and question["value"] == {"question": "Go on?"}
    in_between = await say(client, "hello?", thread)
    assert in_between.status_code == 409 and in_between.json()["questions"] == [question]
    body = {"thread_id": thread, "question_id": question["id"]}
    for wrong in ({"approve": "perhaps"}, {}, "yes", None):
        refused = await client.post("/resume", headers=headers(), json={**body, "answer": wrong})
        assert refused.status_code == 422, wrong
    given = {**body, "answer": {"approve": True}}
    twice = await asyncio.gather(
        *(client.post("/resume", headers=headers(), json=given) for _ in range(2))
    )
    assert [each.json()["answer"]["text"] for each in twice] == ["You said yes."] * 2
    later = await client.post("/resume", headers=headers(), json=given)
    assert later.status_code == 409 and later.json()["type"] == "/problems/question-not-open"
    assert texts(await state_of(client, thread)) == ["ask me", "You said yes."]


async def test_a_fork_continues_an_earlier_checkpoint(client):
    thread = (await say(client, "one")).json()["thread_id"]
    await say(client, "two", thread)
    rows = (await client.get("/history", headers=headers(), params={"thread_id": thread})).json()
    after_one = next(row for row in rows if row["messages"] == 2 and not row["next"])
    forked = await say(
        client, "three", thread, path="/fork", checkpoint_id=after_one["checkpoint_id"]
    )
    assert forked.json()["answer"]["text"] == "re: three"
    assert texts(await state_of(client, thread)) == ["one", "re: one", "three", "re: three"]
    page = await client.get(
        "/history",
        headers=headers(),
        params={"thread_id": thread, "before": after_one["checkpoint_id"], "limit": 2},
    )
    ids = [row["checkpoint_id"] for row in rows]
    expected = ids[ids.index(after_one["checkpoint_id"]) + 1 :][:2]
    assert [row["checkpoint_id"] for row in page.json()] == expected
    unknown = await say(client, "x", thread, path="/fork", checkpoint_id=str(uuid4()))
    assert unknown.status_code == 404


async def test_a_browser_that_leaves_finds_its_answer(client, app):
    thread = (await say(client, "hello")).json()["thread_id"]
    gone = asyncio.create_task(say(client, "slow 8", thread, path="/chat/stream"))
    await asyncio.sleep(0.25)
    gone.cancel()
    for _ in range(100):
        state = await state_of(client, thread)
        if len(state["messages"]) == 4 and not len(app.state.service.runs):
            break
        await asyncio.sleep(0.1)
    assert texts(state)[2:] == ["slow 8", "".join(f"w{n} " for n in range(8))]
    assert len(app.state.service.runs) == 0


@pytest.mark.parametrize("when", ["while it runs", "afterwards"])
async def test_a_stream_is_joined_again_behind_its_last_event(client, when):
    stream = asyncio.create_task(say(client, "slow 8", path="/chat/stream"))
    if when == "afterwards":
        whole = events_in((await stream).text)
        run_id, last = whole[0][1]["run_id"], whole[4][2]
        joined = await client.get(
            f"/runs/{run_id}/events", headers={**headers(), "Last-Event-ID": last}
        )
        assert events_in(joined.text) == whole[5:]
        return
    thread = (await say(client, "hi")).json()["thread_id"]
    message_id = str(uuid4())
    first = asyncio.create_task(
        say(client, "slow 8", thread, message_id=message_id, path="/chat/stream")
    )
    await asyncio.sleep(0.2)
    second = await say(client, "slow 8", thread, message_id=message_id, path="/chat/stream")
    assert events_in(second.text) == events_in((await first).text)
    await stream


async def test_stop_ends_a_run_and_the_message_can_be_sent_again(client):
    thread = (await say(client, "hello")).json()["thread_id"]
    message_id = str(uuid4())
    running = asyncio.create_task(say(client, "slow 60", thread, message_id=message_id))
    while "slow 60" not in (await state_of(client, thread))["values"]["seen"]:
        await asyncio.sleep(0.05)  # its first step is stored
    stopped = await client.post("/stop", headers=headers(), json={"thread_id": thread})
    assert stopped.status_code == 202 and stopped.json() == {"stopping": True}
    assert (await running).json()["status"] == "stopped"
    assert (await state_of(client, thread))["unfinished"]
    nothing = await client.post("/stop", headers=headers(), json={"thread_id": thread})
    assert nothing.json() == {"stopping": False}


async def test_an_error_of_a_node_tells_no_secret_and_the_thread_goes_on(client):
    answer = await say(client, "fail")
    assert answer.status_code == 500 and "hunter2" not in answer.text
    assert answer.json()["type"] == "/problems/unexpected"
    stream = await say(client, "fail", path="/chat/stream")
    assert "hunter2" not in stream.text
    names = [name for name, _, _ in events_in(stream.text)]
    assert names[-2:] == ["problem", "end"]


async def test_deleting_leaves_nothing(client, app):
    thread = (await say(client, "a secret")).json()["thread_id"]
    assert (await client.delete(f"/threads/{thread}", headers=headers())).status_code == 204
    assert (await state_of(client, thread))["status"] == 404
    listed = (await client.get("/threads", headers=headers())).json()
    assert thread not in [each["id"] for each in listed]
    async with app.state.service.database.pool.connection() as connection:
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "chat_runs"):
            cursor = await connection.execute(
                f"SELECT count(*) AS rows FROM {table} WHERE thread_id = %s", [thread]
            )
            assert (await cursor.fetchone())["rows"] == 0, table


@pytest.mark.parametrize("stranger", [("bob", "one"), ("ann", "two")])
async def test_no_endpoint_tells_a_stranger_that_a_thread_exists(client, app, stranger):
    """Generated from the OpenAPI document, so that a new endpoint is covered."""
    asked = (await say(client, "ask me")).json()
    thread, question = asked["thread_id"], asked["questions"][0]["id"]
    before = await state_of(client, thread)
    seen = 0
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            if path in ("/health", "/threads"):
                continue
            seen += 1
            answers = []
            for target, run in ((thread, asked["run_id"]), (str(uuid4()), str(uuid4()))):
                body = {
                    "message_id": str(uuid4()),
                    "text": "hello",
                    "thread_id": target,
                    "checkpoint_id": before["checkpoint_id"],
                    "question_id": question,
                    "answer": {"approve": True},
                }
                fields = body_fields(app, methods[method])
                answer = await client.request(
                    method,
                    path.format(thread_id=target, run_id=run),
                    headers=headers(*stranger),
                    params={"thread_id": target},
                    json={key: body[key] for key in fields} if fields else None,
                )
                text = answer.text.replace(target, "T").replace(run, "R")
                answers.append((answer.status_code, text))
            assert answers[0] == answers[1], (method, path)
            assert answers[0][0] == 404, (method, path, answers[0])
    assert seen >= 10
    assert await state_of(client, thread) == before
    listed = await client.get("/threads", headers=headers(*stranger))
    assert thread not in listed.text


def body_fields(app, operation):
    """The fields of an endpoint's body; all of them, also those that may be left out."""
    if "requestBody" not in operation:
        return []
    reference = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    return list(app.openapi()["components"]["schemas"][reference.rpartition("/")[2]]["properties"])


def bad_tokens():
    good = jwt.decode(make_token(KEY, "ann", tenant="one"), options={"verify_signature": False})
    yield "none", None
    yield "not one", "abc"
    yield "forged", jwt.encode(good, b"x" * 32, "HS256")
    yield "unsigned", jwt.encode(good, None, "none")
    yield "expired", make_token(KEY, "ann", tenant="one", lifetime=timedelta(seconds=-1))
    yield "for another service", jwt.encode({**good, "aud": "mail"}, KEY, "HS256")
    for missing in ("sub", "tenant", "exp", "aud"):
        left = {key: value for key, value in good.items() if key != missing}
        yield f"without {missing}", jwt.encode(left, KEY, "HS256")
    yield "an empty user", jwt.encode({**good, "sub": ""}, KEY, "HS256")
    yield "roles that are no list", jwt.encode({**good, "roles": "admin"}, KEY, "HS256")
    yield "a tenant that is no text", jwt.encode({**good, "tenant": 7}, KEY, "HS256")


async def test_every_endpoint_wants_a_token_that_holds(client, app):
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            if path == "/health":
                continue
            for name, token in bad_tokens():
                sent = {} if token is None else {"Authorization": f"Bearer {token}"}
                answer = await client.request(
                    method,
                    path.format(thread_id=uuid4(), run_id=uuid4()),
                    headers=sent,
                    params={"thread_id": str(uuid4())},
                    json={"message_id": str(uuid4()), "text": "x", "thread_id": str(uuid4())},
                )
                assert answer.status_code == 401, (method, path, name, answer.text)
                assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", 422), ("   \n", 422), ("x" * 501, 422), ("x" * 70_000, 413), ("a\x00b", 422),
        ("\ud83d", 422), ("한" * 500, 200), ("<script>alert(1)</script>", 200), ("'; DROP --", 200),
    ],
)  # fmt: skip
async def test_what_a_message_may_be(client, text, status):
    body = json.dumps({"message_id": str(uuid4()), "text": text})
    sent = {**headers(), "Content-Type": "application/json"}
    answer = await client.post("/chat", headers=sent, content=body)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json()["answer"]["text"] == f"re: {text}"
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "detail"} <= set(answer.json())


async def test_answers_carry_the_headers_that_protect_a_browser(client):
    page = await client.get("/")
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in page.headers["content-security-policy"]
