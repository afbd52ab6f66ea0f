"""The runs that a learner predicts in chapter 09: something fails after a payment, and resumes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

THREAD = {"configurable": {"thread_id": "ann"}}


class _Trip(TypedDict):
    name: str


class _Payments:
    """Counts payments, and has a mail server that does not answer the first time."""

    def __init__(self) -> None:
        self.count = 0
        self._broken = True

    def pay(self, state: Any) -> None:
        """Pay once more."""
        self.count += 1

    def mail(self, state: Any) -> None:
        """Fail the first time."""
        if self._broken:
            self._broken = False
            raise ConnectionError("no answer")

    def pay_and_mail(self, state: Any) -> None:
        """Do both in one node."""
        self.pay(state)
        self.mail(state)


def _sequence(*nodes: Any) -> StateGraph[Any]:
    builder = StateGraph(_Trip).add_sequence(list(nodes))
    return builder.add_edge(START, next(iter(builder.nodes)))


def _compiled(builder: StateGraph[Any]) -> Any:
    return builder.compile(checkpointer=InMemorySaver())


def _function(payments: _Payments, *, stored: bool) -> Any:
    pay, mail = task(payments.pay), task(payments.mail)

    @entrypoint(checkpointer=InMemorySaver())
    def trip(given: Any) -> None:
        if stored:
            pay(given).result()
        else:
            payments.pay(given)
        mail(given).result()

    return trip


class Case(NamedTuple):
    """A run: what makes it, its durability, whether the input is sent again, and the reason."""

    make: Callable[[_Payments], Any]
    reason: str
    durability: str = "sync"
    again: bool = False


CASES = {
    "pay is a node, mail is the next node": Case(
        lambda p: _compiled(_sequence(p.pay, p.mail)),
        "pay has finished and has a checkpoint, so only mail runs again.",
    ),
    "the same with durability exit": Case(
        lambda p: _compiled(_sequence(p.pay, p.mail)),
        "An exception ends the run, so exit stores its checkpoint. Only a kill prevents that.",
        "exit",
    ),
    "pay and mail are in one node": Case(
        lambda p: _compiled(_sequence(p.pay_and_mail)),
        "The node did not finish, so it runs again from its first line.",
    ),
    "pay and mail are nodes of a subgraph that is a node": Case(
        lambda p: _compiled(_sequence(("inner", _sequence(p.pay, p.mail).compile()))),
        "A subgraph that is a node has checkpoints of its own, so pay counts as finished.",
    ),
    "an entrypoint calls pay as a function, and mail as a task": Case(
        lambda p: _function(p, stored=False),
        "The entrypoint runs again from its first line, and only tasks have stored results.",
    ),
    "an entrypoint calls pay as a task, and mail as a task": Case(
        lambda p: _function(p, stored=True),
        "The finished task returns its stored result and does not run.",
    ),
    "pay is a node, and the input is sent again": Case(
        lambda p: _compiled(_sequence(p.pay, p.mail)),
        "An input begins a new run from START. Use invoke(None, config) to continue.",
        again=True,
    ),
}


def payments_in(case: str) -> int:
    """Run one case, resume it after its error, and return how often `pay` ran."""
    chosen, payments = CASES[case], _Payments()
    graph, given = chosen.make(payments), {"name": "trip"}
    with suppress(ConnectionError):
        graph.invoke(given, THREAD, durability=chosen.durability)
    graph.invoke(given if chosen.again else None, THREAD, durability=chosen.durability)
    return payments.count
