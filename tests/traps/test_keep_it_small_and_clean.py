"""What surprises in chapter 11, as LangGraph, its savers and the databases behave today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import operator
import random
import sqlite3
import string
from shutil import copy
from typing import Annotated

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import PIIMiddleware
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from course_lib.models import chat_model
from course_lib.persistence import connect, export, open_checkpointer, postgres

THREAD = {"configurable": {"thread_id": "one"}}
KINDS = ["memory", "sqlite", "postgres"]


def add_all(lines, updates):
    return lines + [line for update in updates for line in update]


class Full(TypedDict):
    lines: Annotated[list[str], operator.add]


class Delta(TypedDict):
    lines: Annotated[list[str], DeltaChannel(add_all)]


class Last(TypedDict):
    lines: list[str]


def graph_of(schema, saver):
    builder = StateGraph(schema).add_node("answer", lambda state: {"lines": ["a"]})
    return builder.add_edge(START, "answer").compile(checkpointer=saver)


def talk(schema, saver, turns=3, thread=THREAD):
    graph = graph_of(schema, saver)
    for _ in range(turns):
        graph.invoke({"lines": ["q"]}, thread)
    return graph


def lines_of(graph, thread=THREAD):
    return graph.get_state(thread).values.get("lines", [])


@pytest.fixture(scope="module")
def server():
    with postgres("traps11", scratch=True) as running:
        yield running


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def saver(kind, tmp_path, request):
    url = f"sqlite:///{tmp_path / 'traps.db'}" if kind == "sqlite" else "memory:"
    if kind == "postgres":
        url = request.getfixturevalue("server").url
    with open_checkpointer(url) as opened:
        opened.delete_thread("one")
        yield opened


# --- growth and delta channels


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_full_snapshots_grow_with_the_square_and_delta_channels_do_not(saver):
    for schema, low, high in ((Full, 3, 5), (Delta, 1.8, 2.4)):
        graph, sizes = graph_of(schema, saver), []
        for _ in range(2):
            for _ in range(20):
                graph.invoke({"lines": ["q" * 40_000]}, THREAD)
            sizes.append(export(saver, "one", dry_run=True).bytes)
        saver.delete_thread("one")
        assert low < sizes[1] / sizes[0] < high


def test_deleting_older_checkpoints_by_sql_empties_a_delta_channel_without_an_error(tmp_path):
    older = "checkpoint_id < (SELECT max(checkpoint_id) FROM checkpoints)"
    for schema, left in ((Full, 6), (Delta, 0)):
        with open_checkpointer(f"sqlite:///{tmp_path / schema.__name__}.db") as saver:
            graph = talk(schema, saver)
            saver.conn.execute(f"DELETE FROM checkpoints WHERE {older}")
            assert len(lines_of(graph)) == left


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_prune_refuses_a_thread_that_ever_had_a_delta_channel(saver):
    talk(Delta, saver)
    with pytest.raises(NotImplementedError, match="can't prune threads that use a DeltaChannel"):
        saver.prune(["one"], strategy="keep_latest")
    talk(Full, saver)
    with pytest.raises(NotImplementedError, match="can't prune threads that use a DeltaChannel"):
        saver.prune(["one"], strategy="keep_latest")
    saver.delete_thread("one")
    assert not list(saver.list(THREAD))


def test_a_reducer_reads_a_delta_thread_and_a_field_without_one_reads_it_as_empty(saver):
    talk(Delta, saver)
    assert len(lines_of(graph_of(Full, saver))) == 6
    assert lines_of(graph_of(Last, saver)) == []
    assert len(lines_of(talk(Full, saver, turns=1))) == 8
    assert len(lines_of(graph_of(Delta, saver))) == 8


def test_a_delta_thread_can_be_forked_and_read_back(saver):
    graph = talk(Delta, saver)
    earlier = [each for each in graph.get_state_history(THREAD) if len(each.values["lines"]) == 4]
    fork = graph.update_state(earlier[0].config, {"lines": ["fork"]}, as_node="answer")
    assert lines_of(graph, fork) == ["q", "a", "q", "a", "fork"]


# --- what savers can delete and copy


def test_which_saver_can_delete_prune_and_copy(saver, kind):
    saver.delete_thread("nobody")
    if kind == "postgres":
        saver.prune(["nobody"])
    else:
        with pytest.raises(NotImplementedError):
            saver.prune(["nobody"])
    with pytest.raises(NotImplementedError):
        saver.copy_thread("nobody", "somebody")
    with pytest.raises(NotImplementedError):
        saver.delete_for_runs(["no-run"])


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_pruning_keeps_the_conversation_and_the_file_keeps_its_size(saver, server):
    size = "SELECT pg_total_relation_size('checkpoints')"
    graph = talk(Full, saver, turns=30)
    with connect(server.url, autocommit=True) as database:
        before = database.execute(size).fetchone()[0]
        saver.prune(["one"], strategy="keep_latest")
        assert len(lines_of(graph)) == 60 and len(list(saver.list(THREAD))) == 1
        assert database.execute(size).fetchone()[0] >= before
        database.execute("VACUUM FULL checkpoints")
        assert database.execute(size).fetchone()[0] < before


# --- backup


def test_a_copy_of_an_open_sqlite_file_lacks_what_is_in_the_log(tmp_path):
    file = tmp_path / "open.db"
    with open_checkpointer(f"sqlite:///{file}") as saver:
        talk(Full, saver, turns=1)
        assert file.with_name("open.db-wal").stat().st_size
        copy(file, tmp_path / "copied.db")
        saver.conn.execute("VACUUM INTO ?", [str(tmp_path / "vacuumed.db")])
        saver.conn.backup(sqlite3.connect(tmp_path / "backed_up.db"))
    for name, count in (("copied", 0), ("vacuumed", 2), ("backed_up", 2)):
        with open_checkpointer(f"sqlite:///{tmp_path / name}.db") as saver:
            assert len(lines_of(graph_of(Full, saver))) == count


# --- personal data


def test_pii_middleware_leaves_the_address_in_the_first_checkpoint_and_in_a_pending_write():
    redact = PIIMiddleware("email", strategy="redact")
    saver = InMemorySaver()
    agent = create_agent(chat_model(), [], middleware=[redact], checkpointer=saver)
    agent.invoke({"messages": [("user", "Mail ann@example.com")]}, THREAD)
    states = [each.values["messages"] for each in agent.get_state_history(THREAD)]
    texts = [messages[0].text for messages in states if messages]
    assert texts == ["Mail [REDACTED_EMAIL]"] * 3 + ["Mail ann@example.com"]
    writes = [write for each in saver.list(THREAD) for write in each.pending_writes]
    assert "ann@example.com" in str(writes)


# --- a cache in front of a saver


class ForgetfulCache(InMemorySaver):
    """Keeps the newest checkpoint, and does not drop it when pending writes are stored."""

    def __init__(self):
        super().__init__()
        self.newest = {}

    def get_tuple(self, config):
        given = config["configurable"]
        if given.get("checkpoint_id"):
            return super().get_tuple(config)
        place = given["thread_id"], given.get("checkpoint_ns", "")
        if place not in self.newest:
            self.newest[place] = super().get_tuple(config)
        return self.newest[place]

    def put(self, config, *rest):
        self._drop(config["configurable"]["thread_id"])
        return super().put(config, *rest)

    def delete_thread(self, thread_id):
        self._drop(thread_id)
        super().delete_thread(thread_id)

    def _drop(self, thread_id):
        self.newest = {place: kept for place, kept in self.newest.items() if place[0] != thread_id}


async def test_the_conformance_suite_passes_a_cache_that_forgets_put_writes():
    @checkpointer_test(name="forgetful")
    async def registered():
        yield ForgetfulCache()

    report = await validate(registered)
    assert report.passed_all_base()
    saver = ForgetfulCache()
    talk(Full, saver, turns=1)
    newest = saver.get_tuple(THREAD)
    saver.put_writes(newest.config, [("lines", ["late"])], "task-1")
    stored = InMemorySaver.get_tuple(saver, THREAD).pending_writes
    assert ("task-1", "lines", ["late"]) in stored
    assert ("task-1", "lines", ["late"]) not in saver.get_tuple(THREAD).pending_writes


# --- large tables


def test_setup_cannot_make_its_indexes_on_a_partitioned_table():
    statements = [each for each in PostgresSaver.MIGRATIONS if "CONCURRENTLY" in each]
    assert len(statements) == 3
    with postgres("partitioned", scratch=True) as server:
        with connect(server.url, autocommit=True) as database:
            for statement in PostgresSaver.MIGRATIONS[:6]:
                if "CREATE TABLE IF NOT EXISTS checkpoints" in statement:
                    statement = statement.rstrip().rstrip(";") + " PARTITION BY HASH (thread_id)"
                database.execute(statement)
        with pytest.raises(Exception, match="concurrently"):
            with PostgresSaver.from_conn_string(server.url) as saver:
                saver.setup()


def test_an_index_on_a_blob_stops_the_first_long_value():
    with postgres("blobs", scratch=True) as server, open_checkpointer(server.url) as saver:
        with connect(server.url, autocommit=True) as database:
            database.execute("CREATE INDEX ON checkpoint_writes (blob)")
        graph = talk(Full, saver, turns=1)
        long = "".join(random.Random(11).choices(string.ascii_letters, k=5_000))
        with pytest.raises(Exception, match="index row size"):
            graph.invoke({"lines": [long]}, THREAD, durability="sync")
