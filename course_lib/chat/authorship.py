"""Who wrote a message that has the role of a person: a person, or a node of the graph.

Graphs write messages with that role too: summaries of a long conversation, critiques of a draft,
answers of other agents. The chat must not show them as the person's, nor send them again. One kind
is the person's all the same: a node asks a question by `interrupt`, and stores the answer as a
message. The chat shows it as the person's, and does not send it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.checkpoint.base import get_checkpoint_id
from langgraph.constants import START

from course_lib.chat.message_keys import message_keys, read_messages
from course_lib.chat.stored_answers import answers_at, counted_words
from course_lib.chat.stream_events import written_messages
from course_lib.persistence import storable

if TYPE_CHECKING:
    from langgraph.checkpoint.base import CheckpointTuple

    from course_lib.chat.stored_answers import AnswersBelow

SENT = "person-"
"""How the id begins of every message that a person sent through the chat."""

MAX_CHECKPOINTS = 300
"""How many checkpoints are searched for the origin of messages that came from elsewhere."""


def person_message(text: str) -> HumanMessage:
    """Return what a person typed as a message.

    Args:
        text: as typed. Half an emoji, as a browser may send it, cannot be written as UTF-8, and
            PostgreSQL stores no NUL: both are replaced.
    """
    return HumanMessage(storable(text), id=new_id())


def new_id() -> str:
    """Return an id for a message that a person sends."""
    return f"{SENT}{uuid4()}"


class Authorship:
    """What is known of the authors of one thread's messages."""

    def __init__(self) -> None:
        self._by_person: set[str] = set()
        self._by_graph: set[str] = set()
        self._by_answer: set[str] = set()
        self._open: Counter[str] = Counter()
        """Words of answers that no message holds yet; what a node asks first it may store last."""

    def sent(self, message: BaseMessage) -> None:
        """Note that a person sends a message: what was answered before belongs to other turns."""
        self._by_person |= {_identity(message), _identity_without_id(message)}
        self._open.clear()

    def answered(self, answers: Iterable[Any]) -> None:
        """Note what a person answers questions of the graph with.

        Args:
            answers: each a text, or any value as JSON has it, such as the decisions of a review.
        """
        self._open += counted_words(answers)

    def observe(self, update: Mapping[str, Any]) -> None:
        """Note what a node wrote under the role of a person."""
        for message in written_messages(update):
            if message.type == "human" and _identity(message) not in self._by_person:
                self._by_graph.add(_identity(message))

    def ended(
        self, before: Sequence[BaseMessage], now: Sequence[BaseMessage], sent: BaseMessage | None
    ) -> None:
        """Note what a run has left under the role of a person.

        A node may write a message without an id, which its reducer gives it, or change the list
        that it was given: neither can be known from the update.

        Args:
            before: the messages of the thread before the run.
            now: the messages after it.
            sent: the person's message that the run was started with; its reducer may have given it
                another id.
        """
        known = [m for m in (*before, *[sent] * (sent is not None)) if m.type == "human"]
        held = {_identity(m): m.text for m in now if m.type == "human"}
        self._note_new(held, {_identity(message): message.text for message in known})

    def _note_new(self, held: Mapping[str, str], known: Mapping[str, str]) -> None:
        """Note that a step of the graph has written the messages that were not known before it.

        A node that returns the whole list may take the ids away, or give others: what has the words
        of a message that is gone is that message. One with the words of an answer that no message
        holds yet is that answer.

        Args:
            held: the texts of a person's role after the step, by identity.
            known: the texts before it, with the message that was sent.
        """
        gone: dict[str, list[str]] = {}
        for identity, text in known.items():
            if identity not in held:
                gone.setdefault(text, []).append(identity)
        for identity, text in held.items():
            if identity in known or identity in self._by_person or identity.startswith(SENT):
                continue
            if same := gone.get(text):
                original = same.pop(0)
                if original not in self._by_graph:
                    self._by_person.add(identity)
                    self._by_graph.discard(identity)  # so it looked in the node's update
                    continue
                if original in self._by_answer:
                    self._by_answer.add(identity)
            self._by_graph.add(identity)
            word = text.strip()
            if self._open[word] > 0:
                self._open[word] -= 1
                self._by_answer.add(identity)

    def unknown(self, messages: Sequence[BaseMessage]) -> bool:
        """Whether a message's author is known neither by its marks nor from this sitting."""
        known = self._by_person | self._by_graph
        return any(
            message.type == "human" and not _is_marked(message) and _identity(message) not in known
            for message in messages
        )

    def search(
        self,
        path: Sequence[CheckpointTuple],
        messages: Sequence[BaseMessage],
        below: AnswersBelow,
    ) -> None:
        """Find the authors of messages in the history of their thread.

        A message that first appears in the step after an input came with that input, and one that
        first appears in an `update` was put there by hand. Every other one was written by a node;
        one with the words of an answer that its turn was given before holds that answer.

        Args:
            path: the checkpoints that lead to where the thread stands, oldest first.
            messages: all messages of the thread.
            below: the answers to questions of subgraphs.
        """
        self._open.clear()
        before: CheckpointTuple | None = None
        known: Mapping[str, str] = {}
        held: Mapping[str, str] | None = None
        for each in path:
            held = _held(each)
            if before is not None and each.metadata.get("source") == "loop":
                self._wrote(before, held, known, below)
            known, before = known if held is None else held, each
        if before is not None:  # what a step has written that has not ended is in no checkpoint yet
            shown = {_identity(m): m.text for m in messages if m.type == "human"}
            self._wrote(before, None if held is None else shown, known, below)
        for message in messages:
            if message.type == "human" and _identity(message) not in self._by_graph:
                self._by_person.add(_identity(message))

    def _wrote(
        self,
        before: CheckpointTuple,
        held: Mapping[str, str] | None,
        known: Mapping[str, str],
        below: AnswersBelow,
    ) -> None:
        """Note what the step after a checkpoint was given as answers, and what it has written."""
        if _is_input(before):
            self._open.clear()
            return
        self._open += answers_at(before, below)
        if held is not None:
            self._note_new(held, known)

    def graph_written(self, messages: Sequence[BaseMessage]) -> frozenset[str]:
        """Return the keys of those messages of a person's role that the graph wrote."""
        return frozenset(
            key
            for key, message in zip(message_keys(messages), messages, strict=True)
            if message.type == "human" and self._is_the_graphs(message)
        )

    def answers(self, messages: Sequence[BaseMessage]) -> frozenset[str]:
        """Return the keys of those messages in which a node stored the answer to its question."""
        return frozenset(
            key
            for key, message in zip(message_keys(messages), messages, strict=True)
            if message.type == "human"
            and not _is_marked(message)
            and _identity(message) in self._by_answer
        )

    def _is_the_graphs(self, message: BaseMessage) -> bool:
        if _is_marked(message):
            return "lc_source" in message.additional_kwargs
        return _identity(message) in self._by_graph


def path_to(found: Iterable[CheckpointTuple], checkpoint_id: str | None) -> list[CheckpointTuple]:
    """Return the checkpoints from the oldest one found to a checkpoint, along the parents."""
    by_id = {each.checkpoint["id"]: each for each in found}
    path = []
    while checkpoint_id in by_id:
        path.append(by_id.pop(checkpoint_id))  # only once: a copied one may be its own parent
        parent = path[-1].parent_config
        checkpoint_id = get_checkpoint_id(parent) if parent else None
    return path[::-1]


def _is_marked(message: BaseMessage) -> bool:
    """Whether the message itself tells its author: sent by the chat, or LangChain's summary."""
    return str(message.id or "").startswith(SENT) or "lc_source" in message.additional_kwargs


def _identity(message: BaseMessage) -> str:
    return message.id or _identity_without_id(message)


def _identity_without_id(message: BaseMessage) -> str:
    return f"text: {message.text}"


def _is_input(checkpoint: CheckpointTuple) -> bool:
    """Whether the step after a checkpoint takes in what somebody put there."""
    by_hand = checkpoint.metadata.get("source") in ("input", "update")
    return by_hand or START in checkpoint.checkpoint["channel_values"]


def _held(checkpoint: CheckpointTuple) -> dict[str, str] | None:
    """The texts of a person's role in a checkpoint; None where it keeps only differences."""
    values = checkpoint.checkpoint["channel_values"]
    stored = values.get("messages", [] if START in values else None)
    if stored is None and "messages" in checkpoint.checkpoint["channel_versions"]:
        return None
    if stored is not None and not isinstance(stored, (Sequence, Mapping)):
        return None
    return {_identity(m): m.text for m in read_messages(stored) if m.type == "human"}
