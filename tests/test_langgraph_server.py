"""The promises of chapter 12: double texting, owners, and what a killed server keeps."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest
from langgraph_sdk import get_sync_client
from langgraph_sdk.errors import APIError, ConflictError

from course_lib.exercises.access_rules import RuledThreads
from course_lib.exercises.ch12 import STORED
from course_lib.persistence import postgres
from course_lib.serving import copy_project, langgraph_server
from course_lib.serving.ports import port_of

pytestmark = [pytest.mark.slow, pytest.mark.soak]

STORAGE = {
    "checkpointer": {"path": "./storage.py:saver"},
    "store": {"path": "./storage.py:store"},
}


def ask(text):
    return {"messages": [{"role": "user", "content": text}]}


def texts(values):
    return [message["content"] for message in values.get("messages", [])]


def client_of(server, user):
    return get_sync_client(url=server.url, headers={"Authorization": f"Bearer token-of-{user}"})


def status_of(action):
    try:
        action()
    except (APIError, httpx.HTTPStatusError) as error:
        return error.response.status_code
    return 200


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    with postgres("langgraph_server", scratch=True) as database:
        folder = tmp_path_factory.mktemp("served") / "login"
        login = {"auth": {"path": "./auth.py:auth"}, "env": {"STORAGE_URL": database.url}}
        yield copy_project(folder, **login, **STORAGE)


@pytest.fixture(scope="module")
def server(config):
    with langgraph_server(config, folder=config.parent) as running:
        yield running


# One for each test: the server closes a connection that was idle for five seconds.
@pytest.fixture
def ann(server):
    with client_of(server, "ann") as made:
        yield made


@pytest.fixture
def bo(server):
    with client_of(server, "bo") as made:
        yield made


def begun(client, text="A", steps=6, **options):
    """Start a run, and return its thread and its id once its node `think` works."""
    thread_id = client.threads.create()["thread_id"]
    run = client.runs.create(
        thread_id, "guide", input=ask(text), context={"steps": steps}, **options
    )
    while client.threads.get_state(thread_id)["next"] != ["think"]:
        time.sleep(0.05)
    return thread_id, run["run_id"]


def ended(client, thread_id):
    """Wait for all runs of a thread, and return the texts that it holds."""
    while any(run["status"] in ("pending", "running") for run in client.runs.list(thread_id)):
        time.sleep(0.1)
    return texts(client.threads.get_state(thread_id)["values"])


def second(client, thread_id, strategy):
    return client.runs.create(
        thread_id, "guide", input=ask("B"), context={"steps": 1}, multitask_strategy=strategy
    )


@pytest.mark.parametrize(
    ("strategy", "stored", "statuses"),
    [
        ("enqueue", ["A", "A: see Namsan", "B", "B: see Namsan"], ["success", "success"]),
        ("interrupt", ["A", "B", "B: see Namsan"], ["success", "interrupted"]),
        ("rollback", ["B", "B: see Namsan"], ["success"]),
    ],
)
def test_a_second_message_is_treated_as_its_strategy_says(ann, strategy, stored, statuses):
    thread_id, _ = begun(ann)
    second(ann, thread_id, strategy)
    assert ended(ann, thread_id) == stored
    assert [run["status"] for run in ann.runs.list(thread_id)] == statuses
    assert STORED[f"A runs, B with {strategy}"].messages == len(stored)


def test_a_second_message_is_refused_by_reject(ann):
    thread_id, _ = begun(ann)
    with pytest.raises(ConflictError):
        second(ann, thread_id, "reject")
    stored = ended(ann, thread_id)
    assert stored == ["A", "A: see Namsan"]
    assert len(stored) == STORED["A runs, B with reject"].messages


def test_what_exercise_1_says_of_a_queue_a_cancel_and_a_closed_tab(ann):
    def waiting_in_the_queue():
        thread_id = ann.threads.create()["thread_id"]
        ann.runs.create(thread_id, "guide", input=ask("A"), after_seconds=5)
        second(ann, thread_id, "interrupt")
        return ended(ann, thread_id)

    def cancelled():
        thread_id, run_id = begun(ann)
        ann.runs.cancel(thread_id, run_id, action="interrupt", wait=True)
        return texts(ann.runs.wait(thread_id, "guide", input=None))

    def closed():
        thread_id = ann.threads.create()["thread_id"]
        options = {"stream_mode": "custom", "context": {"steps": 6}, "on_disconnect": "cancel"}
        for part in ann.runs.stream(thread_id, "guide", input=ask("A"), **options):
            if part.event == "custom":
                break
        return ended(ann, thread_id)

    with ThreadPoolExecutor() as pool:
        found = [pool.submit(each) for each in (waiting_in_the_queue, cancelled, closed)]
    cases = list(STORED)[4:]
    counts = {case: len(each.result()) for case, each in zip(cases, found, strict=True)}
    assert counts == {case: STORED[case].messages for case in cases}


def test_a_thread_of_somebody_else_answers_like_one_that_does_not_exist(ann, bo, server):
    secret = ann.threads.create()["thread_id"]
    run_id = ann.runs.create(secret, "guide", input=ask("parks"))["run_id"]
    ann.runs.join(secret, run_id)
    headers = {"Authorization": "Bearer token-of-bo"}

    def raw(thread_id, method, path, body=None):
        url = f"{server.url}/threads/{thread_id}{path}"
        return httpx.request(method, url, json=body, headers=headers, trust_env=False).status_code

    run = {"assistant_id": "guide", "input": ask("hi")}
    for thread_id in (secret, str(uuid4())):
        assert {
            raw(thread_id, "GET", ""),
            raw(thread_id, "PATCH", "", {"metadata": {"owner": "bo"}}),
            raw(thread_id, "GET", "/state"),
            raw(thread_id, "POST", "/state", {"values": ask("hi")}),
            raw(thread_id, "POST", "/history", {}),
            raw(thread_id, "GET", "/runs"),
            raw(thread_id, "POST", "/runs", run),
            raw(thread_id, "POST", "/runs/wait", run),
            raw(thread_id, "POST", "/runs/stream", run),
            raw(thread_id, "GET", f"/runs/{run_id}"),
            raw(thread_id, "POST", f"/runs/{run_id}/cancel"),
            raw(thread_id, "DELETE", f"/runs/{run_id}"),
            raw(thread_id, "POST", "/runs/crons", {**run, "schedule": "0 8 * * *"}),
            raw(thread_id, "DELETE", ""),
        } == {404}
    assert bo.threads.search() == [] and bo.threads.search(metadata={"owner": "ann"}) == []
    assert bo.threads.count() == 0
    assert texts(ann.threads.get_state(secret)["values"]) == ["parks", "parks: see Namsan"]


def test_nobody_gets_in_without_a_token_that_is_known(server):
    for headers in ({}, {"Authorization": "Bearer token-of-eve"}, {"Authorization": "ann"}):
        client = get_sync_client(url=server.url, headers=headers)
        assert status_of(client.threads.search) == 401
        assert (
            status_of(lambda client=client: client.runs.wait(None, "guide", input=ask("x"))) == 401
        )


def test_memories_and_crons_belong_to_one_person_whatever_a_request_says(ann, bo):
    page = ["memories", "ann"]
    ann.store.put_item(page, "home", {"district": "Mapo-gu"})
    for namespace in (page, ["memories"], [], ["memories", "ann", "deeper"]):
        assert status_of(lambda namespace=namespace: bo.store.search_items(namespace)) == 403
    assert status_of(lambda: bo.store.put_item(page, "home", {})) == 403
    assert status_of(bo.store.list_namespaces) == 403
    for options in (
        {"metadata": {"user": "ann"}},
        {"context": {"user": "ann"}},
        {"config": {"configurable": {"user": "ann"}}},
        {"config": {"metadata": {"user": "ann"}}},
    ):
        hello = bo.runs.wait(None, "namu", input=ask("hello"), **options)
        assert "Mapo-gu" not in texts(hello)[-1], options
    assert "Mapo-gu" in texts(ann.runs.wait(None, "namu", input=ask("hello")))[-1]
    cron = ann.crons.create("guide", schedule="0 8 * * *", input=ask("hi"))
    assert bo.crons.search() == []
    assert status_of(lambda: bo.crons.delete(cron["cron_id"])) == 404
    ann.crons.delete(cron["cron_id"])


def test_the_rules_of_exercise_2_behave_as_on_the_server(ann, bo):
    def rule(ctx, value):
        owner = {"owner": ctx.user.identity}
        value.setdefault("metadata", {}).update(owner)
        return owner

    ruled = RuledThreads(rule)
    thread_id = str(uuid4())
    ruled.create("ann", thread_id, {"owner": "bo"})
    ann.threads.create(thread_id=thread_id, metadata={"owner": "bo"})
    for user, client in (("ann", ann), ("bo", bo)):
        real = str(status_of(lambda client=client: client.threads.get(thread_id)))
        assert ruled.get(user, thread_id) == real
    assert ruled.search("bo") == [] == bo.threads.search(ids=[thread_id])


def test_on_postgres_a_killed_server_keeps_conversations_and_memories(config):
    with langgraph_server(config, folder=config.parent) as running:
        ann = client_of(running, "ann")
        thread_id = ann.threads.create()["thread_id"]
        ann.runs.wait(thread_id, "guide", input=ask("parks"))
        ann.store.put_item(["memories", "ann"], "note", {"text": "kept"})
        running.kill()
        port = port_of(running.url)
        with langgraph_server(config, folder=config.parent, port=port):
            # Its record is saved every few seconds, so it may be gone; what was said is not.
            ann.threads.create(thread_id=thread_id, graph_id="guide", if_exists="do_nothing")
            stored = texts(ann.threads.get_state(thread_id)["values"])
            assert stored == ["parks", "parks: see Namsan"]
            item = ann.store.get_item(["memories", "ann"], "note")
            assert item["value"] == {"text": "kept"}
            again = ann.runs.wait(thread_id, "guide", input=ask("cafes"))
            assert texts(again) == [*stored, "cafes", "cafes: see Namsan"]
