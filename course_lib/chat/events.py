"""What can happen in a chat, as `ChatController` tells it: one small type for each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import convert_to_messages

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langgraph.types import Interrupt

Outcome = Literal["done", "waiting", "stopped", "failed"]
"""How a run ended: at END, at an interrupt, by the person, or by an error."""


@dataclass(frozen=True)
class Loaded:
    """A thread as it is stored, read at one checkpoint.

    Args:
        thread_id: which thread.
        checkpoint_id: the checkpoint that was read; None for a thread that holds nothing yet.
        values: the whole state.
        interrupts: what the graph waits to be told.
        next: the nodes that would run now; empty when the last run reached its end.
        is_newest: whether this is where the thread stands, not an earlier checkpoint.
    """

    thread_id: str
    checkpoint_id: str | None
    values: Mapping[str, Any]
    interrupts: Sequence[Interrupt] = ()
    next: Sequence[str] = ()
    is_newest: bool = True

    @property
    def messages(self) -> Sequence[BaseMessage]:
        """The conversation, as messages, whatever form the state holds them in."""
        return convert_to_messages(self.values.get("messages") or [])


@dataclass(frozen=True)
class RunStarted:
    """A run begins.

    Args:
        message: the message it was started with; None where a run goes on.
    """

    message: BaseMessage | None


@dataclass(frozen=True)
class RunEnded:
    """A run is over, and this is what the thread holds now.

    Args:
        outcome: how it ended.
        now: the thread, read again.
        error: what was raised, where it failed.
    """

    outcome: Outcome
    now: Loaded
    error: Exception | None = None


@dataclass(frozen=True)
class NodeStarted:
    """A node begins.

    Args:
        task: id of this one execution of the node.
        node: its name.
        within: names of the subgraphs it lies in, outermost first.
    """

    task: str
    node: str
    within: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeEnded:
    """A node is done, has failed, or waits at an interrupt.

    Args:
        task: as in its `NodeStarted`.
        node: its name.
        within: names of the subgraphs it lies in.
        wrote: what it wrote, by field.
        error: how it failed.
        waits: whether it stopped at an interrupt.
    """

    task: str
    node: str
    within: tuple[str, ...] = ()
    wrote: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    waits: bool = False


@dataclass(frozen=True)
class Token:
    """A piece of an answer.

    Args:
        message_id: of the message it belongs to.
        text: the piece.
        node: who writes.
    """

    message_id: str
    text: str
    node: str


@dataclass(frozen=True)
class ToolCalled:
    """A model asked for a tool.

    Args:
        call_id: of the call.
        name: of the tool.
        args: as the model filled them in.
    """

    call_id: str
    name: str
    args: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class ToolReturned:
    """A tool answered.

    Args:
        call_id: of the call it answers.
        name: of the tool.
        text: what it returned.
        failed: whether it reports an error.
    """

    call_id: str
    name: str
    text: str
    failed: bool = False


@dataclass(frozen=True)
class Progress:
    """A node or tool told how far it is, through its stream writer.

    Args:
        value: whatever it wrote.
    """

    value: Any


@dataclass(frozen=True)
class Queued:
    """A message waits, because a run is under way.

    Args:
        text: of the message.
    """

    text: str


@dataclass(frozen=True)
class Unqueued:
    """A message that waited waits no more.

    Args:
        text: of the message.
        sent: True when its run begins, False when it was given back unsent.
    """

    text: str
    sent: bool


Event = (
    Loaded
    | RunStarted
    | RunEnded
    | NodeStarted
    | NodeEnded
    | Token
    | ToolCalled
    | ToolReturned
    | Progress
    | Queued
    | Unqueued
)
"""Everything that a listener of `ChatController` may be told."""
