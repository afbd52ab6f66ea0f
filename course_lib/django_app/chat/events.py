"""A run's events for the page, made from the stream of the LangGraph server.

| event      | data                                   | made from                                |
|------------|----------------------------------------|------------------------------------------|
| `start`    | `run_id`, `thread_id`                  | the request                              |
| `notice`   | `kind`, `detail`                       | the request                              |
| `person`   | `id`, `text`                           | the input of the first task              |
| `step`     | `node`, `state`                        | a task that begins, or ends              |
| `token`    | `id`, `text`                           | a piece of a message                     |
| `answer`   | `id`, `text`                           | a message that was written whole         |
| `problem`  | `kind`, `detail`                       | an error                                 |
| `end`      | `status`                               | the end of the stream                    |
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langgraph_sdk.errors import NotFoundError

from .conversation import text_of
from .langgraph import client
from .problems import SERVER_ERRORS, problem_of
from .stream_place import StreamPlace
from .words import say

STREAM_MODES = ["messages-tuple", "tasks"]
"""Tokens, and what each node does. `values` would send the whole state again after each step."""


@dataclass(frozen=True)
class Event:
    """One event.

    Args:
        name: of the table above.
        data: its fields.
    """

    name: str
    data: dict[str, Any]


async def follow(
    thread_id: UUID, run_id: UUID, *, last_event_id: str, spoken: str, notice: str | None = None
) -> AsyncIterator[bytes]:
    """The events of a run as server-sent events, live, or from the server's record of them.

    When the browser is gone, Django cancels this generator. The run goes on, and its events can be
    read again.

    Args:
        thread_id: of the run.
        run_id: of the run.
        last_event_id: the last one that the browser has, as `StreamPlace` wrote it;
            `FROM_THE_START` for none.
        spoken: the person's language. The request is over when an error is put into words.
        notice: a sentence of `words.WORDS` to begin with.
    """
    yield encoded(Event("start", {"run_id": str(run_id), "thread_id": str(thread_id)}))
    if notice:
        yield encoded(told("notice", notice, spoken))
    place = StreamPlace(last_event_id)
    stream = client().runs.join_stream(str(thread_id), str(run_id), last_event_id=place.behind)
    first_task = True
    try:
        async with aclosing(stream) as parts:
            async for part in parts:
                is_new = place.take(part.id, (part.event, part.data))
                events = list(_events_of(part, first_task, spoken)) if is_new else []
                first_task = first_task and part.event != "tasks"
                for number, event in enumerate(events):
                    # Whoever has seen an id has seen everything that was made of this part.
                    whole = part.id is not None and number == len(events) - 1
                    yield encoded(event, place.event_id if whole else None)
                    if event.data.get("kind") == "run-lost":
                        return
        run = await client().runs.get(str(thread_id), str(run_id))
        yield encoded(Event("end", {"status": run["status"]}))
    except NotFoundError:
        yield encoded(told("problem", "run-lost", spoken))
    except SERVER_ERRORS as error:
        yield encoded(told("problem", problem_of(error).kind, spoken))


def told(event: str, kind: str, spoken: str) -> Event:
    """An event that says a sentence of `words.WORDS`."""
    return Event(event, {"kind": kind, "detail": say(kind, spoken)})


def encoded(event: Event, event_id: str | None = None) -> bytes:
    """One event in the format of server-sent events.

    Args:
        event: the event. Its data become one line of JSON.
        event_id: where to continue after it; None keeps the one before.
    """
    identity = f"id: {event_id}\n" if event_id else ""
    data = json.dumps(event.data, ensure_ascii=False)
    return f"event: {event.name}\n{identity}data: {data}\n\n".encode()


def _events_of(part: Any, first_task: bool, spoken: str) -> Iterator[Event]:
    data = part.data
    if part.event == "messages":
        message = data[0]
        text = text_of(message["content"])
        if text and message["type"] == "AIMessageChunk":
            yield Event("token", {"id": message["id"], "text": text})
        elif text and message["type"] == "ai":
            yield Event("answer", {"id": message["id"], "text": text})
    elif part.event == "tasks":
        if first_task and "input" in data:
            yield from _person(data["input"])
        yield Event("step", {"node": data["name"], "state": _state_of_task(data)})
    elif part.event == "error":
        lost = "Run not found" in str(data)
        yield told("problem", "run-lost" if lost else "run-failed", spoken)


def _person(value: Any) -> Iterator[Event]:
    """The message that a turn begins with, for a page that was loaded while it ran."""
    messages = value.get("messages") if isinstance(value, dict) else None
    if messages and messages[-1].get("type") == "human":
        last = messages[-1]
        yield Event("person", {"id": last["id"], "text": text_of(last["content"])})


def _state_of_task(data: dict[str, Any]) -> str:
    if "input" in data:
        return "running"
    if data.get("error"):
        return "failed"
    return "asks" if data.get("interrupts") else "done"
