"""Checks of chapter 10, Remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore

from course_lib.exercises.exercise import Exercise, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync
from course_lib.exercises.search_cases import CASES, what_is_found

CHAPTER = "10"
quiz = quiz_of(CHAPTER)


def _conversation() -> list[BaseMessage]:
    """Three turns behind a system message: with no call, with two calls, and with one."""

    def call(n: int) -> dict[str, Any]:
        return {"name": "look", "args": {}, "id": f"c{n}", "type": "tool_call"}

    return [
        SystemMessage("You are Namu.", id="s"),
        HumanMessage("hello", id="q1"),
        AIMessage("Hello.", id="a1"),
        HumanMessage("two cafes", id="q2"),
        AIMessage("", id="a2", tool_calls=[call(1), call(2)]),
        ToolMessage("Dawon", id="t1", tool_call_id="c1"),
        ToolMessage("Onion", id="t2", tool_call_id="c2"),
        AIMessage("Dawon and Onion.", id="a3"),
        HumanMessage("a park", id="q3"),
        AIMessage("", id="a4", tool_calls=[call(3)]),
        ToolMessage("Sajik Park", id="t3", tool_call_id="c3"),
        AIMessage("Sajik Park.", id="a5"),
    ]


TURNS = {
    0: ["s"],
    1: ["s", "q3", "a4", "t3", "a5"],
    2: ["s", "q2", "a2", "t1", "t2", "a3", "q3", "a4", "t3", "a5"],
    3: [str(message.id) for message in _conversation()],
    9: [str(message.id) for message in _conversation()],
}
"""The ids that are left of `_conversation`, by the number of turns."""


def _ids(got: Any, name: str) -> list[str]:
    require(
        isinstance(got, Sequence) and all(isinstance(m, BaseMessage) for m in got),
        f"{name} returned {got!r}. Return a list of messages.",
    )
    return [str(message.id) for message in got]


def _check_last_turns(last_turns: Any) -> None:
    for n, wanted in TURNS.items():
        given = _conversation()
        got = _ids(as_sync(last_turns)(given, n), "last_turns")
        expect(
            f"the ids of last_turns(messages, {n})",
            wanted,
            got,
            "A turn begins with a human message and ends before the next one. The system message "
            "stays.",
        )
        require(
            [m.id for m in given] == [m.id for m in _conversation()],
            "last_turns changed the list that it was given. Build a new one.",
        )
    got = _ids(as_sync(last_turns)(_conversation()[1:], 1), "last_turns")
    expect(
        "the ids of last_turns(messages, 1), without a system message",
        TURNS[1][1:],
        got,
        "There need not be a system message: look at the type of the first one.",
    )


def _notes_store() -> BaseStore:
    store = InMemoryStore()
    for n in range(25):
        store.put(("notes", "ann"), f"k{n:02}", {"text": f"ann {n}"})
    store.put(("notes", "anna"), "k", {"text": "anna"})
    store.put(("notes", "ann", "shared"), "k", {"text": "below ann"})
    store.put(("bookings", "ann"), "k", {"text": "a booking of ann"})
    return store


def _check_own_notes(own_notes: Any) -> None:
    for user, wanted in (
        ("ann", sorted(f"ann {n}" for n in range(25))),
        ("anna", ["anna"]),
        ("an", []),
    ):
        got = as_sync(own_notes)(_notes_store(), user)
        require(
            isinstance(got, (list, tuple)) and all(isinstance(each, str) for each in got),
            f"own_notes returned {got!r}. Return a list of texts.",
        )
        look = "search returns 10 items unless you say limit=, and what lies below a namespace too."
        if set(got) - set(wanted):
            look = (
                "These are not all this user's own. Compare item.namespace with the one you want."
            )
        elif len(got) == 10:
            look = "There are more: search returns 10 items unless you say limit=."
        expect(f"own_notes(store, {user!r}), in any order", wanted, sorted(got), look)


class _Login(NamedTuple):
    user: str


def _check_home(keep_home: Any) -> None:
    store = InMemoryStore()
    builder = StateGraph(MessagesState, context_schema=_Login)
    builder.add_node("keep_home", keep_home)
    builder.add_edge(START, "keep_home")
    graph = builder.compile(store=store)

    def say(user: str, text: str) -> None:
        before = [HumanMessage("hello"), AIMessage("Hello, where do you live?")]
        message = {"messages": [*before, HumanMessage(text)]}
        as_sync_invoke(graph, message, _Login(user))

    def homes(user: str) -> list[Any]:
        page = ("memories", user)
        return [i.value.get("home") for i in store.search(page) if i.namespace == page]

    say("ann", "Jongno-gu")
    say("bo", "Nowon-gu")
    require(
        bool(homes("ann")),
        'After a run of ann nothing lies under ("memories", "ann"). Each person needs a namespace '
        "of their own: runtime.context.user is the second label.",
    )
    look = "Keep the text of the last message, and nothing of another person."
    expect("the homes of ann", ["Jongno-gu"], homes("ann"), look)
    expect("the homes of bo", ["Nowon-gu"], homes("bo"), look)
    say("ann", "Mapo-gu")
    expect(
        "the homes of ann after she moved",
        ["Mapo-gu"],
        homes("ann"),
        "A correction must replace the old home: use one fixed key for it.",
    )
    expect("the homes of bo after ann moved", ["Nowon-gu"], homes("bo"), "Bo did not move.")


def as_sync_invoke(graph: Any, message: dict[str, Any], login: _Login) -> Any:
    """Run a graph whose node may be a coroutine.

    Args:
        graph: compiled.
        message: its input.
        login: its context.
    """

    async def run() -> Any:
        return await graph.ainvoke(message, context=login)

    return as_sync(run)()


def _check_prediction(prediction: Any) -> None:
    compare(
        prediction,
        {case: what_is_found(case) for case in CASES},
        CASES,
        choices=("tea", "coffee", "nothing"),
        write="'tea', 'coffee' or 'nothing'",
    )


def _check_fits(examples: Any) -> None:
    def embed(texts: list[str]) -> list[list[float]]:
        words = ("quiet", "child", "night", "cheap")
        return [[float(word in t) for word in words] + [0.01] for t in texts]

    def store_with(*episodes: tuple[str, bool]) -> BaseStore:
        store = InMemoryStore(index={"embed": embed, "dims": 5, "fields": ["wish"]})
        for n, (wish, went_well) in enumerate(episodes):
            store.put(("episodes", "ann"), f"e{n}", {"wish": wish, "went_well": went_well})
        store.put(("episodes", "bo"), "e", {"wish": "quiet quiet", "went_well": True})
        return store

    store = store_with(
        ("a cheap lunch", True),
        ("a quiet cafe", False),
        ("a quiet garden", True),
        ("a night walk", True),
        ("quiet, for a child", True),
        ("child museum", False),
    )
    for wish, n, wanted in (
        ("somewhere quiet", 1, ["a quiet garden"]),
        ("somewhere quiet", 2, ["a quiet garden", "quiet, for a child"]),
        ("for my child", 1, ["quiet, for a child"]),
        ("at night", 1, ["a night walk"]),
    ):
        got = as_sync(examples)(store, "ann", wish, n)
        require(
            isinstance(got, (list, tuple)),
            f"examples returned {got!r}. Return a list of the wishes of past episodes.",
        )
        look = "Search with query=wish, and let the filter keep went_well only."
        if "a quiet cafe" in got or "child museum" in got:
            look = "One of these did not go well. Use a filter in the search, not after it."
        elif "quiet quiet" in got:
            look = "This is an episode of bo. Search in ann's namespace."
        expect(f"examples(store, 'ann', {wish!r}, {n})", wanted, list(got), look)


e1 = Exercise(
    CHAPTER,
    1,
    "keep the last turns",
    _check_last_turns,
    (
        "Find the places in the list where message.type is 'human'.",
        "The last n turns begin at the n-th of these places from the end.",
        "Treat n = 0 and an n that is too large on their own, and put a system message in front.",
    ),
    "No call is left without its answer, and no answer without its call.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "only this user's notes, and all of them",
    _check_own_notes,
    (
        "store.search(('notes', user)) is the beginning.",
        "How many items does search return if you do not say how many?",
        "An item has a namespace: it must be exactly ('notes', user).",
    ),
    "This function shows a person their own notes and nobody else's.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: whose home is it?",
    _check_home,
    (
        "Run the graph for two people. Where do their homes lie?",
        "runtime.context.user says who is talking; put it into the namespace.",
        "What happens to the old home when the key is new each time?",
    ),
    "Every person has one home, and a correction replaces it.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "predict what a search finds",
    _check_prediction,
    (
        "Which vector does the entry have after the change?",
        "A search by meaning always returns the nearest, however far it is.",
        "A namespace covers what lies below it, and labels are compared whole.",
    ),
    "You know what a store compares, and where it looks.",
    answer_kind="value",
)
e5 = Exercise(
    CHAPTER,
    5,
    "examples that fit and went well",
    _check_fits,
    (
        "The episodes of a person lie under ('episodes', user).",
        "search takes query=, filter= and limit= together.",
        "Return item.value['wish'] for each item, in the order of the search.",
    ),
    "The prompt gets the examples that fit, and none that failed.",
)
