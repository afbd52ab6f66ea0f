"""What stands in a chat, as a list of entries made from the controller's events. No UI.

    transcript = Transcript(change=print)
    chat = ChatController(graph, on_event=transcript.handle)

Everything that the thread stores is made from the thread. What belongs to this sitting only (an
answer that was not stored, a problem, a waiting message) is marked so, and stays where it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.errors import is_invalid_resume

from course_lib.chat.approval import Approval, errors_of
from course_lib.chat.approval_card import cards_of
from course_lib.chat.entries import (
    NO_ANSWER,
    STOPPED,
    answer_entry,
    error_text,
    is_answered,
    message_entries,
    next_actions,
    note_entry,
    person_entry,
    unstored_answer,
)
from course_lib.chat.entry_diff import Entry, Replaced, TextAppended, entry_diff
from course_lib.chat.events import (
    Event,
    Queued,
    RunEnded,
    RunStarted,
    ThreadLoaded,
    Token,
    Unqueued,
)
from course_lib.chat.markup import plain
from course_lib.chat.message_keys import message_keys
from course_lib.chat.turn_record import TurnRecord, stored_turns

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

ALL_ENTRIES = 2**31
"""More entries than any chat has."""

BROKEN_OFF = "the answer broke off"
NOT_KEPT = "the graph did not keep it"


class Transcript:
    """The entries of a chat, and what changes in them.

    Args:
        change: is called with every change.
    """

    def __init__(
        self, change: Callable[[Replaced | TextAppended], object] = lambda change: None
    ) -> None:
        self.entries: list[Entry] = []
        self.change = change
        self.model = ""
        self._thread = ThreadLoaded("", None, {})
        self._turns: dict[str, TurnRecord] = {}
        self._turn = ""  # key of the person's message whose run has not ended, or was the last
        self._pending: BaseMessage | None = None  # sent, and not yet read back from the thread
        self._drafts: dict[str, list[str]] = {}
        self._queue: list[str] = []
        self._refusals: dict[str, Mapping[str, str]] = {}
        self._refusal_count = 0  # so that a second refusal for the same reason is a change
        self._running = False
        self._failed = False

    def kept(self) -> list[tuple[str, str]]:
        """Return speaker and text of every entry that the thread holds."""
        kinds = ("you", "answer")
        return [(e["kind"], e["text"]) for e in self.entries if e["kind"] in kinds and e["kept"]]

    def approval(self, interrupt_id: str) -> Approval | None:
        """Return the open question with an id, None where it is not open any more."""
        open_now = (each for each in self._thread.interrupts if each.id == interrupt_id)
        return next((Approval.of(each) for each in open_now), None)

    def refresh(self) -> None:
        """Report every entry again, for a view that knows none of them."""
        self.entries = self._build()
        self.change(Replaced(0, ALL_ENTRIES, self.entries))

    def refuse(self, interrupt_id: str, errors: Mapping[str, str]) -> None:
        """Show on a card what is wrong with an answer.

        Args:
            interrupt_id: of the question.
            errors: what is wrong, by field.
        """
        self._refusals[interrupt_id] = dict(errors)
        self._refusal_count += 1
        self._rebuild()

    def note(self, text: str, kind: str = "problem") -> None:
        """Show something of this sitting behind the last message.

        Args:
            text: what to show.
            kind: `problem` or `note`.
        """
        self._record().notes.append(note_entry(kind, text))
        self._rebuild()

    def handle(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Token():
                self._append(event)
                return
            case ThreadLoaded():
                self._load(event)
            case RunStarted():
                self._start(event)
            case RunEnded():
                self._end(event)
            case Queued():
                self._queue.append(event.text)
            case Unqueued():
                if event.text in self._queue:
                    self._queue.remove(event.text)
            case _:
                self._record().handle(event)
        self._rebuild()

    def _append(self, token: Token) -> None:
        if token.message_id not in self._drafts:
            self._drafts[token.message_id] = [token.text]
            self._rebuild()
            return
        self._drafts[token.message_id].append(token.text)
        text = plain(token.text)
        for n in range(len(self.entries) - 1, -1, -1):
            entry = self.entries[n]
            if entry["key"] == token.message_id:
                self.entries[n] = {**entry, "text": entry["text"] + text}
                break
        self.change(TextAppended(token.message_id, text))

    def _load(self, thread: ThreadLoaded) -> None:
        if thread.thread_id != self._thread.thread_id:
            self._turns.clear()
            self._failed = False
            self._pending = None
            self._drafts.clear()
        self._thread = thread
        self._turn = thread.last_person_key
        self._refusals.clear()
        if thread.error is None:  # what is known of another branch is not shown on this one
            keys = {"", *message_keys(thread.messages)}
            self._turns = {
                key: record
                for key, record in self._turns.items()
                if key in keys or (record.unstored is not None and record.after in keys)
            }
        if not thread.is_newest:
            self._turns.pop(self._turn, None)  # it may be of another branch
        if thread.error is not None:
            self._record().notes.append(
                note_entry("problem", error_text(thread.error, stored=True))
            )

    def _start(self, event: RunStarted) -> None:
        self._running, self._failed = True, False
        self._drafts.clear()
        self._refusals.clear()
        if event.message is not None:
            self._pending = event.message
            self._turn = str(event.message.id)
            self._turns[self._turn] = TurnRecord(after=self._thread.last_person_key)
            self._set_chip_states("waiting", "stopped")
        self._set_chip_states("waiting", "running")
        self._record().stale = len(self._record().notes)

    def _end(self, event: RunEnded) -> None:
        before = len(self._thread.messages)
        self._thread, self._running = event.thread, False
        self._name_turn(event)
        record = self._record()
        if event.outcome in ("done", "waiting"):
            del record.notes[: record.stale]  # what had gone wrong in this turn was repaired
        reason = BROKEN_OFF if event.outcome in ("stopped", "failed") else NOT_KEPT
        for message_id, parts in self._drafts.items():
            if not _is_stored(message_id, "".join(parts), event.thread):
                record.notes.append(unstored_answer("".join(parts), reason))
        self._pending = None
        self._drafts.clear()
        ends = {"stopped": "stopped", "failed": "failed", "waiting": "waiting"}
        self._set_chip_states("running", ends.get(event.outcome, "done"))
        if event.outcome == "stopped":
            record.notes.append(note_entry("note", STOPPED))
        elif event.error is not None and is_invalid_resume(event.error):
            self._refusal_count += 1
            for interrupt in event.thread.interrupts:
                self._refusals[interrupt.id] = errors_of(event.error)
        elif event.error is not None:
            self._failed = True
            text = error_text(event.error, stored=event.unstored is None)
            record.notes.append(note_entry("problem", text))
        elif event.outcome == "done" and not is_answered(event.thread, before):
            record.notes.append(note_entry("note", NO_ANSWER))

    def _name_turn(self, event: RunEnded) -> None:
        """Keep what is known of the turn under the key that its message has in the thread."""
        if self._pending is None:
            return
        record = self._turns.pop(self._turn, TurnRecord())
        record.unstored = event.unstored
        if event.unstored is None:
            self._turn = event.thread.last_person_key or self._turn
        self._turns[self._turn] = record

    def _rebuild(self) -> None:
        """Make the entries again, and report the part that differs."""
        old, self.entries = self.entries, self._build()
        if difference := entry_diff(old, self.entries):
            self.change(difference)

    def _build(self) -> list[Entry]:
        turns = stored_turns(self._thread, self._pending, self._turn)
        entries: list[Entry] = []
        for key, messages in turns.items():
            entries += self._turn_entries(key, messages)
            entries += self._unstored_turns(key, turns)
        for message_id, parts in self._drafts.items():
            entries.append(answer_entry(message_id, "".join(parts), draft=True))
        if not self._running:
            entries += next_actions(self._thread, self._cards(busy=False), failed=self._failed)
        elif self._pending is None:
            entries += self._cards(busy=True)  # what is filled in there must not be lost
        entries += [
            {"kind": "waiting", "key": f"waiting-{n}", "text": plain(text)}
            for n, text in enumerate(self._queue)
        ]
        return entries

    def _turn_entries(self, turn: str, messages: Sequence[tuple[str, BaseMessage]]) -> list[Entry]:
        """A person's message and everything up to the next."""
        entries: list[Entry] = []
        for key, message in messages:
            if key == turn:
                entries.append(person_entry(key, message))
                continue
            graph_written = key in self._thread.graph_written
            entries += message_entries(key, message, graph_written=graph_written)
            name = message.response_metadata.get("model_name")
            self.model = name if isinstance(name, str) else self.model
        record = self._turns.get(turn, TurnRecord())
        said = [message for _, message in messages]
        entries[min(1, len(turn)) : min(1, len(turn))] = record.entries(
            turn, said, self._open_state(turn)
        )
        return entries + record.note_entries(turn)

    def _unstored_turns(self, after: str, turns: Mapping[str, Any]) -> list[Entry]:
        """The turns behind a stored one whose messages the thread does not hold."""
        last = after == next(reversed(turns))
        return [
            entry
            for key, record in self._turns.items()
            if key not in turns and record.unstored is not None
            if record.after == after or (last and record.after not in turns)
            for entry in record.unstored_entries(key)
        ]

    def _open_state(self, turn: str) -> str:
        """The state of a tool call of a turn that has no answer."""
        if turn != self._turn:
            return "stopped"
        return "running" if self._running else "waiting" if self._thread.interrupts else "stopped"

    def _cards(self, *, busy: bool) -> list[Entry]:
        """A card for each open question; while a run has not ended none can be sent."""
        return cards_of(
            self._thread.interrupts, self._refusals, busy=busy, refusal_count=self._refusal_count
        )

    def _set_chip_states(self, before: str, after: str) -> None:
        for record in self._turns.values():
            record.set_chip_states(before, after)

    def _record(self) -> TurnRecord:
        return self._turns.setdefault(self._turn, TurnRecord())


def _is_stored(message_id: str, text: str, thread: ThreadLoaded) -> bool:
    """Whether a thread holds what was shown, perhaps as part of another message: a summary, say."""
    shown = text.strip()
    return not shown or any(m.id == message_id or shown in str(m.text) for m in thread.messages)
