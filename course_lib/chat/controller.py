"""A chat with a graph, without any user interface: what happens is told as typed events.

    chat = ChatController(graph, listen=print)
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

from langchain_core.messages import BaseMessage, HumanMessage
from langgraph.errors import is_invalid_resume
from langgraph.types import Command

from course_lib.chat.awaitable import awaitable
from course_lib.chat.events import (
    Event,
    Loaded,
    Queued,
    RunEnded,
    RunStarted,
    ToolCalled,
    ToolReturned,
    Unqueued,
)
from course_lib.chat.parts import MODES, events_of, tool_events
from course_lib.chat.rooms import Room, room_of
from course_lib.history import CheckpointTree, fork_point

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Interrupt, StateSnapshot

RECURSION_LIMIT = 100
"""Super-steps after which a run counts as a loop; LangGraph's own default is about 10,000."""

Start = tuple[Any, dict[str, Any]]
"""What a run is started with: its input, and the configuration that says where."""


class ChatController:
    """Sends, streams, stops, resumes, forks and switches threads.

    Operations take turns: a message sent while a run is under way waits for its end. Switching
    and going back do not wait, they stop the run.

    Args:
        graph: compiled, with `messages` in its state and any checkpointer.
        thread_id: which thread; a new one when left out.
        metadata: goes with every run into its checkpoints, such as whose thread it is.
        context: what the graph's context schema asks for, if it has one.
        listen: is called with every event, on the event loop.

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
        listen: Callable[[Event], object] = lambda event: None,
    ) -> None:
        if not graph.checkpointer:
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
        self.listen = listen
        self._awaited: CompiledStateGraph | None = None
        self._at: str | None = None  # the checkpoint that is looked at; None for the newest
        self._seen: str | None = None  # the newest checkpoint when the thread was read last
        self._order = asyncio.Lock()
        self._stops = 0
        self._run: asyncio.Future[None] | None = None
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
            self.listen(await self._read())

    async def send(self, text: str) -> None:
        """Say something, and run the graph until it ends or waits.

        Args:
            text: as the person typed it; an empty text is sent too.
        """
        message = _message(text)
        await self._take_turn(lambda: self._from_here({"messages": [message]}), message)

    async def resume(self, answers: Mapping[str, Any]) -> None:
        """Answer interrupts, and let the graph go on.

        Args:
            answers: what each interrupt is answered with, by its id. Those that are left out go
                on waiting.

        Raises:
            LookupError: the thread does not wait for one of them.
        """

        async def start() -> Start:
            answered = dict(answers)
            waiting = [each.id for each in (await self._read()).interrupts]
            for interrupt_id in answered:
                if interrupt_id not in waiting:
                    raise LookupError(
                        "That question has been answered, or belongs to another checkpoint. "
                        "Look at the conversation as it is now."
                    )
            if self._at is not None:
                asked = await self._ask_again(self.config)
                new_ids = dict(zip(waiting, [each.id for each in asked], strict=False))
                answered = {new_ids.get(old, old): value for old, value in answered.items()}
            return await self._from_here(Command(resume=answered))

        await self._take_turn(start)

    async def go_on(self) -> None:
        """Go on where a run was stopped, failed, or stands before a breakpoint."""
        await self._take_turn(lambda: self._from_here(None))

    async def edit(self, message_id: str, text: str) -> None:
        """Say something else in place of an earlier message: fork from before it, and run.

        Args:
            message_id: of a message in the thread. What followed it stays, on its own branch.
            text: what to say instead.

        Raises:
            LookupError: there is no such message on the way to where the thread stands.
        """
        message = _message(text)

        async def start() -> Start:
            before = await fork_point(await self._graph(), self.config, message_id)
            config = {**self.config, "configurable": before["configurable"]}
            return {"messages": [message]}, config

        await self._take_turn(start, message)

    async def try_again(self, message_id: str) -> None:
        """Ask what led to an answer once more, on a new branch.

        Args:
            message_id: of the answer.

        Raises:
            LookupError: there is no such message, or nobody asked anything before it.
        """
        asked: HumanMessage | None = None
        for message in (await self._read()).messages:
            if isinstance(message, HumanMessage):
                asked = message
            if message.id == message_id:
                break
        else:
            asked = None
        if asked is None:
            raise LookupError("Nobody asked for that message, so there is nothing to ask again.")
        await self.edit(str(asked.id), str(asked.text))

    async def go_to(self, checkpoint_id: str | None) -> None:
        """Look at an earlier checkpoint; what is sent next forks from there.

        Args:
            checkpoint_id: which one; None for where the thread stands.
        """
        self.stop()
        async with self._order:
            newest = await self._snapshot({"configurable": {"thread_id": self.thread_id}})
            self._at = None if checkpoint_id == _id_of(newest) else checkpoint_id
            self.listen(await self._read())

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
            self.listen(await self._read())

    def stop(self) -> None:
        """Stop the run under way; messages that wait behind it are given back unsent."""
        self._stops += 1
        if self._run is not None:
            self._run.cancel()

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
        self, start: Callable[[], Awaitable[Start]], message: BaseMessage | None = None
    ) -> None:
        """Wait for what is under way, here and in other panels on this thread, then run."""
        stops = self._stops
        queued = message is not None and (self._order.locked() or self._room().turn.locked())
        if queued:
            self.listen(Queued(str(message.text)))
        async with self._order, self._room().turn:
            if stops == self._stops:
                if queued:
                    self.listen(Unqueued(str(message.text), sent=True))
                await self._catch_up()
                value, config = await start()
            if stops == self._stops:
                await self._stream(value, config, message)
                await self._tell_others()
            elif message is not None:
                self.listen(Unqueued(str(message.text), sent=False))

    async def _stream(
        self, value: Any, config: dict[str, Any], message: BaseMessage | None
    ) -> None:
        self.listen(RunStarted(message))
        self._run = asyncio.ensure_future(self._consume(value, config))
        try:
            await asyncio.wait([self._run])
        except asyncio.CancelledError:
            self._run.cancel()
            await asyncio.wait([self._run])
            raise
        finally:
            run, self._run = self._run, None
            error = None if run.cancelled() else run.exception()
            self._at = None  # the run has made newer checkpoints
        now = await self._read()
        if error is not None and isinstance(value, Command) and not is_invalid_resume(error):
            # The answer was taken before the node failed, and would be taken again for ever.
            await self._ask_again(_exactly(now))
            now = await self._read()
        outcome = "waiting" if now.interrupts or now.next else "done"
        outcome = "stopped" if run.cancelled() else "failed" if error else outcome
        self.listen(RunEnded(outcome, now, error))

    async def _consume(self, value: Any, config: dict[str, Any]) -> None:
        graph = await self._graph()
        options = {"stream_mode": MODES, "subgraphs": True, "version": "v2"}
        if self.context is not None:
            options["context"] = self.context
        async with aclosing(graph.astream(value, config, **options)) as parts:
            async for part in parts:
                for event in events_of(part, self._known):
                    self.listen(event)

    async def _ask_again(self, config: dict[str, Any]) -> Sequence[Interrupt]:
        """Fork from an interrupted checkpoint, so that its questions are open once more.

        LangGraph keeps an answer with the checkpoint it was given at: resuming there with
        another one would repeat the first.
        """
        graph = await self._graph()
        named = {**self.config, "configurable": config["configurable"]}
        try:
            await graph.ainvoke(None, named, context=self.context)
        except Exception as error:  # noqa: BLE001 - the node fails before it asks; so be it
            logging.getLogger(__name__).debug("not asked again: %s", error)
        self._at = None
        return (await self._read()).interrupts

    async def _from_here(self, value: Any) -> Start:
        return value, self.config

    async def _read(self) -> Loaded:
        snapshot = await self._snapshot(self.config)
        if self._at is None:
            self._seen = _id_of(snapshot)
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
                self.listen(now)

    async def _tell_others(self) -> None:
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
            saver = await awaitable(self.graph.checkpointer)
            self._awaited = self.graph.copy(update={"checkpointer": saver})
        return self._awaited

    def _room(self) -> Room:
        return room_of(self.graph.checkpointer, self.thread_id)


def _message(text: str) -> HumanMessage:
    # Half an emoji, as a browser may send it, could not be stored as UTF-8.
    return HumanMessage(text.encode("utf-8", "replace").decode(), id=str(uuid4()))


def _exactly(now: Loaded) -> dict[str, Any]:
    """A configuration that names the very checkpoint."""
    named = {"thread_id": now.thread_id, "checkpoint_id": now.checkpoint_id, "checkpoint_ns": ""}
    return {"configurable": named}


def _id_of(snapshot: StateSnapshot) -> str | None:
    return snapshot.config["configurable"].get("checkpoint_id")
