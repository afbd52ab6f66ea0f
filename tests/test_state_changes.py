"""What a turn changed in a state: pure, short, and never an exception, whatever the state holds."""

from dataclasses import dataclass

import numpy as np
import pytest
from chat_graphs import chat_on, one_node
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from course_lib.chat import ChatController
from course_lib.chat.state_before import state_before_turn
from course_lib.chat.state_view import EMPTY, UNCHANGED, UNKNOWN, StateView
from course_lib.display import state_changes
from course_lib.namu import build_namu


def changes(before, after):
    return [(each.field, each.text) for each in state_changes(before, after)]


def test_each_field_that_changed_has_a_line():
    before = {"intent": "NEW_SEARCH", "excluded": [], "messages": [HumanMessage("a")] * 4, "n": 1}
    after = {
        "intent": "REFINE_EXCLUDE",
        "excluded": ["cafe-02"],
        "messages": [HumanMessage("a")] * 8,
        "n": 1,
    }
    assert changes(before, after) == [
        ("intent", "NEW_SEARCH -> REFINE_EXCLUDE"),
        ("excluded", "+ cafe-02"),
        ("messages", "4 -> 8"),
    ]
    assert changes(after, after) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (None, "x", "nothing -> x"),
        ("x", None, "x -> nothing"),
        (["a", "b"], ["b", "c"], "+ c - a"),
        (["a"], [], "- a"),
        (["a"], ["b"], "['a'] -> ['b']"),
        (["a", "b"], ["b", "a"], "the same items in another order"),
        (["a"], ["a", "a"], "+ a"),
        ([], list("abcdef"), "+ a, b, c, d and 2 more"),
        (list(range(500)), list(range(501)), "500 -> 501 items"),
        (None, [], "nothing -> []"),
        ({"b", "a"}, {"a"}, "- b"),
        ([AIMessage("a")], [AIMessage("b")], "1 -> 1, 1 of them changed"),
        ([{"role": "user", "content": "a"}], [], "1 -> 0"),
        ("", "x", "'' -> x"),
        (
            "x" * 100 + "a",
            "x" * 100 + "b",
            "x" * 69 + "... (changed in what is too long to show, or has no words)",
        ),
    ],
)
def test_the_words_for_a_change(old, new, told):
    assert changes({"f": old}, {"f": new}) == [("f", told)]


def test_keys_of_a_dict_are_told_one_by_one():
    before = {"wish": {"district": "Mapo", "kind": "cafe"}}
    after = {"wish": {"district": "Jongno", "kind": "cafe", 5: True}}
    assert changes(before, after) == [
        ("wish.district", "Mapo -> Jongno"),
        ("wish.5", "nothing -> True"),
    ]


def test_a_field_that_is_gone_is_told_last():
    assert changes({"a": 1, "b": 2}, {"b": 3}) == [("b", "2 -> 3"), ("a", "1 -> nothing")]


def test_other_kinds_of_states():
    @dataclass
    class Plain:
        n: int

    class Model(BaseModel):
        n: int

    assert changes(Plain(1), Plain(2)) == changes(Model(n=1), Model(n=2)) == [("n", "1 -> 2")]
    assert changes(None, {"n": 1}) == [("n", "nothing -> 1")]


class Bad:
    def __eq__(self, other):
        raise RuntimeError("no")

    def __hash__(self):
        return 1

    def __repr__(self):
        raise RuntimeError("no")


def test_values_that_raise_are_told_and_stop_nothing():
    cycle = []
    cycle.append(cycle)
    before = {"bad": [Bad()], "array": np.zeros(3), "cycle": [1], "last": 1}
    after = {"bad": [Bad(), 2], "array": np.ones(3), "cycle": cycle, "last": 2}
    found = dict(changes(before, after))
    assert set(found) >= {"array", "cycle", "last"} and found["last"] == "1 -> 2"


async def read_before(chat, thread=None):
    return await state_before_turn(chat.access, thread or chat._reader.last)


async def test_the_state_before_the_turn_is_that_before_the_last_message():
    chat, transcript = chat_on(build_namu(checkpointer=InMemorySaver()))
    await chat.load()
    assert await read_before(chat) is None
    await chat.send("a cafe in Mapo")
    assert not (await read_before(chat)).get("messages")
    first = dict(chat._reader.last.values)
    await chat.send("not the second")
    assert (await read_before(chat))["messages"] == first["messages"]
    found = dict(changes(await read_before(chat), chat._reader.last.values))
    assert found["excluded_place_ids"].startswith("+ ") and found["messages"] == "4 -> 8"
    await chat.try_again(transcript.entries[-1]["key"])
    assert (await read_before(chat))["messages"] == first["messages"]
    tree = await chat.tree()
    earlier = next(c.id for c in tree.checkpoints.values() if c.step == 6)
    await chat.go_to(earlier)
    assert not (await read_before(chat)).get("messages")


async def test_a_turn_with_a_question_in_it_is_one_turn():
    from chat_graphs import asking, texts

    chat, transcript = chat_on(asking("Sure?"))
    await chat.send("hello")
    (card,) = (e for e in transcript.entries if e["kind"] == "approval")
    await chat.resume({card["id"]: "yes"})
    assert texts(transcript, "answer") and not (await read_before(chat)).get("messages")


async def test_what_cannot_be_read_is_none():
    chat = ChatController(one_node(lambda state: {"messages": [AIMessage("x")]}))
    await chat.send("hello")

    class Broken:
        async def before(self, config, key):
            raise OSError("the database is gone")

    assert await state_before_turn(Broken(), chat._reader.last) is None


async def test_the_view_says_what_it_shows():
    chat, _ = chat_on(one_node(lambda state: {"messages": [AIMessage("x")]}))
    await chat.load()
    view = StateView()
    view.show(chat._reader.last, None)
    assert (view.heading, view.rows) == (EMPTY, [])
    await chat.send("hello")
    thread = chat._reader.last
    view.show(thread, None)
    assert view.heading == UNKNOWN and view.rows[0] == ["messages", "human: hello"]
    view.show(thread, {})
    assert (view.heading, view.rows) == ("Changed since: hello", [["messages", "0 -> 2"]])
    view.show(thread, thread.values)
    assert (view.heading, view.rows) == (UNCHANGED, [])
    view.whole = True
    view.show(thread, {})
    assert view.heading == "All fields" and len(view.rows) == 2
