"""What notices that a part has ended, and starts it again; what promotes the standby.

In a company this is systemd or Kubernetes for the processes, and Patroni or the cloud's database
service for PostgreSQL. Here it is one thread of the process that started the stack. The API's
workers are processes of their own instead of one `uvicorn --workers 2`: the proxy then sees which
of them is healthy, each can be killed, drained and replaced alone, and each has its own log.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from course_lib.operations.parts import Part
from course_lib.operations.replicated_database import DatabasePair
from course_lib.persistence import PostgresError
from course_lib.serving.process import ServerError

LOOK_SECONDS = 0.1
"""How often the keeper looks whether a part has ended, in seconds."""

AGAIN_SECONDS = 1.0
"""How long the keeper waits after a start that failed, in seconds."""


@dataclass(frozen=True)
class Repair:
    """Something that the keeper did.

    Args:
        part: the name of the part.
        what: `started again`, `standby promoted`, `standby added`, or what went wrong.
        at: seconds of `time.monotonic()`.
        seconds: how long it took.
    """

    part: str
    what: str
    at: float
    seconds: float


@dataclass
class Keeper:
    """Starts parts again that have ended, each in a thread of its own.

    Args:
        parts: that are watched.
        database: whose standby is promoted when its primary has ended.
        repairs: what it has done so far, in order.
        paused: whether it leaves everything as it is at the moment.
    """

    parts: Sequence[Part]
    database: DatabasePair
    repairs: list[Repair] = field(default_factory=list)
    paused: bool = False
    _looking: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _over: threading.Event = field(default_factory=threading.Event, repr=False)
    _busy: dict[str, threading.Thread] = field(default_factory=dict, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)

    def start(self) -> None:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._watch, name="keeper", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer, and wait for the repairs that are under way."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        for thread in list(self._busy.values()):
            thread.join()

    @contextmanager
    def not_looking(self) -> Iterator[None]:
        """Begin no repair during the block: several parts can be ended as if at once."""
        with self._looking:
            yield

    @contextmanager
    def pausing(self) -> Iterator[None]:
        """Repair nothing during the block, and wait first for the repairs that are under way."""
        with self._looking:  # a look that has begun may still begin a repair
            before, self.paused = self.paused, True
        for thread in list(self._busy.values()):
            thread.join()
        try:
            yield
        finally:
            self.paused = before

    def is_idle(self) -> bool:
        """Whether everything runs, and nothing is being repaired."""
        running = all(part.is_running() for part in self.parts)
        busy = any(each.is_alive() for each in list(self._busy.values()))
        return running and self.database.is_whole and not busy

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            with self._looking:
                if not self.paused:
                    self._look()

    def _look(self) -> None:
        for part in self.parts:
            if not part.is_running():
                self._repair(part.name, "started again", part.start)
        pair = self.database
        if not pair.primary.is_running():
            self._repair("database", "standby promoted", self._fail_over)
        elif not pair.is_whole:  # also a standby that runs, and whose primary has not waited for it
            self._repair("database", "standby started again", pair.restart_standby)

    def _fail_over(self) -> None:
        pair = self.database
        # What watches the server may have ended alone: the server must not take writes meanwhile.
        pair.kill_primary()
        if pair.can_promote:
            began = time.monotonic()
            pair.promote()
            self._note("database", "standby promoted", began)
            pair.add_standby()
            self._note("database", "standby added", began)
        else:  # only the last primary's own disk holds all that it has acknowledged
            began = time.monotonic()
            pair.restart_primary()
            self._note("database", "primary started again", began)

    def _repair(self, name: str, what: str, work: Callable[[], None]) -> None:
        running = self._busy.get(name)
        if running is not None and running.is_alive():
            return

        def repair() -> None:
            began = time.monotonic()
            try:
                work()
            except (ServerError, PostgresError, psycopg.Error, OSError) as error:
                self._note(name, f"failed: {error}", began)
                self._over.wait(AGAIN_SECONDS)
            else:
                if work != self._fail_over:
                    self._note(name, what, began)

        self._busy[name] = threading.Thread(target=repair, name=f"repair {name}", daemon=True)
        self._busy[name].start()

    def _note(self, part: str, what: str, began: float) -> None:
        self.repairs.append(Repair(part, what, began, time.monotonic() - began))
