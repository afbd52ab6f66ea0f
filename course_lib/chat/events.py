"""What can happen in a chat, as `ChatController` reports it: one small type for each event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from course_lib.chat.message_keys import message_keys, read_messages

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langgraph.types import Interrupt

    from course_lib.chat.run_cost import RunCost

Outcome = Literal["done", "waiting", "stopped", "failed"]
"""How a run ended: at END, at an interrupt, because a person stopped it, or with an error."""


@dataclass(frozen=True)
class ThreadLoaded:
    """A thread as it is stored, read at one checkpoint.

    Args:
        thread_id: which thread.
        checkpoint_id: the checkpoint that was read; None for a thread that holds nothing yet.
        values: the whole state, by field.
        interrupts: the questions that wait for an answer.
        next: the nodes that would run now; empty when the last run reached its end, and between
            the writes of a step and its checkpoint.
        unfinished: the nodes of the step in which the last run broke off, as `unfinished_step`
            finds them.
        is_newest: whether the thread stands at this checkpoint; False for an earlier one.
        graph_written: keys of the messages that have the role of a person and were written by a
            node, such as a summary of the conversation.
        answers: keys of those among them in which a node stored what the person had answered to a
            question of the graph.
        error: why the thread could not be read; `values` is empty then.
    """

    thread_id: str
    checkpoint_id: str | None
    values: Mapping[str, Any]
    interrupts: Sequence[Interrupt] = ()
    next: Sequence[str] = ()
    unfinished: Sequence[str] = ()
    is_newest: bool = True
    graph_written: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()
    error: Exception | None = None

    @property
    def messages(self) -> Sequence[BaseMessage]:
        """The conversation as LangChain messages, whatever form the state holds them in."""
        return read_messages(self.values.get("messages"))

    @property
    def last_words(self) -> str:
        """The text of the last message with the role of a person; empty where there is none."""
        messages = reversed(self.messages)
        return next((str(message.text) for message in messages if message.type == "human"), "")

    @property
    def last_person_key(self) -> str:
        """The key of the last message that a person wrote; empty where there is none."""
        keys = message_keys(self.messages)
        return next(
            (
                key
                for key, message in zip(reversed(keys), reversed(self.messages), strict=True)
                if message.type == "human" and key not in self.graph_written
            ),
            "",
        )


@dataclass(frozen=True)
class RunStarted:
    """A run begins.

    Args:
        message: the person's message that it was started with; None where a run continues.
    """

    message: BaseMessage | None


@dataclass(frozen=True)
class RunEnded:
    """A run is over.

    Args:
        outcome: how it ended.
        thread: what the thread holds now, read again after the run.
        error: what was raised, where the run failed.
        unstored: the person's message of this run, where the thread does not hold it.
        remedy: what in the graph to change, where the error alone does not say it.
        cost: seconds and tokens of the run; None where it could not begin.
        unread: whether the thread could not be read again: `thread` is the one from before the run,
            and nobody knows what was stored.
    """

    outcome: Outcome
    thread: ThreadLoaded
    error: Exception | None = None
    unstored: BaseMessage | None = None
    remedy: str = ""
    cost: RunCost | None = None
    unread: bool = False


@dataclass(frozen=True)
class NodeStarted:
    """A node begins.

    Args:
        task: id of this one execution of the node.
        node: its name.
        path: names of the subgraphs that the node is part of, outermost first.
    """

    task: str
    node: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeEnded:
    """A node has finished, has failed, or has stopped at an interrupt.

    Args:
        task: as in its `NodeStarted`.
        node: its name.
        path: names of the subgraphs that the node is part of, outermost first.
        update: what it wrote, by field.
        error: how it failed.
        interrupted: whether it stopped at an interrupt.
    """

    task: str
    node: str
    path: tuple[str, ...] = ()
    update: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    interrupted: bool = False


@dataclass(frozen=True)
class Token:
    """A piece of an answer.

    Args:
        message_id: of the message that the piece belongs to.
        text: the piece.
        node: the node that writes it.
    """

    message_id: str
    text: str
    node: str


@dataclass(frozen=True)
class ToolCalled:
    """A model asked for a tool.

    Args:
        call_id: id of the call as the model gave it; models may leave it empty or use it twice.
        name: name of the tool.
        args: the arguments, or their text where it is no JSON.
    """

    call_id: str
    name: str
    args: Any = field(hash=False)


@dataclass(frozen=True)
class ToolReturned:
    """A tool answered.

    Args:
        call_id: id of the call that it answers.
        name: name of the tool.
        text: what it returned.
        failed: whether it reports an error.
    """

    call_id: str
    name: str
    text: str
    failed: bool = False


@dataclass(frozen=True)
class Progress:
    """A node or tool reported how far it is, through its stream writer.

    Args:
        value: whatever it wrote.
    """

    value: Any


@dataclass(frozen=True)
class Queued:
    """A message waits, because another run has not ended yet.

    Args:
        text: of the message.
    """

    text: str


@dataclass(frozen=True)
class Unqueued:
    """A message no longer waits.

    Args:
        text: of the message.
        sent: True when its run begins, False when it is given back unsent.
    """

    text: str
    sent: bool


Event = (
    ThreadLoaded
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
"""Everything that the listener of a `ChatController` may receive."""


def thread_of(event: ThreadLoaded | RunEnded) -> ThreadLoaded:
    """Return the thread as it was read for an event.

    Args:
        event: that reports a thread.
    """
    return event if isinstance(event, ThreadLoaded) else event.thread


def text_given_back(event: Event) -> str:
    """Return the text of a message that was not sent, or not stored by a run that failed.

    Args:
        event: any event.

    Returns:
        The text, for the person to send again; empty where nothing came back.
    """
    match event:
        case Unqueued(sent=False, text=text):
            return text
        case RunEnded(unstored=message, error=error) if message is not None and error is not None:
            return str(message.text)
    return ""
