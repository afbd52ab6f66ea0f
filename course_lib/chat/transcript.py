"""What stands in a chat, as a list of entries made from the controller's events. No UI.

    transcript = Transcript(change=print)
    chat = ChatController(graph, on_event=transcript.take)

Everything stored in the thread is made from the thread; what is only of this sitting (an answer
that broke off, a problem, a waiting message) is marked so, and stays behind its message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langgraph.errors import is_invalid_resume

from course_lib.chat.approval import Approval, errors_of
from course_lib.chat.chips import Chip
from course_lib.chat.events import (
    Event,
    Loaded,
    NodeEnded,
    NodeStarted,
    Progress,
    Queued,
    RunEnded,
    RunStarted,
    Token,
    ToolCalled,
    ToolReturned,
    Unqueued,
)
from course_lib.chat.markup import exact, plain, to_html
from course_lib.display import summary_line
from course_lib.display.tables import format_json

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

Entry = dict[str, Any]
"""One thing in the chat, ready for the browser: `kind`, `key`, and what the kind needs."""

LARGE = 2**31
"""More entries than any chat has."""

MAX_MARKDOWN_LENGTH = 20_000
"""Longest text that is read as Markdown, in characters; a longer one stands as it was written."""

NO_MESSAGE = "The graph ended without words of its own. Its state may have changed: see State."
ASK_AGAIN = (
    "The run failed after an answer was taken. Try again repeats it with the same answer; ask "
    "again opens the question anew."
)


@dataclass(frozen=True)
class Replaced:
    """Some entries are now others.

    Args:
        start: the first index that changed.
        removed: how many entries go.
        entries: what comes in their place.
    """

    start: int
    removed: int
    entries: list[Entry]


@dataclass(frozen=True)
class Grew:
    """An answer grew.

    Args:
        key: of the answer's entry.
        text: what came on.
    """

    key: str
    text: str


@dataclass
class _Turn:
    """What happened in this sitting since a person's message: kept by the message's id."""

    chips: dict[str, Chip] = field(default_factory=dict)
    notes: list[Entry] = field(default_factory=list)


class Transcript:
    """The entries of a chat, and what changes in them.

    Args:
        change: is called with every change.
    """

    def __init__(self, change: Callable[[Replaced | Grew], object] = lambda change: None) -> None:
        self.entries: list[Entry] = []
        self.change = change
        self.model = ""
        self._now = Loaded("", None, {})
        self._turns: dict[str, _Turn] = {}
        self._turn = ""  # id of the message whose run is under way, or was last
        self._pending: BaseMessage | None = None  # sent, and not yet read back from the thread
        self._drafts: dict[str, list[str]] = {}
        self._queue: list[str] = []
        self._refusals: dict[str, Mapping[str, str]] = {}
        self._refused = 0  # so that a card refused twice for the same reason is told twice
        self._running = False
        self._failed = False
        self._stale = 0  # how many notes of the turn are from before the run under way

    def kept(self) -> list[tuple[str, str]]:
        """Speaker and words of every entry that the thread holds."""
        kinds = ("you", "answer")
        return [(e["kind"], e["text"]) for e in self.entries if e["kind"] in kinds and e["kept"]]

    def approval(self, interrupt_id: str) -> Approval | None:
        """The open question with this id, if it is still open."""
        return next((Approval.of(i) for i in self._now.interrupts if i.id == interrupt_id), None)

    def refresh(self) -> None:
        """Tell every entry anew, for somebody who knows none of them."""
        self.entries = self._build()
        self.change(Replaced(0, LARGE, self.entries))

    def refuse(self, interrupt_id: str, errors: Mapping[str, str]) -> None:
        """Show what is wrong with an answer on its card."""
        self._refusals[interrupt_id] = dict(errors)
        self._refused += 1
        self._rebuild()

    def note(self, text: str, kind: str = "problem") -> None:
        """Say something of this sitting, behind the last message."""
        self._notes().append(_note(kind, text))
        self._rebuild()

    def take(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Token():
                self._grow(event)
                return
            case Loaded():
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
                self._work(event)
        self._rebuild()

    def _grow(self, token: Token) -> None:
        if token.message_id in self._drafts:
            self._drafts[token.message_id].append(token.text)
            text = plain(token.text)
            for n in range(len(self.entries) - 1, -1, -1):
                entry = self.entries[n]
                if entry["key"] == token.message_id:
                    self.entries[n] = {**entry, "text": entry["text"] + text}
                    break
            self.change(Grew(token.message_id, text))
        else:
            self._drafts[token.message_id] = [token.text]
            self._rebuild()

    def _load(self, now: Loaded) -> None:
        if now.thread_id != self._now.thread_id:
            self._turns.clear()
            self._failed = False
        self._now = now
        self._turn = _last_question(now)
        self._refusals.clear()
        if not now.is_newest:
            self._turns.pop(self._turn, None)  # what is known of it may be of another road

    def _start(self, event: RunStarted) -> None:
        self._running, self._failed = True, False
        self._drafts.clear()
        self._refusals.clear()
        if event.message is not None:
            self._pending = event.message
            self._turn = str(event.message.id)
            self._settle("waiting", "stopped")
        self._settle("waiting", "running")
        self._stale = len(self._notes())

    def _end(self, event: RunEnded) -> None:
        before = len(self._now.messages)
        self._now = event.now
        self._running = False
        stored = {message.id for message in event.now.messages}
        if self._pending is not None and self._pending.id not in stored:
            text = str(self._pending.text)
            self._notes().append({**_note("you", text), "kept": False, "note": "not kept"})
        self._pending = None
        for message_id, parts in self._drafts.items():
            if message_id not in stored and event.outcome in ("stopped", "failed"):
                self._notes().append(_broken("".join(parts)))
        self._drafts.clear()
        ends = {"stopped": "stopped", "failed": "failed", "waiting": "waiting"}
        self._settle("running", ends.get(event.outcome, "done"))
        if event.outcome in ("done", "waiting"):
            del self._notes()[: self._stale]  # what had gone wrong in this turn is made good
        if event.outcome == "stopped":
            self._notes().append(_note("note", "Stopped. What was said before is kept."))
        elif event.error is not None and is_invalid_resume(event.error):
            self._refused += 1
            for interrupt in event.now.interrupts:
                self._refusals[interrupt.id] = errors_of(event.error)
        elif event.error is not None:
            self._failed = True
            self._notes().append(_note("problem", _sorry(event.error)))
        elif event.outcome == "done" and not _answered(event.now, before):
            self._notes().append(_note("note", NO_MESSAGE))
        known = {str(message.id) for message in event.now.messages}
        self._turns = {k: t for k, t in self._turns.items() if k in known or k == self._turn}

    def _work(self, event: NodeStarted | NodeEnded | ToolCalled | ToolReturned | Progress) -> None:
        chips = self._chips()
        match event:
            case NodeStarted(task=task, node=node, within=within):
                chips.setdefault(task, Chip("node", " / ".join([*within, node]))).state = "running"
            case NodeEnded(task=task, node=node, within=within):
                chip = chips.setdefault(task, Chip("node", " / ".join([*within, node])))
                chip.state = "failed" if event.error else "waiting" if event.waits else "done"
                lines = [f"{name}: {summary_line(value)}" for name, value in event.wrote.items()]
                chip.detail = event.error or "\n".join(lines) or "wrote nothing"
            case ToolCalled():
                chips[event.call_id] = Chip("tool", event.name, detail=format_json(event.args))
            case ToolReturned():
                chip = chips.setdefault(event.call_id, Chip("tool", event.name))
                chip.returned(event.text, event.failed)
            case Progress(value=value):
                chips["progress"] = Chip.of_progress(value)

    def _rebuild(self) -> None:
        """Build the entries anew, and tell the part that differs."""
        old, new = self.entries, self._build()
        start, most = 0, min(len(old), len(new))
        while start < most and old[start] == new[start]:
            start += 1
        end = 0
        while end < most - start and old[-1 - end] == new[-1 - end]:
            end += 1
        self.entries = new
        removed, added = len(old) - start - end, new[start : len(new) - end]
        if removed or added:
            self.change(Replaced(start, removed, added))

    def _build(self) -> list[Entry]:
        messages = list(self._now.messages)
        entries: list[Entry] = self._turn_notes("")
        if self._pending is not None and self._pending.id in {m.id for m in messages}:
            messages = messages[: [m.id for m in messages].index(self._pending.id)]
        if self._pending is not None:
            messages.append(self._pending)
        turns: list[list[BaseMessage]] = [[]]
        for message in messages:
            if message.type == "human":
                turns.append([])
            turns[-1].append(message)
        for turn in turns:
            entries += self._one_turn(turn)
        for message_id, parts in self._drafts.items():
            entries.append(_answer(message_id, "".join(parts), draft=True))
        if self._running and self._pending is None:
            entries += self._cards(busy=True)  # what is filled in there must not be lost
        elif not self._running:
            entries += self._offers()
        entries += [
            {"kind": "waiting", "key": f"waiting-{n}", "text": plain(text)}
            for n, text in enumerate(self._queue)
        ]
        return entries

    def _one_turn(self, messages: list[BaseMessage]) -> list[Entry]:
        """A person's message and everything up to the next."""
        entries: list[Entry] = []
        turn = ""
        stored: dict[str, Chip] = {}
        for n, message in enumerate(messages):
            key, text = message.id or f"{turn}-{n}", str(message.text)
            if message.type == "human":
                turn = key
                entries.append({"kind": "you", "key": key, "text": plain(text), "kept": True})
            elif message.type == "ai":
                for call in message.tool_calls:
                    stored[str(call["id"])] = self._called(turn, call)
                name = message.response_metadata.get("model_name")
                self.model = name if isinstance(name, str) else self.model
                if text:
                    entries.append(_answer(key, text))
            elif message.type == "tool":
                chip = stored.setdefault(message.tool_call_id, Chip("tool", message.name or "tool"))
                chip.returned(text, message.status == "error")
            elif message.type in ("chat", "function") and text:
                entries.append(_answer(key, text))
        live = self._turns[turn].chips if turn in self._turns else {}
        # What was seen happening comes in its order; of an older turn only the tools are known.
        chips = live | {key: chip for key, chip in stored.items() if key not in live}
        if chips:
            work = {
                "kind": "work",
                "key": f"work-{turn}",
                "chips": [c.shown() for c in chips.values()],
            }
            entries.insert(1 if turn else 0, work)
        return entries + (self._turn_notes(turn) if turn else [])

    def _called(self, turn: str, call: Mapping[str, Any]) -> Chip:
        chip = Chip("tool", call["name"], "stopped", format_json(call["args"]))
        if turn == self._turn and self._running:
            chip.state = "running"
        elif turn == self._turn and self._now.interrupts:
            chip.state = "waiting"
        return chip

    def _offers(self) -> list[Entry]:
        """What a person is asked to do: answer, go on, or come back to the present."""
        nodes = ", ".join("START" if n == "__start__" else exact(n) for n in self._now.next)
        if not self._now.is_newest:
            text = "This is an earlier checkpoint. What you send now begins a branch from here."
            return [{"kind": "past", "key": "past", "text": text}, *self._cards(busy=False)]
        if self._failed and self._now.interrupts:
            offer = {"kind": "unfinished", "key": "unfinished", "text": ASK_AGAIN}
            return [{**offer, "button": "Try again", "other": "Ask again"}]
        if self._now.next and not self._now.interrupts:
            what = "Try again" if self._failed else "Go on"
            text = f"The run has not reached its end. Next: {nodes}."
            return [{"kind": "unfinished", "key": "unfinished", "text": text, "button": what}]
        return self._cards(busy=False)

    def _cards(self, *, busy: bool) -> list[Entry]:
        """A card for each open question; while a run goes on none can be sent."""
        cards = []
        for interrupt in self._now.interrupts:
            card = Approval.of(interrupt)
            facts = [[exact(name), exact(text)] for name, text in card.facts]
            for each in card.fields:
                if isinstance(each.value, str) and exact(each.value) != each.value:
                    facts.append([f"{exact(each.label)}, every character", exact(each.value)])
            cards.append(
                {
                    "kind": "approval",
                    "key": f"approval-{card.id}",
                    "id": card.id,
                    "question": exact(card.question),
                    "facts": facts,
                    "fields": [
                        {
                            "name": each.name,
                            "label": exact(each.label),
                            "kind": each.kind,
                            "value": each.value,
                            "choices": [str(choice) for choice in each.choices],
                        }
                        for each in card.fields
                    ],
                    "buttons": [{"label": b.label, "sets": dict(b.sets)} for b in card.buttons],
                    "errors": {k: plain(v) for k, v in self._refusals.get(card.id, {}).items()},
                    "busy": busy,
                    "refused": self._refused,
                }
            )
        return cards

    def _settle(self, before: str, after: str) -> None:
        """Bring the chips of one state into another."""
        for turn in self._turns.values():
            for chip in turn.chips.values():
                if chip.state == before:
                    chip.state = after

    def _chips(self) -> dict[str, Chip]:
        return self._turns.setdefault(self._turn, _Turn()).chips

    def _notes(self) -> list[Entry]:
        return self._turns.setdefault(self._turn, _Turn()).notes

    def _turn_notes(self, turn: str) -> list[Entry]:
        notes = self._turns[turn].notes if turn in self._turns else []
        return [{**note, "key": f"note-{turn}-{n}"} for n, note in enumerate(notes)]


def _answer(key: str, text: str, *, draft: bool = False) -> Entry:
    html = {} if draft or len(text) > MAX_MARKDOWN_LENGTH else {"html": to_html(text)}
    return {"kind": "answer", "key": key, "text": plain(text), "kept": not draft, **html}


def _broken(text: str) -> Entry:
    note = "broken off, so not kept in the thread"
    return {**_answer("", text), "kept": False, "note": note}


def _note(kind: str, text: str) -> Entry:
    return {"kind": kind, "key": "", "text": plain(text)}


def _sorry(error: Exception) -> str:
    from langgraph.errors import GraphRecursionError

    if isinstance(error, GraphRecursionError):
        return (
            "The graph went round in circles and was stopped (GRAPH_RECURSION_LIMIT). Give its "
            f"loop an end. What was said before is kept.\n{error}"
        )
    return (
        f"The graph stopped with {type(error).__name__}: {error}\n"
        "What was said before is kept. Try again, or go on with another message."
    )


def _answered(now: Loaded, before: int) -> bool:
    """Whether a run added words that can be read."""
    added = now.messages[before:] or now.messages[-1:]
    return any(message.type not in ("human", "tool") and str(message.text) for message in added)


def _last_question(now: Loaded) -> str:
    return next((str(m.id) for m in reversed(now.messages) if m.type == "human"), "")
