"""The Memory view: a person reads, corrects and deletes what is kept of them and nobody else."""

import asyncio
import json

import pytest
from chat_graphs import moody
from langgraph.store.memory import InMemoryStore

from course_lib.chat.inspector import Inspector
from course_lib.chat.memory_view import MAX_NOTES, MemoryView
from course_lib.namu import build_namu
from course_lib.persistence import open_store

HOME = ("memories", "ann")


async def shown(store, user="ann"):
    view = MemoryView(store, user, lambda job: asyncio.get_running_loop().create_task(job))
    await view.refresh()
    return view


async def press(view, kind, **content):
    view._on_message(None, {"kind": kind, **content}, [])
    for _ in range(5):
        await asyncio.sleep(0)


def with_home():
    store = InMemoryStore()
    store.put(HOME, "home", {"district": "Mapo-gu", "floor": 3})
    return store


def entry_id(view, label):
    return next(each["id"] for each in view.entries if each["label"] == label)


async def test_a_corrected_field_is_stored_and_the_others_stay():
    store = with_home()
    view = await shown(store)
    await press(
        view, "correct", id=entry_id(view, "memories/home"), typed={"district": "Jongno-gu"}
    )
    assert store.get(HOME, "home").value == {"district": "Jongno-gu", "floor": 3}
    assert "corrected" in view.notice and "Jongno-gu" in str(view.entries)


@pytest.mark.parametrize(("typed", "stored"), [("4", 4), ("[1, 2]", [1, 2]), ('"attic"', "attic")])
async def test_a_value_that_is_no_text_is_read_as_json(typed, stored):
    store = with_home()
    view = await shown(store)
    await press(view, "correct", id=entry_id(view, "memories/home"), typed={"floor": typed})
    assert store.get(HOME, "home").value == {"district": "Mapo-gu", "floor": stored}


async def test_a_text_stays_a_text_whatever_it_looks_like():
    store = with_home()
    view = await shown(store)
    await press(view, "correct", id=entry_id(view, "memories/home"), typed={"district": "007"})
    assert store.get(HOME, "home").value["district"] == "007"


async def test_what_cannot_be_read_changes_nothing_and_says_what_to_write():
    store = with_home()
    view = await shown(store)
    typed = {"floor": "third", "district": "Jongno-gu"}
    await press(view, "correct", id=entry_id(view, "memories/home"), typed=typed)
    assert store.get(HOME, "home").value == {"district": "Mapo-gu", "floor": 3}
    assert "'third' is no JSON" in view.notice and "like 3" in view.notice


async def test_a_deleted_entry_is_gone_and_can_be_brought_back():
    store = with_home()
    view = await shown(store)
    await press(view, "delete", id=entry_id(view, "memories/home"))
    assert store.get(HOME, "home") is None and view.entries == [] and view.deleted == "home"
    await press(view, "undo")
    assert store.get(HOME, "home").value == {"district": "Mapo-gu", "floor": 3}
    assert view.deleted == "" and len(view.entries) == 1
    await press(view, "undo")  # once is enough
    assert len(view.entries) == 1


async def test_an_entry_that_is_brought_back_stands_where_it_stood():
    store = with_home()
    store.put(HOME, "language", {"writes": "ko"})
    view = await shown(store)
    before = [each["label"] for each in view.entries]
    await press(view, "delete", id=entry_id(view, "memories/home"))
    await press(view, "undo")
    await view.refresh()
    assert [each["label"] for each in view.entries] == before == sorted(before)


async def test_another_persons_entry_is_neither_shown_nor_changed():
    store = with_home()
    for other in (("memories", "anna"), ("memories", "ann", "work"), ("memories", "bo")):
        store.put(other, "home", {"district": "Jung-gu"})
    view = await shown(store)
    assert [each["label"] for each in view.entries] == ["memories/home"]
    for other in (["memories", "bo", "home"], ["memories", "ann", "work", "home"]):
        await press(view, "delete", id=json.dumps(other))
        await press(view, "correct", id=json.dumps(other), typed={"district": "mine"})
    assert store.get(("memories", "bo"), "home").value == {"district": "Jung-gu"}
    assert store.get(("memories", "ann", "work"), "home").value == {"district": "Jung-gu"}


async def test_many_entries_and_odd_values_are_shown():
    store = InMemoryStore()
    for n in range(MAX_NOTES + 5):
        store.put(HOME, f"n{n}", {"a": None, "b": {"c": [1]}, "": "x", "<b>": "<img src=x>"})
    view = await shown(store)
    assert len(view.entries) == MAX_NOTES
    values = {field["name"]: field["value"] for field in view.entries[0]["fields"]}
    assert values == {"a": "null", "b": '{"c": [1]}', "": "x", "<b>": "<img src=x>"}


async def test_what_is_corrected_here_is_what_namu_knows(tmp_path):
    with open_store(f"sqlite:///{tmp_path}/memory.db") as store:
        namu = build_namu(store=store, memory=True)
        config = {"metadata": {"user": "ann"}}
        namu.invoke({"messages": [("user", "I live in Jongno-gu")]}, config)
        view = await shown(store)
        home = next(each for each in view.entries if each["label"].endswith("/home"))
        await press(view, "correct", id=home["id"], typed={"district": "Mapo-gu"})
        said = namu.invoke({"messages": [("user", "a cafe")]}, config)["messages"][-1].text
        assert "Mapo-gu" in said
        await press(view, "delete", id=home["id"])
        said = namu.invoke({"messages": [("user", "what do you know about me?")]}, config)
        assert "Mapo-gu" not in said["messages"][-1].text


def test_a_graph_without_a_store_has_no_memory_view():
    from course_lib.chat import ChatController

    assert "Memory" not in Inspector(ChatController(moody()), "ann", print)._views
