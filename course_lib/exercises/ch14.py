"""Checks of chapter 14, Serve it with Django."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from langgraph_sdk.sse import SSEDecoder

from course_lib.exercises.exercise import Exercise, expect, require, run_coroutine
from course_lib.exercises.kept_messages import kept_thread
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync
from course_lib.exercises.searched_threads import SearchClient, SearchedThreads
from course_lib.exercises.task_parts import task_runs
from course_lib.exercises.view_cases import CASES, most_at_once

CHAPTER = "14"
quiz = quiz_of(CHAPTER)

COUNT = 1_100
LONG = 5.0
"""After so many seconds, what should have happened has not."""
SENTENCE = "도우미 서버가 응답하지 않습니다."


def _check_prediction(prediction: Any) -> None:
    compare(prediction, most_at_once(), {case: row[2] for case, row in CASES.items()})


def _check_threads(threads_of: Any) -> None:
    for count, what in ((0, "a person without threads"), (3, "a person with three threads")):
        _compare_threads(threads_of, count, what, "Search for the metadata.")
    few = "a person with 25 threads"
    _compare_threads(threads_of, 25, few, "A search returns 10 threads unless you set `limit`.")
    look = (
        "Ask for page after page by `offset`. A thread that is used moves in the default order: "
        "sort by something that does not change."
    )
    _compare_threads(threads_of, COUNT, f"a person with {COUNT} threads", look)


def _compare_threads(threads_of: Any, count: int, what: str, look: str) -> None:
    threads = SearchedThreads(count)
    found = as_sync(threads_of)(SearchClient(threads), "ann")
    require(
        isinstance(found, list | tuple | set | frozenset),
        f"threads_of returned {type(found).__name__}. Return a list of thread ids.",
    )
    ids = [each.get("thread_id") if isinstance(each, dict) else each for each in found]
    require(
        all(isinstance(each, str) for each in found),
        f"threads_of returned {found[0] if isinstance(found, list) and found else found!r}. "
        "Return the ids, as texts.",
    )
    expect(f"how many ids threads_of returns for {what}", count, len(ids), look)
    strange = len(set(ids) - threads.right)
    expect(f"how many of them are of others, for {what}", 0, strange, "Ask for site and user.")
    expect(f"how many of {count} threads are found", count, len(set(ids)), look)


def _check_delete(delete: Any) -> None:
    calls = "Also delete the results of its calls: their `tool_call_id` is the id of a call."
    alone = "Remove only this message, by a RemoveMessage."
    cases: list[tuple[str, list[str], str]] = [
        ("m1", ["m2", "m3", "m4", "m5", "m6", "m7", "m8"], alone),
        ("m8", ["m1", "m2", "m3", "m4", "m5", "m6", "m7"], alone),
        ("m2", ["m1", "m5", "m6", "m7", "m8"], calls),
        ("m6", ["m1", "m2", "m3", "m4", "m5", "m8"], calls),
    ]
    for message_id, right, look in cases:
        thread = kept_thread()
        before = thread.texts()
        as_sync(delete)(thread.graph, thread.config, message_id)
        expect(f"the messages after delete(..., {message_id!r})", right, thread.ids(), look)
        kept = {key: text for key, text in before.items() if key in right}
        expect("their texts", kept, thread.texts(), "The other messages stay as they are.")
        look = "Change the thread by graph.update_state, so that the state before it stays."
        expect("whether the state before is in the history", True, thread.has_in_history(8), look)
        expect("the messages of another thread", 8, thread.others(), "Change one thread only.")
    thread = kept_thread()
    raised = "nothing"
    try:
        as_sync(delete)(thread.graph, thread.config, "m9")
    except LookupError:
        raised = "LookupError"
    look = "Look for the message first. If it is not there, raise LookupError."
    expect("what delete(..., 'm9') raises, which does not exist", "LookupError", raised, look)
    expect("how many messages are left then", 8, len(thread.ids()), look)


def _check_indicator(indicator: Any) -> None:
    for what, parts, right, look in task_runs():
        found = as_sync(indicator)([dict(part) for part in parts])
        require(
            isinstance(found, list | tuple),
            f"indicator returned {found!r}. Return a list with a list of names for each part.",
        )
        shown = [list(each) if isinstance(each, list | tuple) else each for each in found]
        expect(f"what the indicator shows for {what}", right, shown, look)


class _Answer:
    """Words that come one by one, and may break off."""

    def __init__(self, *words: str, error: Exception | None = None) -> None:
        self.said, self.closed = 0, False
        self._words, self._error = words, error

    async def parts(self) -> AsyncIterator[str]:
        """The words."""
        try:
            for word in self._words:
                await asyncio.sleep(0.01)
                self.said += 1
                yield word
            if self._error:
                raise self._error
        finally:
            self.closed = True


async def _listen(events: Any, answer: _Answer, leave_after: int = 99) -> list[tuple[str, Any]]:
    stream = events(answer.parts(), SENTENCE)
    require(
        hasattr(stream, "__aiter__"),
        f"events returned {stream!r}. Write `async def` with `yield`.",
    )
    heard: list[tuple[str, Any]] = []
    async with asyncio.timeout(LONG):
        async for block in stream:
            heard.append(_decoded(block))
            require(
                answer.said == 1 or len(heard) > 1,
                "The first event came when more than one word had been said. Yield each one "
                "as it comes.",
            )
            if len(heard) == leave_after:
                break
        if hasattr(stream, "aclose"):
            try:
                await stream.aclose()
            except RuntimeError:
                require(False, "events yielded something after the browser had left.")
    return heard


def _decoded(block: Any) -> tuple[str, Any]:
    require(isinstance(block, bytes), f"events yielded {block!r}. Yield bytes: encode the text.")
    require(
        block.endswith(b"\n\n") and block.count(b"\n\n") == 1,
        f"events yielded {block!r}. An event ends with an empty line, and each one is a block.",
    )
    decoder, found = SSEDecoder(), None
    for line in block.splitlines():
        try:
            found = decoder.decode(line) or found
        except json.JSONDecodeError:
            require(False, f"events yielded {block!r}. Write the data as one line of JSON.")
    require(
        found is not None and isinstance(found.data, dict),
        f"events yielded {block!r}. It needs a line `event: ...`, and a line `data: ...` with a "
        "JSON object.",
    )
    assert found is not None
    return found.event, found.data


def _check_events(events: Any) -> None:
    words = ("안녕", " two\nlines", ' "quoted"')
    tokens = [("token", {"text": word}) for word in words]
    look = "An event `token` for each word, and `end` with {} when there are no more."
    heard = run_coroutine(_listen(events, _Answer(*words)))
    expect("the events of an answer", [*tokens, ("end", {})], heard, look)
    broken = _Answer(*words, error=ConnectionError("password=hunter2"))
    try:
        heard = run_coroutine(_listen(events, broken))
    except ConnectionError:
        heard = ["ConnectionError left the generator"]
    look = "The status is sent already, so yield an event `problem` with the given sentence."
    right = [*tokens, ("problem", {"detail": SENTENCE})]
    expect("the events of an answer that breaks off", right, heard, look)
    ended = "normally"
    try:
        run_coroutine(_listen(events, _Answer(*words, error=ValueError("a bug"))))
    except ValueError:
        ended = "with ValueError"
    look = "Catch ConnectionError only. Another error is a bug, which the log should show."
    expect("how the stream ends when parts raises ValueError", "with ValueError", ended, look)
    left = _Answer(*words)
    run_coroutine(_listen(events, left, 1))
    expect("how many words a browser heard that left after one", 1, left.said, "Do not read on.")


e1 = Exercise(
    CHAPTER,
    1,
    "predict how many requests run at once",
    _check_prediction,
    (
        "An event loop runs one piece of code at a time, until that code awaits something.",
        "A plain view always runs in a thread. Ask which server gives it one.",
    ),
    "You know which view keeps other people waiting.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "find all threads of a person",
    _check_threads,
    (
        "client.threads.search(metadata={...}, limit=..., offset=...) returns one page.",
        "A page that is shorter than the limit is the last one.",
        'sort_by="created_at" gives an order in which no thread moves.',
    ),
    "A lost table can be written again, whatever people do meanwhile.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: a message that stays",
    _check_delete,
    (
        "What does the reducer add_messages do with a shorter list?",
        "graph.update_state(config, {'messages': [RemoveMessage(id)]}) removes one message.",
        "A message that calls tools has `tool_calls`, and each result has a `tool_call_id`.",
    ),
    "The message is gone, with everything that belongs to it.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "a run indicator",
    _check_indicator,
    (
        "A part with `input` begins a task, and a part with `result` ends one.",
        "Two tasks of one node have the same name and different ids.",
    ),
    "The indicator is right, also when a node runs twice at once.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "an error after the first word",
    _check_events,
    (
        "json.dumps({'text': word}) writes a line break inside of a word as \\n.",
        "f'event: token\\ndata: {data}\\n\\n'.encode() is one event.",
        "Put try and except ConnectionError around the loop, and the event `end` into else.",
    ),
    "The person learns that the answer is not whole, in their own language.",
)
