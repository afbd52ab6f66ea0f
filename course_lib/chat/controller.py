"""A chat with a graph, without any user interface: what happens is told as typed events.

    chat = ChatController(graph, on_event=print)
    await chat.send("a cafe in Mapo")

Any compiled graph with `messages` in its state and a checkpointer will do. What the controller
knows of a conversation it has read from the checkpointer; it keeps no second copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.types import Command

from course_lib.chat.events import (
    Event,
    Loaded,
    Outcome,
    Queued,
    RunEnded,
    RunStarted,
    ToolCalled,
    ToolReturned,
    Unqueued,
)
from course_lib.chat.stream_events import MODES, events_of, tool_events
from course_lib.chat.thread_locks import Room, room_of
from course_lib.persistence import CheckpointTree, as_async_saver, fork_point

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Interrupt, StateSnapshot

RECURSION_LIMIT = 100
"""Super-steps after which a run counts as a loop; LangGraph's own default is about 10,000."""

Start = tuple[Any, dict[str, Any], BaseMessage | None]
"""A run's input, the configuration that says where, and the person's message in it, if any."""


class ChatError(LookupError):
    """What was asked for cannot be done here; the text says why, and is meant for the person."""


class ChatController:
    """Sends, streams, stops, resumes, forks and switches threads.

    Operations take turns: a message sent while a run is under way waits for its end. Switching
    and going back do not wait, they stop the run.

    Args:
        graph: compiled, with `messages` in its state and any checkpointer.
        thread_id: which thread; a new one when left out.
        metadata: goes with every run into its checkpoints, such as whose thread it is.
        context: what the graph's context schema asks for, if it has one.
        on_event: is called with every event, on the event loop.

    Raises:
        ValueError: the graph has no checkpointer, or no `messages`.
    """

    def __init__(
        self,
        graph: CompiledStateGraph,
        *,
        thread_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        context: Any = None,
        on_event: Callable[[Event], object] = lambda event: None,
    ) -> None:
        if not graph.checkpointer or isinstance(graph.checkpointer, bool):
            raise ValueError(
                "This graph has no checkpointer, so it would forget every message. Compile it "
                "with one, for example build_namu(checkpointer=InMemorySaver())."
            )
        if "messages" not in graph.channels:
            raise ValueError(
                f"The state of {graph.name!r} has no field 'messages', so there is nothing to "
                "chat with. Build its state on langgraph.graph.MessagesState."
            )
        self.graph = graph
        self.thread_id = thread_id or str(uuid4())
        self.metadata = dict(metadata or {})
        self.context = context
        self.on_event = on_event
        self._awaited: CompiledStateGraph | None = None
        self._at: str | None = None  # the checkpoint that is looked at; None for the newest
        self._seen: str | None = None  # the newest checkpoint when the thread was read last
        self._order = asyncio.Lock()
        self._stops = 0
        self._run: asyncio.Future[None] | None = None
        self._waiting: asyncio.Future[Any] | None = None
        self._known: set[ToolCalled | ToolReturned] = set()
        self._errands: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._run is not None

    @property
    def config(self) -> dict[str, Any]:
        """Where the thread stands, as a configuration to run or read the graph with."""
        named = {"thread_id": self.thread_id}
        if self._at is not None:
            named |= {"checkpoint_id": self._at, "checkpoint_ns": ""}
        return {
            "configurable": named,
            "metadata": self.metadata,
            "recursion_limit": RECURSION_LIMIT,
        }

    async def load(self) -> None:
        """Read the thread, and tell what it holds as `Loaded`."""
        async with self._order:
            self._tell(await self._read())

    async def send(self, text: str) -> None:
        """Say something, and run the graph until it ends or waits.

        Args:
            text: as the person typed it; an empty text is sent too.
        """
        message = _message(text)

        async def start() -> Start:
            dropped = _not_run((await self._read()).messages)
            return {"messages": [*dropped, message]}, self.config, message

        await self._take_turn(start, str(message.text))

    async def resume(self, answers: Mapping[str, Any]) -> None:
        """Answer interrupts, and let the graph go on.

        At an earlier checkpoint the questions were answered once, and LangGraph would repeat the
        answer they got. There they are asked anew first, on a branch.

        Args:
            answers: what each interrupt is answered with, by its id. Those that are left out go
                on waiting.

        Raises:
            ChatError: the thread does not wait for one of them.
        """

        async def start() -> Start:
            before = list((await self._read()).interrupts)
            if unknown := set(answers) - {each.id for each in before}:
                raise ChatError(
                    f"{len(unknown)} of these questions are not open here: answered already, or "
                    "asked at another checkpoint. Look at the conversation as it is now."
                )
            if self._at is None:
                return Command(resume=dict(answers)), self.config, None
            outcome = await self._stream(None, self.config, None)
            if outcome != "waiting":
                raise ChatError("The question was not asked anew, so nothing was answered.")
            now = list((await self._read()).interrupts)
            if [_asked(each) for each in before] != [_asked(each) for each in now]:
                raise ChatError(
                    "This question comes after another one of the same step, which is open again. "
                    "Answer that one first."
                )
            new = {old.id: each.id for old, each in zip(before, now, strict=True)}
            answered = {new[old]: value for old, value in answers.items()}
            return Command(resume=answered), self.config, None

        await self._take_turn(start)

    async def continue_run(self) -> None:
        """Go on where a run was stopped, failed, or stands before a breakpoint."""
        await self._take_turn(self._from_here)

    async def reopen_interrupts(self) -> None:
        """Open the questions of the last step anew, on a branch.

        An answer that a node took before it failed is kept, and would be taken again for ever.
        """

        async def start() -> Start:
            now = await self._read()
            named = {"thread_id": now.thread_id, "checkpoint_id": now.checkpoint_id}
            return None, {**self.config, "configurable": {**named, "checkpoint_ns": ""}}, None

        await self._take_turn(start)

    async def edit(self, message_id: str, text: str) -> None:
        """Say something else in place of an earlier message: fork from before it, and run.

        Args:
            message_id: of a message in the thread. What followed it stays, on its own branch.
            text: what to say instead.

        Raises:
            ChatError: there is no such message on the way to where the thread stands.
        """
        message = _message(text)
        await self._take_turn(lambda: self._fork(message_id, message), str(message.text))

    async def try_again(self, message_id: str) -> None:
        """Ask what led to an answer once more, on a new branch.

        Args:
            message_id: of the answer.

        Raises:
            ChatError: there is no such message, or nobody asked anything before it.
        """

        async def start() -> Start:
            asked: BaseMessage | None = None
            for each in (await self._read()).messages:
                asked = each if each.type == "human" else asked
                if each.id == message_id:
                    break
            else:
                asked = None
            if asked is None:
                raise ChatError(
                    "Nobody asked for that answer on this branch, so there is nothing to ask again."
                )
            again = HumanMessage(asked.content, id=str(uuid4()))
            return await self._fork(str(asked.id), again)

        await self._take_turn(start)

    async def go_to(self, checkpoint_id: str | None) -> None:
        """Look at an earlier checkpoint; what is sent next forks from there.

        Args:
            checkpoint_id: which one; None for where the thread stands.
        """
        self.stop()
        async with self._order:
            newest = await self._snapshot({"configurable": {"thread_id": self.thread_id}})
            self._at = None if checkpoint_id == _id_of(newest) else checkpoint_id
            self._tell(await self._read())

    async def switch(self, thread_id: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Turn to another thread. A run under way is stopped; its thread keeps what was saved.

        Args:
            thread_id: which one.
            metadata: for the runs in it; as before when left out.
        """
        self.stop()
        async with self._order:
            self.thread_id = thread_id
            self.metadata = dict(self.metadata if metadata is None else metadata)
            self._at = self._seen = None
            self._tell(await self._read())

    def stop(self) -> None:
        """Stop the run under way; messages that wait behind it are given back unsent."""
        self._stops += 1
        for under_way in (self._waiting, self._run):
            if under_way is not None:
                under_way.cancel()

    async def tree(self, limit: int = 150) -> CheckpointTree:
        """Read the thread's checkpoint tree.

        Args:
            limit: the newest so many checkpoints.
        """
        graph = await self._graph()
        named = {"configurable": {"thread_id": self.thread_id, "checkpoint_ns": ""}}
        return CheckpointTree(
            [found async for found in graph.checkpointer.alist(named, limit=limit)]
        )

    async def _take_turn(
        self, start: Callable[[], Awaitable[Start]], text: str | None = None
    ) -> None:
        """Wait for what is under way, here and in other panels on this thread, then run.

        Args:
            start: is called when it is this run's turn.
            text: what the person typed for it; given back if nothing comes of it.
        """
        stops, begun = self._stops, False
        queued = text is not None and (self._order.locked() or self._room().turn.locked())
        if queued:
            self._tell(Queued(text))
        try:
            async with self._order:
                room = self._room()
                if stops != self._stops or not await self._enter(room):
                    return
                try:
                    await self._catch_up()
                    value, config, message = await start()
                    if stops == self._stops:
                        begun = True
                        if queued:
                            self._tell(Unqueued(text, sent=True))
                        await self._stream(value, config, message)
                finally:
                    room.turn.release()
                self._tell_others()
        finally:
            if text is not None and not begun:
                self._tell(Unqueued(text, sent=False))

    async def _enter(self, room: Room) -> bool:
        """Wait until it is this controller's turn in a room; False when stopped meanwhile."""
        self._waiting = asyncio.ensure_future(room.turn.acquire())
        try:
            await asyncio.wait([self._waiting])
        except asyncio.CancelledError:
            if not self._waiting.cancel():
                room.turn.release()
            raise
        finally:
            waited, self._waiting = self._waiting, None
        return not waited.cancelled()

    async def _stream(
        self, value: Any, config: dict[str, Any], message: BaseMessage | None
    ) -> Outcome:
        self._tell(RunStarted(message))
        run = self._run = asyncio.ensure_future(self._consume(value, config))
        interrupted = await _ended(run, cancel=True)
        self._run = None
        error = None if run.cancelled() else run.exception()
        self._at = None  # what ran has made newer checkpoints, or there was nothing to run
        reading = asyncio.ensure_future(self._read())
        interrupted = await _ended(reading, cancel=False) or interrupted
        now = reading.result()
        outcome: Outcome = "waiting" if now.interrupts or now.next else "done"
        if error is not None or run.cancelled():
            outcome = "failed" if error is not None else "stopped"
        self._tell(RunEnded(outcome, now, error))
        if interrupted is not None:
            raise interrupted
        return outcome

    async def _consume(self, value: Any, config: dict[str, Any]) -> None:
        graph = await self._graph()
        options = {"stream_mode": MODES, "subgraphs": True, "version": "v2"}
        if self.context is not None:
            options["context"] = self.context
        async with aclosing(graph.astream(value, config, **options)) as parts:
            async for part in parts:
                for event in events_of(part, self._known):
                    self._tell(event)

    async def _from_here(self) -> Start:
        return None, self.config, None

    async def _fork(self, message_id: str, message: HumanMessage) -> Start:
        """Where to start so that a message takes the place of an earlier one."""
        try:
            before = await fork_point(await self._graph(), self.config, message_id)
        except LookupError as error:
            raise ChatError(str(error)) from error
        config = {**self.config, "configurable": dict(before["configurable"])}
        self._tell(self._loaded(await self._snapshot(config)))  # what came after is not said yet
        return {"messages": [message]}, config, message

    async def _read(self) -> Loaded:
        snapshot = await self._snapshot(self.config)
        if self._at is None:
            self._seen = _id_of(snapshot)
        return self._loaded(snapshot)

    def _loaded(self, snapshot: StateSnapshot) -> Loaded:
        loaded = Loaded(
            thread_id=self.thread_id,
            checkpoint_id=_id_of(snapshot),
            values=snapshot.values,
            interrupts=snapshot.interrupts,
            next=snapshot.next,
            is_newest=self._at is None,
        )
        self._known = {each for message in loaded.messages for each in tool_events(message)}
        self._room().members.add(self)
        return loaded

    async def _catch_up(self) -> None:
        """Tell what others have added to the thread since it was read."""
        if self._at is None:
            seen = self._seen
            now = await self._read()
            if now.checkpoint_id != seen:
                self._tell(now)

    def _tell(self, event: Event) -> None:
        try:
            self.on_event(event)
        except Exception:  # a listener's fault must not end a run half-way
            logging.getLogger(__name__).exception("a listener failed on %s", type(event).__name__)

    def _tell_others(self) -> None:
        for other in list(self._room().members):
            if other is not self and other.thread_id == self.thread_id and other._at is None:
                errand = asyncio.get_running_loop().create_task(other.load())
                self._errands.add(errand)
                errand.add_done_callback(self._errands.discard)

    async def _snapshot(self, config: dict[str, Any]) -> StateSnapshot:
        return await (await self._graph()).aget_state(config)

    async def _graph(self) -> CompiledStateGraph:
        """The graph, over a saver that can be awaited."""
        if self._awaited is None:
            saver = await as_async_saver(self.graph.checkpointer)
            self._awaited = self.graph.copy(update={"checkpointer": saver})
        return self._awaited

    def _room(self) -> Room:
        return room_of(self.graph.checkpointer, self.thread_id)


async def _ended(job: asyncio.Future[Any], *, cancel: bool) -> asyncio.CancelledError | None:
    """Wait until a job has ended, whatever happens, and return what wanted to end the wait.

    A cancellation from outside (the kernel's interrupt, a caller's) must not leave a run behind
    that nobody looks after.
    """
    interrupted = None
    while not job.done():
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError as cancelled:
            interrupted = cancelled
            if cancel:
                job.cancel()
    return interrupted


def _message(text: str) -> HumanMessage:
    # Half an emoji, as a browser may send it, could not be stored as UTF-8.
    return HumanMessage(text.encode("utf-8", "replace").decode(), id=str(uuid4()))


def _id_of(snapshot: StateSnapshot) -> str | None:
    return snapshot.config["configurable"].get("checkpoint_id")


def _asked(interrupt: Interrupt) -> tuple[str, str]:
    """What makes a question the same when it is asked anew under another id."""
    return repr(interrupt.value), repr(interrupt.response_schema)


def _not_run(messages: Sequence[BaseMessage]) -> list[ToolMessage]:
    """Answers for the tool calls that nobody answered: models refuse a history with open ones."""
    answered = {each.tool_call_id for each in messages if isinstance(each, ToolMessage)}
    asked = next((each for each in reversed(messages) if isinstance(each, AIMessage)), None)
    calls = asked.tool_calls if asked is not None else []
    text = "Not run: the person went on with another message."
    return [
        ToolMessage(text, tool_call_id=call["id"], name=call["name"], status="error")
        for call in calls
        if call["id"] not in answered
    ]
