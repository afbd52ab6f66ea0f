"""Runs: each is a task of its own, and whoever listens may come and go.

A run that is iterated inside the response belongs to the connection. When the browser goes away,
the run either goes on with nobody to keep its answer, or is cancelled in the middle. Here a run is
a task of the worker: it ends, and its answer is saved, whether somebody listens or not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from course_lib.persistence import unfinished_step

from .hooks import ServiceHooks
from .problems import UNEXPECTED, Problem, cause
from .run import Run
from .run_events import END, Event, EventLog
from .stream_parts import MODES, events_from_part
from .turns import (
    MESSAGE_KEY,
    Turn,
    answer_of,
    context_of,
    left_behind,
    plan_turn,
    questions_of,
    was_asked,
)

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from course_lib.persistence import Thread

    from .auth import Person
    from .database import GraphPool
    from .thread_locks import ThreadLocks

log = logging.getLogger("chat")

LOST_SECONDS = 2.0
"""How long a run of another worker may be silent before this one asks whether it still runs."""

STOP_SECONDS = 0.5
"""How often a worker looks whether somebody asked another worker to stop one of its runs."""


class RunManager:
    """The runs of one worker.

    Args:
        graphs: what to run.
        locks: keep two runs off one thread, over all workers.
        event_log: where the events are kept.
        wait_seconds: how long a run waits for its thread.
        enter: is called when a run has its thread to itself. It raises the Problem of a thread
            that was deleted while the run waited.
        hooks: what else is called while a run goes on.
    """

    def __init__(
        self,
        graphs: GraphPool,
        locks: ThreadLocks,
        event_log: EventLog,
        wait_seconds: float,
        enter: Callable[[Person, Thread], Awaitable[None]],
        hooks: ServiceHooks | None = None,
    ) -> None:
        self._graphs = graphs
        self._locks = locks
        self._log = event_log
        self._wait_seconds = wait_seconds
        self._enter = enter
        self._hooks = hooks or ServiceHooks()
        self._tasks: dict[Run, asyncio.Task[None]] = {}
        self._same: dict[tuple[str, str | None], Run] = {}
        self._watcher: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, person: Person, thread: Thread, turn: Turn) -> Run:
        """Begin a run, or return the one that this very message or answer has begun already."""
        run = Run(thread, person, turn)
        known = self._same.get(run.key)
        if known is not None and known.turn == turn and not known.stopping:
            return known
        self._same[run.key] = run
        # The reference keeps the task alive: asyncio itself holds only a weak one.
        self._tasks[run] = asyncio.create_task(self._work(run), name=f"run {run.id}")
        self._tasks[run].add_done_callback(lambda _: self._leave(run))
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch_for_stops())
        return run

    async def stop(self, thread_id: str) -> bool:
        """Stop whatever runs or waits on a thread, on all workers; say whether anything did."""
        mine = [run for run in self._tasks if run.thread.id == thread_id]
        running = [run for run in mine if not run.over]  # the others are only noting their end
        for run in running:
            self._cancel(run)
        asked = await self._log.ask_to_stop(thread_id, besides=[run.id for run in mine])
        # A worker that was killed has left runs without an end; nothing of them runs.
        return bool(running) or (asked and not await self._locks.is_free(thread_id))

    async def follow(self, run_id: UUID, thread_id: str, after: int) -> AsyncIterator[Event]:
        """The events of any run behind a number, wherever it runs."""
        mine = next((run for run in self._tasks if run.id == run_id), None)
        if mine is not None:
            async for event in mine.follow(after):
                yield event
            return
        if await self._log.is_told(run_id, after):
            return
        loop = asyncio.get_running_loop()
        heard = loop.time()
        async for events in self._log.follow(run_id, after):
            for event in events:
                yield event
                after = event.number
            if events:
                heard = loop.time()
            elif loop.time() - heard > LOST_SECONDS:
                heard = loop.time()
                if await self._locks.is_free(thread_id) and not await self._log.read(run_id, after):
                    yield Event(after + 1, "problem", lost_run().body)
                    yield Event(after + 2, END, {"status": "failed"})
                    return

    async def close(self, seconds: float) -> None:
        """Let the runs end, and cancel those that do not end in time."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        for task in self._tasks.values():
            task.cancel("the service is shutting down")
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def _cancel(self, run: Run) -> None:
        run.stopping = True
        if run.begun and not run.over:
            self._tasks[run].cancel()  # before it has begun, a cancelled task does nothing at all

    async def _work(self, run: Run) -> None:
        run.begun = True
        with self._hooks.turn(run):
            await self._attempt(run)

    async def _attempt(self, run: Run) -> None:
        try:
            if run.stopping:
                raise asyncio.CancelledError
            await self._log.begin(run.id, run.thread.id)
            self._emit(run, "start", {"run_id": str(run.id), "thread_id": run.thread.id})
            async with AsyncExitStack() as held:
                with self._hooks.waiting(run):
                    lock = self._locks.hold(run.thread.id, self._wait_seconds)
                    await held.enter_async_context(lock)
                await self._enter(run.person, run.thread)
                with self._graphs.borrow() as graph, self._hooks.graph(run):
                    run.status = await self._turn(run, graph)
        except asyncio.CancelledError:
            if run.status == "failed" and run.stopping:
                run.status = "stopped"
            elif run.status == "failed":
                self._refuse(run, lost_run())
        except Problem as problem:
            self._refuse(run, problem)
        except (psycopg.OperationalError, ConnectionError) as error:
            # The database or the model was away. Sent again, the message goes on where it stopped.
            log.error("run %s lost its database or its model: %s", run.id, cause(error))
            self._refuse(run, lost_run())
        except Exception as error:  # the client is told, and the log has the rest
            log.error("run %s failed", run.id, exc_info=error)
            self._refuse(run, UNEXPECTED)
        finally:
            self._finish(run)
            try:
                await asyncio.shield(self._log.end(run.id))
            except Exception as error:  # noqa: BLE001  # the turn itself is saved
                log.error("the events of run %s are not written yet: %s", run.id, cause(error))

    def _finish(self, run: Run) -> None:
        # Before the last event: who has heard of the end may send the next message.
        if self._same.get(run.key) is run:
            del self._same[run.key]
        if not run.over:
            self._emit(run, END, {"status": run.status})

    def _leave(self, run: Run) -> None:
        """Take a run off the list, however its task ended."""
        self._finish(run)
        self._tasks.pop(run, None)

    async def _turn(self, run: Run, graph: CompiledStateGraph) -> str:
        """Run the graph as far as it goes, and return how that ended."""
        turn, newest = run.turn, run.thread.config
        start = _at_checkpoint(newest, turn.checkpoint_id)
        state = await graph.aget_state(newest)
        if turn.checkpoint_id and (await graph.aget_state(start)).created_at is None:
            raise Problem(404, "checkpoint-unknown", "This conversation has no such checkpoint.")
        answered = bool(
            unfinished_step(state)
            and turn.question_id is not None
            and await was_asked(graph, run.thread, turn.question_id)
        )
        state = await left_behind(graph, run.thread, state, turn.message_id) or state
        plan = plan_turn(turn, state, answered=answered)
        if plan.action == "run":
            parts = graph.astream(
                plan.value,
                self._hooks.config(
                    run, _noting(start if plan.value is not None else newest, turn.message_id)
                ),
                context=context_of(graph, run.person),
                stream_mode=MODES,
                subgraphs=True,
                version="v2",
                durability="sync",  # an answer that was shown is stored
            )
            async for part in parts:
                for name, data in events_from_part(part):
                    self._emit(run, name, data)
            state = await graph.aget_state(newest)
        questions = questions_of(state)
        for question in questions:
            self._emit(run, "question", question.model_dump(by_alias=True))
        answer = answer_of(state, turn.message_id)
        if answer is not None and not questions:
            self._emit(run, "answer", answer.model_dump())
        return "waiting" if questions else "done"

    def _emit(self, run: Run, name: str, data: Mapping[str, Any]) -> None:
        event = run.emit(name, data)
        self._hooks.event(run, event)
        self._log.append(run.id, event)

    def _refuse(self, run: Run, problem: Problem) -> None:
        run.refusal = problem
        self._emit(run, "problem", problem.body)

    async def _watch_for_stops(self) -> None:
        while True:
            await asyncio.sleep(STOP_SECONDS)
            by_id = {run.id: run for run in self._tasks if not run.stopping}
            if not by_id:
                continue
            with suppress(Exception):  # the next look may go through
                for run_id in await self._log.asked_to_stop(by_id):
                    if by_id[run_id] in self._tasks:
                        self._cancel(by_id[run_id])


def lost_run() -> Problem:
    """The problem of a run that ended before its turn was complete."""
    return Problem(
        503,
        "run-lost",
        "The run ended before its answer was complete. Send the message again, with its id: the "
        "turn continues where it stopped.",
        headers={"Retry-After": "1"},
    )


def _at_checkpoint(config: dict[str, Any], checkpoint_id: str | None) -> dict[str, Any]:
    """A config of a thread, at one checkpoint of it."""
    if checkpoint_id is None:
        return config
    place = {**config["configurable"], "checkpoint_id": checkpoint_id}
    return {**config, "configurable": place}


def _noting(config: dict[str, Any], message_id: str | None) -> dict[str, Any]:
    """A config whose checkpoints tell which message their turn is of."""
    metadata = {key: value for key, value in config["metadata"].items() if key != MESSAGE_KEY}
    noted = {} if message_id is None else {MESSAGE_KEY: message_id}
    return {**config, "metadata": {**metadata, **noted}}
