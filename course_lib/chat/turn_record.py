"""What happened in this sitting since a person's message, and is not stored in the thread."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from course_lib.chat.chips import Chip, answered_chip, merged_chips, stored_tool_chips
from course_lib.chat.entries import (
    NOT_KNOWN,
    NOT_STORED,
    decision_entry,
    unstored_entry,
    work_entry,
)
from course_lib.chat.entry_diff import Entry
from course_lib.chat.events import NodeEnded, NodeStarted, Progress, ToolCalled, ToolReturned
from course_lib.chat.forking import NOT_ANSWERED
from course_lib.chat.markup import plain
from course_lib.chat.message_keys import message_keys
from course_lib.chat.run_cost import RunCost, cost_parts, tokens_of
from course_lib.chat.ui_words import words_for
from course_lib.chat.work_summary import work_summary
from course_lib.display import Card, summary_line

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from course_lib.chat.events import ThreadLoaded
    from course_lib.chat.path_history import PathHistory

WorkEvent = NodeStarted | NodeEnded | ToolCalled | ToolReturned | Progress


@dataclass
class TurnRecord:
    """One turn: a person's message, and everything up to the next one.

    Args:
        after: key of the person's message before this one; empty for the first.
        chips: what ran, in the order in which it began.
        notes: problems, notes, and answers that were not stored.
        decisions: what the person decided on the graph's questions.
        dropped: how many questions the person let drop.
        cards: what the answer speaks of.
        cost: of its runs that are over; None before the first, as in a reopened thread.
        seen_whole: whether every run of the turn was in this sitting.
        unstored: the person's message, where the thread does not hold it.
        unread: whether that is not known, because the thread could not be read.
        first_written: key of the first message that the graph added in this turn, where the thread
            does not hold the person's message. The turn is shown from there on.
        stale: how many of the notes are from before the run that goes on now.
    """

    after: str = ""
    chips: list[Chip] = field(default_factory=list)
    notes: list[Entry] = field(default_factory=list)
    decisions: list[Entry] = field(default_factory=list)
    dropped: int = 0
    cards: Sequence[Card] = ()
    cost: RunCost | None = None
    seen_whole: bool = True
    unstored: BaseMessage | None = None
    unread: bool = False
    first_written: str = ""
    stale: int = 0
    _tasks: dict[str, Chip] = field(default_factory=dict)
    _progress: Chip | None = None

    def add_note(self, note: Entry) -> None:
        """Add a note; an equal one is not shown a second time, and the newer one stays.

        Args:
            note: a problem, a note, or an answer that was not stored. Two equal answers of one run
                are two answers.
        """
        if note in self.notes:
            at = self.notes.index(note)
            if at < self.stale or note["kind"] != "answer":
                del self.notes[at]
                self.stale -= at < self.stale
        self.notes.append(note)

    def add_cost(self, cost: RunCost | None) -> None:
        """Add what a run of this turn cost; None where that is not known."""
        if cost is not None:
            self.cost = cost if self.cost is None else self.cost + cost

    def find_first_written(self, before: ThreadLoaded, after: ThreadLoaded) -> None:
        """Find out where this turn begins in a thread that does not hold the person's message.

        Args:
            before: the thread before a run of this turn.
            after: the thread after it.
        """
        if self.unstored is None or self.first_written:
            return
        known = set(message_keys(before.messages))
        for key in reversed(message_keys(after.messages)):
            if key in known:
                return
            self.first_written = key

    def compare_with(self, thread: ThreadLoaded) -> None:
        """Forget that something was not stored where a thread holds it now.

        Args:
            thread: as it was read after the run.
        """
        if self.unstored is not None and self.unstored.id in message_keys(thread.messages):
            self.unstored, self.first_written = None, ""
        if any(note.get("note") == NOT_KNOWN for note in self.notes):
            said = {plain(str(message.text)) for message in thread.messages}
            held = (n.get("note") == NOT_KNOWN and n["text"] in said for n in self.notes)
            self.notes = [n for n, is_held in zip(self.notes, [*held], strict=True) if not is_held]
            self.unread = False

    def handle(self, event: WorkEvent) -> None:
        """Note what the graph did."""
        match event:
            case NodeStarted(task=task, node=node, path=path):
                self._task(task, node, path).state = "running"
            case NodeEnded(task=task, node=node, path=path, update=update):
                chip = self._task(task, node, path)
                ended = "waiting" if event.interrupted else "done"
                chip.state = "failed" if event.error else ended
                chip.detail = event.error or _update_text(update) or "wrote nothing"
            case ToolCalled(call_id=call_id, name=name, args=args):
                early = [c for c in self.chips if c.answered and not c.arguments]
                chip = answered_chip(early, call_id, name) if call_id else None
                if chip is None:
                    self.chips.append(Chip.of_call(call_id, name, args, "running"))
                else:
                    chip.called_with(args)
            case ToolReturned(call_id=call_id, name=name):
                open_calls = [c for c in self.chips if c.kind == "tool" and not c.answered]
                chip = answered_chip(open_calls, call_id, name)
                if chip is None:
                    chip = Chip("tool", name, call_id=call_id)
                    self.chips.append(chip)
                chip.returned(event.text, event.failed)
            case Progress(value=value):
                chip = Chip.of_progress(value)
                if self._progress is None:
                    self.chips.append(chip)
                else:
                    self.chips[self._index_of(self._progress)] = chip
                self._progress = chip

    def shown(self) -> list[object]:
        """Return a copy of everything that is shown of it, to see later whether it has changed."""
        chips = [tuple(vars(chip).values()) for chip in self.chips]
        notes, decisions = [*self.notes], [*self.decisions, self.dropped]
        return [chips, notes, decisions, self.cards, self.cost, self.unstored is None, self.unread]

    def set_chip_states(self, before: str, after: str) -> None:
        """Give all chips of one state another one; a tool that gave no answer is not done."""
        for chip in self.chips:
            if chip.state == before:
                open_call = chip.kind == "tool" and not chip.answered
                chip.state = "stopped" if open_call and after == "done" else after

    def entries(
        self,
        key: str,
        messages: Sequence[BaseMessage],
        open_state: str,
        history: PathHistory | None = None,
    ) -> list[Entry]:
        """Return what the graph did in this turn, and what became of its questions.

        Args:
            key: of the turn.
            messages: of the turn, as they are stored.
            open_state: the state of a tool call that has no answer.
            history: what the checkpoints tell of the graph's questions.
        """
        chips = merged_chips(self.chips, stored_tool_chips(messages, open_state))
        cost = cost_parts(self.cost, tokens_of(messages), whole=self.seen_whole)
        summary = work_summary(chips, cost)
        work = [work_entry(key, chips, summary)] if chips else []
        _, dropped, decided = (None, 0, ()) if history is None else history.of(key)
        dropped = self.dropped or dropped or _closed_as_dropped(messages)
        asked = self.unstored or next((m for m in messages if m.type == "human"), None)
        words = words_for("" if asked is None else str(asked.text))
        line = decision_entry("dropped", words["dropped"])
        earlier = [decision_entry(*each) for each in decided][: -len(self.decisions) or None]
        decisions = [*earlier, *self.decisions, *[line] * dropped]
        return [
            *work,
            *({**each, "key": f"decided-{key}-{n}"} for n, each in enumerate(decisions)),
        ]

    def note_entries(self, key: str) -> list[Entry]:
        """Return the notes of this turn, each under a key of its own."""
        return [{**note, "key": f"note-{key}-{n}"} for n, note in enumerate(self.notes)]

    def unstored_entries(self, key: str) -> list[Entry]:
        """Return all entries of a turn whose message the thread does not hold."""
        work = self.entries(key, [], "stopped")
        return [*self.person_entries(key), *work, *self.note_entries(key)]

    def is_placed_by(self, keys: Collection[str]) -> bool:
        """Return whether a turn without a stored message of a person has a place in a thread.

        Args:
            keys: of the thread's messages, and the empty one for its beginning.
        """
        return self.unstored is not None and (self.first_written or self.after) in keys

    def person_entries(self, key: str) -> list[Entry]:
        """Return the person's message where the thread does not hold it, else nothing."""
        if self.unstored is None:
            return []
        return [unstored_entry(key, self.unstored, NOT_KNOWN if self.unread else NOT_STORED)]

    def _task(self, task: str, node: str, path: tuple[str, ...]) -> Chip:
        if task not in self._tasks:
            self._tasks[task] = Chip("node", " / ".join([*path, node]))
            self.chips.append(self._tasks[task])
        return self._tasks[task]

    def _index_of(self, chip: Chip) -> int:
        return next(n for n, each in enumerate(self.chips) if each is chip)


def stored_turns(
    thread: ThreadLoaded,
    pending: BaseMessage | None,
    pending_key: str,
    unstored: Mapping[str, str],
) -> dict[str, list[tuple[str, BaseMessage]]]:
    """Return the messages of each turn, by the key of the person's message that it begins with.

    Args:
        thread: as it was read.
        pending: the message of a run that has not ended; it begins the last turn.
        pending_key: the key of that turn.
        unstored: the turns whose person's message the thread does not hold, by the key of the first
            message that the graph added in them.

    Returns:
        The messages of each turn with their keys. What comes before the first person's message is
        under the empty key.
    """
    turns: dict[str, list[tuple[str, BaseMessage]]] = {"": []}
    for key, message in zip(message_keys(thread.messages), thread.messages, strict=True):
        if pending is not None and key == pending.id:
            break
        if message.type == "human" and key not in thread.graph_written:
            turns[key] = []
        elif key in unstored:
            turns[unstored[key]] = []
        turns[next(reversed(turns))].append((key, message))
    if pending is not None:
        turns[pending_key] = [(pending_key, pending)]
    return turns


def renamed_keys(before: ThreadLoaded, after: ThreadLoaded) -> dict[str, str]:
    """Return the new keys of a person's messages that have lost theirs, by the old ones.

    Args:
        before: a thread before a run.
        after: the thread after it.
    """
    old, new = _persons(before), _persons(after)
    gone = [(key, text) for key, text in old.items() if key not in new]
    renamed: dict[str, str] = {}
    for key, text in new.items():
        match = next((each for each in gone if each[1] == text and key not in old), None)
        if match is not None:
            gone.remove(match)
            renamed[match[0]] = key
    return renamed


def _persons(thread: ThreadLoaded) -> dict[str, str]:
    """The texts of a person's messages, by their keys."""
    pairs = zip(message_keys(thread.messages), thread.messages, strict=True)
    return {
        key: message.text
        for key, message in pairs
        if message.type == "human" and key not in thread.graph_written
    }


def _closed_as_dropped(messages: Sequence[BaseMessage]) -> int:
    """Return how many tool calls of a turn waited for an answer when the person went on."""
    return sum(m.type == "tool" and str(m.text) == NOT_ANSWERED for m in messages)


def _update_text(update: Mapping[str, object]) -> str:
    return "\n".join(f"{name}: {summary_line(value)}" for name, value in update.items())
