"""One run of a graph for the chat: started, streamed, and always ended on the screen."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from course_lib.chat.events import Event, NodeEnded, Outcome, RunEnded, RunStarted, ThreadLoaded
from course_lib.chat.missing_fields import (
    missing_configurable,
    missing_context,
    missing_field,
    missing_store,
)
from course_lib.chat.pace import rest
from course_lib.chat.process_exit import exits_as_errors, guard_tasks
from course_lib.chat.run_cost import CostCounter, RunCost
from course_lib.chat.stream_events import StreamReader
from course_lib.chat.turns import wait_until_ended

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from course_lib.chat.graph_access import GraphAccess
    from course_lib.chat.thread_reader import ThreadReader


STORING = ("_checkpointer_put_after_previous", "aput_writes")
"""Names of the functions that LangGraph's loop stores a checkpoint and a node's writes with."""

STORING_LIMIT = 10.0
"""How long a stopped run may take to store what it has done, in seconds."""


@dataclass(frozen=True)
class RunRequest:
    """What to run.

    Args:
        value: the input of the run.
        config: where it runs: the thread, and perhaps a checkpoint.
        message: the person's message in the input, if there is one.
        fork: the thread as it is at the checkpoint that the run forks from.
    """

    value: Any
    config: dict[str, Any]
    message: BaseMessage | None = None
    fork: ThreadLoaded | None = None


class Runner:
    """Runs a graph, and reports what happens.

    Args:
        access: the graph.
        emit: is called with every event.
    """

    def __init__(self, access: GraphAccess, emit: Callable[[Event], None]) -> None:
        self._access = access
        self._emit = emit
        self._task: asyncio.Future[None] | None = None
        self._last_stream: tuple[str, StreamReader] | None = None  # with the thread it was of
        self.pace = "instant"

    @property
    def running(self) -> bool:
        """Whether a run has begun and not ended."""
        return self._task is not None

    def stop(self) -> None:
        """Cancel the run, if there is one.

        A cancelled run waits until what it has done is stored. It is cancelled once more where its
        database does not answer.
        """
        if self._task is not None:
            self._task.cancel()
            self._task.get_loop().call_later(STORING_LIMIT, self._task.cancel)

    async def run(
        self, request: RunRequest, reader: ThreadReader, context: Any, config: dict[str, Any]
    ) -> Outcome:
        """Run the graph, and report its end whatever happens.

        Args:
            request: what to run.
            reader: of the thread.
            context: of the run.
            config: names the thread as it stands, to read it after the run.

        Returns:
            How the run ended.
        """
        before = request.fork or reader.last
        if request.fork is not None:
            self._emit(request.fork)  # what came after the fork has not been said on this branch
        if request.message is not None:
            reader.authorship.sent(request.message)
        self._emit(RunStarted(request.message))
        counter = CostCounter(sees_calls=self._access.is_local)
        consuming = self._consume(request, reader, context, before, counter)
        task = self._task = asyncio.ensure_future(consuming)
        interrupted = await wait_until_ended(task, cancel=True)
        self._task = None
        if task.cancelled() and (storing := _storing()):
            waiting = asyncio.ensure_future(asyncio.wait(storing, timeout=STORING_LIMIT))
            interrupted = await wait_until_ended(waiting, cancel=False) or interrupted
        error = None if task.cancelled() else task.exception()
        reader.checkpoint_id = None  # the run has made newer checkpoints
        reading = asyncio.ensure_future(reader.read_or_report(config))
        interrupted = await wait_until_ended(reading, cancel=False) or interrupted
        thread = reading.result()
        unread = thread.error is not None
        if unread:
            error = error or thread.error
            thread = replace(before, interrupts=(), next=(), unfinished=(), is_newest=True)
        else:
            thread = await reader.find_authors_of_run(before, request.message)
        outcome: Outcome = "waiting" if thread.interrupts or thread.unfinished else "done"
        if error is not None or task.cancelled():
            outcome = "failed" if error is not None else "stopped"
        cost = counter.cost()
        self.end(outcome, thread, error, request.message, before, context, cost, unread=unread)
        if interrupted is not None:
            raise interrupted
        return outcome

    def end(
        self,
        outcome: Outcome,
        thread: ThreadLoaded,
        error: BaseException | None,
        message: BaseMessage | None,
        before: ThreadLoaded,
        context: Any = None,
        cost: RunCost | None = None,
        *,
        unread: bool = False,
    ) -> None:
        """Report the end of a run.

        Args:
            outcome: how it ended.
            thread: what it holds now.
            error: what was raised.
            message: the person's message that the run was started with.
            before: the thread before the run.
            context: of the run.
            cost: of the run; None where it could not begin.
            unread: whether the thread could not be read after the run.
        """
        stored = message is None or _is_stored(message, before.messages, thread.messages)
        unstored = None if stored else message
        if error is not None and not isinstance(error, Exception):
            error = RuntimeError(f"{type(error).__name__}: {error}")  # a BaseException
        remedy = missing_field(error, self._access.fields)
        remedy = remedy or missing_context(error, self._access.context_schema, context)
        remedy = remedy or missing_configurable(error)
        remedy = remedy or missing_store(error, has_store=self._access.store is not None)
        self._emit(RunEnded(outcome, thread, error, unstored, remedy, cost, unread))

    async def _consume(
        self,
        request: RunRequest,
        reader: ThreadReader,
        context: Any,
        before: ThreadLoaded,
        counter: CostCounter,
    ) -> None:
        thread_id, earlier = self._last_stream or ("", None)
        if request.message is not None or thread_id != reader.thread_id:
            earlier = None
        events = StreamReader(list(before.messages), earlier)
        self._last_stream = reader.thread_id, events
        guard_tasks()
        config = request.config
        if self._access.is_local:  # a server takes no callback
            config = {**config, "callbacks": [counter]}
        parts = self._access.stream(request.value, config, context)
        with exits_as_errors():
            async with aclosing(parts):
                async for part in parts:
                    for event in events.events_from_part(part):
                        if isinstance(event, NodeEnded):
                            reader.authorship.observe(event.update)
                        self._emit(event)
                        await rest(self.pace, event)


def _storing() -> list[asyncio.Task[Any]]:
    """The tasks of this loop in which LangGraph stores what its runs have done.

    A run stores behind its steps. Cancelled while it waits for the last of that, it does not wait
    any longer, and a thread that is read then holds less than it will hold.
    """
    names = ((task, getattr(task.get_coro(), "__qualname__", "")) for task in asyncio.all_tasks())
    return [task for task, name in names if name.rpartition(".")[2] in STORING]


def _is_stored(
    message: BaseMessage, before: Sequence[BaseMessage], now: Sequence[BaseMessage]
) -> bool:
    """Whether a thread holds a message; a reducer may have given it another id."""
    if any(each.id == message.id for each in now):
        return True
    texts = [Counter(str(m.text) for m in each if m.type == "human") for each in (before, now)]
    return texts[1][str(message.text)] > texts[0][str(message.text)]
