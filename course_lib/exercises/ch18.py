"""Checks of chapter 18, Run it for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from course_lib.exercises.broken_service import BrokenService
from course_lib.exercises.exercise import Exercise, expect, require
from course_lib.exercises.killed_turns import CASES, fates
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.returned_numbers import number
from course_lib.exercises.running import as_sync
from course_lib.exercises.span_cases import SPAN_CASES
from course_lib.exercises.stored_turns import TURN_CASES

CHAPTER = "18"
quiz = quiz_of(CHAPTER)


def _check_prediction(prediction: Any) -> None:
    reasons = {name: case.reason for name, case in CASES.items()}
    choices = ("once", "lost", "doubled")
    write = "'once', 'lost' or 'doubled'"
    compare(prediction, fates(), reasons, choices=choices, write=write)


SEQUENCES: tuple[tuple[str, dict[str, float], list[tuple[float, float]], str], ...] = (
    (
        "a full bucket is emptied",
        {"size": 2, "per_second": 0.5, "left": 2.0, "filled_at": 100.0},
        [(100, 0), (100, 0), (100, 2), (101, 1), (102, 0), (102, 2)],
        "A bucket that holds exactly one turn gives it, and per_second turns come back.",
    ),
    (
        "somebody asks again and again",
        {"size": 4, "per_second": 0.25, "left": 0.0, "filled_at": 0.0},
        [(0, 4), (1, 3), (2, 2), (3, 1), (4, 0), (4, 4)],
        "A refused turn takes nothing, and the parts of a turn that came back are kept.",
    ),
    (
        "nobody comes for a day",
        {"size": 2, "per_second": 0.5, "left": 0.5, "filled_at": 10.0},
        [(86_410, 0), (86_410, 0), (86_410, 2)],
        "A bucket never holds more than size.",
    ),
    (
        "the bucket holds a part of a turn",
        {"size": 8, "per_second": 2.0, "left": 0.75, "filled_at": 50.0},
        [(50, 0.125), (50.125, 0), (50.25, 0.375), (52, 0), (52, 0), (52, 0), (52, 0.125)],
        "Turns come back evenly: add (now - filled_at) * per_second, also a part of a turn.",
    ),
    (
        "the clock goes back",
        {"size": 3, "per_second": 0.5, "left": 2.0, "filled_at": 100.0},
        [(90, 0), (95, 0), (101, 1), (102, 0)],
        "When now is before filled_at, add nothing and leave filled_at as it is.",
    ),
)
"""What happens, the bucket, the times with what `take` returns at each, and where to look."""


def _check_take(take: Any) -> None:
    call = as_sync(take)
    buckets = [dict(bucket) for _, bucket, _, _ in SEQUENCES]
    for (what, _, steps, look), bucket in zip(SEQUENCES, buckets, strict=True):
        for n, (now, wait) in enumerate(steps, 1):
            got = number(call(bucket, now), "take")
            name = f"request {n}, at {now} s, where {what}"
            expect(f"what take returns for {name}", float(wait), round(float(got), 6), look)


Sends = list[tuple[str, list[str]]]
SENDS: tuple[tuple[str, Sends, str], ...] = (
    ("the connection holds", [("hello", ["ok"])], "Return what post returns."),
    (
        "the message does not arrive",
        [("hello", ["before", "before", "ok"])],
        "Send the message again after a ConnectionError.",
    ),
    (
        "the answer does not arrive",
        [("hello", ["after", "before", "after", "ok"])],
        "The service knows the message by its id. Send the same id again.",
    ),
    (
        "the fifth request is answered",
        [("hello", ["before", "after", "after", "before", "ok"])],
        "Send a message up to five times.",
    ),
    (
        "two messages have the same text",
        [("thanks", ["after", "ok"]), ("thanks", ["after", "ok"])],
        "The second call is another turn, also with the same text: it needs an id of its own.",
    ),
    (
        "three messages follow each other",
        [("hello", ["ok"]), ("a cafe", ["after", "ok"]), ("hello", ["before", "ok"])],
        "Make one id for each call, and keep it for all its requests.",
    ),
)
"""What happens, each message with the fates of its requests, and where to look."""


def _sent(call: Callable[..., Any], service: BrokenService, text: str) -> Any:
    try:
        return call(service.post, text)
    except (ConnectionError, ValueError) as error:
        return type(error).__name__


def _check_send(send: Any) -> None:
    call = as_sync(send)
    for what, messages, look in SENDS:
        service = BrokenService(fate for _, fates in messages for fate in fates)
        for n, (text, _) in enumerate(messages, 1):
            got = _sent(call, service, text)
            expect(f"what send returns, where {what}", f"answer to {text}, turn {n}", got, look)
        expect(f"the turns stored, where {what}", [t for t, _ in messages], service.texts, look)
        count = sum(len(fates) for _, fates in messages)
        expect(f"the number of requests, where {what}", count, service.requests, look)
    for fate, stored in (("before", []), ("after", ["hello"])):
        service, what = BrokenService([fate] * 6), "the connection always breaks"
        got = _sent(call, service, "hello")
        look = "After five broken connections, raise ConnectionError."
        expect(f"what comes of send, where {what}", "ConnectionError", got, look)
        expect(f"the number of requests, where {what}", 5, service.requests, look)
        look = "The service knows the message by its id. Send the same id again."
        expect(f"the turns stored, where {what}", stored, service.texts, look)
    service, what = BrokenService(["before", "refused"]), "the service refuses the message"
    look = "Catch ConnectionError only: a message that is refused once is refused always."
    got = _sent(call, service, "hello")
    expect(f"what comes of send, where {what}", "ValueError", got, look)
    expect(f"the number of requests, where {what}", 2, service.requests, look)


PARTS = ("lost", "doubled", "out of order")


def _check_verdict(verdict: Any) -> None:
    call = as_sync(verdict)
    for case in TURN_CASES:
        got = call(case.sent, case.stored())
        require(
            isinstance(got, Mapping) and set(PARTS) <= set(got),
            f"verdict returned {got!r}. Return a dictionary with the keys "
            f"{', '.join(map(repr, PARTS))}.",
        )
        for part in PARTS:
            found = got[part]
            require(
                isinstance(found, list | tuple | set | frozenset),
                f"verdict returned {found!r} under {part!r}. Return a list there.",
            )
            right = sorted(case.expected.get(part, []))
            name = f"{part!r}, where {case.what}"
            expect(name, right, sorted(found, key=str), case.look)


def _check_self_seconds(self_seconds: Any) -> None:
    call = as_sync(self_seconds)
    for what, spans, right, look in SPAN_CASES:
        got = call(list(spans))
        require(
            isinstance(got, Mapping),
            f"self_seconds returned {got!r}. Return a dictionary from names to seconds.",
        )
        rounded = {
            name: round(float(number(value, "self_seconds")), 6) for name, value in got.items()
        }
        expect(f"the seconds, where {what}", right, rounded, look)


e1 = Exercise(
    CHAPTER,
    1,
    "predict what becomes of a turn",
    _check_prediction,
    (
        "Ask in each case: what is in the database at the moment of the fault?",
        "Then ask: does somebody send the message again, and does the service know its id?",
        "A standby that is not waited for lacks the last writes.",
    ),
    "You know which turns survive which fault.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a token bucket",
    _check_take,
    (
        "First compute how many turns the bucket holds at `now`, and at most `size` of them.",
        "max(now, bucket['filled_at']) is a time that never goes back.",
        "If a turn is missing the part (1 - left), it takes (1 - left) / per_second seconds.",
    ),
    "A person may begin some turns at once, and then one after the other.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: a turn that is there twice",
    _check_send,
    (
        "When the connection broke, the turn may be stored already.",
        "How often does the loop make an id?",
        "Make the id before the loop, with uuid4: neither from the text nor once for all calls.",
    ),
    "However often a message is sent, the service stores it once.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "lost, doubled, out of order",
    _check_verdict,
    (
        "Go through the messages of a thread, and remember the last HumanMessage.",
        "Count for each id how often it is stored, and how many answers follow it.",
        "The order: the stored ids without repeats, against the sent ids that are stored.",
    ),
    "Now a kill has a verdict, and not an impression.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "where the time went",
    _check_self_seconds,
    (
        "The children of a span are the spans whose parent_id is its span_id.",
        "Sort the children by their begin, and go through them with the time up to which you have "
        "looked.",
        "Cut each child to the begin and the end of its parent.",
    ),
    "The largest number is where you begin to search.",
)
