"""Chats and events with known costs, to judge a function that adds them up."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.memory import InMemorySaver

from course_lib.chat import ChatController, Event, RunEnded, Transcript, events
from course_lib.chat.run_cost import RunCost
from course_lib.exercises.exercise import expect, run_coroutine
from course_lib.exercises.running import as_sync
from course_lib.namu import build_namu

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


async def heard_chat(graph: CompiledStateGraph, *texts: str) -> tuple[list[Event], Transcript]:
    """Say texts to a graph in one thread, and return the events and the transcript.

    Args:
        graph: compiled with a checkpointer.
        texts: the messages, in order.
    """
    heard: list[Event] = []
    transcript = Transcript()

    def listen(event: Event) -> None:
        heard.append(event)
        transcript.handle(event)

    chat = ChatController(graph, thread_id="exercise", metadata={"user": "ann"}, on_event=listen)
    for text in texts:
        await chat.send(text)
    return heard, transcript


def _ended(outcome: Any, cost: RunCost | None) -> RunEnded:
    return RunEnded(outcome, events.ThreadLoaded("t", "c", {}), cost=cost)


def _expect_bill(what: str, heard: Sequence[Event], bill: Any, look: str) -> None:
    got = bill(list(heard))
    costs = [e.cost for e in heard if isinstance(e, RunEnded) and e.cost is not None]
    tokens = [cost.tokens for cost in costs]
    known = [count for count in tokens if count is not None]
    wanted = {
        "runs": len(costs),
        "seconds": sum(cost.seconds for cost in costs),
        "tokens": sum(known) if len(known) == len(tokens) else None,
    }
    seconds = got.get("seconds") if isinstance(got, Mapping) else None
    if isinstance(seconds, (int, float)) and math.isclose(seconds, wanted["seconds"]):
        got = {**got, "seconds": wanted["seconds"]}  # the order of an addition may change a digit
    expect(f"bill of {what}", wanted, got, look)


def check_bill(bill: Any) -> None:
    """Raise `IncorrectAnswer` unless a function adds up what a chat cost."""
    call = as_sync(bill)
    graph = build_namu(checkpointer=InMemorySaver())
    heard, _ = run_coroutine(heard_chat(graph, "hello", "a park in Songpa-gu", "not the first one"))
    look = "A Token event is a piece of the shown answer. What the models report is in event.cost."
    _expect_bill("a chat of three messages", heard, call, look)
    some = [
        events.RunStarted(None),
        events.Token("m", "Two or three", "agent"),
        _ended("waiting", RunCost(0.5, 2, 0, 100, 10)),
        _ended("failed", RunCost(0.25, 1, 0, 30, 0)),
        _ended("stopped", RunCost(2.0, 1, 0, 7, 1)),
        events.Queued("next"),
        _ended("done", RunCost(1.0, 3, 0, 5, 2)),
    ]
    look = "A run that waits, failed or was stopped has cost something, too."
    _expect_bill("runs that ended in four ways", some, call, look)
    look = "Leave out a run that could not begin: its cost is None."
    _expect_bill(
        "a run that could not begin, and others", [_ended("failed", None), *some], call, look
    )
    free = [_ended("done", RunCost(0.5)), *some]
    look = "A run without a call of a model costs 0 tokens, and that is known."
    _expect_bill("a run that asks no model, and others", free, call, look)
    unknown = [_ended("done", RunCost(0.5, 2, 1, 40, 4)), *some]
    look = "If the tokens of one run are None, nobody knows the sum: tokens is None."
    _expect_bill("a run whose server sent no usage, and others", unknown, call, look)
    _expect_bill("no events", [], call, "Without a run all three are 0.")
