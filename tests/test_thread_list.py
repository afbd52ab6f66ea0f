"""The list of threads without a browser: rows, renaming, deleting and undoing, and what runs."""

import asyncio

import pytest
from chat_graphs import moody, settled
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from course_lib.chat import ChatPanel
from course_lib.chat.thread_list import UNTITLED, ThreadList
from course_lib.chat.thread_list_view import thread_rows
from course_lib.persistence import Thread, UnknownThread, open_checkpointer, open_store


async def opened(saver=None, store=None, undo_seconds=0.05):
    panel = ChatPanel(moody(saver), store=store)
    panel.threads.undo_seconds = undo_seconds
    await panel.load()
    await settled(panel)
    return panel


async def press(panel, kind, **content):
    panel.threads.widget._on_message(None, {"kind": kind, **content}, [])
    await settled(panel)


def labels(panel):
    return [row["title"] for row in panel.threads.widget.rows]


def current(panel):
    return panel.controller.thread_id


async def with_threads(*texts, **options):
    panel = await opened(**options)
    for text in texts:
        await panel.new_thread()
        await panel.send(text)
    await settled(panel)
    return panel


def test_threads_of_one_title_are_numbered_by_their_age():
    made = [Thread(str(n), "me", "t", title, {}, f"0{n}") for n, title in enumerate("abaa")]
    rows = thread_rows(made[::-1], {"1": 3}, {"2"})
    assert [(row["title"], row["number"]) for row in rows] == [
        ("a", 3),
        ("a", 2),
        ("b", 1),
        ("a", 1),
    ]
    assert [row["running"] for row in rows] == [False, True, False, False]
    assert [row["turns"] for row in rows] == [None, None, 3, None]


async def test_a_row_tells_turns_time_and_what_runs():
    panel = await with_threads("one", "two")
    await panel.send("three")
    await settled(panel)
    first, second = panel.threads.widget.rows
    assert (first["title"], first["turns"], second["turns"]) == ("two", 2, 1)
    assert first["time"] > second["time"] and not first["running"]
    job = asyncio.create_task(panel.send("slow"))
    while not panel.threads.widget.rows[0]["running"]:
        await asyncio.sleep(0)
    await job
    await settled(panel)
    assert (
        not panel.threads.widget.rows[0]["running"] and panel.threads.widget.rows[0]["turns"] == 3
    )


async def test_the_number_of_turns_outlives_the_kernel(tmp_path):
    url = f"sqlite:///{tmp_path / 'chat.db'}"
    with open_checkpointer(url) as saver, open_store(url) as store:
        await with_threads("one", "two", saver=saver, store=store)
    with open_checkpointer(url) as saver, open_store(url) as store:
        panel = await opened(saver, store)
        assert [row["turns"] for row in panel.threads.widget.rows] == [1, 1]


async def test_renaming_keeps_the_thread_and_a_blank_title_changes_nothing():
    panel = await with_threads("one", "two")
    second = panel.threads.widget.rows[1]["id"]
    await press(panel, "rename", id=second, title="  cafes \n in Mapo ")
    assert labels(panel) == ["cafes in Mapo", "two"]
    await press(panel, "rename", id=second, title="   ")
    await press(panel, "rename", id=second, title=5)
    assert labels(panel) == ["cafes in Mapo", "two"]
    with pytest.raises(UnknownThread):
        await panel.threads.rename("nobody's", "x")
    await press(panel, "rename", id=current(panel), title="x" * 500)
    await panel.send("more")
    await settled(panel)
    assert panel.threads.current.title == "x" * 120, "a title that was given stays"


async def test_a_deleted_thread_is_gone_from_list_and_saver_when_nobody_undoes_it():
    saver = InMemorySaver()
    panel = await with_threads("one", "two", saver=saver)
    gone = panel.threads.widget.rows[1]["id"]
    await press(panel, "delete", id=gone)
    assert labels(panel) == ["two"] and panel.threads.widget.deleted == "one"
    assert saver.get_tuple({"configurable": {"thread_id": gone}}), "nothing is removed yet"
    assert panel.threads.directory.open("me", gone)
    await asyncio.sleep(0.1)
    await settled(panel)
    assert panel.threads.widget.deleted == "" and labels(panel) == ["two"]
    assert saver.get_tuple({"configurable": {"thread_id": gone}}) is None
    with pytest.raises(UnknownThread):
        panel.threads.directory.open("me", gone)
    assert panel.threads.directory.turns("me", [gone]) == {}


async def test_undo_brings_back_the_last_one_and_the_chat_returns_to_it():
    panel = await with_threads("one", "two")
    first, second = (row["id"] for row in panel.threads.widget.rows)
    await press(panel, "delete", id=first)
    assert current(panel) == second and labels(panel) == ["one"]
    await press(panel, "undo")
    assert current(panel) == first and labels(panel) == ["two", "one"]
    await asyncio.sleep(0.1)
    await settled(panel)
    assert labels(panel) == ["two", "one"] and panel.transcript.kept()[0] == ("you", "two")
    await press(panel, "undo")
    assert labels(panel) == ["two", "one"]


async def test_the_last_thread_gives_way_to_a_new_one():
    panel = await with_threads("one")
    gone = current(panel)
    await press(panel, "delete", id=gone)
    assert current(panel) != gone and labels(panel) == [UNTITLED]
    await asyncio.sleep(0.1)
    await settled(panel)
    assert labels(panel) == [UNTITLED] and panel.transcript.entries == []
    assert not [e for e in panel.transcript.entries if e["kind"] == "problem"]


async def test_a_running_thread_is_not_deleted_and_that_is_said():
    panel = await opened()
    job = asyncio.create_task(panel.send("slow"))
    while not panel.controller.running:
        await asyncio.sleep(0)
    await panel.threads.delete(current(panel))
    assert "is running" in panel.threads.widget.notice and panel.threads.widget.deleted == ""
    await job
    await settled(panel)
    await press(panel, "delete", id=current(panel))
    assert panel.threads.widget.notice == ""


async def test_a_thread_that_runs_again_before_it_is_removed_stays():
    panel = await with_threads("one", "two")
    gone = panel.threads.widget.rows[1]["id"]
    await press(panel, "delete", id=gone)
    panel.threads._running = lambda: {gone}
    await panel.threads._remove(gone)
    assert "runs again" in panel.threads.widget.notice and "one" in labels(panel)


async def test_opening_a_deleted_thread_undoes_its_deletion():
    panel = await with_threads("one", "two")
    second = panel.threads.widget.rows[1]["id"]
    await press(panel, "delete", id=second)
    await panel.open(second)
    await asyncio.sleep(0.1)
    await settled(panel)
    assert labels(panel) == ["two", "one"] and panel.transcript.kept()[0] == ("you", "one")


async def test_a_saver_that_fails_leaves_the_thread_in_the_list_and_says_so():
    panel = await with_threads("one", "two")

    async def broken(thread_id):
        raise OSError("the database is gone")

    panel.controller.access.delete_thread = broken
    await press(panel, "delete", id=panel.threads.widget.rows[1]["id"])
    await asyncio.sleep(0.1)
    await settled(panel)
    assert labels(panel) == ["two", "one"]
    assert "the database is gone" in panel.transcript.entries[-1]["text"]


@pytest.mark.parametrize(
    "content", [{}, {"kind": "open"}, {"kind": "delete", "id": 5}, {"kind": []}]
)
async def test_nonsense_from_the_browser_does_nothing(content):
    panel = await with_threads("one")
    panel.threads.widget._on_message(None, content, [])
    await settled(panel)
    assert labels(panel) == ["one"]


async def test_the_list_works_without_a_panel():
    chosen = []
    threads = ThreadList(InMemoryStore(), "ann", None, chosen.append)
    threads.undo_seconds = 0
    await threads.rename(threads.current.id, "mine")
    await threads.delete(threads.current.id)
    await asyncio.sleep(0.05)
    assert len(chosen) == 1
    await threads.open(chosen[0])
    assert [row["title"] for row in threads.widget.rows] == [UNTITLED]
