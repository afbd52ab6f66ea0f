"""Checks of chapter 09, Survive a crash."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import EmptyInputError
from langgraph.func import task
from langgraph.graph import START, StateGraph
from langgraph.types import RetryPolicy
from typing_extensions import TypedDict

from course_lib.exercises.crash_runs import CASES, THREAD, payments_in
from course_lib.exercises.dying_saver import DEATHS, DyingSaver, ProcessDied
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync, invoke
from course_lib.exercises.sellers import Sellers, Shop

CHAPTER = "09"
quiz = quiz_of(CHAPTER)


class ServiceBusy(Exception):
    """The payment service asks to try again later; exercise 2 retries it."""


class CardDeclined(Exception):
    """The bank says no, today and in a second; exercise 2 does not retry it."""


def _check_prediction(prediction: Any) -> None:
    found = {case: payments_in(case) for case in CASES}
    compare(prediction, found, {case: run.reason for case, run in CASES.items()})


class _Order(TypedDict, total=False):
    items: list[str]
    done: Annotated[list[str], operator.add]


def _attempts(policy: Any, error: Exception) -> int:
    """How often a node that always raises this error runs under the policy."""
    count = 0

    def node(state: _Order) -> None:
        nonlocal count
        count += 1
        raise error

    quick = [
        each._replace(initial_interval=0.0001, max_interval=0.0001, jitter=False)
        for each in ([policy] if isinstance(policy, RetryPolicy) else policy)
    ]
    builder = StateGraph(_Order).add_node("node", node, retry_policy=quick)
    graph = builder.add_edge(START, "node").compile()
    with suppress(type(error)):
        graph.invoke({"items": []})
    return count


def _check_policy(policy: Any) -> None:
    several = isinstance(policy, (list, tuple)) and not isinstance(policy, RetryPolicy)
    parts = policy if several else [policy]
    require(
        bool(parts) and all(isinstance(each, RetryPolicy) for each in parts),
        f"check got {policy!r}. Hand over a RetryPolicy, or a list of them.",
    )
    for error in (ConnectionError(), ConnectionResetError(), TimeoutError(), ServiceBusy()):
        expect(
            f"the attempts of a node that always raises {type(error).__name__}",
            4,
            _attempts(policy, error),
            "Four attempts are one and three retries. TimeoutError is not retried by default.",
        )
    for error in (CardDeclined(), ValueError(), OSError(), AssertionError()):
        expect(
            f"the attempts of a node that always raises {type(error).__name__}",
            1,
            _attempts(policy, error),
            "Name the errors to retry in retry_on: everything else fails at once.",
        )


def _ordering(charge_all: Callable[..., Any], shop: Shop, **options: Any) -> Any:
    if inspect.iscoroutinefunction(charge_all):

        async def node(state: _Order) -> None:
            await charge_all(state["items"], shop.charge)
    else:

        def node(state: _Order) -> None:
            charge_all(state["items"], shop.charge)

    builder = StateGraph(_Order).add_node("node", node, **options).add_edge(START, "node")
    return builder.compile(checkpointer=InMemorySaver())


def _check_charges(charge_all: Any) -> None:
    look = "The key must be the same when the node runs again, and differ between the charges."
    cases = [
        ("two items", ["hotel", "train"], set()),
        ("two items, and the second answer is lost", ["hotel", "train"], {2}),
        ("twice the same item, and the first answer is lost", ["ticket", "ticket"], {1}),
        ("three items, and the third answer is lost", ["hotel", "bus", "bus"], {3}),
        ("no item", [], set()),
    ]
    for what, items, lose in cases:
        for how in ("retried", "resumed"):
            shop = Shop(lose)
            options = {"retry_policy": RetryPolicy(initial_interval=0.0001, jitter=False)}
            graph = _ordering(charge_all, shop, **(options if how == "retried" else {}))
            with suppress(ConnectionError):
                invoke(graph, {"items": items}, THREAD)
            if how == "resumed":
                invoke(graph, None, THREAD)
            charged = sorted(shop.charged.values())
            expect(f"the charges for {what}, {how}", sorted(items), charged, look)
    shop = Shop(set())
    graph = _ordering(charge_all, shop)
    for whose, name in (("two people", "ann bo"), ("one person who orders again", "cho cho")):
        before = len(shop.charged)
        for thread_id in name.split():
            invoke(graph, {"items": ["hotel"]}, {"configurable": {"thread_id": thread_id}})
        charged = list(shop.charged.values())[before:]
        expect(f"the charges of {whose}", ["hotel", "hotel"], charged, "Their keys must differ.")


def _check_plan(make_plan: Any) -> None:
    names = ["hotel", "train", "palace"]
    for fails_at in (None, 1, 2, 3):
        sellers, saver = Sellers(fails_at), InMemorySaver()
        plan = as_sync(make_plan)(task(sellers.pay), sellers.shuffle, saver)
        require(
            hasattr(plan, "invoke"),
            f"make_plan returned {plan!r}. Return the function under @entrypoint.",
        )
        try:
            result = invoke(plan, names, THREAD, durability="sync")
        except ConnectionError:
            again = as_sync(make_plan)(task(sellers.pay), sellers.shuffle, saver)
            result = invoke(again, None, THREAD, durability="sync")
        when = "" if fails_at is None else f", after payment {fails_at} failed and was resumed"
        expect(
            f"what was paid{when}",
            sorted(names),
            sorted(sellers.paid),
            "After the resume the entrypoint runs from its first line, and chance decides again.",
        )
        expect(
            f"what the plan returned{when}",
            {name: f"{name} paid" for name in names},
            result,
            "A stored result is found by the number of the call: keep the order of the calls.",
        )
        expect(
            f"how often shuffle ran{when}",
            1,
            sellers.shuffles,
            "Keep the random order, and let it be drawn once: what has to be kept is a task.",
        )
        expect(
            f"the order of the payments{when}",
            [*names[1:], *names[:1]],
            sellers.paid,
            "Pay in the order that shuffle returned.",
        )


def _check_recover(recover: Any) -> None:
    for when, step in DEATHS.items():
        ran: list[str] = []

        def node(name: str, ran: list[str] = ran) -> tuple[str, Any]:
            def run(state: _Order) -> dict[str, list[str]]:
                ran.append(name)
                return {"done": [f"{name} {state['items'][0]}"]}

            return name, run

        saver = DyingSaver()
        builder = StateGraph(_Order).add_sequence([node(n) for n in ("hotel", "train", "bus")])
        graph = builder.add_edge(START, "hotel").compile(checkpointer=saver)
        request = {"items": ["ann"]}
        saver.dies_at = step
        with suppress(ProcessDied):
            graph.invoke(request, THREAD, durability="sync")
        saver.dies_at = None
        dying = f"the process died {when}"
        try:
            result = as_sync(recover)(graph, THREAD, request)
        except EmptyInputError:
            raise IncorrectAnswer(
                f"recover raised EmptyInputError, if {dying}. The thread has no checkpoint then: "
                "send the request."
            ) from None
        expect(
            f"the field done in the thread, if {dying}",
            ["hotel ann", "train ann", "bus ann"],
            graph.get_state(THREAD).values.get("done"),
            "Ask get_state whether the thread has a checkpoint at all. next is no safe sign: it is "
            "empty too when a node has finished and its checkpoint is missing.",
        )
        finished = isinstance(result, Mapping) and len(result.get("done", [])) == 3
        require(finished, f"recover returned {result!r}. Return the state at the end of the run.")
        expect(
            f"how often the nodes ran in all, if {dying}",
            3,
            len(ran),
            "A finished node must not run again: continue with None as the input.",
        )


e1 = Exercise(
    CHAPTER,
    1,
    "predict the payments",
    _check_prediction,
    (
        "Ask in each case: does pay have a checkpoint or a stored result of its own?",
        "A node and an entrypoint run again from their first line.",
    ),
    "What has a checkpoint or a stored result of its own is paid once.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a retry policy that knows its errors",
    _check_policy,
    (
        "RetryPolicy takes max_attempts, which counts the first attempt too, and retry_on.",
        "retry_on takes a tuple of error classes. Their subclasses are retried as well.",
    ),
    "Your node tries again where it helps, and nowhere else.",
    answer_kind="value",
)
e3 = Exercise(
    CHAPTER,
    3,
    "a key for every charge",
    _check_charges,
    (
        "get_runtime().execution_info.task_id stays the same when the node runs again.",
        "It is the same for all charges of the node. What else tells two charges apart?",
        "The position in the list does: enumerate(items).",
    ),
    "However often the node runs, every item is charged once.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: a random order",
    _check_plan,
    (
        "Print the order in which the plan pays, before and after the resume.",
        "shuffle runs outside a task, so it runs again after the resume.",
        "task(shuffle)(names).result() keeps the order that was drawn.",
    ),
    "The order is drawn once, and every resume keeps it.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "recover a request",
    _check_recover,
    (
        "There are two cases: the thread has no checkpoint, or it has one.",
        "graph.get_state(config).metadata is None if the thread has no checkpoint.",
        "graph.invoke(None, config) continues, and does nothing if the run has ended.",
    ),
    "Whenever the process dies, the request is worked off once.",
)
