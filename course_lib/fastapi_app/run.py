"""One run: what was asked for, what it has told so far, and who listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from .event_data import storable
from .run_events import END, Event

if TYPE_CHECKING:
    from course_lib.persistence import Thread

    from .auth import Person
    from .problems import Problem
    from .turns import Turn


@dataclass(eq=False)
class Run:
    """One run, and what it has told so far.

    Args:
        thread: where it runs.
        person: who asked for it.
        turn: what was asked for.
        id: of the run.
    """

    thread: Thread
    person: Person
    turn: Turn
    id: UUID = field(default_factory=uuid4)
    status: str = "failed"
    events: list[Event] = field(default_factory=list)
    refusal: Problem | None = None
    stopping: bool = False
    begun: bool = False
    _listeners: set[asyncio.Queue[Event]] = field(default_factory=set, repr=False)

    @property
    def over(self) -> bool:
        """Whether its last event was told."""
        return bool(self.events) and self.events[-1].name == END

    @property
    def key(self) -> tuple[str, str | None]:
        """What a request that is sent again has in common with this run."""
        return self.thread.id, self.turn.message_id or self.turn.question_id

    @property
    def problem(self) -> dict[str, Any] | None:
        """The body of what it was refused with."""
        return None if self.refusal is None else self.refusal.body

    def emit(self, name: str, data: Mapping[str, Any]) -> Event:
        """Tell an event to everybody who listens."""
        event = Event(len(self.events) + 1, name, storable(dict(data)))
        self.events.append(event)
        for queue in self._listeners:
            queue.put_nowait(event)
        return event

    async def follow(self, after: int = 0) -> AsyncIterator[Event]:
        """The events behind a number: first those that are there, then each as it comes."""
        if self.over and after >= len(self.events):
            return
        queue: asyncio.Queue[Event] = asyncio.Queue()
        for event in self.events[after:]:
            queue.put_nowait(event)
        self._listeners.add(queue)
        try:
            while True:
                event = await queue.get()
                yield event
                if event.name == END:
                    return
        finally:
            self._listeners.discard(queue)

    def data_of(self, name: str) -> list[dict[str, Any]]:
        """The data of all events with a name."""
        return [event.data for event in self.events if event.name == name]
