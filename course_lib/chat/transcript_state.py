"""What a transcript knows of a chat, and the entries that come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from langgraph.constants import START

from course_lib.chat.approval_card import cards_of
from course_lib.chat.cards import cards_entry, turn_of_cards
from course_lib.chat.drafts import Drafts
from course_lib.chat.entries import given_answer_entry, message_entries, next_actions, person_entry
from course_lib.chat.entry_diff import Entry
from course_lib.chat.events import ThreadLoaded
from course_lib.chat.markup import plain
from course_lib.chat.path_history import PathHistory
from course_lib.chat.turn_record import TurnRecord, renamed_keys, stored_turns
from course_lib.persistence import is_equal

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from course_lib.display import Card


@dataclass(frozen=True)
class MadeTurn:
    """The entries of a turn, with what they were made from.

    Args:
        messages: of the turn, with their keys.
        inputs: everything they depend on.
        entries: of the person's message and all up to the next one.
        model: which model wrote the turn's last answer; empty where none says so.
    """

    messages: Sequence[tuple[str, BaseMessage]]
    inputs: list[Any]
    entries: list[Entry]
    model: str


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
        history: what the checkpoints tell of the messages and of the graph's questions.
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
    history: PathHistory = field(default_factory=PathHistory)
    running: bool = False
    failed: bool = False
    model: str = ""
    caveats: Sequence[Entry] = ()
    _made: dict[str, MadeTurn] = field(default_factory=dict)

    def entries(self, *, only_this_turn: bool = False) -> list[Entry]:
        """Return all entries of the chat.

        Args:
            only_this_turn: whether nothing has changed in the turns before the one that runs. They
                are not looked at then: a long conversation would cost time with each step of a run.
        """
        if only_this_turn and self._made:
            if made := self._made.get(self.turn):
                self._made[self.turn] = self._turn(self.turn, made.messages)
        else:
            unstored = {r.first_written: k for k, r in self.turns.items() if r.unstored is not None}
            turns = stored_turns(self.thread, self.pending, self.turn, unstored)
            self._made = {key: self._turn(key, messages) for key, messages in turns.items()}
        behind = self._unstored_turns(self._made)
        entries: list[Entry] = [*self.caveats]
        self.model = next((m.model for m in reversed(self._made.values()) if m.model), self.model)
        for key, made in self._made.items():
            entries += made.entries
            entries += behind.get(key, [])
        entries += [draft.entry() for draft in self.drafts]
        if not self.running:
            entries += next_actions(
                self._open_thread(), self._questions(busy=False), failed=self.failed
            )
        elif self.pending is None:
            entries += self._questions(busy=True)  # what is filled in there must not be lost
        entries += [
            {"kind": "waiting", "key": f"waiting-{n}", "text": plain(text)}
            for n, text in enumerate(self.queue)
        ]
        return entries

    def _open_thread(self) -> ThreadLoaded:
        """The thread, as one that is not to be continued where its message was given back.

        The step that takes in the input has failed then, and would take it in a second time.
        """
        record = self.turns.get(self.turn)
        if record is not None and record.unstored is not None and START in self.thread.unfinished:
            return replace(self.thread, unfinished=())
        return self.thread

    def end_run(self, thread: ThreadLoaded) -> None:
        """Note that a run has ended, and keep what is known of the turns under their keys now.

        Args:
            thread: as the run has left it. A node that returns copies of all messages may have
                given them other ids.
        """
        new = renamed_keys(self.thread, thread)
        self.turns = {new.get(key, key): record for key, record in self.turns.items()}
        for record in self.turns.values():
            record.after = new.get(record.after, record.after)
        self.thread, self.running = thread, False
        self.compare_with_thread()

    def compare_with_thread(self) -> None:
        """Forget of each turn that something was not stored where the thread holds it."""
        for record in self.turns.values():
            record.compare_with(self.thread)

    def new_cards(self, cards: Sequence[Card]) -> Sequence[Card]:
        """Return the cards of the thread's last answer, none where another turn shows the same.

        Args:
            cards: of the state.
        """
        keys = [card.key for card in cards]
        others = (each for key, each in self.turns.items() if key != self.turn)
        shown = [each.cards for each in others if each.cards]
        return () if shown and keys == [card.key for card in shown[-1]] else cards

    def place_cards(self, cards: Sequence[Card]) -> None:
        """Show the cards of a thread that was read in the turn whose answer names them.

        In a reopened thread that need not be the last one: an answer may have followed that speaks
        of none of them.

        Args:
            cards: of the state.
        """
        new = self.new_cards(cards)
        self.turns.setdefault(self.turn, TurnRecord()).cards = ()
        if new:
            named = turn_of_cards(new, stored_turns(self.thread, None, "", {}))
            self.turns.setdefault(named or self.turn, TurnRecord()).cards = new

    def _turn(self, turn: str, messages: Sequence[tuple[str, BaseMessage]]) -> MadeTurn:
        """A turn as it was made before, or made now where something in it has changed.

        Every event asks for all entries, and in a long thread all turns but the last stay as they
        are.
        """
        record = self.turns.get(turn, TurnRecord())
        written = [key for key, _ in messages if key in self.thread.graph_written]
        answers = [key for key in written if key in self.thread.answers]
        shown_as = (self._open_state(turn), self._is_active(turn), *self.history.of(turn))
        inputs = [messages, written, answers, *shown_as, *record.shown()]
        made = self._made.get(turn)
        if made is not None and is_equal(made.inputs, inputs):
            return made
        entries = self._turn_entries(turn, messages, record)
        names = [message.response_metadata.get("model_name") for _, message in messages]
        model = next((name for name in reversed(names) if isinstance(name, str)), "")
        return MadeTurn(messages, inputs, entries, model)

    def _turn_entries(
        self, turn: str, messages: Sequence[tuple[str, BaseMessage]], record: TurnRecord
    ) -> list[Entry]:
        """A person's message and everything up to the next."""
        entries = record.person_entries(turn)
        notes = record.note_entries(turn)
        for key, message in messages:
            entries += [note for note in notes if note.get("before") == key]
            if key == turn:
                entries.append(self._person_entry(key, message))
                continue
            if key in self.thread.answers:
                entries.append(given_answer_entry(key, message))
                continue
            graph_written = key in self.thread.graph_written
            entries += message_entries(key, message, graph_written=graph_written)
        said = [message for _, message in messages]
        entries[min(1, len(turn)) : min(1, len(turn))] = record.entries(
            turn, said, self._open_state(turn), self.history
        )
        if record.cards:
            answer = next((e for e in reversed(entries) if e["kind"] == "answer"), {})
            answer["titles"] = [plain(card.title) for card in record.cards]
            entries.append(cards_entry(turn, record.cards, active=self._is_active(turn)))
        keys = {key for key, _ in messages}
        return entries + [note for note in notes if note.get("before") not in keys]

    def _person_entry(self, key: str, message: BaseMessage) -> Entry:
        entry = person_entry(key, message)
        versions = self.history.versions.get(key)
        return {**entry, "versions": versions.shown()} if versions else entry

    def _unstored_turns(self, turns: Mapping[str, Any]) -> dict[str, list[Entry]]:
        """The turns that the thread holds nothing of, by the turn that each stands behind."""
        behind: dict[str, list[Entry]] = {}
        newest: dict[str, str] = {}  # the last turn without a stored message behind a stored one
        for key, record in self.turns.items():
            if record.unstored is None:
                continue
            after = self._last_kept(record.after, turns)
            if key in turns:
                newest[after] = key
            else:
                entries = behind.setdefault(newest.get(after, after), [])
                entries += record.unstored_entries(key)
        return behind

    def _last_kept(self, key: str, turns: Mapping[str, Any]) -> str:
        """A turn, or the last one before it that the thread still holds.

        A message that is sent again with its id stands behind one that stood behind it.
        """
        passed: set[str] = set()
        while key not in turns and key in self.turns and key not in passed:
            passed.add(key)
            key = self.turns[key].after
        return key if key in turns else next(reversed(turns))

    def _is_active(self, turn: str) -> bool:
        """Whether the cards of a turn can be pressed."""
        return turn == self.turn and not self.running and not self.thread.interrupts

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
