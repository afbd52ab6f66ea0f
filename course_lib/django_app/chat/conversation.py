"""A thread's state as the page shows it: messages, open questions, and which run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from .langgraph import client

ROLES = {"human": "person", "ai": "assistant", "system": "system"}
"""What is shown. The calls of tools and their results are left out."""


@dataclass(frozen=True)
class Message:
    """One message as a person sees it.

    Args:
        id: of the message in the thread.
        role: `person`, `assistant` or `system`.
        text: of the message.
    """

    id: str
    role: str
    text: str


@dataclass(frozen=True)
class Question:
    """A question that the graph waits for an answer to.

    Args:
        id: of the interrupt.
        key: of this question alone. One node may ask twice under the same id, and the answer to
            the first question must not answer the second.
        value: what the graph asks.
        schema: of the answer, as JSON Schema; None where the graph named none.
    """

    id: str
    key: str
    value: Any
    schema: Any


@dataclass(frozen=True)
class Conversation:
    """A thread as it stands.

    Args:
        thread_id: of the LangGraph server.
        checkpoint_id: the newest one; None for a thread that was never used.
        messages: what is shown, oldest first.
        questions: the open ones.
        run_id: the run that goes on; None where none does.
    """

    thread_id: str
    checkpoint_id: str | None
    messages: list[Message]
    questions: list[Question]
    run_id: str | None

    @property
    def as_json(self) -> dict[str, Any]:
        """For the page's script."""
        return asdict(self)


async def read_conversation(thread_id: UUID) -> Conversation:
    """Read a thread of the LangGraph server.

    Raises:
        NotFoundError: the server has no such thread.
    """
    # The run first: one that ends in between is then shown as finished by the state.
    run_id = await running(thread_id)
    state = await client().threads.get_state(str(thread_id))
    return Conversation(
        thread_id=str(thread_id),
        checkpoint_id=state["checkpoint_id"],
        messages=shown(messages_in(state)),
        questions=[] if run_id else questions_in(state),
        run_id=str(run_id) if run_id else None,
    )


async def running(thread_id: UUID) -> UUID | None:
    """The run that goes on, or waits for a free worker; None where there is none."""
    for status in ("running", "pending"):
        found = await client().runs.list(str(thread_id), status=status, limit=1, select=["run_id"])
        if found:
            return UUID(found[0]["run_id"])
    return None


def messages_in(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a state, as the server gives them."""
    values = state["values"]
    return list(values.get("messages") or []) if isinstance(values, dict) else []


def questions_in(state: Mapping[str, Any]) -> list[Question]:
    """The questions that are open in a state."""
    return [
        Question(each["id"], _key(state, each), each["value"], each.get("response_schema"))
        for each in state["interrupts"]
    ]


def _key(state: Mapping[str, Any], interrupt: Mapping[str, Any]) -> str:
    asked = json.dumps(
        [state["checkpoint_id"], interrupt["id"], interrupt["value"]], sort_keys=True
    )
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def shown(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """What a person sees of the messages of a thread."""
    visible = [
        Message(str(each["id"]), ROLES[each["type"]], text_of(each["content"]))
        for each in messages
        if each["type"] in ROLES
    ]
    return [each for each in visible if each.text]


def text_of(content: Any) -> str:
    """The text of a message's content, which is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    blocks = [block for block in content or () if isinstance(block, str | dict)]
    return "".join(b if isinstance(b, str) else str(b.get("text", "")) for b in blocks)
