"""The chat panel: the transcript, and around it the threads, the graph, the tree and the state.

ChatPanel(graph).show()
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from course_lib.chat.cards import CardsOf
from course_lib.chat.controller import ChatController
from course_lib.chat.conversation import Conversation, Conversations
from course_lib.chat.decisions import typed_answer
from course_lib.chat.errors import ChatError
from course_lib.chat.events import Event, RunEnded, RunStarted, ThreadLoaded, Token, thread_of
from course_lib.chat.inspector import Inspector
from course_lib.chat.pace import Pace
from course_lib.chat.panel_actions import perform
from course_lib.chat.panel_layout import FLAT, panel_box, text_when_lost
from course_lib.chat.run_context import RunContext
from course_lib.chat.suggestions import Suggestions, suggestions_for
from course_lib.chat.task_runner import TaskRunner
from course_lib.chat.thread_list import UNTITLED, ThreadList
from course_lib.chat.transcript import Transcript
from course_lib.chat.transcript_view import TranscriptView
from course_lib.persistence import Thread, UnknownThread

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

MAX_MESSAGE_LENGTH = 200_000
"""Longest message the panel takes, in characters."""


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
        suggestions: messages that are offered as buttons; or a function from the state to them,
            which is asked again after each answer.
        greeting: what stands in a conversation that has not begun.
        cards: from a state to the cards of what its last answer speaks of.
        pace: how fast the screen follows a run: `instant`, `natural` or `step by step`.
        context: what the graph's context schema asks for, as that schema or as a mapping. Values of
            a `TypedDict` or `from_runnable_config` class go into the configuration (and metadata).
        configurable: more values for the `configurable` part of every run's configuration.
        notes: sentences that stand above every conversation; empty ones are left out.

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
        suggestions: Suggestions = (),
        greeting: str = "",
        cards: CardsOf | None = None,
        pace: Pace = "instant",
        context: Any = None,
        configurable: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        from langgraph.store.memory import InMemoryStore

        self.user = user
        self._tasks = TaskRunner(self._report)
        self._graph, self._cards, self._configurable = graph, cards, configurable
        self._notes = [note for note in notes if note]
        self._conversations = Conversations(self._new_conversation)
        list_store = InMemoryStore() if store is None else store
        access, spawn = self.controller.access, self._tasks.spawn
        self.threads = ThreadList(list_store, user, thread_id, self.open, access, spawn)
        self._begin()
        self._suggestions = suggestions
        self._forking = False  # whether a job goes on that begins another version of a message
        self.view = TranscriptView(
            self.transcript,
            lambda content: perform(self, content),
            title=self.controller.access.name or "chat",
            greeting=greeting,
            pace=pace,
            lost=text_when_lost(self.controller.access.storage, store),
        )
        self.view.observe(self._set_pace, names="pace")
        self._set_pace()
        self._suggest({})
        self.inspector = Inspector(self.controller, user, self._tasks.spawn, cards)
        self.run_context = RunContext(getattr(graph, "context_schema", None), context)
        for choice in self.run_context.choices.values():
            choice.observe(self._set_context, names="value")
        self._set_context()
        self._build()

    @property
    def controller(self) -> ChatController:
        """Runs the graph on the thread that is on screen."""
        return self._conversations.front.controller

    @property
    def transcript(self) -> Transcript:
        """What the screen shows of that thread."""
        return self._conversations.front.transcript

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the thread on screen, to read or run the graph with from code."""
        return self.controller.config

    def show(self, *, stay_in_view: bool = False) -> None:
        """Show the panel below the cell, with what its thread holds so far.

        Args:
            stay_in_view: whether the page comes back to the panel when the cells below it run,
                until the person does something.
        """
        from IPython.display import display

        self.view.stay_in_view = stay_in_view
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

    async def send(self, text: str, filled: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Send a message and stream the answer into the panel.

        While one question of the graph is open, a yes or a no is its answer.

        Args:
            text: what the person says; an empty text is sent too.
            filled: what is filled in on the open cards, by interrupt and field.
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
        card = self.transcript.only_question()
        answer = card and typed_answer(card, text, (filled or {}).get(card.id, {}))
        if answer:
            await self.answer(card.id, answer)
        else:
            await self.controller.send(text)

    async def new_thread(self) -> None:
        """Begin a new conversation; the old one stays in the list."""
        empty = self.transcript.entries == self.transcript.caveats
        if empty and self.threads.current.title == UNTITLED:
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
        await self._conversations.front.answer(interrupt_id, values)

    async def instead(self, job: Coroutine[Any, Any, None]) -> None:
        """Stop the current run, then start a job that begins another version of a message."""
        self.controller.stop()
        self._forking = True
        try:
            await job
        finally:
            self._forking = False

    def spawn(self, job: Coroutine[Any, Any, None]) -> None:
        """Start a job on the event loop; an error of it is shown in the chat."""
        self._tasks.spawn(job)

    def _begin(self) -> None:
        thread = self.threads.current
        self.controller.begin(thread.id, thread.config["metadata"])

    def _new_conversation(self) -> Conversation:
        controller = ChatController(self._graph, configurable=self._configurable)
        caveats = [*self._notes, *controller.access.caveats]
        transcript = Transcript(cards=self._cards, caveats=caveats)
        made = Conversation(controller, transcript)
        controller.on_event = lambda event: self._on_event(made, event)
        return made

    async def _turn_to(self, opening: Coroutine[Any, Any, Thread]) -> None:
        """Bring a thread to the front; a run on the one before goes on."""
        self._tasks.use_running_loop()
        thread = await opening
        if thread.id == self.controller.thread_id and self._conversations.front.busy:
            return
        if not self._conversations.leave_for(thread.id):
            await self.controller.switch(thread.id, thread.config["metadata"])
            return
        front = self._conversations.front
        self.inspector.controller = front.controller
        self._set_context()
        self._set_pace()
        self.view.follow(front.transcript)
        while front.unsent:
            self.view.give_back(front.unsent.pop())
        run = [*front.run]
        if front.busy:
            self._show(front.thread)
            self.view.running, self.view.status = True, "running"
        else:
            self._begin()
            await self.controller.load()
        for event in run:
            self.inspector.graph.handle(event)

    def _build(self) -> None:
        new = widgets.Button(description="New thread", layout=FLAT)
        new.on_click(lambda button: self._tasks.spawn(self.new_thread()))
        self.widget = panel_box(
            [widgets.Label("Threads"), self.threads.widget, new],
            self.run_context.choices,
            self.view,
            self.inspector,
        )

    def _on_event(self, conversation: Conversation, event: Event) -> None:
        conversation.handle(event)
        if isinstance(event, Token):
            return  # there are many, and nobody else waits for them
        if isinstance(event, RunStarted):
            text = "" if event.message is None else str(event.message.text)
            thread_id = conversation.controller.thread_id
            self._tasks.spawn(self.threads.note_activity(thread_id, text))
        if isinstance(event, (RunEnded, ThreadLoaded)):
            self.threads.note_turns(thread_of(event))
        if conversation is self._conversations.front:
            self._show(event)
        else:
            conversation.note_unsent(event)

    def _show(self, event: Event) -> None:
        """Show an event of the conversation on screen, around its transcript."""
        self.view.show_status(event, busy=self.controller.running)
        self.inspector.handle(event)
        if isinstance(event, (RunEnded, ThreadLoaded)):
            self.view.model_name = self.transcript.model
            self._suggest(thread_of(event).values)
            if isinstance(event, RunEnded) is self._forking:
                self._tasks.spawn(self._conversations.front.show_history())

    def _suggest(self, values: Mapping[str, Any]) -> None:
        """Offer what can be said next."""
        self.view.suggestions = suggestions_for(self._suggestions, values)

    def _set_pace(self, change: object = None) -> None:
        self.controller.runner.pace = self.view.pace

    def _report(self, error: Exception) -> None:
        """Show an error of the panel itself as a note in the chat."""
        if isinstance(error, (ChatError, UnknownThread)):
            self.transcript.note(str(error))
        else:
            self.transcript.note(f"That did not work: {type(error).__name__}: {error}")

    def _set_context(self, change: object = None) -> None:
        self.controller.context = self.run_context.value()
