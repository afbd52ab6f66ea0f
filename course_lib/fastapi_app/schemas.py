"""The bodies of requests and answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from .event_data import fault_of

MAX_MESSAGE_LENGTH = 100_000
"""No message is longer, whatever the settings allow."""

Status = Literal["done", "waiting", "stopped", "failed"]
"""How a run ended. `waiting`: it asked the person something."""


def _storable(text: str) -> str:
    """Refuse what PostgreSQL cannot keep: NUL, and half of an emoji."""
    if "\x00" in text:
        raise ValueError("the text holds the character NUL, which no database keeps")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("the text holds half of a character (a lone surrogate)") from None
    return text


def _keepable(value: Any) -> Any:
    """Refuse what no checkpoint can hold."""
    fault = fault_of(value)
    if fault is not None:
        raise ValueError(f"the answer holds {fault}")
    return value


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty")
    return text


StorableText = Annotated[str, AfterValidator(_storable)]
MessageText = Annotated[
    StorableText, AfterValidator(_not_blank), Field(max_length=MAX_MESSAGE_LENGTH)
]
CheckpointId = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a mistyped field is an error and not ignored


class NewThread(_Request):
    """A conversation to begin."""

    title: Annotated[StorableText, Field(max_length=200)] = "New conversation"


class ChatRequest(_Request):
    """One message of a person.

    `message_id` is made by the client, once for each message that somebody writes. A request that
    is sent again with the same id continues or repeats the same turn and never begins a second one.
    """

    message_id: UUID
    text: MessageText
    thread_id: UUID | None = Field(None, description="Left out: a new conversation")


class ForkRequest(ChatRequest):
    """One message that continues an earlier checkpoint instead of the newest one."""

    thread_id: UUID
    checkpoint_id: CheckpointId


class ResumeRequest(_Request):
    """A person's answer to a question that the graph asked."""

    thread_id: UUID
    question_id: Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
    answer: Annotated[Any, AfterValidator(_keepable)] = Field(
        description="Whatever the question's schema asks for"
    )


class StopRequest(_Request):
    """A run to stop."""

    thread_id: UUID


class Question(BaseModel):
    """What the graph asks the person before it goes on."""

    id: str
    value: Any
    schema_: dict[str, Any] | None = Field(None, alias="schema")


class Message(BaseModel):
    """One message of a conversation."""

    id: str | None
    role: Literal["person", "assistant", "tool", "system"]
    text: str


class ChatAnswer(BaseModel):
    """The end of a turn."""

    thread_id: str
    run_id: str
    status: Status
    answer: Message | None
    questions: list[Question] = []
    detail: str | None = None


class ThreadEntry(BaseModel):
    """One row of a person's list of conversations."""

    id: str
    title: str
    created_at: str
    active_at: str


class ThreadState(BaseModel):
    """A conversation as it stands."""

    thread_id: str
    checkpoint_id: str | None
    messages: list[Message]
    values: dict[str, Any]
    questions: list[Question]
    unfinished: bool = Field(description="Whether a run ended in the middle, and can continue")


class CheckpointEntry(BaseModel):
    """One row of a thread's history."""

    checkpoint_id: str
    parent_id: str | None
    created_at: str | None
    source: str | None
    step: int | None
    next: list[str]
    messages: int
    last: Message | None


class Health(BaseModel):
    """Whether a worker can serve."""

    status: Literal["ok"]
    running: int
