"""Checks of chapter 02, Choose a reducer."""

from __future__ import annotations

import copy
from typing import Any

from course_lib.exercises.exercise import Exercise, Wrong, expect, require

CHAPTER = "02"


def _judge_choices(choices: Any) -> None:
    require(
        isinstance(choices, dict),
        f"choices is a {type(choices).__name__}. Make it a dictionary: field name to reducer name.",
    )
    reasons = {
        "last_query": ("last value", "Only the newest query is ever looked at."),
        "tool_log": ("operator.add", "Every call is kept, even two that look the same."),
        "seen_ids": ("union", "Seeing a place twice is the same as seeing it once."),
        "messages": ("add_messages", "An edited message replaces the one with its id."),
    }
    for field, (right, reason) in reasons.items():
        require(field in choices, f"choices has no entry for {field!r}.")
        expect(f"choices[{field!r}]", right, choices[field], reason)


def _judge_union(union: Any) -> None:
    look = 'The order is part of the answer: "the second one" must stay the second one.'
    for left, right, wanted in (
        (["b"], ["a"], ["b", "a"]),
        (["a"], ["a"], ["a"]),
        (["c", "a"], ["b", "a", "b"], ["c", "a", "b"]),
        ([], ["x", "x"], ["x"]),
        (["x"], [], ["x"]),
    ):
        before = list(left)
        got = union(left, right)
        expect(f"union({before!r}, {right!r})", wanted, got, look)
        require(
            left == before,
            f"union changed its first argument to {left!r}. It belongs to the state: make a new "
            "list.",
        )


def _judge_last_three(keep_last_three: Any) -> None:
    for left, right, wanted in (
        (["a"], ["b"], ["a", "b"]),
        (["a", "b", "c"], ["d"], ["b", "c", "d"]),
        ([], ["a", "b", "c", "d"], ["b", "c", "d"]),
        (["a", "b"], [], ["a", "b"]),
        ([], [], []),
    ):
        before = list(left)
        expect(
            f"keep_last_three({before!r}, {right!r})",
            wanted,
            keep_last_three(left, right),
            "First put one behind the other, then keep the last three.",
        )
        require(
            left == before,
            f"keep_last_three changed its first argument to {left!r}. Make a new list.",
        )


def _judge_take_back(take_back: Any) -> None:
    from langchain_core.messages import AIMessage, HumanMessage
    from langgraph.graph.message import add_messages

    history = [
        HumanMessage("a museum?", id="m1"),
        AIMessage("Leeum.", id="m2"),
        HumanMessage("a cafe?", id="m3"),
        AIMessage("", id="m4"),
        AIMessage("Anthracite.", id="m5"),
    ]
    for count, wanted in ((5, ["m1", "m2"]), (2, []), (3, ["m1", "m2"])):
        given = history[:count]
        update = take_back(list(given))
        require(
            isinstance(update, list),
            f"take_back returned {update!r}. Return a list of messages to write.",
        )
        kept = [message.id for message in add_messages(given, update)]
        expect(
            f"after writing take_back(messages {[m.id for m in given]}), the ids left",
            wanted,
            kept,
            "A shorter list removes nothing. Write a RemoveMessage for every message from the last "
            "human one on.",
        )


def _judge_tally(answer: Any) -> None:
    if not (isinstance(answer, tuple) and len(answer) == 2):
        raise Wrong(f"check got {answer!r}. Hand it both: check((tally, Poll)).")
    tally, poll = answer
    for left, right, wanted in (
        ({"park": 1}, {"park": 2}, {"park": 3}),
        ({"park": 1}, {"cafe": 1}, {"park": 1, "cafe": 1}),
        ({}, {"cafe": 4}, {"cafe": 4}),
        ({"cafe": 4}, {}, {"cafe": 4}),
    ):
        before = copy.deepcopy(left)
        expect(
            f"tally({before!r}, {right!r})",
            wanted,
            tally(left, right),
            "Add the counts of every key that either side has.",
        )
        require(
            left == before,
            f"tally changed its first argument to {left!r}. Make a new dictionary.",
        )
    hints = getattr(poll, "__annotations__", {})
    require("votes" in hints, f"Poll has the fields {list(hints)}. Give it one called votes.")
    counted = _vote(poll)
    expect(
        "votes after three voters in one super-step",
        {"park": 2, "cafe": 1},
        counted,
        "Hang the reducer on the field: votes: Annotated[dict[str, int], tally].",
    )


def _vote(poll: Any) -> dict[str, int]:
    """Run three voters at once on the learner's state."""
    from langgraph.errors import InvalidUpdateError
    from langgraph.graph import START, StateGraph

    builder = StateGraph(poll)
    for name, choice in (("ann", "park"), ("bo", "cafe"), ("chris", "park")):
        builder.add_node(name, lambda state, choice=choice: {"votes": {choice: 1}})
        builder.add_edge(START, name)
    try:
        return builder.compile().invoke({"votes": {}})["votes"]
    except InvalidUpdateError as error:
        raise Wrong(
            f"Three voters in one super-step ended in: {str(error).splitlines()[0]} "
            "The field votes has no reducer."
        ) from error


e1 = Exercise(
    CHAPTER,
    1,
    "four fields, four answers",
    _judge_choices,
    (
        "Ask of each field: what should it hold after the same thing was written twice?",
        "Twice in the log is two entries; twice in seen_ids is one.",
    ),
    "You chose by what two writes should become, which is all there is to choose by.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a union that keeps order",
    _judge_union,
    (
        "A set forgets the order. Which of Python's types keeps order and drops repeats?",
        "The keys of a dictionary do: dict.fromkeys(...).",
    ),
    "Order is kept, and repeats are gone.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "a log that does not grow",
    _judge_last_three,
    (
        "Join first, cut afterwards.",
        "items[-3:] is the last three of a list, or all of a shorter one.",
    ),
    "The log stays three entries long, however long the conversation gets.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "take the last question back",
    _judge_take_back,
    (
        "Find the position of the last message whose type is 'human'.",
        "Return [RemoveMessage(id=m.id) for m in messages[position:]].",
    ),
    "Question and answer went together, so no answer is left without its question.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "count votes that arrive at once",
    _judge_tally,
    (
        "Go over the keys of both dictionaries and add what .get(key, 0) gives.",
        "collections.Counter adds too: dict(Counter(left) + Counter(right)).",
        "class Poll(TypedDict): votes: Annotated[dict[str, int], tally]",
    ),
    "Three writers, one super-step, and every vote was counted.",
)
