"""What one worker has, opened when it starts and closed when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from course_lib.persistence import ThreadDirectory, UnknownThread

from .database import Database, GraphPool, open_database
from .hooks import ServiceHooks
from .problems import unknown_thread
from .run_events import EventLog
from .runs import RunManager
from .thread_locks import ThreadLocks

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.store.base import BaseStore

    from course_lib.persistence import Thread

    from .auth import Person
    from .service_settings import ServiceSettings

BuildGraph = Callable[["BaseCheckpointSaver", "BaseStore"], "CompiledStateGraph"]
"""Compiles the graph with a saver and a store. It is called once for each saver, and makes what all
runs share (the client of the model, say) outside of itself."""

DRAIN_SECONDS = 20.0
"""How long a worker that is asked to stop lets its runs go on, in seconds."""


@dataclass
class Service:
    """What all requests of one worker share.

    Args:
        settings: of the service.
        database: its connections.
        graphs: the compiled graphs.
        runs: what runs now.
        event_log: what the runs told.
        locks: one run at a time on a thread.
        hooks: what else is called while a run goes on.
    """

    settings: ServiceSettings
    database: Database
    graphs: GraphPool
    runs: RunManager
    event_log: EventLog
    locks: ThreadLocks
    hooks: ServiceHooks

    def directory(self, person: Person) -> ThreadDirectory:
        """The list of threads of a person's tenant."""
        return ThreadDirectory(self.database.store, tenant=person.tenant)

    async def thread(self, person: Person, thread_id: object) -> Thread:
        """A thread of this person.

        Raises:
            Problem: 404; it does not exist, or is somebody else's.
        """
        try:
            return await asyncio.to_thread(self.directory(person).open, person.user, str(thread_id))
        except UnknownThread:
            raise unknown_thread(thread_id) from None

    async def note_activity(self, person: Person, thread: Thread) -> None:
        """Move a thread to the top of a person's list, while nobody else can delete it.

        Raises:
            Problem: 404; it was deleted meanwhile.
        """
        try:
            await asyncio.to_thread(self.directory(person).touch, person.user, thread.id)
        except UnknownThread:
            raise unknown_thread(thread.id) from None

    async def thread_or_new(
        self, person: Person, thread_id: object | None, message_id: object, text: str
    ) -> Thread:
        """The thread that a message goes to; without an id a new one.

        The new thread's id is derived from the person and the message's id, so a first message
        that is sent twice goes to one thread.
        """
        if thread_id is not None:
            return await self.thread(person, thread_id)
        title = " ".join(text.split())[:60]
        return await asyncio.to_thread(
            self.directory(person).create, person.user, title=title, external_id=str(message_id)
        )


@asynccontextmanager
async def open_service(
    settings: ServiceSettings, build_graph: BuildGraph, hooks: ServiceHooks | None = None
) -> AsyncIterator[Service]:
    """Open a worker's service, and close it in order: first the runs, then what they use."""
    async with open_database(settings.database_url, settings.savers) as database:
        hooks = hooks or ServiceHooks()
        savers = [hooks.saver(saver) for saver in database.savers]
        graphs = [build_graph(saver, database.store) for saver in savers]
        locks, event_log = ThreadLocks(settings.database_url), EventLog(database.pool)
        await locks.open()
        pool = GraphPool(graphs)

        async def enter(person: Person, thread: Thread) -> None:
            await service.note_activity(person, thread)

        runs = RunManager(pool, locks, event_log, settings.wait_seconds, enter, hooks)
        service = Service(settings, database, pool, runs, event_log, locks, hooks)
        forgetting = asyncio.create_task(event_log.keep_forgetting(settings.keep_events_seconds))
        try:
            yield service
        finally:
            forgetting.cancel()
            await runs.close(DRAIN_SECONDS)
            await event_log.close()
            await locks.close()
