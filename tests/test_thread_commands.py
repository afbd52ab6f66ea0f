"""`python -m course_lib thread`: what it says where there is nothing to repair, or too much."""

from __future__ import annotations

import pytest
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.__main__ import main
from course_lib.operations.thread_repair import (
    RepairError,
    restore_thread,
    stop_thread,
    thread_holder,
    unreadable_checkpoints,
)
from course_lib.persistence import connect, open_checkpointer, postgres

CONFIG = {"configurable": {"thread_id": "one"}}
HOLD = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"


@pytest.fixture
def url(server):
    """A database with the thread `one` of two turns."""
    with postgres("repair", scratch=True) as database:
        builder = StateGraph(MessagesState)
        builder.add_node("answer", lambda state: {"messages": [("ai", "Yes.")]})
        builder.add_edge(START, "answer")
        with open_checkpointer(database.url) as saver:
            graph = builder.compile(checkpointer=saver)
            for text in ("Is it open?", "And today?"):
                graph.invoke({"messages": [("user", text)]}, CONFIG)
        yield database.url


def newest(url):
    with open_checkpointer(url) as saver:
        return saver.get_tuple(CONFIG)


def test_a_thread_that_is_sound_and_free_is_left_alone(url, tmp_path, capsys):
    before = newest(url).checkpoint["id"]
    for words in (["holder"], ["stop"], ["check"], ["restore", "--keep-in", str(tmp_path / "r")]):
        assert main(["thread", *words, "--database", url, "one"]) == 0, words
    told = capsys.readouterr().out
    for words in ("free:", "it was free", "every checkpoint can be read", "nothing to remove"):
        assert words in told
    assert newest(url).checkpoint["id"] == before and not (tmp_path / "r").exists()


def test_what_cannot_be_done_is_told_in_one_line(url, tmp_path, capsys):
    assert main(["thread", "check", "--database", url, "two"]) == 1
    assert "no checkpoint of a thread 'two'" in capsys.readouterr().err
    assert main(["thread", "restore", "--to", "1-2", "--database", url, "one"]) == 1
    assert "'1-2'" in capsys.readouterr().err
    assert main(["thread", "holder", "--database", "postgresql://127.0.0.1:9/x", "one"]) == 1
    assert "No PostgreSQL answers" in capsys.readouterr().err


def test_a_thread_that_runs_is_not_restored(url, tmp_path):
    with connect(url, autocommit=True) as worker:
        worker.execute(HOLD, ["one"])
        held_by = thread_holder(url, "one")
        assert held_by is not None and held_by.pid == worker.info.backend_pid
        assert thread_holder(url, "another") is None
        with pytest.raises(RepairError, match="Stop it first"):
            restore_thread(url, "one", keep_in=tmp_path / "rows")


def test_a_worker_that_does_not_react_is_ended_only_by_force(url):
    with connect(url, autocommit=True) as worker:
        worker.execute(HOLD, ["one"])
        with pytest.raises(RepairError, match="--force"):
            stop_thread(url, "one", seconds=0.3)
        assert stop_thread(url, "one", seconds=0.3, force=True) is not None
        assert thread_holder(url, "one") is None


def test_going_back_to_a_checkpoint_keeps_what_was_before_it(url, tmp_path):
    with open_checkpointer(url) as saver:
        ids = [each.checkpoint["id"] for each in saver.list(CONFIG)]
    kept = tmp_path / "rows.jsonl"
    would = restore_thread(url, "one", to=ids[2], keep_in=None, dry_run=True)
    assert would.removed == ids[:2] and newest(url).checkpoint["id"] == ids[0]
    with pytest.raises(RepairError, match="--keep-in"):
        restore_thread(url, "one", to=ids[2], keep_in=None)
    kept.write_text("mine")
    with pytest.raises(RepairError, match="Nothing was removed"):
        restore_thread(url, "one", to=ids[2], keep_in=kept)
    assert kept.read_text() == "mine" and newest(url).checkpoint["id"] == ids[0]
    kept.unlink()
    done = restore_thread(url, "one", to=ids[2], keep_in=kept)
    assert newest(url).checkpoint["id"] == ids[2]
    assert len(kept.read_text().splitlines()) == done.rows > 2
    assert kept.stat().st_mode & 0o077 == 0
    with open_checkpointer(url) as saver:
        assert [each.checkpoint["id"] for each in saver.list(CONFIG)] == ids[2:]


def test_a_thread_without_any_readable_checkpoint_is_not_touched(url, tmp_path):
    with connect(url, autocommit=True) as connection:
        connection.execute("UPDATE checkpoint_blobs SET blob = %s", [b"\xc1"])
    assert len(unreadable_checkpoints(url, "one")) > 2
    with pytest.raises(RepairError, match="backup"):
        restore_thread(url, "one", keep_in=tmp_path / "rows")
