"""What stands in a chat, as a list of entries made from the controller's events. No UI.

    transcript = Transcript(change=print)
    chat = ChatController(graph, on_event=transcript.handle)

Everything that the thread stores is made from the thread. What belongs to this sitting only (an
answer that was not stored, a problem, a waiting message) is marked so, and stays where it happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from langgraph.errors import is_invalid_resume

from course_lib.chat.approval import Approval, errors_of
from course_lib.chat.cards import CardsOf, read_cards
from course_lib.chat.entries import (
    BROKEN_OFF,
    DISCARDED,
    NOT_KEPT,
    NOT_KNOWN,
    STOPPED,
    caveat_entries,
    decision_entry,
    error_text,
    note_entry,
    unstored_answer,
)
from course_lib.chat.entry_diff import Change, Entry, Replaced, entry_diff
from course_lib.chat.events import (
    Event,
    Queued,
    RunEnded,
    RunStarted,
    ThreadLoaded,
    Token,
    Unqueued,
)
from course_lib.chat.lack_of_answer import lack_of_answer
from course_lib.chat.message_keys import message_keys
from course_lib.chat.path_history import PathHistory
from course_lib.chat.transcript_state import TranscriptState
from course_lib.chat.turn_record import TurnRecord
from course_lib.chat.unstored_answers import discarded_answers, unstored_drafts

ALL_ENTRIES = 2**31
"""More entries than any chat has."""


class Transcript:
    """The entries of a chat, and what changes in them.

    Args:
        change: is called with every change.
        cards: from a state to the cards of what its last answer speaks of.
        caveats: what stands above every thread.
    """

    def __init__(
        self,
        change: Callable[[Change], object] = lambda change: None,
        *,
        cards: CardsOf | None = None,
        caveats: Sequence[str] = (),
    ) -> None:
        self.caveats = caveat_entries(caveats)
        self.entries: list[Entry] = [*self.caveats]
        self.change = change
        self._cards_of = cards
        self._now = TranscriptState(caveats=self.caveats)
        self._asked: dict[str, str] = {}  # questions that were open when a message was sent
        self._decided: dict[str, Entry] = {}  # answers that the graph has not taken yet

    @property
    def model(self) -> str:
        """The model that wrote the last answer, by its own account."""
        return self._now.model

    def kept(self) -> list[tuple[str, str]]:
        """Return speaker and text of every entry that the thread holds."""
        kinds = ("you", "answer")
        return [(e["kind"], e["text"]) for e in self.entries if e["kind"] in kinds and e["kept"]]

    def approval(self, interrupt_id: str) -> Approval | None:
        """Return the open question with an id, None where it is not open any more."""
        waiting = self._now.thread.interrupts
        return next((Approval.of(each) for each in waiting if each.id == interrupt_id), None)

    def refresh(self) -> None:
        """Report every entry again, for a view that knows none of them."""
        self.entries = self._now.entries()
        self.change(Replaced(0, ALL_ENTRIES, list(self.entries)))

    def refuse(self, interrupt_id: str, errors: Mapping[str, str]) -> None:
        """Show on a card what is wrong with an answer.

        Args:
            interrupt_id: of the question.
            errors: what is wrong, by field.
        """
        self._now.refusals[interrupt_id] = dict(errors)
        self._now.refusal_count += 1
        self._rebuild(only_this_turn=True)

    def only_question(self) -> Approval | None:
        """Return the open question, None where there is none or more than one."""
        waiting = self._now.thread.interrupts
        return Approval.of(waiting[0]) if len(waiting) == 1 and not self._now.running else None

    def person_keys(self) -> list[str]:
        """Return the keys of the messages that the person sent and the thread holds, in order."""
        mine = (e for e in self.entries if e["kind"] == "you" and "sent" not in e)
        return [e["key"] for e in mine if e["kept"]]

    def decide(self, interrupt_id: str, outcome: str, text: str) -> None:
        """Keep a line of a question that is answered, once the graph has taken the answer.

        Args:
            interrupt_id: of the question.
            outcome: `yes`, `no` or `sent`.
            text: what was decided.
        """
        self._decided[interrupt_id] = decision_entry(outcome, text)

    def show_history(self, history: PathHistory) -> None:
        """Show what the checkpoints tell of the messages.

        Args:
            history: the versions of messages, and what became of the graph's questions.
        """
        self._now.history = history
        self._rebuild()

    def note(self, text: str, kind: str = "problem") -> None:
        """Show something of this sitting behind the last message.

        Args:
            text: what to show.
            kind: `problem` or `note`.
        """
        self._record().add_note(note_entry(kind, text))
        self._rebuild(only_this_turn=True)

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
                self._now.queue.append(event.text)
            case Unqueued():
                if event.text in self._now.queue:
                    self._now.queue.remove(event.text)
            case _:
                self._record().handle(event)
        reads_or_runs = isinstance(event, (ThreadLoaded, RunStarted, RunEnded))
        self._rebuild(only_this_turn=not reads_or_runs)

    def _append(self, token: Token) -> None:
        begun = token.message_id in self._now.drafts
        change = self._now.drafts.append(token.message_id, token.text)
        if not begun:
            self._rebuild(only_this_turn=True)
            return
        for n in range(len(self.entries) - 1, -1, -1):
            if self.entries[n]["key"] == token.message_id:
                self.entries[n] = self._now.drafts.entry(token.message_id)
                break
        self.change(change)

    def _load(self, thread: ThreadLoaded) -> None:
        if thread.thread_id != self._now.thread.thread_id:
            self._now.turns.clear()
            self._now.failed = False
            self._now.pending = None
            self._now.drafts.clear()
        self._now.thread = thread
        self._now.turn = thread.last_person_key
        self._now.refusals.clear()
        if thread.error is None:  # what is known of another branch is not shown on this one
            self._now.compare_with_thread()
            keys = {"", *message_keys(thread.messages)}
            self._now.turns = {
                key: record
                for key, record in self._now.turns.items()
                if key in keys or record.is_placed_by(keys)
            }
        if not thread.is_newest:
            self._now.turns.pop(self._now.turn, None)  # it may be of another branch
        if not self._now.running:
            self._now.place_cards(read_cards(self._cards_of, thread.values))
        if thread.error is not None:
            self._record().add_note(note_entry("problem", error_text(thread.error, stored=True)))

    def _start(self, event: RunStarted) -> None:
        self._now.running, self._now.failed = True, False
        self._now.drafts.clear()
        self._now.refusals.clear()
        if event.message is not None:
            self._asked = {each.id: self._now.turn for each in self._now.thread.interrupts}
            self._now.pending = event.message
            self._now.turn = str(event.message.id)
            self._now.turns[self._now.turn] = TurnRecord(after=self._now.thread.last_person_key)
            self._set_chip_states("waiting", "stopped")
        self._set_chip_states("waiting", "running")
        record = self._record()
        record.stale = len(record.notes)
        record.seen_whole = event.message is not None or record.cost is not None

    def _end(self, event: RunEnded) -> None:
        before, was_sent = self._now.thread, self._now.pending is not None
        if was_sent:
            for text in discarded_answers(before, event.thread):
                turn = self._now.turns.setdefault(before.last_person_key, TurnRecord())
                turn.add_note(unstored_answer(text, DISCARDED))
        self._now.end_run(event.thread)
        self._name_turn(event)
        self._note_decisions(event)
        record = self._record()
        record.add_cost(event.cost)
        record.find_first_written(before, event.thread)
        record.cards = self._now.new_cards(read_cards(self._cards_of, event.thread.values))
        if event.outcome in ("done", "waiting"):
            del record.notes[: record.stale]  # what had gone wrong in this turn was repaired
        reason = BROKEN_OFF if event.outcome in ("stopped", "failed") else NOT_KEPT
        reason = NOT_KNOWN if event.unread else reason
        for draft, following in unstored_drafts([*self._now.drafts], event.thread):
            record.add_note(unstored_answer(draft.text, reason, before=following))
        self._now.pending = None
        self._now.drafts.clear()
        ends = {"stopped": "stopped", "failed": "failed", "waiting": "waiting"}
        self._set_chip_states("running", ends.get(event.outcome, "done"))
        if event.outcome == "stopped":
            record.add_note(note_entry("note", STOPPED))
        elif event.error is not None and is_invalid_resume(event.error):
            self._now.refusal_count += 1
            for interrupt in event.thread.interrupts:
                self._now.refusals[interrupt.id] = errors_of(event.error)
        elif event.error is not None:
            self._now.failed = True
            stored = event.unstored is None
            text = error_text(event.error, stored=stored, remedy=event.remedy, unread=event.unread)
            record.add_note(note_entry("problem", text))
        elif event.outcome == "done":
            asked = self._now.turn if was_sent else ""
            if lack := lack_of_answer(event.thread, before.messages, asked):
                record.add_note(note_entry("note", lack))

    def _name_turn(self, event: RunEnded) -> None:
        """Keep what is known of the turn under the key that its message has in the thread."""
        if self._now.pending is None:
            return
        record = self._now.turns.pop(self._now.turn, TurnRecord())
        record.unstored, record.unread = event.unstored, event.unread
        if event.unstored is None:
            self._now.turn = event.thread.last_person_key or self._now.turn
        self._now.turns[self._now.turn] = record

    def _note_decisions(self, event: RunEnded) -> None:
        """Note the questions that are no longer open: as answered, or as dropped.

        What was answered stays also where the run failed behind it and the question is still open.
        """
        still_open = {each.id for each in event.thread.interrupts}
        refused = event.error is not None and is_invalid_resume(event.error)
        took_all = event.outcome == "failed" and not refused
        taken = (entry for key, entry in self._decided.items() if took_all or key not in still_open)
        self._record().decisions += taken
        self._decided = {}
        for question, turn in self._asked.items():
            if question not in still_open and turn in self._now.turns:
                self._now.turns[turn].dropped += 1
        self._asked = {}

    def _rebuild(self, *, only_this_turn: bool = False) -> None:
        """Make the entries again, and report the part that differs.

        Args:
            only_this_turn: whether nothing has changed in the turns before the one that runs.
        """
        old, self.entries = self.entries, self._now.entries(only_this_turn=only_this_turn)
        if difference := entry_diff(old, self.entries):
            self.change(difference)

    def _set_chip_states(self, before: str, after: str) -> None:
        for record in self._now.turns.values():
            record.set_chip_states(before, after)

    def _record(self) -> TurnRecord:
        return self._now.turns.setdefault(self._now.turn, TurnRecord())
