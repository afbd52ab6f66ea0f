"""Checks of chapter 17, Spend less."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from course_lib.exercises.cache_cases import CASES, from_cache
from course_lib.exercises.exercise import Exercise, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync

CHAPTER = "17"
quiz = quiz_of(CHAPTER)


def _check_prediction(prediction: Any) -> None:
    compare(prediction, from_cache(), {case: why for case, (_, why) in CASES.items()})


def _bill(right: int, **tokens: int) -> dict[str, Any]:
    return {"right": right, "tokens": tokens}


PRICES = {"small": 1.0, "large": 10.0}

BILLS: tuple[tuple[str, dict[str, Any], dict[str, float], str], ...] = (
    (
        "the cheapest way loses right turns",
        {
            "always small": _bill(9, small=900),
            "plain": _bill(16, large=1000),
            "rules": _bill(16, small=300, large=700),
        },
        PRICES,
        "Compare the right turns of each way with those of 'plain'.",
    ),
    (
        "fewer tokens cost more",
        {
            "plain": _bill(16, large=1000),
            "short": _bill(16, large=600),
            "routed": _bill(16, small=900, large=100),
        },
        PRICES,
        "A token costs what its model costs: multiply before you add.",
    ),
    (
        "nothing cheaper is as good as plain",
        {
            "plain": _bill(16, large=1000),
            "random": _bill(15, small=10),
            "twice": _bill(16, large=2000),
        },
        PRICES,
        "'plain' is one of the ways.",
    ),
    (
        "one way is better than plain",
        {
            "plain": _bill(14, large=1000),
            "better": _bill(15, large=999),
            "best": _bill(16, large=1001),
        },
        PRICES,
        "At least as many right turns means: as many, or more.",
    ),
    (
        "two ways cost the same",
        {
            "plain": _bill(14, large=1000),
            "first": _bill(14, large=50),
            "second": _bill(16, small=500),
        },
        PRICES,
        "Of two ways at the same cost, take the one with more right turns.",
    ),
    (
        "the small model is free",
        {"plain": _bill(0, large=10), "free": _bill(0, small=9000)},
        {"small": 0.0, "large": 10.0},
        "A price may be 0.",
    ),
)
"""What is asked, the ways with their bills, the prices, and where to look."""

RIGHT_WAYS = ("rules", "routed", "plain", "better", "second", "free")


def _check_cheapest(cheapest: Any) -> None:
    call = as_sync(cheapest)
    for (what, bills, prices, look), right in zip(BILLS, RIGHT_WAYS, strict=True):
        expect(f"the way, where {what}", right, call(bills, prices), look)


def _talk(*texts: str, number: int = 0) -> list[BaseMessage]:
    kinds = (HumanMessage, AIMessage)
    return [kinds[n % 2](text, id=f"{number}-{n}") for n, text in enumerate(texts)]


BASE = ("school", "small", "1", _talk("a cafe", "Here is one.", "cheaper"))

OTHERS: tuple[tuple[str, tuple[str, str, str, list[BaseMessage]]], ...] = (
    ("another tenant", ("library", *BASE[1:])),
    ("another model", ("school", "large", *BASE[2:])),
    ("another version", ("school", "small", "2", BASE[3])),
    ("another earlier message", (*BASE[:3], _talk("a park", "Here is one.", "cheaper"))),
    ("another last message", (*BASE[:3], _talk("a cafe", "Here is one.", "nearer"))),
    ("no earlier message", (*BASE[:3], _talk("cheaper"))),
    ("the messages in another order", (*BASE[:3], _talk("cheaper", "Here is one.", "a cafe"))),
    (
        "a message of another type",
        (*BASE[:3], [*BASE[3][:1], HumanMessage("Here is one."), *BASE[3][2:]]),
    ),
    ("the border between tenant and model moved", ("schools", "mall", *BASE[2:])),
    (
        "the border between two messages moved",
        (*BASE[:3], _talk("a cafeHere", " is one.", "cheaper")),
    ),
)
"""Requests that are not the request `BASE`, each with what differs."""


def _check_key(key: Any) -> None:
    call = as_sync(key)
    first = call(*BASE)
    require(
        isinstance(first, Hashable) and _can_be_hashed(first),
        f"key returned {first!r}, which no dictionary takes as a key. Return a text or a tuple of "
        "texts.",
    )
    again = (*BASE[:3], _talk("a cafe", "Here is one.", "cheaper", number=1))
    expect(
        "is the key of the same request, with new message ids, the same?",
        True,
        call(*again) == first,
        "A model does not read the ids of messages.",
    )
    for what, request in OTHERS:
        expect(
            f"do two requests have one key, where the second has {what}?",
            False,
            call(*request) == first,
            "Everything that can change the answer belongs in the key, and must stay apart in it.",
        )


def _can_be_hashed(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


Model = Callable[[str], Iterator[str]]


class _Servers:
    """Models that are asked, and what the person sees.

    Args:
        plans: for each model its pieces, and the error that comes behind them, if any.
    """

    def __init__(self, plans: Sequence[tuple[Sequence[str], Exception | None]]) -> None:
        self.asked: list[int] = []
        self.shown: list[str] = []
        self.models = [self._model(n, *plan) for n, plan in enumerate(plans)]

    def _model(self, number: int, pieces: Sequence[str], error: Exception | None) -> Model:
        def model(text: str) -> Iterator[str]:
            require(text == "hello", f"a model was asked {text!r}. Pass the text as it is.")
            self.asked.append(number)
            yield from pieces
            if error is not None:
                raise error

        return model


BROKEN = ConnectionError("the connection was closed")
WRONG = ValueError("the request is wrong")
WHOLE = (("Hello", ", I am", " Namu."), None)

STREAMS: tuple[tuple[str, list[Any], str, list[int], type[Exception] | None, str], ...] = (
    ("no model fails", [WHOLE, WHOLE], "Hello, I am Namu.", [0], None, "Stop after an answer."),
    (
        "the first one is refused",
        [((), BROKEN), WHOLE],
        "Hello, I am Namu.",
        [0, 1],
        None,
        "Ask the next model after a ConnectionError.",
    ),
    (
        "the first one breaks off",
        [(("Good", " morn"), BROKEN), WHOLE],
        "Hello, I am Namu.",
        [0, 1],
        None,
        "Keep the pieces until the iterator has ended, and show them then.",
    ),
    (
        "two break off, one behind its last piece",
        [(("Hello",), BROKEN), (("Hello", ", I am", " Namu."), BROKEN), WHOLE],
        "Hello, I am Namu.",
        [0, 1, 2],
        None,
        "An answer is whole when its iterator ends without an error.",
    ),
    ("an answer has no piece", [((), None), WHOLE], "", [0], None, "An empty answer is an answer."),
    (
        "every model fails",
        [(("Hel",), BROKEN), ((), BROKEN)],
        "",
        [0, 1],
        ConnectionError,
        "Raise ConnectionError when no model is left.",
    ),
    (
        "the request is wrong",
        [(("Hel",), WRONG), WHOLE],
        "",
        [0],
        ValueError,
        "Catch ConnectionError only: a wrong request is wrong for every model.",
    ),
)
"""What happens, the models, what is shown, who is asked, the error, and where to look."""


def _check_say(say: Any) -> None:
    for what, plans, text, asked, error, look in STREAMS:
        servers = _Servers(plans)
        raised: type[Exception] | None = None
        try:
            as_sync(say)(servers.models, "hello", servers.shown.append)
        except (ConnectionError, ValueError) as found:
            raised = ConnectionError if isinstance(found, ConnectionError) else type(found)
        names = [each.__name__ if each else "no error" for each in (error, raised)]
        expect(f"what the person sees, where {what}", text, "".join(servers.shown), look)
        expect(f"the error, where {what}", *names, look)
        expect(f"the numbers of the models asked, where {what}", asked, servers.asked, look)


e1 = Exercise(
    CHAPTER,
    1,
    "predict the cache",
    _check_prediction,
    (
        "Ask in each case: could the answer to the second request be another one?",
        "An answer is kept under the model that gave it, which is not always the one asked first.",
    ),
    "You know what belongs in the key.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "the cheapest way that is good enough",
    _check_cheapest,
    (
        "First leave out every way with fewer right turns than 'plain'.",
        "The cost of a way is the sum of tokens times price over its models.",
        "min with a key of two numbers decides between equal costs: (cost, -right).",
    ),
    "A saving counts when the answers stay as good.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: somebody else's answer",
    _check_key,
    (
        "Find two tenants and two models whose names together make the same text.",
        "The answer depends on all messages, and on who wrote each.",
        "A tuple keeps its parts apart. A list inside it cannot be a key; a tuple can.",
    ),
    "Two requests share an answer only if they are the same request.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "one whole answer, or none",
    _check_say,
    (
        "The person must not see a piece before you know that the answer is whole.",
        "list(model(text)) reads all pieces, or raises the error.",
        "Put only the reading into `try`, and catch only ConnectionError.",
    ),
    "Wherever a stream breaks, the person sees one whole answer or an error.",
)
