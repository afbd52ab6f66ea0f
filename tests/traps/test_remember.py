"""What surprises in chapter 10, as LangGraph and LangChain behave today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import time

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, trim_messages
from langgraph.store.base import InvalidNamespaceError
from langgraph.store.memory import InMemoryStore

from course_lib.persistence import open_store, postgres


@pytest.fixture(scope="module")
def server():
    with postgres("traps10", scratch=True) as running:
        yield running


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def kind(request):
    return request.param


@pytest.fixture
def url(kind, tmp_path, request):
    if kind == "postgres":
        return request.getfixturevalue("server").url
    return "memory:" if kind == "memory" else f"sqlite:///{tmp_path / 'store.db'}"


def count_words(texts):
    """Vectors that count two words."""
    return [[float("tea" in text), float("milk" in text), 0.1] for text in texts]


INDEX = {"embed": count_words, "dims": 3, "fields": ["text"]}


def keys(store, page, **options):
    return sorted(item.key for item in store.search(page, **options))


def test_trimming_without_start_on_leaves_a_tool_message_without_its_call():
    call = {"name": "look", "args": {}, "id": "c"}
    history = [
        HumanMessage("a cafe"),
        AIMessage("", tool_calls=[call]),
        ToolMessage("Dawon", tool_call_id="c"),
        AIMessage("Dawon."),
    ]
    assert [m.type for m in trim_messages(history, max_tokens=2, token_counter=len)] == [
        "tool",
        "ai",
    ]
    kept = trim_messages(history, max_tokens=2, token_counter=len, start_on="human")
    assert kept == []


def test_a_search_covers_what_lies_below_a_namespace_and_no_sibling(url):
    with open_store(url) as store:
        for page, key in ((("m", "ann"), "own"), (("m", "ann", "work"), "below")):
            store.put(page, key, {"n": 1})
        for sibling in ("anna", "an", "ANN", "an_", "ann%"):
            store.put(("m", sibling), sibling, {"n": 1})
        assert keys(store, ("m", "ann")) == ["below", "own"]


def test_an_update_with_index_false_keeps_the_old_vector(url):
    with open_store(url, index=INDEX) as store:
        store.put(("v",), "k", {"text": "tea"})
        store.put(("v",), "k", {"text": "milk"}, index=False)
        found = store.search(("v",), query="tea")[0]
        assert found.value == {"text": "milk"}
        assert found.score > 0.9


def test_a_store_without_an_index_ignores_the_query(url):
    with open_store(url) as store:
        for key in ("a", "b"):
            store.put(("q",), key, {"text": key})
        found = store.search(("q",), query="tea")
        assert {(item.key, item.score) for item in found} == {("a", None), ("b", None)}


def test_the_three_stores_compare_numbers_differently(url, kind):
    with open_store(url) as store:
        store.put(("f",), "ten", {"price": 10})
        store.put(("f",), "three", {"price": 3})
        store.put(("f",), "none", {"note": "x"})
        condition = {"price": {"$gt": 5}}
        if kind == "memory":
            with pytest.raises(TypeError):
                store.search(("f",), filter=condition)
        else:
            assert (
                keys(store, ("f",), filter=condition) == {"sqlite": ["ten"], "postgres": []}[kind]
            )
        assert keys(store, ("f",), filter={"price": {"$ne": 3}}) == (
            ["none", "ten"] if kind == "memory" else ["ten"]
        )
        with pytest.raises(ValueError, match=r"\$in"):
            store.search(("f",), filter={"price": {"$in": [3]}})


def test_an_expired_entry_can_be_read_until_it_is_swept(url, kind):
    with open_store(url) as store:
        if kind == "memory":
            with pytest.raises(NotImplementedError):
                store.put(("t",), "k", {"n": 1}, ttl=1)
            return
        store.put(("t",), "k", {"n": 1}, ttl=0.001)
        time.sleep(2)
        assert store.get(("t",), "k") is not None
        assert store.sweep_ttl() == 1
        assert store.get(("t",), "k") is None


@pytest.mark.parametrize("page", [(), ("a.b",), ("",), ("langgraph", "x")])
def test_a_namespace_that_is_none_is_refused(page):
    with pytest.raises(InvalidNamespaceError):
        InMemoryStore().put(page, "k", {"n": 1})
