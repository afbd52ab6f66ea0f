"""The transcript in the browser: entries go over as changes, collected for 100 ms.

The browser keeps the list of entries; the kernel tells it what changed. A view that comes later
(a reloaded page, a second output) sends `hello` and receives all entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course_lib.chat.entry_diff import Change, DraftFormatted, Replaced, TextAppended
from course_lib.chat.events import (
    Event,
    NodeStarted,
    Queued,
    RunEnded,
    RunStarted,
    ThreadLoaded,
    Unqueued,
    text_given_back,
)
from course_lib.chat.pace import PACES
from course_lib.chat.transcript import Transcript
from course_lib.display import joined_script

HERE = Path(__file__).parent
SCRIPTS = (
    "dom.js",
    "approval.js",
    "cards.js",
    "timeline.js",
    "entries.js",
    "log.js",
    "composer.js",
    "head.js",
    "transcript.js",
)
"""The widget's script in parts; each may use what the others define."""

STYLES = ("transcript.css", "entries.css", "layout.css")
"""The widget's style sheet in parts."""

KINDS = {Replaced: "replaced", TextAppended: "grew", DraftFormatted: "formatted"}
GROWING = ("grew", "formatted")

BATCH_SECONDS = 0.1
"""How long changes are collected. Each message to the browser costs the kernel 1 to 3 ms."""


class TranscriptView(anywidget.AnyWidget):
    """The messages, the cards between them, and the box to write in.

    Args:
        transcript: what to show.
        act: is called with what the person did, as the browser sent it.
        options: the traits below.
    """

    _esm = joined_script(*(HERE / name for name in SCRIPTS))
    _css = joined_script(*(HERE / name for name in STYLES))

    title = traitlets.Unicode("").tag(sync=True)
    suggestions = traitlets.List().tag(sync=True)
    greeting = traitlets.Unicode("").tag(sync=True)
    paces = traitlets.List(list(PACES)).tag(sync=True)
    pace = traitlets.Unicode("instant").tag(sync=True)
    stay_in_view = traitlets.Bool(False).tag(sync=True)
    lost = traitlets.Unicode("").tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    running = traitlets.Bool(False).tag(sync=True)
    model_name = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self, transcript: Transcript, act: Callable[[Mapping[str, Any]], object], **options: Any
    ) -> None:
        super().__init__(**options)
        self.transcript = transcript
        self._act = act
        self._changes: list[Mapping[str, Any]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        transcript.change = self.push
        self.on_msg(self._on_message)

    def follow(self, transcript: Transcript) -> None:
        """Show another transcript; the one before goes on unseen.

        Args:
            transcript: of the conversation that is in front now.
        """
        self.transcript.change = lambda change: None
        self.transcript = transcript
        transcript.change = self.push
        self.tell_all()

    def __repr__(self) -> str:
        return "A chat panel: run this notebook in JupyterLab to write into it."

    def push(self, change: Change) -> None:
        """Send a change soon, with those that come within 100 ms; a new answer goes at once."""
        shown = {"kind": KINDS[type(change)], **vars(change)}
        last = self._changes[-1] if self._changes else {}
        if last.get("kind") in GROWING and shown["kind"] in GROWING and last["key"] == shown["key"]:
            shown = _joined(self._changes.pop(), shown)
        self._changes.append(shown)
        self._schedule(at_once=_begins_an_answer(change))

    def tell_all(self) -> None:
        """Send every entry, for a view that knows none yet."""
        self._changes = [change for change in self._changes if change["kind"] == "unsent"]
        self.transcript.refresh()

    def give_back(self, text: str) -> None:
        """Put a text that was not sent back into the box."""
        self._changes.append({"kind": "unsent", "text": text})
        self._schedule()

    def show_status(self, event: Event, *, busy: bool) -> None:
        """Show what runs, and give back what was not sent or not stored.

        Args:
            event: of the conversation on screen.
            busy: whether a run goes on.
        """
        match event:
            case RunStarted():
                self.running, self.status = True, "running"
            case Queued():
                self.running, self.status = True, "waiting for another run"
            case NodeStarted(node=node):
                self.status = f"running: {node}"
            case RunEnded() | ThreadLoaded():
                self.flush()
                self.running, self.status = False, ""
            case Unqueued(sent=False):
                self.running, self.status = busy, self.status if busy else ""
        if text := text_given_back(event):
            self.give_back(text)

    def flush(self) -> None:
        """Send what has been collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._changes:
            changes, self._changes = self._changes, []
            self.send({"changes": changes})

    def _schedule(self, *, at_once: bool = False) -> None:
        if self._timer is not None and not at_once:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # not on display yet: the first view asks for everything
            return
        if self._timer is not None:
            self._timer.cancel()
        since = loop.time() - self._sent_at  # what comes after a pause goes at once too
        wait = 0.0 if at_once else max(0.0, BATCH_SECONDS - since)
        self._timer = loop.call_later(wait, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._sent_at = asyncio.get_running_loop().time()
        self.flush()

    def _on_message(self, widget: Any, content: Mapping[str, Any], buffers: Any) -> None:
        self._act(content)


def _begins_an_answer(change: Change) -> bool:
    """Whether an answer that is not stored yet comes in whole: its first token is waited for."""
    if not isinstance(change, Replaced):
        return False
    return any(entry["kind"] == "answer" and not entry["kept"] for entry in change.entries)


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two changes of one answer as one."""
    text = first["text"] + second["text"]
    if first["kind"] == "grew":
        return {**second, "text": text}
    if second["kind"] == "grew":
        return {**first, "text": text, "tail": first["tail"] + second["text"]}
    return {**second, "text": text, "done": first["done"] + second["done"]}
