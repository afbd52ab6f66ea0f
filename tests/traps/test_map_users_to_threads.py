"""What surprises in chapter 05, as LangGraph behaves today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Event
from typing import Literal
from uuid import UUID, uuid4, uuid5

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt
from langgraph_sdk import get_sync_client
from langgraph_sdk.errors import UnprocessableEntityError
from psycopg.errors import NotNullViolation

from course_lib.persistence import connect, open_checkpointer, postgres
from course_lib.serving import langgraph_server


@dataclass
class Asking:
    user: str = "nobody"
    locale: str = "en"


@pytest.fixture
def database_url():
    with postgres("traps05", scratch=True) as server:
        yield server.url


def thread(thread_id, **metadata):
    return {"configurable": {"thread_id": thread_id}, "metadata": metadata}


def compiled(node, saver=None, schema=Asking):
    builder = StateGraph(MessagesState, context_schema=schema)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    return builder.compile(checkpointer=saver)


def echo(state: MessagesState):
    return {"messages": [AIMessage(f"answer to {state['messages'][-1].text}")]}


def say(graph, text, config):
    return graph.invoke({"messages": [("user", text)]}, config)


def texts(graph, config):
    return [message.text for message in graph.get_state(config).values.get("messages", [])]


@pytest.mark.parametrize("kind", ["memory", "sqlite", "postgres"])
def test_a_number_and_its_text_are_one_thread_id(kind, tmp_path, request):
    with ExitStack() as opened:
        if kind == "memory":
            saver = InMemorySaver()
        elif kind == "sqlite":
            saver = opened.enter_context(open_checkpointer(f"sqlite:///{tmp_path / 'threads.db'}"))
        else:
            saver = opened.enter_context(open_checkpointer(request.getfixturevalue("database_url")))
        graph = compiled(echo, saver)
        say(graph, "a secret", thread(1))
        assert texts(graph, thread("1")) == ["a secret", "answer to a secret"]
        say(graph, "another", thread("1"))
        assert len(texts(graph, thread(1))) == 4


def test_the_thread_id_none_is_shared_in_memory_and_refused_by_postgres(database_url, tmp_path):
    nobody = thread(None)
    with (
        open_checkpointer(f"sqlite:///{tmp_path / 'threads.db'}") as sqlite,
        open_checkpointer(database_url) as postgresql,
    ):
        for saver in (InMemorySaver(), sqlite):
            graph = compiled(echo, saver)
            say(graph, "a secret", nobody)
            assert say(graph, "hello", nobody)["messages"][0].text == "a secret"
        with pytest.raises(NotNullViolation, match="thread_id"):
            say(compiled(echo, postgresql), "a secret", nobody)


def test_the_next_run_of_a_thread_has_no_context_and_no_default_values():
    seen = []

    def look(state: MessagesState, runtime: Runtime[Asking]):
        seen.append(runtime.context)

    graph = compiled(look, InMemorySaver())
    graph.invoke({"messages": []}, thread("one"), context=Asking("cho", "ko"))
    graph.invoke({"messages": []}, thread("one"))
    assert seen == [Asking("cho", "ko"), None]


def test_a_crashed_run_resumed_without_context_has_none():
    seen = []

    def crash_once(state: MessagesState, runtime: Runtime[Asking]):
        seen.append(runtime.context)
        if len(seen) == 1:
            raise ConnectionError("the first attempt fails")

    graph = compiled(crash_once, InMemorySaver())
    with pytest.raises(ConnectionError):
        graph.invoke({"messages": []}, thread("one"), context=Asking("cho"))
    graph.invoke(None, thread("one"))
    assert seen == [Asking("cho"), None]


def test_an_answered_interrupt_without_context_has_none():
    seen = []

    def ask(state: MessagesState, runtime: Runtime[Asking]):
        seen.append(runtime.context)
        interrupt("go on?")

    graph = compiled(ask, InMemorySaver())
    graph.invoke({"messages": []}, thread("one"), context=Asking("cho"))
    graph.invoke(Command(resume="yes"), thread("one"))
    assert seen == [Asking("cho"), None]


def test_the_context_is_in_no_checkpoint():
    saver = InMemorySaver()
    graph = compiled(echo, saver)
    graph.invoke(
        {"messages": [("user", "hello")]}, thread("one"), context=Asking("cho-secret", "ko")
    )
    stored = [(found.checkpoint, found.metadata, found.config) for found in saver.list(None)]
    assert stored
    assert "cho-secret" not in repr(stored)


def test_a_conditional_edge_reads_the_context():
    def by_locale(state: MessagesState, runtime: Runtime[Asking]) -> Literal["korean", "english"]:
        return "korean" if runtime.context.locale == "ko" else "english"

    builder = StateGraph(MessagesState, context_schema=Asking)
    builder.add_node("korean", lambda state: {"messages": [AIMessage("안녕하세요")]})
    builder.add_node("english", lambda state: {"messages": [AIMessage("hello")]})
    builder.add_conditional_edges(START, by_locale)
    graph = builder.compile()
    for locale, word in (("ko", "안녕하세요"), ("en", "hello")):
        end = graph.invoke({"messages": []}, context=Asking("cho", locale))
        assert [message.text for message in end["messages"]] == [word]
    with pytest.raises(AttributeError, match="NoneType"):
        graph.invoke({"messages": []})


@pytest.mark.parametrize("kind", ["memory", "postgres"])
def test_of_two_runs_at_once_on_one_thread_one_turn_is_lost(kind, request):
    phone_started, laptop_done = Event(), Event()

    def reply(state: MessagesState):
        if state["messages"][-1].text == "phone":
            phone_started.set()
            assert laptop_done.wait(30)
        return echo(state)

    with ExitStack() as opened:
        saver = InMemorySaver()
        if kind == "postgres":
            url = request.getfixturevalue("database_url")
            saver = opened.enter_context(open_checkpointer(url))
        graph, shared = compiled(reply, saver), thread("shared")
        with ThreadPoolExecutor() as pool:
            phone = pool.submit(say, graph, "phone", shared)
            assert phone_started.wait(30)
            on_laptop = say(graph, "laptop", shared)
            laptop_done.set()
            on_phone = phone.result()
        assert on_laptop["messages"][-1].text == "answer to laptop"
        assert on_phone["messages"][-1].text == "answer to phone"
        assert texts(graph, shared) == ["phone", "answer to phone"]
        history = [repr(each.values) for each in graph.get_state_history(shared)]
        assert any("answer to laptop" in values for values in history)


def test_a_search_by_metadata_reads_every_checkpoint_until_there_is_an_index(database_url):
    filler = """
        INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint, metadata)
        SELECT 'other-' || n, n::text, '{}', jsonb_build_object('user', 'u' || n)
        FROM generate_series(1, 5000) AS n
    """
    search = """
        EXPLAIN (COSTS OFF) SELECT * FROM checkpoints WHERE metadata @> '{"user": "cho"}'
        ORDER BY checkpoint_id DESC LIMIT 1
    """
    with (
        open_checkpointer(database_url) as saver,
        connect(database_url, autocommit=True) as database,
    ):
        say(compiled(echo, saver), "hello", thread("t-1", user="cho"))
        where, _ = saver._search_where(None, {"user": "cho"}, None)
        assert "metadata @>" in where
        database.execute(filler)
        database.execute("ANALYZE checkpoints")
        assert "Seq Scan on checkpoints" in str(database.execute(search).fetchall())
        database.execute("CREATE INDEX ON checkpoints USING gin (metadata jsonb_path_ops)")
        assert "Bitmap Index Scan" in str(database.execute(search).fetchall())
        (found,) = saver.list(None, filter={"user": "cho"}, limit=1)
        assert found.config["configurable"]["thread_id"] == "t-1"


@pytest.mark.soak
def test_a_server_gives_anybody_the_thread_whose_id_they_compute():
    ours = uuid4()
    ann_id = str(uuid5(ours, "user ann"))
    with langgraph_server() as running:
        client = get_sync_client(url=running.url)
        with pytest.raises(UnprocessableEntityError, match="must be a UUID") as refused:
            client.threads.create(thread_id="ann")
        assert refused.value.response.status_code == 422
        client.threads.create(thread_id=ann_id, metadata={"user": "ann"})
        computed = str(uuid5(UUID(str(ours)), "user ann"))
        got = client.threads.create(
            thread_id=computed, metadata={"user": "bo"}, if_exists="do_nothing"
        )
        assert got["metadata"]["user"] == "ann"
        asked = ("a museum in Yongsan-gu", "tell me about the first one")
        for text in asked:
            message = {"messages": [{"role": "user", "content": text}]}
            run = client.runs.create(ann_id, "namu", input=message)
        client.runs.join(ann_id, run["run_id"])
        messages = client.threads.get_state(ann_id)["values"]["messages"]
        assert [each["content"] for each in messages if each["type"] == "human"] == list(asked)
