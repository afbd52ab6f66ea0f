"""The chat panel: the transcript, and around it the threads, the graph, the tree and the state.

ChatPanel(graph).show()
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from langchain_core.messages import BaseMessage

from course_lib.chat.approval import Refused
from course_lib.chat.controller import ChatController, ChatError
from course_lib.chat.events import (
    Event,
    Loaded,
    NodeStarted,
    Queued,
    RunEnded,
    RunStarted,
    Token,
    Unqueued,
)
from course_lib.chat.inspector import Inspector
from course_lib.chat.transcript import Transcript
from course_lib.chat.transcript_view import TranscriptView
from course_lib.persistence import Thread, ThreadDirectory, UnknownThread

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore


MAX_MESSAGE_LENGTH = 200_000
"""Longest message the panel takes, in characters."""

UNTITLED = "New conversation"


class PanelBox(widgets.Box):
    """The whole panel as one widget."""

    def __repr__(self) -> str:
        return "A chat panel: run this notebook in JupyterLab to write into it."


class ChatPanel:
    """A chat with a graph, inside the notebook.

    Args:
        graph: a compiled graph with `messages` in its state and any checkpointer. Fields of its
            context schema that have a few fixed values become choices beside the chat.
        user: whose conversations these are; goes into every run's metadata.
        store: where the list of this user's threads is kept. With a lasting store and a lasting
            checkpointer, a later panel opens where this one ended; None for this sitting only.
        suggestions: things to say, offered as buttons above the box.

    Raises:
        ValueError: the graph has no checkpointer, or no `messages`.
    """

    def __init__(
        self,
        graph: CompiledStateGraph,
        *,
        user: str = "me",
        store: BaseStore | None = None,
        suggestions: Sequence[str] = (),
    ) -> None:
        from langgraph.store.memory import InMemoryStore

        self.user = user
        self.directory = ThreadDirectory(InMemoryStore() if store is None else store)
        self.controller = ChatController(graph, on_event=self._on_event)
        self.transcript = Transcript()
        self.view = TranscriptView(
            self.transcript,
            self._on_action,
            title=graph.name or "chat",
            suggestions=list(suggestions),
            lost=_when_lost(graph, store),
        )
        self.inspector = Inspector(self.controller, user, self._do)
        self.settings = _settings(graph)
        for choice in self.settings.values():
            choice.observe(self._set_context, names="value")
        self._set_context()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._listing = False
        self._thread = self._newest() or self.directory.create(user, title=UNTITLED)
        self._enter(self._thread)
        self._build()

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the thread on screen, to read or run the graph with from code."""
        return self.controller.config

    def show(self) -> None:
        """Show the panel below the cell, with what was said in its thread so far."""
        from IPython.display import display

        self._loop = asyncio.get_event_loop()
        display(self.widget)
        self._do(self.load())

    async def load(self) -> None:
        """Read the thread into the panel."""
        await self.controller.load()

    async def send(self, text: str) -> None:
        """Send a message and stream the answer into the panel.

        Args:
            text: what the person says. An empty text is sent too: what to make of it is the
                graph's business.
        """
        if len(text) > MAX_MESSAGE_LENGTH:
            self.view.give_back(text)
            self.transcript.note(
                f"That message has {len(text):,} characters; the panel takes "
                f"{MAX_MESSAGE_LENGTH:,}. Nothing was sent: it is back in the box, shorten "
                "it and send it again."
            )
            return
        await self.controller.send(text)

    async def new_thread(self) -> None:
        """Begin a new conversation; the old one stays in the list."""
        if not self.transcript.entries and self._thread.title == UNTITLED:
            return  # this one is still new
        await self.open(self.directory.create(self.user, title=UNTITLED).id)

    async def open(self, thread_id: str) -> None:
        """Turn to another thread of this user.

        Raises:
            UnknownThread: it is not this user's.
        """
        self._thread = self.directory.open(self.user, thread_id)
        await self.controller.switch(thread_id, self._thread.config["metadata"])
        self._list_threads()

    def _build(self) -> None:
        flat = widgets.Layout(width="auto", min_width="0")
        self._list = widgets.Select(rows=5, layout=flat)
        new = widgets.Button(description="New thread", layout=flat)
        self._list.observe(self._on_thread, names="value")
        new.on_click(lambda button: self._do(self.new_thread()))
        self._list_threads()
        choices = [widgets.Label("Threads"), self._list, new]
        if self.settings:
            choices.append(widgets.Label("Settings of the run"))
            for name, choice in self.settings.items():
                choices += [widgets.Label(name), choice]
        column = [
            ("1 1 150px", choices),
            ("4 1 380px", [self.view]),
            ("2 1 260px", [self.inspector]),
        ]
        boxes = [
            widgets.VBox(children, layout=widgets.Layout(flex=flex, min_width="0"))
            for flex, children in column
        ]
        self.widget = PanelBox(
            boxes, layout=widgets.Layout(display="flex", flex_flow="row wrap", width="100%")
        )
        self.widget.add_class("namu-whole")

    def _on_event(self, event: Event) -> None:
        self.transcript.take(event)
        if isinstance(event, Token):
            return  # there are many, and nobody else waits for them
        self.inspector.take(event)
        match event:
            case RunStarted(message=message):
                self.view.running, self.view.status = True, "running"
                self._do(self._entitle(message))
            case Queued():
                self.view.running, self.view.status = True, "waiting for another run"
            case NodeStarted(node=node):
                self.view.status = f"running: {node}"
            case RunEnded() | Loaded():
                self.view.flush()
                self.view.running, self.view.status = False, ""
                self.view.model_name = self.transcript.model
            case Unqueued(sent=False, text=text):
                self.view.running = self.controller.running
                self.view.status = self.view.status if self.controller.running else ""
                self.view.give_back(text)

    async def _entitle(self, message: BaseMessage | None) -> None:
        """Name the thread after its first message, and move it to the top of the list."""
        thread = self.directory.open(self.user, self._thread.id)
        title = " ".join(str(message.text).split())[:40] if message is not None else ""
        if thread.title == UNTITLED and title:
            self._thread = self.directory.rename(self.user, thread.id, title)
        else:
            self._thread = self.directory.touch(self.user, thread.id)
        self._list_threads()

    def _on_action(self, content: Mapping[str, Any]) -> None:
        """Do what the browser asks for."""
        match content:
            case {"kind": "hello"}:
                self._do(self._tell_all())
            case {"kind": "send", "text": str(text)}:
                self._do(self.send(text))
            case {"kind": "stop"}:
                self._do(self._stop())
            case {"kind": "go_on"}:
                self._do(self.controller.continue_run())
            case {"kind": "newest"}:
                self._do(self.controller.go_to(None))
            case {"kind": "ask_again"}:
                self._do(self.controller.reopen_interrupts())
            case {"kind": "again", "id": str(message_id)}:
                self._do(self._instead(self.controller.try_again(message_id)))
            case {"kind": "edit", "id": str(message_id), "text": str(text)}:
                self._do(self._instead(self.controller.edit(message_id, text)))
            case {"kind": "answer", "id": str(interrupt_id), "values": dict(values)}:
                self._do(self.answer(interrupt_id, values))

    async def answer(self, interrupt_id: str, values: Mapping[str, Any]) -> None:
        """Answer one of the graph's questions, as its card on screen would.

        Args:
            interrupt_id: of the interrupt.
            values: what is filled in, by the card's fields.

        Raises:
            ChatError: nobody asks that, or not any more.
        """
        card = self.transcript.approval(interrupt_id)
        if card is None:
            raise ChatError("That question is no longer open. Look at the conversation as it is.")
        try:
            answer = card.answer(values)
        except Refused as refused:
            self.transcript.refuse(interrupt_id, refused.errors)
            return
        await self.controller.resume({interrupt_id: answer})

    async def _stop(self) -> None:
        self.controller.stop()

    async def _instead(self, job: Coroutine[Any, Any, None]) -> None:
        """Do something in place of what is under way, and not behind it."""
        self.controller.stop()
        await job

    async def _tell_all(self) -> None:
        self.view.tell_all()

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a job on the loop; the browser's messages may arrive on another thread."""
        loop = self._loop or asyncio.get_event_loop()
        loop.call_soon_threadsafe(self._spawn, job)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._guarded(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except (ChatError, UnknownThread) as error:
            self.transcript.note(str(error))
        except Exception as error:  # a card instead of a traceback under the panel
            logging.getLogger(__name__).exception("the panel could not do that")
            self.transcript.note(f"That did not work: {type(error).__name__}: {error}")

    def _newest(self) -> Thread | None:
        return next(iter(self.directory.list(self.user, limit=1)), None)

    def _enter(self, thread: Thread) -> None:
        self.controller.thread_id = thread.id
        self.controller.metadata = dict(thread.config["metadata"])

    def _list_threads(self) -> None:
        threads = {thread.id: thread for thread in self.directory.list(self.user, limit=50)}
        threads.setdefault(self._thread.id, self._thread)
        self._listing = True  # filling the list is no choice of the person's
        try:
            self._list.options = [(thread.title, thread.id) for thread in threads.values()]
            self._list.value = self._thread.id
        finally:
            self._listing = False

    def _on_thread(self, change: Mapping[str, Any]) -> None:
        if not self._listing and change["new"] not in (None, self._thread.id):
            self._do(self.open(change["new"]))

    def _set_context(self, change: object = None) -> None:
        chosen = {name: choice.value for name, choice in self.settings.items()}
        self.controller.context = chosen or None


def _settings(graph: CompiledStateGraph) -> dict[str, widgets.Dropdown]:
    """A choice for each field of the graph's context schema that has a few fixed values."""
    schema = graph.get_context_jsonschema() or {}
    found = {}
    for name, part in schema.get("properties", {}).items():
        if part.get("enum"):
            found[name] = widgets.Dropdown(
                options=part["enum"],
                value=part.get("default", part["enum"][0]),
                tooltip=part.get("title", name),  # its name for a screen reader, too
                layout=widgets.Layout(width="auto", min_width="0"),
            )
    return found


def _when_lost(graph: CompiledStateGraph, store: BaseStore | None) -> str:
    """What the panel says when its kernel is gone, by what outlives a kernel."""
    cut = "The kernel was restarted, so this panel is cut off."
    memory = [type(each).__name__.startswith("InMemory") for each in (graph.checkpointer, store)]
    if memory[0]:
        return (
            f"{cut} Its conversations were kept in memory and are gone. Run the notebook again; "
            "with open_checkpointer('sqlite:///chat.db') they would still be there."
        )
    where = "they are in your list" if store is not None and not memory[1] else "by their thread id"
    return f"{cut} Run the notebook again: the conversations are stored, {where}."
