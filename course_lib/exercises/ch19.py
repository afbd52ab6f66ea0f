"""Checks of chapter 19, Test it."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from course_lib.evaluation import ToolUse, cohen_kappa, compare_paired, trajectory_matches
from course_lib.exercises.chat_cases import GOOD_CHATS, LOSING_CHATS
from course_lib.exercises.exercise import Exercise, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.returned_numbers import number
from course_lib.exercises.running import as_sync

CHAPTER = "19"
quiz = quiz_of(CHAPTER)

SEARCH = ToolUse("search_places", {"category": "cafe"})
ANY_SEARCH = ToolUse("search_places")
BOOKING = ToolUse("book_place", {"people": 2})
FOUND = (SEARCH, SEARCH, BOOKING)
"""What the agent of exercise 1 called."""

TRAJECTORIES: dict[str, tuple[str, list[ToolUse], str]] = {
    "strict, the three calls": (
        "strict",
        [SEARCH, SEARCH, BOOKING],
        "Same calls, same arguments, same order.",
    ),
    "strict, names only": (
        "strict",
        [ANY_SEARCH, ANY_SEARCH, ToolUse("book_place")],
        "An expected call without arguments fits every call of that tool.",
    ),
    "strict, the search once": (
        "strict",
        [SEARCH, BOOKING],
        "A call that happens twice must be expected twice.",
    ),
    "unordered, the booking first": (
        "unordered",
        [BOOKING, SEARCH, SEARCH],
        "The order does not count.",
    ),
    "unordered, the search once": (
        "unordered",
        [BOOKING, SEARCH],
        "The order does not count, but how often a call happens does.",
    ),
    "subset, a cancellation more": (
        "subset",
        [*FOUND, ToolUse("cancel_booking")],
        "No call happened that is not expected. The cancellation need not happen.",
    ),
    "subset, the search once": (
        "subset",
        [SEARCH, BOOKING],
        "The second search is a call that is not expected.",
    ),
    "superset, only the booking": (
        "superset",
        [BOOKING],
        "The expected call happened. More calls are allowed.",
    ),
    "superset, the booking for 4": (
        "superset",
        [ToolUse("book_place", {"people": 4})],
        "The booking was for 2, so the expected call did not happen.",
    ),
    "superset, the search three times": (
        "superset",
        [ANY_SEARCH] * 3,
        "Three searches are expected, and there were two.",
    ),
}
"""The mode, what is expected, and why it matches or does not."""


def _check_prediction(prediction: Any) -> None:
    found = {
        case: trajectory_matches(FOUND, calls, mode)  # type: ignore[arg-type]
        for case, (mode, calls, _) in TRAJECTORIES.items()
    }
    compare(prediction, found, {case: why for case, (*_, why) in TRAJECTORIES.items()})


def _place(number_: int, category: str = "cafe", price: int = 1) -> dict[str, Any]:
    return {"id": f"place-{number_}", "category": category, "price_level": price}


CAFES = [_place(1), _place(2, price=2)]

JUDGED: tuple[tuple[dict[str, Any], list[dict[str, Any]], bool, str], ...] = (
    ({}, [], True, "An empty `expect` asks for nothing."),
    ({"category": ["cafe"]}, CAFES, True, "Every place is a cafe."),
    ({"category": ["cafe", "park"]}, [*CAFES, _place(3, "park")], True, "Each is one of the two."),
    ({"category": ["cafe"]}, [*CAFES, _place(3, "park")], False, "Every place must fit, not one."),
    ({"category": ["cafe"]}, [_place(3, "park"), *CAFES], False, "Look at every place."),
    ({"category": ["cafe"]}, [], False, "Without a place there is nothing of that category."),
    ({"max_price": 2}, CAFES, True, "A place at the highest price is allowed."),
    ({"max_price": 1}, CAFES, False, "One place is too expensive."),
    ({"max_price": 0}, [_place(1, price=0)], True, "0 is a price."),
    ({"max_price": 0}, CAFES, False, "A highest price of 0 must be checked too."),
    ({"max_price": 3}, [], False, "Without a place there is nothing to buy."),
    ({"not_ids": ["place-2"]}, CAFES, False, "A place that was turned down came back."),
    ({"not_ids": ["place-9"]}, CAFES, True, "The place that was turned down is not there."),
    ({"not_ids": ["place-2"]}, [], True, "Where no place is, none came back."),
    ({"not_ids": []}, CAFES, True, "Nothing was turned down."),
    (
        {"category": ["cafe"], "max_price": 2, "not_ids": ["place-3"]},
        CAFES,
        True,
        "All three hold.",
    ),
    (
        {"category": ["cafe"], "max_price": 2, "not_ids": ["place-1"]},
        CAFES,
        False,
        "All keys must hold, also the last one.",
    ),
    ({"max_price": 1, "category": ["cafe"]}, CAFES, False, "All keys must hold, also the first."),
)
"""What is expected, the places, whether that is right, and where to look."""


def _check_judge(is_right: Any) -> None:
    call = as_sync(is_right)
    for wanted, places, right, look in JUDGED:
        got = call(dict(wanted), [dict(place) for place in places])
        shown = [(place["id"], place["category"], place["price_level"]) for place in places]
        name = f"is_right({wanted}, places), where the places are {shown}"
        require(got in (True, False), f"{name} returned {got!r}. Return True or False.")
        expect(name, right, bool(got), look)
    for unknown in ({"categori": ["cafe"]}, {"max_price": 2, "colour": "red"}):
        try:
            got = call(dict(unknown), [dict(place) for place in CAFES])
        except ValueError:
            continue
        require(
            False,
            f"is_right({unknown}, places) returned {got!r}. Raise ValueError for a key that it "
            "does not know: a mistyped key would check nothing.",
        )


def _scores() -> list[tuple[str, list[float], list[float], str]]:
    draw = random.Random(19)
    hard = [draw.uniform(0, 50) for _ in range(40)]
    noisy = [score + draw.gauss(0.5, 2) for score in hard]
    one = [*hard[:39], hard[39] + 30]
    return [
        (
            "the new version is better by 1 in every dialogue",
            hard,
            [score + 1 for score in hard],
            "Every drawn difference is 1. Draw a dialogue with both its scores.",
        ),
        (
            "the new version is worse by 2 in every dialogue",
            hard,
            [score - 2 for score in hard],
            "The difference is new - old.",
        ),
        ("the differences are between -5 and 6", hard, noisy, "Draw a dialogue with both scores."),
        (
            "one dialogue of 40 is better by 30, and the others are equal",
            hard,
            one,
            "Take the ends from the sorted means of your draws.",
        ),
    ]


def _check_interval(interval: Any) -> None:
    call = as_sync(interval)
    for what, old, new, look in _scores():
        got = call(list(old), list(new))
        pair = isinstance(got, Sequence) and not isinstance(got, str) and len(got) == 2
        require(pair, f"interval returned {got!r}. Return two numbers, (low, high).")
        right = compare_paired(old, new)
        differences = [b - a for a, b in zip(old, new, strict=True)]
        mean = sum(differences) / len(differences)
        deviation = math.sqrt(sum((each - mean) ** 2 for each in differences)) / len(differences)
        for name, wanted, end in zip(("low", "high"), (right.low, right.high), got, strict=True):
            value = number(end, "interval")
            near = abs(value - wanted) <= 0.25 * deviation + 1e-6
            shown = [round(each, 2) for each in (wanted, value)]
            if not near:
                expect(f"{name}, about, where {what}", *shown, look)


LABELS: tuple[tuple[list[str], list[str], str], ...] = (
    (["yes", "no", "yes", "no"], ["yes", "no", "yes", "no"], "Full agreement is 1."),
    (["yes", "no", "yes", "no"], ["no", "yes", "no", "yes"], "No agreement at all is below 0."),
    (["yes", "no", "yes", "no"], ["yes", "yes", "no", "no"], "What chance gives is 0."),
    (
        ["yes"] * 8 + ["no"] * 2,
        ["yes"] * 9 + ["no"],
        "Chance depends on how often each of the two judges gives each label.",
    ),
    (
        ["yes", "yes", "yes", "no"],
        ["yes", "yes", "yes", "yes"],
        "A label that one judge never gives adds 0 to what chance gives.",
    ),
    (["a", "b", "c", "a", "b", "c", "a"], ["a", "b", "a", "a", "c", "c", "b"], "Count all labels."),
    (["yes"] * 3, ["yes"] * 3, "The task says what to return where the formula divides by 0."),
)
"""The labels of two judges, and where to look."""


def _check_kappa(kappa: Any) -> None:
    call = as_sync(kappa)
    for one, other, look in LABELS:
        right = cohen_kappa(one, other)
        got = number(call(list(one), list(other)), "kappa")
        shown = right if math.isclose(right, got, abs_tol=1e-9) else got
        expect(f"kappa({one}, {other})", round(right, 4), round(shown, 4), look)
        require(
            math.isclose(right, got, abs_tol=1e-9),
            f"kappa({one}, {other}) is {got!r}, and should be {right!r}. Do not round.",
        )


def _check_property(loses_a_turn: Any) -> None:
    call = as_sync(loses_a_turn)
    cases: list[tuple[Mapping[str, Any], bool]] = [(GOOD_CHATS, False), (LOSING_CHATS, True)]
    for chats, right in cases:
        for what, (make_chat, look) in chats.items():
            got = call(make_chat)
            name = f"loses_a_turn(make_chat), for {what}"
            require(got in (True, False), f"{name}, returned {got!r}. Return True or False.")
            expect(name, right, bool(got), look)


e1 = Exercise(
    CHAPTER,
    1,
    "predict the trajectory test",
    _check_prediction,
    (
        "Cross out each expected call against one call that happened.",
        "subset: is every call that happened crossed out? superset: is every expected one?",
    ),
    "You know what each mode lets pass.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a judge that can say no",
    _check_judge,
    (
        "Go through the keys of `expect`, and return False at the first one that does not hold.",
        "all(...) of an empty list is True. For category and max_price, ask for a place as well.",
        "Check whether a key is there with `in`: a max_price of 0 counts as False.",
    ),
    "This judge catches every wrong answer of the test.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: the interval is too wide",
    _check_interval,
    (
        "Run interval_with_a_bug on ten different scores, and on the same scores plus 1.",
        "Which dialogues are drawn for `old`, and which for `new`?",
        "Take the differences first, and draw from them.",
    ),
    "A hard dialogue is hard for both versions, and no longer hides the difference.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "Cohen's kappa",
    _check_kappa,
    (
        "observed is the share of items where both labels are equal.",
        "expected is a sum over the labels: share of the first judge times share of the second.",
        "collections.Counter counts the labels; a label that is missing counts 0.",
    ),
    "Now a judge that always says yes gets the 0 that it deserves.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "a test that finds the lost turn",
    _check_property,
    (
        "Keep a list beside the chat, and do to it what each action should do.",
        "Compare after each action, or at the end, and let Hypothesis choose the actions.",
        "Return True from an `except AssertionError` around the call of the property.",
    ),
    "Your test finds each of the faults, and suspects no good chat.",
)
