"""Two workers of the chat service, real processes: killed in the middle, and written to at once."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from uuid import uuid4

import httpx
import pytest
from test_fastapi_service import events_in, texts

from course_lib.persistence import postgres
from course_lib.serving import ServerError, api_workers
from course_lib.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.fixture(scope="module")
def ledger(tmp_path_factory):
    return tmp_path_factory.mktemp("ledger") / "runs.txt"


@pytest.fixture(scope="module")
def workers(ledger):
    with (
        postgres("workers", scratch=True) as database,
        api_workers(
            2,
            database_url=database.url,
            app="api_graphs:make_app",
            variables={"TEST_LEDGER": str(ledger), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
        ) as running,
    ):
        yield running


@pytest.fixture
async def client():
    async with httpx.AsyncClient(trust_env=False, timeout=120) as made:
        yield made


class Person:
    """Somebody who sends messages to one worker or the other."""

    def __init__(self, workers, client, user="ann"):
        self.urls, self.client = workers.urls, client
        self.headers = {"Authorization": f"Bearer {workers.token(user, tenant='one')}"}

    async def say(self, worker, text, thread=None, message_id=None, path="/chat"):
        body = {"message_id": message_id or str(uuid4()), "text": text}
        if thread:
            body["thread_id"] = thread
        return await self.client.post(self.urls[worker] + path, headers=self.headers, json=body)

    async def state(self, worker, thread):
        answer = await self.client.get(
            f"{self.urls[worker]}/state", headers=self.headers, params={"thread_id": thread}
        )
        return answer.json()

    async def first_events(self, worker, text, thread, message_id, count):
        """The first events of a stream, which is left then or breaks."""
        body = {"message_id": message_id, "text": text, "thread_id": thread}
        told = ""
        request = self.client.stream(
            "POST", f"{self.urls[worker]}/chat/stream", headers=self.headers, json=body
        )
        async with request as stream:
            async for part in stream.aiter_text():
                told += part
                if len(events_in(told)) >= count:
                    break
        return events_in(told)


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(1, id="at its start"),
        pytest.param(5, id="in the middle of its tokens"),
    ],
)
async def test_a_killed_worker_loses_and_doubles_nothing(workers, client, ledger, told):
    person = Person(workers, client)
    thread = (await person.say(0, "hello")).json()["thread_id"]
    message_id = str(uuid4())
    events = await person.first_events(0, "slow 20", thread, message_id, told)
    workers.kill(0)
    try:
        assert events[-1][0] != "end"
        again = await person.say(1, "slow 20", thread, message_id)  # the same message and id
        assert again.status_code == 200
        whole = "".join(f"w{n} " for n in range(20))
        assert again.json()["answer"]["text"] == whole
        state = await person.state(1, thread)
        assert texts(state) == ["hello", "re: hello", "slow 20", whole]
        assert state["values"]["seen"] == ["hello", "slow 20"] and not state["unfinished"]
        repeated = await person.say(1, "slow 20", thread, message_id)
        assert repeated.json()["answer"] == again.json()["answer"]
        assert texts(await person.state(1, thread)) == texts(state)
        if told > 3:  # the first node had ended, and its step was stored: it did not run again
            assert ledger.read_text().split().count(message_id) == 1
    finally:
        workers.restart(0)
    assert (await person.say(0, "and on", thread)).json()["answer"]["text"] == "re: and on"


async def test_whoever_follows_a_lost_run_is_told_so(workers, client):
    person = Person(workers, client)
    thread = (await person.say(0, "hello")).json()["thread_id"]
    events = await person.first_events(0, "slow 40", thread, str(uuid4()), 6)
    run_id, last = events[0][1]["run_id"], events[-1][2]
    await asyncio.sleep(0.3)
    workers.kill(0)
    try:
        url = f"{workers.urls[1]}/runs/{run_id}/events"
        joined = await client.get(url, headers={**person.headers, "Last-Event-ID": last})
        rest = events_in(joined.text)
        assert [name for name, _, _ in rest][-2:] == ["problem", "end"]
        assert rest[-2][1]["type"] == "/problems/run-lost"
        numbers = [int(id_.rpartition(":")[2]) for _, _, id_ in [*events, *rest]]
        assert numbers == list(range(1, len(numbers) + 1))
    finally:
        workers.restart(0)


async def test_a_run_is_followed_and_stopped_from_the_other_worker(workers, client):
    person = Person(workers, client)
    thread = (await person.say(0, "hello")).json()["thread_id"]
    events = await person.first_events(0, "slow 200", thread, str(uuid4()), 5)
    url = f"{workers.urls[1]}/runs/{events[0][1]['run_id']}/events"
    following = asyncio.create_task(
        client.get(url, headers={**person.headers, "Last-Event-ID": events[-1][2]})
    )
    await asyncio.sleep(0.5)
    stop = f"{workers.urls[1]}/stop"
    stopped = await client.post(stop, headers=person.headers, json={"thread_id": thread})
    assert stopped.json() == {"stopping": True}
    rest = events_in((await following).text)
    assert rest[0][0] == "token" and rest[-1][:2] == ("end", {"status": "stopped"})
    numbers = [int(id_.rpartition(":")[2]) for _, _, id_ in [*events, *rest]]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("count", [4, 20])
async def test_ten_writers_on_each_thread_by_two_workers(workers, client, count):
    """Every turn is there, each answer follows its question, and each client's order is kept."""
    people = {f"user-{n}": Person(workers, client, f"user-{n}") for n in range(count)}
    threads = {}
    for name, person in people.items():
        threads[name] = (await person.say(0, "begin")).json()["thread_id"]
    chance = random.Random(7)

    async def write(name, writer):
        for turn in range(2):  # one after the other, as one page does
            text = f"{writer} turn {turn}"
            answer = await people[name].say(chance.randrange(2), text, threads[name])
            assert answer.status_code == 200, answer.text
            assert answer.json()["answer"]["text"] == f"re: {text}"

    await asyncio.gather(*(write(name, f"w{n}") for name in people for n in range(10)))
    for name, person in people.items():
        said = texts(await person.state(1, threads[name]))[2:]
        assert len(said) == 40
        questions, answers = said[::2], said[1::2]
        assert answers == [f"re: {question}" for question in questions]
        assert set(Counter(questions).values()) == {1}
        for writer in range(10):
            mine = [text for text in questions if text.startswith(f"w{writer} ")]
            assert mine == [f"w{writer} turn 0", f"w{writer} turn 1"]


async def test_what_is_no_request_is_refused_and_never_an_error_of_the_server(workers, client):
    """Every endpoint of the OpenAPI document, with bodies and parameters of every wrong kind."""
    person = Person(workers, client)
    document = (await client.get(f"{workers.urls[0]}/openapi.json")).json()
    thread = (await person.say(0, "hello")).json()["thread_id"]
    good = {
        "message_id": str(uuid4()),
        "text": "hi",
        "thread_id": thread,
        "question_id": "a" * 32,
        "answer": 1,
        "checkpoint_id": str(uuid4()),
        "title": "t",
    }
    odd = [None, 0, -1, 1.5, True, "", "x" * 5000, [], {}, "\x00", "\ud83d", "../..", "' OR 1=1 --"]
    bodies = [json.dumps({**good, key: value}) for key in good for value in odd]
    deep = "[" * 20_000 + "]" * 20_000
    bodies += ["", "null", "[]", '"x"', "{", deep, "1" * 5000, "\xff", json.dumps({**good, "x": 1})]
    parameters = [{"thread_id": thread, "limit": each} for each in (0, -1, "x", 10**30)]
    parameters += [{"thread_id": each} for each in ("", "x", "\x00", "a" * 9000)]
    parameters += [{"thread_id": thread, "before": each} for each in ("x", "\x00", "0" * 36)]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            sent = bodies if "requestBody" in operation else [None]
            for n, body in enumerate(sent):
                answer = await client.request(
                    method,
                    workers.urls[n % 2] + path.format(thread_id=uuid4(), run_id=uuid4()),
                    headers={**person.headers, "Content-Type": "application/json"},
                    params=parameters[n % len(parameters)],
                    content=body,
                )
                assert answer.status_code < 500, (method, path, body, answer.text)
    for each in parameters:
        for path in ("/state", "/history", "/threads"):
            answer = await client.get(workers.urls[0] + path, headers=person.headers, params=each)
            assert answer.status_code < 500, (path, each, answer.text)
    huge = await client.post(
        f"{workers.urls[0]}/chat", headers=person.headers, content=b"x" * 5_000_000
    )
    assert huge.status_code == 413
    assert (await person.say(0, "still there", thread)).status_code in (200, 409)


def test_a_worker_with_a_short_key_says_how_to_make_one(tmp_path):
    key = tmp_path / "key"
    key.write_text("short")
    key.chmod(0o600)
    with (
        postgres("settings", scratch=True) as database,
        pytest.raises(ServerError, match="has 5 bytes and needs 32"),
    ):
        api_workers(1, database_url=database.url, variables={"CHAT_TOKEN_KEY_FILE": str(key)})


def test_a_process_that_ends_without_stopping_its_workers_leaves_no_key(tmp_path):
    with postgres("folders", scratch=True) as database:
        script = (
            "from course_lib.serving import api_workers; "
            f"api_workers(1, database_url={database.url!r}, app='api_graphs:make_app')"
        )
        path = f"{ROOT}:{ROOT / 'tests'}"
        variables = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path)}
        subprocess.run([sys.executable, "-c", script], env=variables, check=True, timeout=120)
    assert not list(tmp_path.glob("course-*"))


OWN_GRAPH = """
import sys
from langgraph.graph import END, START, MessagesState, StateGraph
from myservice import create_app

def answer(state):
    theirs = [name for name in sys.modules if name.startswith(("course_lib.f", "course_lib.n"))]
    return {"messages": [("ai", f"heard {state['messages'][-1].text}; of the course: {theirs}")]}

def build(saver, store):
    builder = StateGraph(MessagesState)
    builder.add_node(answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile(checkpointer=saver, store=store)

def make_app():
    return create_app(build)
"""


def test_a_copy_of_the_folder_serves_a_graph_of_ones_own(tmp_path):
    """It uses its own modules, and of the course only `course_lib.persistence`."""
    copy = tmp_path / "myservice"
    shutil.copytree(ROOT / "course_lib" / "fastapi_app", copy)
    (copy / "namu_app.py").unlink()
    (tmp_path / "my_app.py").write_text(OWN_GRAPH)
    with (
        postgres("copied_service", scratch=True) as database,
        api_workers(
            1,
            database_url=database.url,
            app="my_app:make_app",
            variables={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
        ) as running,
    ):
        (url,) = running.urls
        headers = {"Authorization": f"Bearer {running.token('ann')}"}
        body = {"message_id": str(uuid4()), "text": "hello"}
        answer = httpx.post(f"{url}/chat", json=body, headers=headers, timeout=60)
        page = httpx.get(url)
    assert answer.json()["answer"]["text"] == "heard hello; of the course: []"
    assert page.status_code == 200 and "chat.js" in page.text
