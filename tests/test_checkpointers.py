"""Checkpointers by URL, on all three savers: what is kept, for whom, how safely."""

import json
import os
import secrets
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Overwrite
from psycopg.conninfo import conninfo_to_dict

from course_lib.namu import build_namu
from course_lib.persistence import (
    CheckpointerError,
    PostgresError,
    WrongKey,
    connect,
    open_async_checkpointer,
    open_checkpointer,
    postgres,
    redact_url,
)

KEY = secrets.token_bytes(32)


def config(thread="t"):
    return {"configurable": {"thread_id": thread}}


def say(graph, text, thread="t"):
    return graph.invoke({"messages": [{"role": "user", "content": text}]}, config(thread))


def test_a_conversation_goes_on_where_it_stopped(url):
    with open_checkpointer(url) as saver:
        say(build_namu(checkpointer=saver), "a cafe in Mapo")
        if url == "memory:":
            assert say(build_namu(checkpointer=saver), "the first one")["intent"] == "FOLLOW_UP"
            return
    with open_checkpointer(url) as saver:
        assert say(build_namu(checkpointer=saver), "the first one")["intent"] == "FOLLOW_UP"


async def test_what_a_synchronous_graph_wrote_an_asynchronous_one_reads(url):
    if url == "memory:":
        pytest.skip("memory is not shared between two savers")
    with open_checkpointer(url) as saver:
        say(build_namu(checkpointer=saver), "a cafe in Mapo")
    async with open_async_checkpointer(url) as saver:
        state = await build_namu(checkpointer=saver).aget_state(config())
        assert state.values["intent"] == "NEW_SEARCH"


@pytest.mark.parametrize("thread", ["'; DROP TABLE checkpoints; --", "x" * 10_000, "💬 한글", ""])
def test_odd_thread_ids_are_only_ids(url, thread):
    with open_checkpointer(url) as saver:
        graph = build_namu(checkpointer=saver)
        say(graph, "hello", thread)
        say(graph, "hello", "other")
        assert len(graph.get_state(config(thread)).values["messages"]) == 2


def test_deleting_a_thread_leaves_no_row_of_it_and_the_others_alone(url):
    with open_checkpointer(url) as saver:
        graph = build_namu(checkpointer=saver)
        for thread in ("gone", "kept"):
            say(graph, "a cafe in Mapo", thread)
        saver.delete_thread("gone")
        assert graph.get_state(config("gone")).values == {}
        assert graph.get_state(config("kept")).values
        if url.startswith("postgres"):
            for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
                query = f"SELECT count(*) FROM {table} WHERE thread_id = %s"
                with connect(url) as connection:
                    assert connection.execute(query, ["gone"]).fetchone() == (0,)
        if url.startswith("sqlite"):
            for table in ("checkpoints", "writes"):
                query = f"SELECT count(*) FROM {table} WHERE thread_id = ?"
                assert saver.conn.execute(query, ["gone"]).fetchone() == (0,)


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
@pytest.mark.parametrize("key", [None, KEY], ids=["open", "encrypted"])
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


@pytest.mark.parametrize("name", ["a#b.db", "a%20b.db", "a?mode=ro.db"])
def test_a_path_in_a_url_is_taken_as_it_is(tmp_path, name):
    with open_checkpointer(f"sqlite:///{tmp_path / name}"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_threads_opening_a_fresh_database_at_once_do_not_collide():
    with postgres("rush", scratch=True) as running:

        def once(_):
            with open_checkpointer(running.url) as saver:
                return saver.get_tuple(config())

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(once, range(6))) == [None] * 6


@pytest.mark.parametrize("size", [0, 15, 33])
def test_a_key_of_the_wrong_size_is_refused_with_the_sizes(size):
    with pytest.raises(WrongKey, match=rf"{size} bytes.*16, 24 or 32"):
        with open_checkpointer("memory:", key=b"k" * size):
            pass


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("redis://x", "redis://x.*sqlite:///chat.db"),
        ("sqlite://chat.db", "three slashes"),
        ("sqlite:///", "three slashes"),
        ("", "no address"),
        ("sqlite:///no/such/folder/x.db", "folder 'no/such/folder'"),
    ],
)
def test_a_url_that_cannot_be_opened_is_named_with_the_remedy(wrong, words):
    with pytest.raises(CheckpointerError, match=words), open_checkpointer(wrong):
        pass


def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path):
    path = tmp_path / "letter.db"
    path.write_text("dear reader, " * 50)
    with (
        pytest.raises(CheckpointerError, match=r"no.*database|not a database"),
        open_checkpointer(f"sqlite:///{path}"),
    ):
        pass
    assert path.read_text() == "dear reader, " * 50


def test_a_server_that_is_down_is_named_without_its_password():
    with pytest.raises(PostgresError, match=r"127\.0\.0\.1:9") as refused:
        with open_checkpointer("postgresql://me:hunter2@127.0.0.1:9/x"):
            pass
    assert "hunter2" not in str(refused.value)
    assert redact_url("postgresql://me:hunter2@h/x") == "postgresql://me@h/x"
    assert "hunter2" not in redact_url("postgresql:///x?password=hunter2&host=h")


def test_tables_not_set_up_are_told_before_the_first_message(server):
    with postgres("bare", scratch=True) as bare:
        with pytest.raises(CheckpointerError, match=r"not set up.*saver\.setup\(\)"):
            with open_checkpointer(bare.url, setup=False):
                pass


WALKER = """
    import sys, time
    from typing_extensions import TypedDict
    from langgraph.graph import StateGraph, START
    from course_lib.persistence import open_checkpointer

    class S(TypedDict):
        steps: int

    def step(state):
        if sys.argv[2] == "slow":
            time.sleep(0.15)
        print(state["steps"] + 1, flush=True)
        return {"steps": state["steps"] + 1}

    builder = StateGraph(S)
    previous = START
    for n in range(8):
        builder.add_node(f"n{n}", step)
        builder.add_edge(previous, f"n{n}")
        previous = f"n{n}"
    with open_checkpointer(sys.argv[1]) as saver:
        graph = builder.compile(checkpointer=saver)
        start = {"steps": 0} if sys.argv[2] == "slow" else None
        config = {"configurable": {"thread_id": "walk"}}
        end = graph.invoke(start, config, durability="sync")
        print("end", end["steps"], flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_between_steps_loses_no_finished_step(url, tmp_path):
    if url == "memory:":
        pytest.skip("memory ends with its process")
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("this system has no SIGKILL")
    script = tmp_path / "walk.py"
    script.write_text(textwrap.dedent(WALKER))
    walker = subprocess.Popen(
        [sys.executable, str(script), url, "slow"], stdout=subprocess.PIPE, text=True
    )
    seen = [int(walker.stdout.readline()) for _ in range(4)]
    walker.kill()
    walker.wait()
    resumed = subprocess.run(
        [sys.executable, str(script), url, "fast"], capture_output=True, text=True, check=True
    )
    again = resumed.stdout.split()
    assert again[-2:] == ["end", "8"]
    # Steps 1 to 3 were finished and stored before step 4 began; only the fourth may run again.
    assert int(again[0]) in (seen[-1], seen[-1] + 1)


@pytest.mark.slow
def test_two_processes_writing_to_one_thread_leave_it_readable(url, tmp_path):
    if url == "memory:":
        pytest.skip("memory is not shared between processes")
    with open_checkpointer(url):
        pass
    code = textwrap.dedent(
        """
        import sys
        from course_lib.persistence import open_checkpointer
        from course_lib.namu import build_namu
        with open_checkpointer(sys.argv[1]) as saver:
            graph = build_namu(checkpointer=saver)
            for n in range(5):
                graph.invoke({"messages": [{"role": "user", "content": f"hello {n}"}]},
                             {"configurable": {"thread_id": "shared"}})
        """
    )
    both = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(2)]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    with open_checkpointer(url) as saver:
        graph = build_namu(checkpointer=saver)
        assert say(graph, "hello", "shared")["messages"][-1].text
        assert list(graph.get_state_history(config("shared")))


def test_the_embedded_server_is_shared(server):
    if not server.embedded:
        pytest.skip("COURSE_DATABASE_URL names a server")
    with postgres("shared", scratch=True) as again, postgres("shared", scratch=True) as third:
        hosts = {running.url.split("?")[1] for running in (server, again, third)}
        assert len(hosts) == 1 and again.url != third.url
        with connect(third.url) as connection:
            names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        assert sum(name.startswith("course_shared_") for name in names) >= 2
    with connect(server.url) as connection:
        left = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    assert not {name for name in left if name.startswith(f"course_shared_{os.getpid()}_")}


@pytest.mark.slow
def test_letting_go_and_coming_back_is_noted_and_outlives_the_other_process(tmp_path):
    """A lets go and comes back while B holds the server; when B ends, A's must go on."""
    code = (
        "import sys\n"
        "from course_lib.persistence import postgres, connect\n"
        "held = postgres('x', scratch=True)\n"
        "for line in sys.stdin:\n"
        "    if line == 'again\\n':\n"
        "        held.stop(); held = postgres('x', scratch=True)\n"
        "    print(connect(held.url).execute('SELECT 1').fetchone()[0], flush=True)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COURSE_HOME": str(tmp_path / "h")}

    def process():
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(running, line):
        running.stdin.write(line + "\n")
        running.stdin.flush()
        return running.stdout.readline().strip()

    first, second = process(), process()
    assert [tell(first, "go"), tell(second, "go")] == ["1", "1"]
    assert tell(first, "again") == "1"
    second.stdin.close()
    second.wait(30)
    assert tell(first, "go") == "1", "the server stopped under the process that had come back"
    first.kill()
    first.wait()
    third = process()
    assert tell(third, "go") == "1", "a killed process must not leave a server nobody can join"
    third.stdin.close()
    third.wait(30)


@pytest.mark.parametrize(
    "named",
    [
        "postgresql://postgres@/other?host={host}",
        "postgresql:///other?host={host}&user=postgres",
        "postgresql://postgres@/?host={host}&dbname=other",
        "postgresql:///?host={host}&user=postgres&sslmode=disable",
    ],
)
def test_a_server_you_name_is_used_and_its_own_database_is_left_alone(server, monkeypatch, named):
    if not server.embedded:
        pytest.skip("needs the embedded server")
    host = conninfo_to_dict(server.url)["host"]
    monkeypatch.setenv("COURSE_DATABASE_URL", named.format(host=host).replace("other", "postgres"))
    with postgres("mine", scratch=True) as running:
        assert not running.embedded
        with connect(running.url) as connection:
            name = connection.execute("SELECT current_database()").fetchone()[0]
        assert name.startswith("course_mine_")


def test_an_address_that_cannot_be_read_is_a_postgres_error():
    for url in ("postgresql://h:port/x", "postgresql://h/x?nonsense=1"):
        with pytest.raises(PostgresError, match="No PostgreSQL answers"):
            connect(url)


@pytest.mark.parametrize("content", ["", "4194000\n/nowhere\n", "1\n/nowhere\n", "junk"])
def test_what_a_killed_server_left_behind_is_cleared(tmp_path, content):
    from course_lib.persistence.embedded_postgres import _remove_stale_files

    (tmp_path / "postmaster.pid").write_text(content)
    (tmp_path / ".handle_pids.json").write_text(f"[{os.getpid()}, 4194000]")
    _remove_stale_files(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()
    assert json.loads((tmp_path / ".handle_pids.json").read_text()) == [os.getpid()]


def test_a_home_with_spaces_or_other_letters_does_not_stop_the_server(monkeypatch, tmp_path):
    from course_lib.persistence.embedded_postgres import _data_folder

    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "내 home"))
    assert " " not in str(_data_folder()) and str(_data_folder()).isascii()
