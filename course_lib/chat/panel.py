"""The chat panel: the transcript, and around it the threads, the graph, the tree and the state.

ChatPanel(graph).show()
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from course_lib.chat.controller import ChatController
from course_lib.chat.errors import ChatError
from course_lib.chat.events import (
    Event,
    NodeStarted,
    Queued,
    RunEnded,
    RunStarted,
    ThreadLoaded,
    Token,
    Unqueued,
)
from course_lib.chat.inspector import Inspector
from course_lib.chat.json_form import InvalidAnswer
from course_lib.chat.run_context import RunContext
from course_lib.chat.task_runner import TaskRunner
from course_lib.chat.thread_list import UNTITLED, ThreadList
from course_lib.chat.transcript import Transcript
from course_lib.chat.transcript_view import TranscriptView
from course_lib.persistence import UnknownThread

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

MAX_MESSAGE_LENGTH = 200_000
"""Longest message the panel takes, in characters."""


class PanelBox(widgets.Box):
    """The whole panel as one widget."""

    def __repr__(self) -> str:
        return "A chat panel: run this notebook in JupyterLab to write into it."


class ChatPanel:
    """A chat with a graph, inside the notebook.

    Args:
        graph: a compiled graph with `messages` in its state and any checkpointer, or a
            `RemoteGraph`. Fields of its context schema that allow a few fixed values become
            choices beside the chat.
        user: whose conversations these are; goes into every run's metadata.
        store: where the list of this user's threads is kept. With a lasting store and a lasting
            checkpointer, a later panel opens where this one ended; None for this sitting only.
        thread_id: the thread to open; this user's newest one, or a new one, when left out.
        suggestions: messages that are offered as buttons above the box.
        context: what the graph's context schema asks for, as that schema or as a mapping.
        configurable: more values for the `configurable` part of every run's configuration.

    Raises:
        TypeError: the graph was not compiled, or is no graph.
        ValueError: the graph has no checkpointer, or no `messages`.
    """

    def __init__(
        self,
        graph: Any,
        *,
        user: str = "me",
        store: BaseStore | None = None,
        thread_id: str | None = None,
        suggestions: Sequence[str] = (),
        context: Any = None,
        configurable: Mapping[str, Any] | None = None,
    ) -> None:
        from langgraph.store.memory import InMemoryStore

        self.user = user
        self._tasks = TaskRunner(self._report)
        self.controller = ChatController(
            graph, thread_id=thread_id, configurable=configurable, on_event=self._on_event
        )
        list_store = InMemoryStore() if store is None else store
        self.threads = ThreadList(
            list_store, user, thread_id, lambda chosen: self._tasks.spawn(self.open(chosen))
        )
        self._begin()
        self.transcript = Transcript()
        self.view = TranscriptView(
            self.transcript,
            self._on_action,
            title=self.controller.access.name or "chat",
            suggestions=list(suggestions),
            lost=_text_when_lost(self.controller.access.storage, store),
        )
        self.inspector = Inspector(self.controller, user, self._tasks.spawn)
        self.run_context = RunContext(getattr(graph, "context_schema", None), context)
        for choice in self.run_context.choices.values():
            choice.observe(self._set_context, names="value")
        self._set_context()
        for caveat in self.controller.access.caveats:
            self.transcript.note(caveat, "note")
        self._build()

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the thread on screen, to read or run the graph with from code."""
        return self.controller.config

    def show(self) -> None:
        """Show the panel below the cell, with what its thread holds so far."""
        from IPython.display import display

        display(self.widget)
        self._tasks.spawn(self.load())

    async def load(self) -> None:
        """Read the thread and the list of threads into the panel."""
        self._tasks.use_running_loop()
        await self.threads.begin()
        if self.threads.current.id != self.controller.thread_id:
            self._begin()
        await self.controller.load()
        await self.threads.refresh()

    async def send(self, text: str) -> None:
        """Send a message and stream the answer into the panel.

        Args:
            text: what the person says; an empty text is sent too.
        """
        self._tasks.use_running_loop()
        if len(text) > MAX_MESSAGE_LENGTH:
            self.view.give_back(text)
            self.transcript.note(
                f"That message has {len(text):,} characters; the panel takes "
                f"{MAX_MESSAGE_LENGTH:,}. Nothing was sent: it is back in the box, shorten it and "
                "send it again."
            )
            return
        await self.controller.send(text)

    async def new_thread(self) -> None:
        """Begin a new conversation; the old one stays in the list."""
        if not self.transcript.entries and self.threads.current.title == UNTITLED:
            return  # this one is still new
        await self._turn_to(self.threads.create())

    async def open(self, thread_id: str) -> None:
        """Turn to another thread of this user.

        Raises:
            UnknownThread: it is not this user's.
        """
        await self._turn_to(self.threads.open(thread_id))

    async def answer(self, interrupt_id: str, values: Mapping[str, Any]) -> None:
        """Answer one of the graph's questions, as its card on screen would.

        Args:
            interrupt_id: of the interrupt.
            values: what is filled in, by the card's fields.

        Raises:
            ChatError: that question is not open, or not any more.
        """
        card = self.transcript.approval(interrupt_id)
        if card is None:
            raise ChatError("That question is no longer open. Look at the conversation as it is.")
        try:
            answer = card.answer(values)
        except InvalidAnswer as refused:
            self.transcript.refuse(interrupt_id, refused.errors)
            return
        await self.controller.resume({interrupt_id: answer})

    def _begin(self) -> None:
        thread = self.threads.current
        self.controller.begin(thread.id, thread.config["metadata"])

    async def _turn_to(self, opening: Coroutine[Any, Any, Any]) -> None:
        self._tasks.use_running_loop()
        thread = await opening
        await self.controller.switch(thread.id, thread.config["metadata"])

    def _build(self) -> None:
        flat = widgets.Layout(width="auto", min_width="0")
        new = widgets.Button(description="New thread", layout=flat)
        new.on_click(lambda button: self._tasks.spawn(self.new_thread()))
        choices: list[widgets.Widget] = [widgets.Label("Threads"), self.threads.widget, new]
        if self.run_context.choices:
            choices.append(widgets.Label("Settings of the run"))
            for name, choice in self.run_context.choices.items():
                choices += [widgets.Label(name), choice]
        boxes = [
            widgets.VBox(children, layout=widgets.Layout(flex=flex, min_width="0"))
            for flex, children in [
                ("1 1 150px", choices),
                ("4 1 380px", [self.view]),
                ("2 1 260px", [self.inspector]),
            ]
        ]
        self.widget = PanelBox(
            boxes, layout=widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
        )
        self.widget.add_class("namu-whole")

    def _on_event(self, event: Event) -> None:
        try:
            self.transcript.handle(event)
        except Exception:  # the screen must follow the run whatever a value does
            logging.getLogger(__name__).exception("the transcript failed on an event")
        if isinstance(event, Token):
            return  # there are many, and nobody else waits for them
        self._show_status(event)
        self.inspector.handle(event)

    def _show_status(self, event: Event) -> None:
        match event:
            case RunStarted(message=message):
                self.view.running, self.view.status = True, "running"
                text = "" if message is None else str(message.text)
                self._tasks.spawn(self.threads.note_activity(text))
            case Queued():
                self.view.running, self.view.status = True, "waiting for another run"
            case NodeStarted(node=node):
                self.view.status = f"running: {node}"
            case RunEnded() | ThreadLoaded():
                self.view.flush()
                self.view.running, self.view.status = False, ""
                self.view.model_name = self.transcript.model
            case Unqueued(sent=False, text=text):
                self.view.running = self.controller.running
                self.view.status = self.view.status if self.controller.running else ""
                self.view.give_back(text)
        if isinstance(event, RunEnded) and event.unstored is not None and event.error is not None:
            self.view.give_back(str(event.unstored.text))

    def _on_action(self, content: Mapping[str, Any]) -> None:
        """Do what the browser asks for."""
        spawn = self._tasks.spawn
        match content:
            case {"kind": "hello"}:
                spawn(self._send_all())
            case {"kind": "send", "text": str(text)}:
                spawn(self.send(text))
            case {"kind": "stop"}:
                spawn(self._stop())
            case {"kind": "continue"}:
                spawn(self.controller.continue_run())
            case {"kind": "newest"}:
                spawn(self.controller.go_to(None))
            case {"kind": "reopen"}:
                spawn(self.controller.reopen_interrupts())
            case {"kind": "again", "id": str(message_id)}:
                spawn(self._instead(self.controller.try_again(message_id)))
            case {"kind": "edit", "id": str(message_id), "text": str(text)}:
                spawn(self._instead(self.controller.edit(message_id, text)))
            case {"kind": "answer", "id": str(interrupt_id), "values": dict(values)}:
                spawn(self.answer(interrupt_id, values))

    async def _stop(self) -> None:
        self.controller.stop()

    async def _instead(self, job: Coroutine[Any, Any, None]) -> None:
        """Stop the current run, then start this job."""
        self.controller.stop()
        await job

    async def _send_all(self) -> None:
        self.view.tell_all()

    def _report(self, error: Exception) -> None:
        """Show an error of the panel itself as a note in the chat."""
        if isinstance(error, (ChatError, UnknownThread)):
            self.transcript.note(str(error))
        else:
            self.transcript.note(f"That did not work: {type(error).__name__}: {error}")

    def _set_context(self, change: object = None) -> None:
        self.controller.context = self.run_context.value()


def _text_when_lost(saver: Any, store: BaseStore | None) -> str:
    """What the panel says when its kernel is gone, by what outlives a kernel."""
    cut = "The kernel was restarted, so this panel is cut off."
    memory = [type(each).__name__.startswith("InMemory") for each in (saver, store)]
    if memory[0]:
        return (
            f"{cut} Its conversations were kept in memory and are gone. Run the notebook again; "
            "with open_checkpointer('sqlite:///chat.db') they would still be there."
        )
    where = "they are in your list" if store is not None and not memory[1] else "by their thread id"
    return f"{cut} Run the notebook again: the conversations are stored, {where}."
