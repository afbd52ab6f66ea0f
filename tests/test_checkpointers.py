"""Savers by their URL: what was stored is there for whoever reads next."""

import secrets
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from course_lib.namu import build_namu
from course_lib.persistence import (
    CheckpointerError,
    connect,
    open_async_checkpointer,
    open_checkpointer,
    open_store,
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


@pytest.mark.parametrize("name", ["a#b.db", "a%20b.db", "a?mode=ro.db"])
def test_a_path_in_a_url_is_taken_as_it_is(tmp_path, name):
    with open_checkpointer(f"sqlite:///{tmp_path / name}"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [name]


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


@pytest.mark.soak
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


@pytest.mark.soak
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


@pytest.mark.parametrize("opened", [open_checkpointer, open_store])
def test_a_file_is_not_closed_under_a_reader(tmp_path, opened):
    """SQLite crashes the process when a connection is closed while another thread reads."""
    reading, order = threading.Event(), []

    def read(lock):
        with lock:
            reading.set()
            time.sleep(0.2)
            order.append("read")

    with opened(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        reader = threading.Thread(target=read, args=(saver.lock,))
        reader.start()
        reading.wait()
    order.append("closed")
    reader.join()
    assert order == ["read", "closed"]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        saver.conn.execute("SELECT 1")


def test_a_list_that_was_left_half_read_does_not_hold_up_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("course_lib.persistence.sqlite_files.MAX_READ_SECONDS", 0.1)
    with open_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        graph = build_namu(checkpointer=saver)
        config = {"configurable": {"thread_id": "t"}}
        graph.invoke({"messages": [("user", "hello")]}, config)
        half_read = saver.list(config)
        next(half_read)
    half_read.close()
