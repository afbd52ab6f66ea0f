"""Encryption at rest: nothing said is readable without the key, and nothing is lost with it."""

import os
import secrets
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Overwrite

from course_lib.namu import build_namu
from course_lib.persistence import (
    WrongKey,
    connect,
    open_checkpointer,
)

KEY = secrets.token_bytes(32)


def config(thread="t"):
    return {"configurable": {"thread_id": thread}}


def say(graph, text, thread="t"):
    return graph.invoke({"messages": [{"role": "user", "content": text}]}, config(thread))


def test_with_a_key_nothing_said_is_readable_in_the_database(url):
    if url == "memory:":
        pytest.skip("memory is not at rest")
    with open_checkpointer(url, key=KEY) as saver:
        graph = build_namu(checkpointer=saver)
        secret = {"messages": [HumanMessage("a SECRETWORD cafe")], "session_id": "SECRETLABEL"}
        graph.invoke(secret, config())
        assert graph.get_state(config()).values["session_id"] == "SECRETLABEL"
    if url.startswith("sqlite"):
        stored = Path(url.removeprefix("sqlite:///")).read_bytes()
    else:
        with connect(url) as connection:
            stored = b"".join(
                repr(connection.execute(f"SELECT * FROM {table}").fetchall()).encode()
                for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
            )
    assert b"SECRETWORD" not in stored and b"SECRETLABEL" not in stored
    assert b"NEW_SEARCH" not in stored


def test_postgres_leaks_plain_values_through_langgraphs_own_encryption(server):
    """The gap that `wrap_plain_values` closes. When this fails, LangGraph has closed it."""
    from langgraph.checkpoint.postgres import PostgresSaver
    from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
    from psycopg.rows import dict_row

    serializer = EncryptedSerializer.from_pycryptodome_aes(key=KEY)
    with connect(server.url, autocommit=True, row_factory=dict_row) as connection:
        saver = PostgresSaver(connection, serde=serializer)
        saver.setup()
        build_namu(checkpointer=saver).invoke(
            {"messages": [HumanMessage("hi")], "session_id": "SECRETLABEL"}, config("leak")
        )
        rows = connection.execute("SELECT checkpoint FROM checkpoints").fetchall()
    assert "SECRETLABEL" in repr(rows)


@pytest.mark.parametrize(
    "other", [None, b"another key of 32 bytes, exactly."[:32]], ids=["none", "other"]
)
def test_the_wrong_key_is_named_and_the_right_one_still_works(url, other):
    if url == "memory:":
        pytest.skip("memory is not shared between two savers")
    with open_checkpointer(url, key=KEY) as saver:
        say(build_namu(checkpointer=saver), "hello")
    with open_checkpointer(url, key=other) as saver, pytest.raises(WrongKey, match="key"):
        build_namu(checkpointer=saver).get_state(config())
    with open_checkpointer(url, key=KEY) as saver:
        assert build_namu(checkpointer=saver).get_state(config()).values


def test_overwrite_and_a_plain_value_set_to_none_survive_sealing(url):
    class State(MessagesState):
        note: str | None

    builder = StateGraph(State)
    builder.add_node("clear", lambda s: {"note": None, "messages": Overwrite([AIMessage("x")])})
    builder.add_edge(START, "clear")
    with open_checkpointer(url, key=KEY) as saver:
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"note": "first", "messages": [HumanMessage("a")]}, config())
        values = graph.get_state(config()).values
        assert values["note"] is None and [m.text for m in values["messages"]] == ["x"]
        graph.update_state(config(), {"note": "second"})
        assert graph.get_state(config()).values["note"] == "second"


def test_a_thread_begun_in_the_clear_loses_nothing_when_a_key_comes_later(url, tmp_path):
    if url == "memory:":
        pytest.skip("memory is not shared between two savers")

    class Person(MessagesState):
        name: str
        age: int

    builder = StateGraph(Person)
    builder.add_node("answer", lambda state: {"messages": [AIMessage("ok")]})
    builder.add_edge(START, "answer")
    with open_checkpointer(url) as saver:
        builder.compile(checkpointer=saver).invoke(
            {"name": "Ann", "age": 7, "messages": [HumanMessage("hi")]}, config()
        )
    with open_checkpointer(url, key=KEY) as saver:
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"messages": [HumanMessage("again")]}, config())
        values = graph.get_state(config()).values
        assert (values["name"], values["age"], len(values["messages"])) == ("Ann", 7, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "key",
    [pytest.param(None, id="open", marks=pytest.mark.soak), pytest.param(KEY, id="encrypted")],
)
def test_types_of_the_schema_survive_the_strict_allow_list(url, tmp_path, key):
    if url == "memory:":
        pytest.skip("one saver is enough for this")
    script = tmp_path / "strict.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            from pydantic import BaseModel
            from typing_extensions import TypedDict
            from langgraph.graph import START, StateGraph
            from course_lib.persistence import open_checkpointer

            class Visit(BaseModel):
                place: str

            class S(TypedDict):
                visit: Visit

            builder = StateGraph(S)
            builder.add_node("go", lambda s: {{"visit": Visit(place="Namsan")}})
            builder.add_edge(START, "go")
            with open_checkpointer(sys.argv[1], key={key!r}) as saver:
                graph = builder.compile(checkpointer=saver)
                where = {{"configurable": {{"thread_id": "t"}}}}
                graph.invoke({{}}, where)
                print(type(graph.get_state(where).values["visit"]).__name__)
            """
        )
    )
    told = subprocess.run(
        [sys.executable, str(script), url],
        env={**os.environ, "LANGGRAPH_STRICT_MSGPACK": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "Visit"


def test_a_key_that_is_text_is_refused():
    with pytest.raises(WrongKey, match="type str"), open_checkpointer("memory:", key="k" * 32):
        pass


@pytest.mark.parametrize("size", [0, 15, 33])
def test_a_key_of_the_wrong_size_is_refused_with_the_sizes(size):
    with pytest.raises(WrongKey, match=rf"{size} bytes.*16, 24 or 32"):
        with open_checkpointer("memory:", key=b"k" * size):
            pass
