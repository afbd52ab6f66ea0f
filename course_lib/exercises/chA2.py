"""Checks of the appendix A2, Under the hood."""

from __future__ import annotations

import operator
from collections import Counter
from typing import Any

from langgraph.channels import BinaryOperatorAggregate, EphemeralValue, LastValue
from langgraph.channels.base import BaseChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import NodeBuilder, Pregel

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.ticket_office import bill_text, ticket_office
from course_lib.exercises.toy_engine import Channel, Node, with_edges

CHAPTER = "A2"
quiz = quiz_of(CHAPTER)


def _thread(name: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


RUNS = {
    "first": "It subscribes to start, which the input writes once.",
    "second": "It subscribes to middle, which first writes once.",
    "either": "left is written in super-step 1 and right in super-step 2, so it runs after each.",
    "both": "first writes left and middle in the same super-step, and plan finds a node once.",
    "reader": "It reads left, but it subscribes to right only, which is written once.",
    "lonely": "Nobody writes to the channel that it subscribes to. Reading one starts nobody.",
}
"""The nodes of exercise 1, and why each of them runs as often as it does."""


def _runs() -> Counter[str]:
    """Run the graph of exercise 1 and count the runs of each node."""
    runs: Counter[str] = Counter(dict.fromkeys(RUNS, 0))

    def counted(name: str) -> Any:
        def function(_: Any) -> str:
            runs[name] += 1
            return "x"

        return function

    build = {
        "first": NodeBuilder().subscribe_only("start").do(counted("first")),
        "second": NodeBuilder().subscribe_only("middle").do(counted("second")),
        "either": NodeBuilder().subscribe_to("left", "right").do(counted("either")),
        "both": NodeBuilder().subscribe_to("left", "middle").do(counted("both")),
        "reader": NodeBuilder().subscribe_to("right").read_from("left").do(counted("reader")),
        "lonely": NodeBuilder().subscribe_to("empty").read_from("left").do(counted("lonely")),
    }
    build["first"].write_to("left", "middle")
    build["second"].write_to("right")
    channels = ("start", "left", "middle", "right", "empty")
    graph = Pregel(
        nodes=dict(build),
        channels={name: LastValue(str) for name in channels},
        input_channels="start",
        output_channels="right",
    )
    graph.invoke("x")
    return runs


def _check_prediction(prediction: Any) -> None:
    compare(prediction, dict(_runs()), RUNS)


class _Journey:
    """Nodes of the toy engine that note when they run.

    Args:
        edges: the nodes that come after each node.
        rounds: how often a node may run before nothing comes after it any more; 0 for no limit.
    """

    def __init__(self, edges: dict[str, list[str]], rounds: int = 0) -> None:
        self.ran: list[str] = []
        self.total: Counter[str] = Counter()
        self.nodes = {name: self._node(name, then, rounds) for name, then in edges.items()}
        self.channels = {f"to_{name}": Channel() for name in edges}
        self.channels |= {"wish": Channel(), "log": Channel(operator.add, [])}

    def _node(self, name: str, then: list[str], rounds: int) -> Node:
        def function(state: dict[str, Any]) -> dict[str, Any]:
            self.ran.append(name)
            self.total[name] += 1
            return {"log": [f"{name} for {state['wish']}"]}

        def next_nodes(_: dict[str, Any]) -> list[str]:
            return [] if rounds and self.total[name] >= rounds else then

        return Node([f"to_{name}"], ["wish"], with_edges(function, next_nodes))

    def expect_ran(self, after: str, names: list[str], look: str) -> None:
        """Compare what has run since the last call, whatever the order within a super-step."""
        expect(f"what ran {after}", sorted(names), sorted(self.ran), look)
        self.ran.clear()


WHOLE = "The run stops before the whole super-step: none of its nodes may run."
ONCE = "When given is empty, only the first super-step of the call runs without asking."


def _next_of(found: Any, after: str, names: list[str]) -> None:
    require(
        found is not None and not isinstance(found, str) and hasattr(found, "__iter__"),
        f"run_until returned {found!r} {after}. Return a list with the names of the nodes that "
        "would run next.",
    )
    look = "Return the names of all nodes that would run next, or an empty list."
    expect(f"what run_until returned {after}", sorted(names), sorted(found), look)


def _check_run_until(run_until: Any) -> None:
    trip = _Journey({"search": ["book", "note"], "book": ["thank"], "note": [], "thank": []})
    given = {"wish": "a park", "to_search": True}
    found = run_until(trip.nodes, trip.channels, given, ["book"])
    trip.expect_ran("before the pause", ["search"], WHOLE)
    _next_of(found, "at the pause", ["book", "note"])
    look = "What finished before the pause must be in the channels: call update."
    expect("channels['log'].value", ["search for a park"], trip.channels["log"].value, look)
    found = run_until(trip.nodes, trip.channels, {}, ["book"])
    look = "A call with an empty given goes on where the last one stopped."
    trip.expect_ran("after the pause", ["book", "note", "thank"], look)
    _next_of(found, "at the end", [])
    expect("len(channels['log'].value)", 4, len(trip.channels["log"].value), look)

    found = run_until(trip.nodes, trip.channels, {**given, "wish": "a cafe"}, ["thank", "nobody"])
    trip.expect_ran("before thank", ["search", "book", "note"], "Stop only before these nodes.")
    _next_of(found, "before thank", ["thank"])
    found = run_until(trip.nodes, trip.channels, {}, [])
    trip.expect_ran("after thank was allowed", ["thank"], "Nothing that has run may run again.")
    _next_of(found, "at the end", [])

    found = run_until(trip.nodes, trip.channels, given, ["search"])
    trip.expect_ran("when the first node is to wait", [], "The first super-step can pause, too.")
    _next_of(found, "before search", ["search"])

    loop = _Journey({"pay": ["pay"]}, rounds=3)
    run_until(loop.nodes, loop.channels, {"wish": "tea", "to_pay": True}, ["pay"])
    for left in (["pay"], ["pay"], []):
        found = run_until(loop.nodes, loop.channels, {}, ["pay"])
        loop.expect_ran("in one round of a loop with a pause", ["pay"], ONCE)
        _next_of(found, "in a loop with a pause", left)


ORDERS = (2, 12, 12, 0, 3)
"""Orders of tickets: a group, the same again, none at all, and a smaller one after a group."""


def _check_bill(bill_node: Any) -> None:
    bill = bill_node()
    require(
        isinstance(bill, NodeBuilder) or hasattr(bill, "triggers"),
        f"bill_node returned a {type(bill).__name__}. Return what NodeBuilder gives.",
    )
    office = ticket_office(bill, InMemorySaver())
    bills = []
    for count in ORDERS:
        office.invoke(count, _thread("ann"))
        price = count * (2000 if count >= 10 else 3000)
        bills.append(bill_text({"count": count, "price": price}))
        expect(
            f"the bills after the orders {list(ORDERS[: len(bills)])}",
            bills,
            office.get_state(_thread("ann")).values.get("bills", []),
            "Which channel has both numbers ready? Only that one may start the node.",
        )
    office.invoke(1, _thread("bo"))
    expect(
        "the bills of another thread",
        [bill_text({"count": 1, "price": 3000})],
        office.get_state(_thread("bo")).values.get("bills", []),
        "A node must not remember anything outside its channels.",
    )


def _check_first_value(first_value: Any) -> None:
    for values in (["a", "b"], [0], [""], [None], [False, True]):
        channel = first_value(object)
        require(
            isinstance(channel, BaseChannel),
            f"check got a {type(channel).__name__}. Derive the class from LastValue.",
        )
        require(not channel.is_available(), "A new channel must be empty: is_available() is True.")
        expect("update([]) of a new channel", False, channel.update([]), "Nothing was written.")
        require(not channel.is_available(), "After update([]) the channel must still be empty.")
        try:
            changed = channel.update(list(values))
        except Exception as error:
            raise IncorrectAnswer(
                f"update({values!r}) raised {type(error).__name__}. Of several writes in one "
                "super-step the first one counts."
            ) from error
        expect(f"update({values!r}) of a new channel", True, changed, "It got its value.")
        expect(f"the value after update({values!r})", values[0], channel.get(), "The first one.")
        for later in (["later"], []):
            look = "Nothing changed, so return False: True gives the channel a new version."
            expect(f"update({later!r}) after that", False, channel.update(later), look)
            expect("the value after a later write", values[0], channel.get(), "It must stay.")
        loaded = first_value(object).from_checkpoint(channel.checkpoint())
        loaded.update(["later"])
        look = "In a new process only what checkpoint() returned is left."
        expect("the value in a new process, after a later write", values[0], loaded.get(), look)
    _check_subscriber(first_value)


def _check_subscriber(first_value: Any) -> None:
    """Run the channel in a graph: who subscribes to it runs once in a thread, and never again."""
    greeted: list[str] = []
    graph = Pregel(
        nodes={
            "ask": NodeBuilder().subscribe_only("text").write_to("name"),
            "greet": NodeBuilder().subscribe_only("name").do(greeted.append),
            "count": NodeBuilder().subscribe_only("text").do(len).write_to("letters"),
        },
        channels={
            "text": EphemeralValue(str),
            "name": first_value(str),
            "letters": BinaryOperatorAggregate(int, operator.add),
        },
        input_channels="text",
        output_channels=["name", "letters"],
        checkpointer=InMemorySaver(),
    )
    for text in ("Ann", "Bo", "Cho"):
        found = graph.invoke(text, _thread("ann"))
    expect("the channel name after three turns", "Ann", found.get("name"), "It must stay.")
    look = "A write that is ignored must start nobody: update returns whether anything changed."
    expect("what a subscriber of the channel got", ["Ann"], greeted, look)


e1 = Exercise(
    CHAPTER,
    1,
    "predict how often a node runs",
    _check_prediction,
    (
        "Go through the super-steps. Super-step 1 runs who subscribes to start.",
        "A node runs once in a super-step, also if two of its channels are new.",
    ),
    "A node runs in each super-step in which a channel that it subscribes to is new.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "give the toy a pause",
    _check_run_until,
    (
        "Begin with run of the appendix. Look at what plan returned before you call execute.",
        "set(tasks) & set(pause_before) says whether such a node is among the planned ones.",
        "Note at the beginning whether given is empty, and ask again after one super-step.",
    ),
    "All that a pause needs is to stop between plan and execute: the rest is in the channels.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: two bills for one order",
    _check_bill,
    (
        "count and price are written in different super-steps.",
        "Only price may start the node. Which method reads a channel without subscribing to it?",
    ),
    "The node subscribes to the channel that is written last, and only reads the other one.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "a channel of your own",
    _check_first_value,
    (
        "Write the method update(self, values). self.value holds the value.",
        "self.is_available() says whether the channel has a value, also if that is 0 or None.",
        "Return True if the channel got its value, and False otherwise.",
    ),
    "What update returns decides whether the channel gets a new version, and so who runs.",
)
