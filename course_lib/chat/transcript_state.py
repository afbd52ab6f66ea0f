"""What a transcript knows of a chat, and the entries that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.chat.approval_card import cards_of
from course_lib.chat.cards import cards_entry
from course_lib.chat.drafts import Drafts
from course_lib.chat.entries import message_entries, next_actions, person_entry
from course_lib.chat.entry_diff import Entry
from course_lib.chat.events import ThreadLoaded
from course_lib.chat.markup import plain
from course_lib.chat.turn_record import TurnRecord, stored_turns
from course_lib.chat.versions import Versions

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


@dataclass
class TranscriptState:
    """What a transcript knows.

    Args:
        thread: as it was read last.
        turns: what happened in this sitting, by the key of the person's message.
        turn: key of the person's message whose run has not ended, or was the last.
        pending: the message that was sent, and is not yet read back from the thread.
        drafts: the answers that are being written.
        queue: the messages that wait.
        refusals: what was wrong with an answer, by interrupt and field.
        refusal_count: how many were refused, so that a second one for the same reason is a change.
        versions: of the messages that were said in several.
        running: whether a run has not ended.
        failed: whether the last run failed.
        model: which model wrote the last answer.
        caveats: entries that stand above every thread.
    """

    thread: ThreadLoaded = field(default_factory=lambda: ThreadLoaded("", None, {}))
    turns: dict[str, TurnRecord] = field(default_factory=dict)
    turn: str = ""
    pending: BaseMessage | None = None
    drafts: Drafts = field(default_factory=Drafts)
    queue: list[str] = field(default_factory=list)
    refusals: dict[str, Mapping[str, str]] = field(default_factory=dict)
    refusal_count: int = 0
    versions: Mapping[str, Versions] = field(default_factory=dict)
    running: bool = False
    failed: bool = False
    model: str = ""
    caveats: Sequence[Entry] = ()

    def entries(self) -> list[Entry]:
        """Return all entries of the chat."""
        turns = stored_turns(self.thread, self.pending, self.turn)
        entries: list[Entry] = [*self.caveats]
        for key, messages in turns.items():
            entries += self._turn_entries(key, messages)
            entries += self._unstored_turns(key, turns)
        entries += [draft.entry() for draft in self.drafts]
        if not self.running:
            entries += next_actions(self.thread, self._questions(busy=False), failed=self.failed)
        elif self.pending is None:
            entries += self._questions(busy=True)  # what is filled in there must not be lost
        entries += [
            {"kind": "waiting", "key": f"waiting-{n}", "text": plain(text)}
            for n, text in enumerate(self.queue)
        ]
        return entries

    def _turn_entries(self, turn: str, messages: Sequence[tuple[str, BaseMessage]]) -> list[Entry]:
        """A person's message and everything up to the next."""
        entries: list[Entry] = []
        for key, message in messages:
            if key == turn:
                entries.append(self._person_entry(key, message))
                continue
            graph_written = key in self.thread.graph_written
            entries += message_entries(key, message, graph_written=graph_written)
            name = message.response_metadata.get("model_name")
            self.model = name if isinstance(name, str) else self.model
        record = self.turns.get(turn, TurnRecord())
        said = [message for _, message in messages]
        entries[min(1, len(turn)) : min(1, len(turn))] = record.entries(
            turn, said, self._open_state(turn)
        )
        if record.cards:
            active = turn == self.turn and not self.running and not self.thread.interrupts
            answer = next((e for e in reversed(entries) if e["kind"] == "answer"), {})
            answer["titles"] = [plain(card.title) for card in record.cards]
            entries.append(cards_entry(turn, record.cards, active=active))
        return entries + record.note_entries(turn)

    def _person_entry(self, key: str, message: BaseMessage) -> Entry:
        entry = person_entry(key, message)
        versions = self.versions.get(key)
        return {**entry, "versions": versions.shown()} if versions else entry

    def _unstored_turns(self, after: str, turns: Mapping[str, Any]) -> list[Entry]:
        """The turns behind a stored one whose messages the thread does not hold."""
        last = after == next(reversed(turns))
        return [
            entry
            for key, record in self.turns.items()
            if key not in turns and record.unstored is not None
            if record.after == after or (last and record.after not in turns)
            for entry in record.unstored_entries(key)
        ]

    def _open_state(self, turn: str) -> str:
        """The state of a tool call of a turn that has no answer."""
        if turn != self.turn:
            return "stopped"
        return "running" if self.running else "waiting" if self.thread.interrupts else "stopped"

    def _questions(self, *, busy: bool) -> list[Entry]:
        """A card for each open question; while a run has not ended none can be sent."""
        return cards_of(
            self.thread.interrupts, self.refusals, busy=busy, refusal_count=self.refusal_count
        )
