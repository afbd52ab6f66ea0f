"""Checks of chapter 02, Choose a reducer."""

from __future__ import annotations

import copy
import operator
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.channels import LastValue
from langgraph.errors import InvalidUpdateError
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.quiz_view import quiz_of

CHAPTER = "02"
quiz = quiz_of(CHAPTER)


def _untouched(reducer: Any, left: Any, right: Any) -> Any:
    """Call a reducer and make sure that it changed neither of its arguments."""
    given = copy.deepcopy((left, right))
    got = reducer(*given)
    for before, after, which in zip((left, right), given, ("first", "second"), strict=True):
        require(
            before == after,
            f"{reducer.__name__} changed its {which} argument from {before!r} to {after!r}. It "
            "belongs to the state: make something new.",
        )
    return got


def _check_choices(choices: Any) -> None:
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
        require(
            _reducer_name(choices[field]) == right,
            f"{choices[field]!r} does not fit {field!r}. {reason}",
        )


def _reducer_name(choice: Any) -> Any:
    """The name of a reducer, also where the reducer itself was handed over."""
    for reducer, name in ((operator.add, "operator.add"), (add_messages, "add_messages")):
        if choice is reducer:
            return name
    if choice is None or choice is LastValue or isinstance(choice, LastValue):
        return "last value"
    return getattr(choice, "__name__", choice)


LONG = list("kcxhamqbtfzdwe")
"""So many that a set, whose order is chance, comes to the right one once in 87 billion runs."""


def _check_union(union: Any) -> None:
    for left, right, wanted in (
        (["b"], ["a"], ["b", "a"]),
        (["a"], ["a"], ["a"]),
        (["c", "a"], ["b", "a", "b"], ["c", "a", "b"]),
        ([], ["x", "x"], ["x"]),
        (["x"], [], ["x"]),
        (["b", "a"], ["c", "c"], ["b", "a", "c"]),
        (LONG[:6], [*LONG[3:], LONG[0]], LONG),
        (LONG[::-1], LONG, LONG[::-1]),
    ):
        look = 'The order is part of the answer: "the second one" must stay the second one.'
        shown, got = f"union({left!r}, {right!r})", _untouched(union, left, right)
        if not isinstance(got, list):
            look = f"That is a {type(got).__name__}; a list is wanted."
        elif len(set(got)) < len(got):
            look = "A repeat is left."
        elif set(got) != set(wanted):
            look = "Everything that either side has belongs in it, and nothing else."
        expect(shown, wanted, got, look)


def _check_last_three(keep_last_three: Any) -> None:
    for left, right, wanted in (
        (["a"], ["b"], ["a", "b"]),
        (["a", "b", "c"], ["d"], ["b", "c", "d"]),
        ([], ["a", "b", "c", "d"], ["b", "c", "d"]),
        (["a", "b"], [], ["a", "b"]),
        ([], [], []),
        (["a"], ["a"], ["a", "a"]),
    ):
        expect(
            f"keep_last_three({left!r}, {right!r})",
            wanted,
            _untouched(keep_last_three, left, right),
            "First put one after the other, then keep the last three, repeats and all.",
        )


def _check_take_back(take_back: Any) -> None:
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
            isinstance(update, list) and all(hasattr(m, "type") for m in update),
            f"take_back returned {update!r}. Return a list of messages to write; a plain string "
            "would become a new human message.",
        )
        removed = [message.id for message in update if message.type == "remove"]
        look = "Remove every message from the last human one on, and no other."
        if not removed:
            look = "Leaving a message out removes nothing: write a RemoveMessage for it."
        expect(
            f"after writing take_back(messages {[m.id for m in given]}), the ids left",
            wanted,
            [message.id for message in add_messages(given, update)],
            look,
        )


def _check_tally(answer: Any) -> None:
    if not (isinstance(answer, tuple) and len(answer) == 2):
        raise IncorrectAnswer(f"check got {answer!r}. Hand it both: check((tally, Poll)).")
    tally, poll = answer
    require(callable(tally), f"tally is a {type(tally).__name__}. Hand over the function itself.")
    for left, right, wanted in (
        ({"park": 1}, {"park": 2}, {"park": 3}),
        ({"park": 1}, {"cafe": 1}, {"park": 1, "cafe": 1}),
        ({}, {"cafe": 4}, {"cafe": 4}),
        ({"cafe": 4}, {}, {"cafe": 4}),
    ):
        expect(
            f"tally({left!r}, {right!r})",
            wanted,
            _untouched(tally, left, right),
            "Add the counts of every key that either side has.",
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
    builder = StateGraph(poll)
    for name, choice in (("ann", "park"), ("bo", "cafe"), ("chris", "park")):
        builder.add_node(name, lambda state, choice=choice: {"votes": {choice: 1}})
        builder.add_edge(START, name)
    try:
        return builder.compile().invoke({"votes": {}})["votes"]
    except InvalidUpdateError as error:
        raise IncorrectAnswer(
            f"Three voters in one super-step ended in: {str(error).splitlines()[0]} "
            "The field votes has no reducer."
        ) from error


e1 = Exercise(
    CHAPTER,
    1,
    "four fields, four answers",
    _check_choices,
    (
        "Ask of each field: what should it hold after the same thing was written twice?",
        "Twice in the log is two entries; twice in seen_ids is one.",
    ),
    "You chose by what two writes should become, which is all there is to choose by.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a union that keeps order",
    _check_union,
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
    _check_last_three,
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
    _check_take_back,
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
    _check_tally,
    (
        "Go over the keys of both dictionaries and add what .get(key, 0) gives.",
        "{key: ... for key in {**left, **right}} goes over the keys of both.",
        "class Poll(TypedDict): votes: Annotated[dict[str, int], tally]",
    ),
    "Three writers, one super-step, and every vote was counted.",
    answer_kind="value",
)
