"""Checks of chapter 13, Serve it with FastAPI."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from langchain_core.messages import HumanMessage

from course_lib.exercises.exercise import Exercise, expect, require, run_coroutine
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync
from course_lib.exercises.served_runs import MOMENT, THREAD, Assistant, Line, Speaker
from course_lib.exercises.status_cases import CASES, statuses

CHAPTER = "13"
quiz = quiz_of(CHAPTER)

LONG = 5.0
"""After so many seconds, what should have happened has not."""


def _check_prediction(prediction: Any) -> None:
    compare(prediction, run_coroutine(statuses()), {case: row[3] for case, row in CASES.items()})


def _check_take(take: Any) -> None:
    assistant = Assistant()
    graph, call = assistant.graph(), as_sync(take)

    def taken(what: str, message_id: str, text: str, right: str, look: str) -> None:
        found = call(graph, THREAD, message_id, text)
        require(isinstance(found, str), f"take returned {found!r}. Return the answer's text.")
        expect(f"what take returns for {what}", right, found, look)

    again = "The thread has this message and its answer: return that, and run nothing."
    taken("a new message", "a", "hello", "answer 1 to hello", "Run the graph with the message.")
    taken("the same message, sent again", "a", "hello", "answer 1 to hello", again)
    new = "The id tells messages apart, and not the text."
    taken("a new message with the same text", "b", "hello", "answer 2 to hello", new)
    late = "The answer to a message stands right behind it, and is not always the last message."
    taken("the first message, sent once more", "a", "hello", "answer 1 to hello", late)
    assistant.fails = True
    with suppress(ConnectionError):
        call(graph, THREAD, "c", "thanks")
    assistant.fails = False
    broken = "The run of this message broke in the middle. Continue it with None as the input."
    taken("a message whose run broke", "c", "thanks", "answer 3 to thanks", broken)
    expect("what the graph answered", ["hello", "hello", "thanks"], assistant.answered, again)
    messages = graph.get_state(THREAD).values["messages"]
    expect("the ids of the questions", list("abc"), [m.id for m in messages[::2]], broken)
    asked = [m.text for m in messages if isinstance(m, HumanMessage)]
    expect("the questions in the thread", ["hello", "hello", "thanks"], asked, broken)


async def _both(run_alone: Callable[..., Any], names: tuple[str, str], fails: bool) -> list[str]:
    """The order in which two pieces of work begin and end."""
    log: list[str] = []
    locks: dict[str, Any] = {}

    def work(name: str) -> Callable[[], Any]:
        async def run() -> str:
            log.append(f"{name} begins")
            await asyncio.sleep(MOMENT)
            log.append(f"{name} ends")
            if fails and name == "first":
                raise ConnectionError("no answer")
            return f"result of {name}"

        return run

    each = zip(names, ("first", "second"), strict=True)
    runs = [run_alone(locks, thread_id, work(name)) for thread_id, name in each]
    require(
        all(map(inspect.isawaitable, runs)),
        f"run_alone returned {runs[0]!r}. Write it as `async def`: it has to wait.",
    )
    found = asyncio.gather(*runs, return_exceptions=True)
    async with asyncio.timeout(LONG):
        results = await found
    right: list[Any] = ["result of first", "result of second"]
    if fails:
        require(
            isinstance(results[0], ConnectionError),
            f"work raised an error, and run_alone returned {results[0]!r}. Let the error out.",
        )
        right[0] = results[0]
    expect("the results", right, results, "Return what work() returns.")
    return log


def _check_alone(run_alone: Any) -> None:
    turns = ["first begins", "first ends", "second begins", "second ends"]
    cases: list[tuple[str, tuple[str, str], bool, list[str], str]] = [
        (
            "two runs on one thread",
            ("ann", "ann"),
            False,
            turns,
            "Wait for the lock of the thread.",
        ),
        ("the same, and the first one fails", ("ann", "ann"), True, turns, "Give the lock back."),
    ]
    together = ["first begins", "second begins", "first ends", "second ends"]
    look = "Each thread has a lock of its own: Bo does not wait for Ann."
    cases.append(("runs on two threads", ("ann", "bo"), False, together, look))
    for what, names, fails, right, look in cases:
        try:
            log = run_coroutine(_both(run_alone, names, fails))
        except TimeoutError:
            log = ["the second one waits for ever"]
        expect(f"the order of {what}", right, log, look)
    expect("three runs on one thread, the second one cancelled", [1, 3], *_cancelled(run_alone))


def _cancelled(run_alone: Callable[..., Any]) -> tuple[list[int], str]:
    ran: list[int] = []
    locks: dict[str, Any] = {}

    def work(number: int) -> Callable[[], Any]:
        async def run() -> None:
            await asyncio.sleep(MOMENT)
            ran.append(number)

        return run

    async def three() -> None:
        tasks = [asyncio.create_task(run_alone(locks, "ann", work(n))) for n in (1, 2, 3)]
        await asyncio.sleep(MOMENT / 2)
        tasks[1].cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(LONG):
                await asyncio.gather(*tasks, return_exceptions=True)

    run_coroutine(three())
    return ran, "Who stops waiting must not keep the others from their turn."


async def _listen(stream: Any, speaker: Speaker, leave_after: int = 9) -> tuple[list[str], int]:
    """The words that a client heard, and how many had been said when it heard the first one."""
    heard: list[str] = []
    first = 0
    words = stream(speaker.graph, THREAD, "hello")
    require(
        hasattr(words, "__aiter__"),
        f"stream returned {words!r}. Write `async def` with `yield`.",
    )
    async with asyncio.timeout(LONG):
        async for word in words:
            heard.append(word)
            first = first or speaker.said
            if len(heard) == leave_after:
                break
    if hasattr(words, "aclose"):
        await words.aclose()
    return heard, first


async def _leave(stream: Any, speaker: Speaker) -> None:
    await _listen(stream, speaker, 1)
    for _ in range(50):
        await asyncio.sleep(MOMENT)
        if len(speaker.stored) == 2:
            return


def _check_stream(stream: Any) -> None:
    speaker = Speaker()
    heard, first = run_coroutine(_listen(stream, speaker))
    expect("the words of a client that stays", ["one ", "two ", "three"], heard, "Yield each word.")
    require(first < 3, "The first word came when all had been said. Yield each one as it comes.")
    stays = "the thread of a client that stays"
    expect(stays, ["hello", "one two three"], speaker.stored, "Run the graph with the message.")
    speaker = Speaker()
    run_coroutine(_leave(stream, speaker))
    expect(
        "the thread of a client that left after one word",
        ["hello", "one two three"],
        speaker.stored,
        "The run belongs to the generator, which ends when the client leaves. Give it a task.",
    )
    speaker, ended = Speaker(fails=True), "normally"
    try:
        run_coroutine(_listen(stream, speaker))
    except TimeoutError:
        ended = "never: it waits for a word that does not come"
    except ConnectionError:
        ended = "with ConnectionError"
    look = "Let the error of the run out of the generator, behind the words that came."
    expect("how the stream of a run that fails ends", "with ConnectionError", ended, look)


def _check_read(read: Any) -> None:
    progress = "Only connections in a row without any event count. Begin at 0 after an event."
    cases = [
        ("one connection", ["ab-c$"], "abc", "Join the texts of the tokens."),
        ("a connection that breaks", ["ab!", "c$"], "abc", "Connect again behind the last event."),
        ("one that breaks at an event of another kind", ["a--!", "b$"], "ab", "Count every event."),
        ("one that ends without `end`", ["ab", "-c", "$"], "abc", "Only `end` is the end."),
        ("breaks with progress in between", ["!!", "!", "a!", "!", "!", "b$"], "ab", progress),
        ("nothing after `end`", ["ab$c"], "ab", "Stop at `end`."),
    ]
    call = as_sync(read)
    for what, connections, right, look in cases:
        line = Line(*connections)
        try:
            found = call(line.connect)
        except ConnectionError:
            found = "ConnectionError"
        expect(f"what read returns for {what}", right, found, look)
        asked = [len("".join(connections[:n]).replace("!", "")) for n in range(len(connections))]
        expect(f"behind which events read asks for {what}", asked, line.asked, look)
    line = Line("ab!")
    try:
        found = call(line.connect)
    except ConnectionError:
        found = "ConnectionError"
    look = "Three connections in a row without an event are enough: raise ConnectionError."
    expect("what read does on a line that is dead after two events", "ConnectionError", found, look)
    expect("behind which events it asks then", [0, 2, 2, 2], line.asked, look)


e1 = Exercise(
    CHAPTER,
    1,
    "predict the status",
    _check_prediction,
    (
        "Ask in each case: is the status sent before or after the error?",
        "FastAPI checks a body before it calls the endpoint, and it converts what it can.",
    ),
    "You know what a client sees before your function runs, and after.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a message that is sent twice",
    _check_take,
    (
        "await graph.aget_state(config) tells which messages the thread has.",
        "HumanMessage(text, id=message_id) keeps the client's id in the thread.",
        "If the thread has the message and state.tasks is not empty, the run broke: pass None.",
    ),
    "However often a message is sent, it is one turn.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "one run at a time on a thread",
    _check_alone,
    (
        "locks is a dictionary. What could stand in it for each thread?",
        "asyncio.Lock() in an `async with` block is given back after an error, too.",
    ),
    "Two runs on a thread take turns, and other threads do not wait.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: the answer that is gone",
    _check_stream,
    (
        "Who iterates over graph.astream, and what happens to it when the client leaves?",
        "Let a task iterate, and put each word into an asyncio.Queue, which the generator reads.",
        "However the task ends, put a last value into the queue. Then await the task.",
    ),
    "The run goes on without a listener, and its answer is stored.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "read on after a break",
    _check_read,
    (
        "Keep the number of the last event, whatever its kind, and pass it to connect.",
        "A connection can raise ConnectionError, or simply end before the event `end`.",
        "Count the connections without an event, and begin at 0 again when an event comes.",
    ),
    "A connection may break anywhere, and the text is whole.",
)
