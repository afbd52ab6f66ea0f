"""What surprises in chapter 04 and appendix A3, as LangGraph behaves today.

A release that changes one of these changes what the chapters say.
"""

from __future__ import annotations

import operator
import os
import sqlite3
import subprocess
import sys
import textwrap
import time
from typing import Annotated

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt
from psycopg.errors import UndefinedTable
from typing_extensions import TypedDict

from course_lib.persistence import open_checkpointer, postgres

ANN = {"configurable": {"thread_id": "ann"}}


class Talk(MessagesState):
    mood: str
    tags: list[str]
    turns: int


class TalkWithoutMood(MessagesState):
    turns: int


def listen(state):
    return {"mood": "curious", "tags": ["new"], "turns": state.get("turns", 0) + 1}


def answer(state):
    return {"messages": [("ai", "hello")]}


def talk_graph(saver, schema=Talk, nodes=(listen, answer)):
    builder = StateGraph(schema)
    builder.add_sequence(list(nodes))
    builder.add_edge(START, nodes[0].__name__)
    return builder.compile(checkpointer=saver)


def say(graph, config=ANN, **fields):
    return graph.invoke({"messages": [("user", "hi")], **fields}, config)


def test_a_turn_of_two_nodes_stores_four_checkpoints():
    graph = talk_graph(InMemorySaver())
    say(graph)
    found = [(each.metadata["step"], each.next) for each in graph.get_state_history(ANN)]
    assert found == [(2, ()), (1, ("answer",)), (0, ("listen",)), (-1, ("__start__",))]


def test_a_failed_super_step_stores_no_checkpoint():
    def fails(state):
        raise ConnectionError

    graph = talk_graph(InMemorySaver(), nodes=(fails,))
    with pytest.raises(ConnectionError):
        say(graph)
    assert [each.metadata["step"] for each in graph.get_state_history(ANN)] == [0, -1]


def test_an_input_with_default_values_erases_fields_without_a_reducer():
    class Places(MessagesState):
        shown: list[str]
        excluded: Annotated[list[str], operator.add]

    seen = []

    def look(state):
        seen.append((state["shown"], state["excluded"]))

    graph = talk_graph(InMemorySaver(), Places, (look,))
    say(graph, shown=["one"], excluded=["two"])
    say(graph)
    say(graph, shown=[], excluded=[])
    assert seen == [(["one"], ["two"]), (["one"], ["two"]), ([], ["two"])]


def test_a_thread_that_does_not_exist_has_an_empty_snapshot():
    snapshot = talk_graph(InMemorySaver()).get_state(ANN)
    assert (snapshot.values, snapshot.next, snapshot.metadata) == ({}, (), None)


def count(state):
    return {"turns": state["turns"] + 1}


def after_another_graph(saver):
    """What a thread holds when a graph that declares fewer fields has written to it."""
    say(talk_graph(saver))
    say(talk_graph(saver, TalkWithoutMood, (count,)))
    values = talk_graph(saver).get_state(ANN).values
    return values.get("mood"), values.get("tags")


def test_a_graph_that_declares_fewer_fields_loses_the_others_but_not_in_every_saver(server):
    assert after_another_graph(InMemorySaver()) == ("curious", ["new"])
    database = sqlite3.connect(":memory:", check_same_thread=False)
    assert after_another_graph(SqliteSaver(database)) == (None, None)
    database.close()
    with postgres("fewer_fields", scratch=True) as running, open_checkpointer(running.url) as saver:
        assert after_another_graph(saver) == (None, ["new"])


def test_postgres_makes_no_table_before_setup(server):
    with postgres("no_setup", scratch=True) as running:
        with PostgresSaver.from_conn_string(running.url) as saver, pytest.raises(UndefinedTable):
            talk_graph(saver).get_state(ANN)


def test_only_the_node_that_failed_runs_again():
    class Work(TypedDict):
        done: Annotated[list[str], operator.add]

    runs = []

    def steady(state):
        runs.append("steady")
        return {"done": ["steady"]}

    def shaky(state):
        runs.append("shaky")
        if runs.count("shaky") == 1:
            time.sleep(0.3)
            raise ConnectionError
        return {"done": ["shaky"]}

    builder = StateGraph(Work)
    for node in (steady, shaky):
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
    graph = builder.compile(checkpointer=InMemorySaver())
    with pytest.raises(ConnectionError):
        graph.invoke({"done": []}, ANN)
    assert graph.get_state(ANN).next == ("shaky",)
    assert sorted(graph.invoke(None, ANN)["done"]) == ["shaky", "steady"]
    assert sorted(runs) == ["shaky", "shaky", "steady"]


def test_channel_versions_are_times_of_a_clock_that_all_channels_share():
    saver = InMemorySaver()
    say(talk_graph(saver))
    versions = saver.get_tuple(ANN).checkpoint["channel_versions"]
    clock = {name: int(str(version).split(".")[0]) for name, version in versions.items()}
    assert clock["mood"] == clock["turns"] == 3  # written once
    assert clock["messages"] == 4  # written twice


def test_only_plain_values_of_the_config_become_metadata():
    graph = talk_graph(InMemorySaver())
    own = {"user": "kim", "age": 41, "share": 0.5, "member": True, "tags": ["a"], "__mine": "x"}
    config = {
        "configurable": {**ANN["configurable"], **own},
        "metadata": {"route": "small", "details": {"a": 1}},
    }
    say(graph, config)
    metadata = graph.get_state(config).metadata
    assert set(metadata) - {"source", "step", "parents"} == {
        "user",
        "age",
        "share",
        "member",
        "route",
    }


def test_an_object_with_get_and_put_is_no_checkpointer():
    class Adapter:
        def get(self, config): ...

        def put(self, config, checkpoint): ...

    with pytest.raises(TypeError, match="BaseCheckpointSaver"):
        talk_graph(Adapter())


PROGRAM = """
import logging
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from pydantic import BaseModel
from typing_extensions import TypedDict

class Visit(BaseModel):
    place: str

class Note(BaseModel):
    text: str

class Day(TypedDict):
    visit: Visit
    note: object

logged = []
handler = logging.Handler()
handler.emit = lambda record: logged.append(record.getMessage().split()[0])
logging.getLogger("langgraph").addHandler(handler)
builder = StateGraph(Day)
builder.add_node("go", lambda state: {"visit": Visit(place="a"), "note": Note(text="b")})
builder.add_edge(START, "go")
graph = builder.compile(checkpointer=InMemorySaver())
config = {"configurable": {"thread_id": "ann"}}
graph.invoke({}, config)
for _ in range(2):
    values = graph.get_state(config).values
print(type(values["visit"]).__name__, type(values["note"]).__name__, *logged)
"""


@pytest.mark.parametrize(
    ("strict", "shown"),
    [
        ("false", "Visit Note Deserializing Deserializing"),  # also of the class that is declared
        ("true", "Visit dict Blocked"),
    ],
)
def test_a_declared_class_is_on_the_allow_list_only_in_strict_mode(strict, shown):
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        env={**os.environ, "LANGGRAPH_STRICT_MSGPACK": strict},
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode().strip() == shown


TASK_PROGRAM = """
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt
from pydantic import BaseModel

class Visit(BaseModel):
    place: str

@task
def find() -> Visit:
    return Visit(place="a")

listed = JsonPlusSerializer(allowed_msgpack_modules=[(__name__, "Visit")])
for saver in (InMemorySaver(), InMemorySaver(serde=listed)):
    kinds = []

    @entrypoint(checkpointer=saver)
    def plan(wish: str) -> str:
        kinds.append(type(find().result()).__name__)
        return interrupt("ok?")

    config = {"configurable": {"thread_id": "ann"}}
    plan.invoke("x", config)
    plan.invoke(Command(resume="yes"), config)
    print(*kinds)
"""


@pytest.mark.soak
def test_the_result_of_a_task_is_in_no_schema_and_comes_back_only_if_its_class_is_listed():
    run = subprocess.run(
        [sys.executable, "-c", TASK_PROGRAM],
        env={**os.environ, "LANGGRAPH_STRICT_MSGPACK": "true"},
        capture_output=True,
        check=True,
    )
    assert run.stdout.decode().split("\n")[:2] == ["Visit dict", "Visit Visit"]


def test_a_saver_that_forgets_its_writes_forgets_interrupts():
    class ForgetfulSaver(InMemorySaver):
        def put_writes(self, *given):
            pass

    class Asked(TypedDict):
        answers: list[str]

    builder = StateGraph(Asked)
    builder.add_node("ask", lambda state: {"answers": [interrupt("one?"), interrupt("two?")]})
    builder.add_edge(START, "ask")
    config = {"configurable": {"thread_id": "ann"}}
    answers = []
    for saver in (InMemorySaver(), ForgetfulSaver()):
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"answers": []}, config)
        answers.append(len(graph.get_state(config).interrupts))
    assert answers == [1, 0]
