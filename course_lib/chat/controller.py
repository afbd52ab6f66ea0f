"""A chat with a graph, without any user interface: what happens is reported as typed events.

    chat = ChatController(graph, on_event=print)
    await chat.send("a cafe in Mapo")

The controller reads all that it knows of a conversation from the checkpointer; it has no copy.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langgraph.types import Command

from course_lib.chat.authorship import person_message
from course_lib.chat.errors import ChatError
from course_lib.chat.events import Event, Queued, RunStarted, ThreadLoaded, Unqueued
from course_lib.chat.forking import Replacement, run_input
from course_lib.chat.graph_access import check_configurable, open_graph
from course_lib.chat.interrupts import answers_for_copies, check_open
from course_lib.chat.runner import Runner, RunRequest
from course_lib.chat.task_runner import TaskRunner
from course_lib.chat.thread_locks import SharedThread, shared_thread
from course_lib.chat.thread_reader import ThreadReader
from course_lib.chat.turns import Turns
from course_lib.persistence import CheckpointTree

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

Prepare = Callable[[ThreadLoaded], Awaitable[RunRequest]]
"""Says what to run, once it is this run's turn and the thread has been read."""

Replace = Callable[[ThreadLoaded], Awaitable[Replacement]]
"""Names a message of a thread by its key, and says what takes its place."""


class ChatController:
    """Sends, streams, stops, resumes, forks and switches threads.

    A message sent while a run has not ended waits. Switching and going back stop the run.

    Args:
        graph: compiled, with `messages` in its state and any checkpointer; or a `RemoteGraph`.
        thread_id: which thread; a new one when left out.
        metadata: goes with every run into its checkpoints, such as whose thread it is.
        context: what the graph's context schema asks for, if it has one.
        configurable: more values for the `configurable` part of every run's configuration.
        on_event: is called with every event, on the event loop.

    Raises:
        TypeError: the graph was not compiled, or is no graph.
        ValueError: it has no checkpointer or no `messages`, or `configurable` names the thread.
    """

    def __init__(
        self,
        graph: Any,
        *,
        thread_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        context: Any = None,
        configurable: Mapping[str, Any] | None = None,
        on_event: Callable[[Event], object] = lambda event: None,
    ) -> None:
        self.access = open_graph(graph)
        self.graph = graph
        self.metadata = dict(metadata or {})
        self.context = context
        self.configurable = dict(configurable or {})
        check_configurable(self.configurable)
        self.on_event = on_event
        self._reader = ThreadReader(self.access, thread_id or str(uuid4()))
        self.runner = Runner(self.access, self._emit)
        self.turns = Turns(self._shared)
        self._tasks = TaskRunner()

    @property
    def thread_id(self) -> str:
        """The thread that the chat is on."""
        return self._reader.thread_id

    @property
    def running(self) -> bool:
        """Whether a run has begun and not ended."""
        return self.runner.running

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the thread, to run or read the graph with from code."""
        named = self._reader.config(self.configurable)
        return self.access.run_config({**named, "metadata": self.metadata})

    def begin(self, thread_id: str, metadata: Mapping[str, Any]) -> None:
        """Begin on a thread, before anything has been read; the arguments are those of `switch`."""
        self._reader = ThreadReader(self.access, thread_id)
        self.metadata = dict(metadata)

    async def load(self) -> None:
        """Read the thread, and report what it holds as `ThreadLoaded`."""
        await self._show()

    async def send(self, text: str) -> None:
        """Send a message, and run the graph until it ends or waits.

        Args:
            text: as the person typed it; an empty text is sent too.
        """
        message = person_message(text)

        async def prepare(thread: ThreadLoaded) -> RunRequest:
            stored = await self._reader.as_stored(thread)
            value = run_input(self.access, stored, message, shown=thread)
            return RunRequest(value, self.config, message)

        await self._run_exclusive(prepare, message)

    async def resume(self, answers: Mapping[str, Any]) -> None:
        """Answer interrupts, and let the graph continue.

        At an earlier checkpoint LangGraph would repeat the answers that the questions got. There
        they are asked again first, on a branch.

        Args:
            answers: by the id of the interrupt. Questions that are left out still wait.

        Raises:
            ChatError: the thread does not wait for one of them.
        """

        async def prepare(thread: ThreadLoaded) -> RunRequest:
            check_open(answers, thread.interrupts)
            self._reader.authorship.answered(answers.values())
            if self._reader.checkpoint_id is None:
                return RunRequest(Command(resume=dict(answers)), self.config)
            if await self._run(RunRequest(None, self.config)) != "waiting":
                raise ChatError("The question was not asked again, so nothing was answered.")
            copies = self._reader.last.interrupts
            answered = answers_for_copies(answers, thread.interrupts, copies)
            return RunRequest(Command(resume=answered), self.config)

        await self._run_exclusive(prepare)

    async def continue_run(self) -> None:
        """Continue where a run was stopped, failed, or stands before a breakpoint."""
        await self._continue(fork=False)

    async def reopen_interrupts(self) -> None:
        """Ask the questions of the last step again, on a branch.

        LangGraph keeps an answer that a node took before it failed, and would use it each time.
        """
        await self._continue(fork=True)

    async def edit(self, message_id: str, text: str) -> None:
        """Say something else in place of an earlier message: fork from before it, and run.

        Args:
            message_id: key of a person's message. What followed it stays, on its own branch.
            text: what to say instead. Images and a name in the message stay.

        Raises:
            ChatError: there is no such message on the way to where the thread stands, or the
                graph wrote it.
        """
        await self._run_fork(lambda thread: self._reader.reword(thread, message_id, text), text)

    async def try_again(self, message_id: str) -> None:
        """Ask what led to an answer once more, on a new branch.

        Raises:
            ChatError: no answer has the key `message_id`, or no person's message is before it.
        """
        await self._run_fork(lambda thread: self._reader.ask_again(thread, message_id))

    async def go_to(self, checkpoint_id: str | None) -> None:
        """Show an earlier checkpoint, None for the newest; what is sent next forks from there.

        Raises:
            ChatError: this thread has no such checkpoint.
        """
        self.stop()
        await self._show(lambda: self._reader.go_to(checkpoint_id))

    async def switch(self, thread_id: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Turn to another thread. A run that has not ended is stopped; what it saved stays.

        Args:
            thread_id: which one.
            metadata: for the runs in it; as before when left out.
        """
        self.stop()

        async def turn() -> None:
            self.begin(thread_id, self.metadata if metadata is None else metadata)

        await self._show(turn)

    def stop(self) -> None:
        """Stop the run; messages that wait behind it are given back unsent."""
        self.turns.stop()
        self.runner.stop()

    async def tree(self, limit: int = 150) -> CheckpointTree:
        """Read the thread's checkpoint tree, from its `limit` newest checkpoints."""
        return CheckpointTree(await self.access.checkpoints(self.thread_id, limit))

    async def _run_exclusive(self, prepare: Prepare, message: BaseMessage | None = None) -> None:
        """Wait for other runs on this thread, then run; give the message back if that fails."""
        text = None if message is None else str(message.text)
        stopped, begun = self.turns.mark(), False
        queued = text is not None and self.turns.would_wait()
        if queued:
            self._emit(Queued(text))
        try:
            async with self.turns.exclusive(stopped) as has_turn:
                if not has_turn:
                    return
                request = await self._prepared(prepare, message)
                if request is not None and not stopped():
                    begun = True
                    if queued:
                        self._emit(Unqueued(text, sent=True))
                    await self._run(request)
                begun = begun or request is None
            self._shared().notify(self, ChatController._reload)
        finally:
            if text is not None and not begun:
                self._emit(Unqueued(text, sent=False))

    async def _prepared(self, prepare: Prepare, message: BaseMessage | None) -> RunRequest | None:
        """Read the thread and say what to run; None where that failed, and was reported."""
        before = self._reader.last
        try:
            thread, changed = await self._reader.refresh(self.config)
            if changed:
                self._emit(thread)
            return await prepare(thread)
        except ChatError:
            raise
        except Exception as error:  # noqa: BLE001  of the graph, its saver or its database
            self._emit(RunStarted(message))
            self.runner.end("failed", before, error, message, before)
            return None

    async def _run(self, request: RunRequest) -> str:
        newest = {"configurable": {**self.configurable, "thread_id": self.thread_id}}
        return await self.runner.run(request, self._reader, self.context, newest)

    async def _continue(self, *, fork: bool) -> None:
        """Run what is next, on a branch of its own or not."""

        async def prepare(thread: ThreadLoaded) -> RunRequest:
            place = {"checkpoint_ns": "", "checkpoint_id": thread.checkpoint_id} if fork else {}
            named = {**self.config["configurable"], **place}
            return RunRequest(None, {**self.config, "configurable": named})

        await self._run_exclusive(prepare)

    async def _run_fork(self, replace: Replace, text: str | None = None) -> None:
        """Run from before a message, with another one in its place."""

        async def prepare(thread: ThreadLoaded) -> RunRequest:
            new = await replace(await self._reader.find_authors(thread))
            before, fork = await self._reader.read_before(new.key, new.config)
            config = {**self.config, "configurable": {**self.configurable, **before}}
            return RunRequest(run_input(self.access, fork, new.message), config, new.message, fork)

        await self._run_exclusive(prepare, None if text is None else person_message(text))

    async def _show(self, change: Callable[[], Awaitable[None]] | None = None) -> None:
        """Read the thread and report it, after a change of what is shown."""
        async with self.turns.operation_lock:
            if change is not None:
                await change()
            self._tasks.use_running_loop()
            self._shared().controllers.add(self)
            reader = self._reader
            shown = await reader.read_or_report(self.config)
            self._emit(shown)
        known = shown if shown.error else await reader.find_authors(shown)
        if known is not shown and reader.last is shown:  # nothing else has happened meanwhile
            reader.last = known
            self._emit(known)

    def _emit(self, event: Event) -> None:
        try:
            self.on_event(event)
        except Exception:  # a listener's fault must not end a run
            logging.getLogger(__name__).exception("a listener failed on %s", type(event).__name__)

    def _reload(self) -> None:  # another controller has changed the thread
        if self._reader.checkpoint_id is None:
            self._tasks.spawn(self.load())

    def _shared(self) -> SharedThread:
        return shared_thread(self.access.storage, self.thread_id)
