"""Starting and stopping what the LangGraph server does on a thread."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from jsonschema_rs import validator_for
from langgraph_sdk.errors import NotFoundError

from .conversation import questions_in, running
from .events import STREAM_MODES
from .langgraph import client
from .problems import Problem

LOOKED_BACK = 5
"""Among how many of a thread's newest runs a repeated request is looked for."""


class ThreadLost(Exception):
    """The LangGraph server has no thread for a row that names one."""


async def start_turn(thread_id: UUID, request_id: str, text: str) -> UUID:
    """Start a turn with a message, or find the run that this request started before.

    Args:
        thread_id: of the conversation.
        request_id: made by the browser; it becomes the message's id.
        text: of the message.

    Raises:
        ThreadLost: the server has no such thread.
        Problem: 409; a run goes on, or a question is open.
    """
    state = await _state(thread_id)
    known = await _known_run(thread_id, request_id)
    if known:
        return known
    if questions_in(state):
        raise Problem(409, "question-open")
    message = {"type": "human", "content": text, "id": request_id}
    return await _start(thread_id, request_id, input={"messages": [message]})


async def start_answer(thread_id: UUID, request_id: str, key: str, answer: Any) -> UUID:
    """Continue a run with a person's answer, or find the run that this request started before.

    Args:
        thread_id: of the conversation.
        request_id: made by the browser.
        key: of the question.
        answer: the answer to it.

    Raises:
        ThreadLost: the server has no such thread.
        Problem: 409; the question is not open, or a run goes on. 422; the answer does not fit the
            question's schema.
    """
    state = await _state(thread_id)
    known = await _known_run(thread_id, request_id)
    if known:
        return known
    question = next((each for each in questions_in(state) if each.key == key), None)
    if question is None:
        raise Problem(409, "question-closed")
    if not await asyncio.to_thread(_fits, answer, question.schema):
        raise Problem(422, "answer-does-not-fit")
    return await _start(thread_id, request_id, command={"resume": {question.id: answer}})


async def stop(thread_id: UUID) -> None:
    """Stop what goes on on a thread. What its finished nodes wrote stays."""
    run_id = await running(thread_id)
    if run_id:
        await client().runs.cancel(str(thread_id), str(run_id), wait=True)


def _fits(answer: Any, schema: Any) -> bool:
    # A person's text meets the pattern of a schema. This validator's time does not explode with the
    # text, as that of Python's `re` can, which would hold up every thread. It reads no other file.
    if not isinstance(schema, dict):
        return True
    return validator_for(schema, retriever=_read_nothing).is_valid(answer)


def _read_nothing(uri: str) -> NoReturn:
    raise ValueError(f"{uri} is outside the schema")


async def _state(thread_id: UUID) -> Any:
    try:
        return await client().threads.get_state(str(thread_id))
    except NotFoundError:
        raise ThreadLost from None


async def _known_run(thread_id: UUID, request_id: str) -> UUID | None:
    runs = await client().runs.list(
        str(thread_id), limit=LOOKED_BACK, select=["run_id", "status", "metadata"]
    )
    for run in runs:
        if run["metadata"].get("request_id") == request_id and run["status"] != "error":
            return UUID(run["run_id"])
    return None


async def _start(thread_id: UUID, request_id: str, **what: Any) -> UUID:
    try:
        run = await client().runs.create(
            str(thread_id),
            settings.CHAT_ASSISTANT,
            stream_mode=STREAM_MODES,
            stream_resumable=True,  # the server keeps the events, for a page that connects again
            multitask_strategy="reject",
            metadata={"request_id": request_id},
            **what,
        )
    except NotFoundError:  # the thread is there, so it is the assistant that is not
        raise Problem(502, "server-error") from None
    return UUID(run["run_id"])
