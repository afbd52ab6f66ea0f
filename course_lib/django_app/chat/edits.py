"""Changing what a thread holds, by `threads.update_state`.

Each change is a new checkpoint, so the state before it stays in the thread's history. The messages
go through the reducer of the graph. A message with a known id replaces that message, and a message
of the role `remove` removes it. A shorter list removes nothing, because the reducer appends.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string
from langgraph_sdk.errors import ConflictError

from .conversation import ROLES, messages_in, questions_in, shown
from .langgraph import client
from .problems import Problem

EDITABLE = ("human", "system")
"""The types of messages that a person may change: what they said, and their instructions."""


async def edit_message(thread_id: UUID, message_id: str, text: str) -> None:
    """Replace the text of a message. The answers behind it stay as they are.

    Raises:
        Problem: 404; there is no such message of the person. 409; a run goes on, or asks.
    """
    messages = await _messages(thread_id)
    message = _find(messages, message_id)
    if message["type"] not in EDITABLE:
        raise Problem(404, "message-unknown")
    await _update(thread_id, [{**message, "content": text}])


async def delete_message(thread_id: UUID, message_id: str) -> None:
    """Remove a message, and with a message that calls tools also what the tools answered.

    A call without its answer, and an answer without its call, are refused by most models.

    Raises:
        Problem: 404; there is no such message. 409; a run goes on, or asks.
    """
    messages = await _messages(thread_id)
    message = _find(messages, message_id)
    calls = {call["id"] for call in message.get("tool_calls") or ()}
    answers = [each["id"] for each in messages if each.get("tool_call_id") in calls]
    await _update(thread_id, [removal(each) for each in (message_id, *answers)])


async def inject_system_message(thread_id: UUID, text: str) -> None:
    """Add an instruction for the assistant at the end of a conversation.

    Raises:
        Problem: 409; a run goes on, or asks.
    """
    await _messages(thread_id)
    await _update(thread_id, [{"type": "system", "content": text}])


async def replace_by_summary(thread_id: UUID, spoken: str) -> None:
    """Replace everything before the last turn by one message that says what it was about.

    The summary takes the id, and so the place, of the first message. The messages of the last turn
    are not written again.

    Args:
        thread_id: of the conversation.
        spoken: the language of the summary.

    Raises:
        Problem: 409; there is only one turn, or a run goes on, or asks.
    """
    messages = await _messages(thread_id)
    turns = [at for at, each in enumerate(messages) if each["type"] == "human"]
    older = messages[: turns[-1]] if turns else []
    if len(older) < 2:
        raise Problem(409, "nothing-to-shorten")
    text = await import_string(settings.CHAT_SUMMARISE)(shown(older), spoken)
    summary = {"type": "system", "content": text, "id": older[0]["id"]}
    await _update(thread_id, [summary, *(removal(each["id"]) for each in older[1:])])


def removal(message_id: str) -> dict[str, str]:
    """What `RemoveMessage` is in JSON."""
    return {"role": "remove", "content": "", "id": message_id}


async def _messages(thread_id: UUID) -> list[dict[str, Any]]:
    """The messages of a thread on which nothing waits for an answer."""
    state = await client().threads.get_state(str(thread_id))
    if questions_in(state):
        raise Problem(409, "question-open")
    return messages_in(state)


def _find(messages: list[dict[str, Any]], message_id: str) -> dict[str, Any]:
    for each in messages:
        if each["id"] == message_id and each["type"] in ROLES:
            return each
    raise Problem(404, "message-unknown")


async def _update(thread_id: UUID, messages: list[dict[str, Any]]) -> None:
    try:
        await client().threads.update_state(str(thread_id), {"messages": messages})
    except ConflictError:  # a run goes on
        raise Problem(409, "busy") from None
