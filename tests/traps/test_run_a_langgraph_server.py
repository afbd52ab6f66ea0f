"""What surprises in chapter 12, as LangGraph's server behaves today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph_sdk import get_sync_client
from langgraph_sdk.errors import InternalServerError, UnprocessableEntityError

from course_lib.serving import ServerError, copy_project, langgraph_server, webhook_receiver
from course_lib.serving.http_thread import serve
from course_lib.serving.ports import port_of

pytestmark = [pytest.mark.slow, pytest.mark.soak]

CARELESS = """
from langgraph_sdk import Auth

auth = Auth()


@auth.authenticate
async def who(authorization: str | None):
    return {"identity": (authorization or "").removeprefix("Bearer ")}


@auth.on.threads
async def rule(ctx, value):
    owner = {"owner": ctx.user.identity}
    if ctx.user.identity == "replaces":
        value["metadata"] = owner
        return owner
    value.setdefault("metadata", {}).update(owner, user=ctx.user.identity)
    return None if ctx.user.identity != "filters" else owner
"""


def ask(text):
    return {"messages": [{"role": "user", "content": text}]}


def texts(values):
    return [message["content"] for message in values.get("messages", [])]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    config = copy_project(tmp_path_factory.mktemp("traps") / "plain")
    with langgraph_server(config, folder=config.parent) as running:
        yield running


@pytest.fixture
def client(server):
    # One for each test: the server closes a connection that was idle for five seconds.
    with get_sync_client(url=server.url) as made:
        yield made


def new_thread(client):
    return client.threads.create()["thread_id"]


def test_set_latest_restores_the_name_and_not_the_context(client):
    made = client.assistants.create("guide", name="one", context={"language": "ko"})
    made_id = made["assistant_id"]
    client.assistants.update(made_id, name="two", context={"language": "en"})
    client.assistants.set_latest(made_id, 1)
    now = client.assistants.get(made_id)
    assert (now["version"], now["name"], now["context"]) == (1, "one", {"language": "en"})
    first = client.assistants.get_versions(made_id)[-1]
    assert first["context"] == {"language": "ko"}
    client.assistants.delete(made_id)


def test_a_context_is_not_checked_and_its_defaults_apply(client):
    values = client.runs.wait(None, "guide", input=ask("a"), context={"language": "xx"})
    assert texts(values) == ["a", "a: see Namsan"]
    assert texts(client.runs.wait(None, "guide", input=ask("b"))) == ["b", "b: see Namsan"]


def test_schemas_are_asked_for_by_id_and_runs_by_name(client):
    with pytest.raises(UnprocessableEntityError, match="must be a UUID"):
        client.assistants.get_schemas("guide")


def test_an_unknown_stream_mode_is_refused_and_all_modes_give_events(client):
    with pytest.raises(UnprocessableEntityError):
        list(client.runs.stream(None, "guide", input=ask("a"), stream_mode="typing"))
    modes = ["values", "updates", "custom", "tasks", "checkpoints", "debug", "events"]
    for mode in modes:
        parts = client.runs.stream(
            new_thread(client), "guide", input=ask("a"), context={"steps": 1}, stream_mode=mode
        )
        assert mode in {part.event for part in parts}
    parts = client.runs.stream(None, "guide", input=ask("a"), stream_mode="checkpoints")
    assert {part.event for part in parts} == {"metadata"}, "a stateless run stores nothing"


def test_a_run_that_is_cancelled_before_it_began_loses_its_message(client):
    thread_id = new_thread(client)
    run = client.runs.create(thread_id, "guide", input=ask("a"), after_seconds=30)
    client.runs.cancel(thread_id, run["run_id"], wait=True)
    assert client.runs.get(thread_id, run["run_id"])["status"] == "interrupted"
    assert client.threads.get_state(thread_id)["values"] == {}


def test_a_resumable_stream_begins_at_minus_one_and_without_an_id_nothing_comes(client):
    thread_id = new_thread(client)
    options = {"context": {"steps": 2}, "stream_mode": "custom", "stream_resumable": True}
    whole = list(client.runs.stream(thread_id, "guide", input=ask("a"), **options))
    run_id = client.runs.list(thread_id)[0]["run_id"]
    again = list(client.runs.join_stream(thread_id, run_id, last_event_id="-1"))
    assert [part.data for part in again] == [part.data for part in whole]
    rest = list(client.runs.join_stream(thread_id, run_id, last_event_id=again[1].id))
    assert [part.data for part in rest] == [{"step": 2}]
    assert list(client.runs.join_stream(thread_id, run_id)) == []


def test_the_webhook_of_a_deleted_thread_has_no_values(client):
    with webhook_receiver() as receiver:
        for options, stored in (({"on_completion": "keep"}, True), ({}, False)):
            client.runs.create(None, "guide", input=ask("a"), webhook=receiver.url, **options)
            body = receiver.wait()
            assert body["status"] == "success" and bool(body["values"]) is stored
        with pytest.raises(TimeoutError, match="No webhook came"):
            receiver.wait(0.05)


def test_a_webhook_is_tried_three_times(client):
    tried = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self):
            tried.append(self.path)
            self.send_error(503)

        def log_message(self, *details):
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        serve(server)
        url = f"http://127.0.0.1:{server.server_port}/hook"
        client.runs.create(None, "guide", input=ask("a"), webhook=url)
        deadline = time.monotonic() + 40
        while len(tried) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(6)  # a fourth would come by now
        server.shutdown()
    assert tried == ["/hook"] * 3


def test_a_search_by_values_fails_where_a_thread_has_none(client):
    new_thread(client)
    with pytest.raises(InternalServerError):
        client.threads.search(values={"messages": "anything"})


def test_metadata_is_shown_to_the_graph_and_configurable_beats_it(client):
    client.store.put_item(["memories", "ann"], "home", {"district": "Mapo-gu"})
    for options in (
        {"metadata": {"user": "ann"}},
        {"metadata": {"user": "bo"}, "config": {"configurable": {"user": "ann"}}},
        {"metadata": {"user": "bo"}, "context": {"user": "ann"}},
    ):
        hello = client.runs.wait(None, "namu", input=ask("hello"), **options)
        assert "Mapo-gu" in texts(hello)[-1], options


def test_a_rule_that_returns_none_allows_and_a_new_dictionary_writes_nothing(tmp_path):
    config = copy_project(tmp_path / "careless", auth={"path": "./auth.py:auth"})
    (config.parent / "auth.py").write_text(CARELESS)
    with langgraph_server(config, folder=config.parent) as running:

        def log_in(user):
            return get_sync_client(url=running.url, headers={"Authorization": f"Bearer {user}"})

        thread = log_in("filters").threads.create()
        seen = log_in("returns none").threads.get(thread["thread_id"])
        assert seen["metadata"]["owner"] == "filters"
        forged = log_in("replaces").threads.create(metadata={"owner": "filters"})
        assert forged["metadata"] == {"owner": "filters"}
        assert log_in("replaces").threads.search() == []
        assert log_in("filters").threads.get(forged["thread_id"])["metadata"]["owner"] == "filters"


def test_in_memory_a_killed_server_shows_a_conversation_that_it_has_forgotten(tmp_path):
    config = copy_project(tmp_path / "killed")
    with langgraph_server(config, folder=config.parent) as running:
        client = get_sync_client(url=running.url)
        records = config.parent / ".langgraph_api" / ".langgraph_ops.pckl"

        def wait_for_a_save():
            now = time.time()
            while not records.exists() or records.stat().st_mtime < now:
                time.sleep(0.1)

        wait_for_a_save()  # what is empty at this moment is never saved again
        early = new_thread(client)
        client.runs.wait(early, "guide", input=ask("early"))
        client.store.put_item(["notes"], "early", {"noted": True})
        wait_for_a_save()
        running.kill()
        with langgraph_server(config, folder=config.parent, port=port_of(running.url)):
            assert texts(client.threads.get(early)["values"]) == ["early", "early: see Namsan"]
            assert client.threads.get_state(early)["values"] == {}
            assert client.store.get_item(["notes"], "early") is None
            again = client.runs.wait(early, "guide", input=ask("again"))
            assert texts(again) == ["again", "again: see Namsan"]


def test_validate_looks_at_no_path_and_refuses_comments(tmp_path):
    config = copy_project(tmp_path / "checked", graphs={"guide": "./nowhere.py:guide"})

    def validate():
        command = [sys.executable, "-m", "langgraph_cli", "validate", "-c", str(config)]
        quiet = os.environ | {"LANGGRAPH_CLI_NO_ANALYTICS": "1"}
        return subprocess.run(command, capture_output=True, text=True, env=quiet)

    assert validate().returncode == 0
    with pytest.raises(ServerError, match=r"nowhere\.py"):
        langgraph_server(config, folder=config.parent)
    config.write_text(config.read_text() + "// mine")
    refused = validate()
    assert refused.returncode != 0 and "Invalid JSON" in refused.stderr


def test_the_checkpointer_for_postgres_cannot_take_back_a_run():
    assert AsyncPostgresSaver.adelete_for_runs is BaseCheckpointSaver.adelete_for_runs
