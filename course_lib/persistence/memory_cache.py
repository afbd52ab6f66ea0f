"""A cache of checkpoints in this process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import count

from course_lib.persistence.cache_protocol import LEASE_SECONDS

Entries = dict[str, tuple[float | None, bytes]]


class MemoryCache:
    """The newest checkpoints of the threads that were read last.

    It knows only of the writes of its own process. Where several processes write the same threads,
    `seconds` is how old an answer may be; use a `RedisCheckpointCache` if that matters.

    Args:
        max_threads: how many threads are kept; the one that was not read for longest goes first.
        seconds: how long an entry is used; None for as long as it is not written.

    Raises:
        ValueError: a number below 1, or a time of zero or less.
    """

    remote = False

    def __init__(self, max_threads: int = 1000, seconds: float | None = None) -> None:
        if max_threads < 1:
            raise ValueError(f"max_threads is {max_threads}. Keep at least one thread.")
        if seconds is not None and seconds <= 0:
            raise ValueError(f"seconds is {seconds}. Use a time above zero, or None for no limit.")
        self.max_threads = max_threads
        self.seconds = seconds
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Entries] = OrderedDict()
        self._leases: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._writing: dict[str, dict[str, float]] = {}  # until when each write keeps others out
        self._numbers = count(1)

    def read(self, thread_id: str, name: str) -> tuple[bytes | None, str | None]:
        """Return an entry of a thread, or a lease to fill it, or neither while it is written.

        Args:
            thread_id: the thread.
            name: which of its entries, one for each namespace.
        """
        with self._lock:
            kept = self._entries.get(thread_id, {})
            until, data = kept.get(name, (None, None))
            if until is not None and until <= time.monotonic():
                del kept[name]
                data = None
            if data is not None:
                self._entries.move_to_end(thread_id)
                return data, None
            self._give_up_old_writes()
            if thread_id in self._writing:
                return None, None
            lease = str(next(self._numbers))
            self._leases.setdefault(thread_id, {})[name] = lease
            if len(self._leases) > self.max_threads:
                self._leases.popitem(last=False)  # its holder fills nothing
            return None, lease

    def fill(self, thread_id: str, name: str, lease: str, data: bytes) -> None:
        """Store an entry, if the lease still holds.

        Args:
            thread_id: the thread.
            name: which of its entries.
            lease: as `read` gave it.
            data: the entry.
        """
        until = None if self.seconds is None else time.monotonic() + self.seconds
        with self._lock:
            leases = self._leases.get(thread_id, {})
            if leases.get(name) != lease:
                return
            del leases[name]
            if not leases:
                del self._leases[thread_id]
            self._entries.setdefault(thread_id, {})[name] = (until, data)
            self._entries.move_to_end(thread_id)
            if len(self._entries) > self.max_threads:
                self._entries.popitem(last=False)

    def begin_write(self, thread_ids: Sequence[str]) -> str:
        """Drop entries and leases of threads; give out no lease until `end_write` gets the result.

        Args:
            thread_ids: the threads that are about to be written.
        """
        with self._lock:
            self._give_up_old_writes()
            token = str(next(self._numbers))
            for thread_id in thread_ids:
                self._drop(thread_id)
                marks = self._writing.setdefault(thread_id, {})
                marks[token] = time.monotonic() + LEASE_SECONDS
            return token

    def end_write(self, thread_ids: Sequence[str], token: str) -> None:
        """Drop entries and leases of threads again, and give out leases from now on.

        Args:
            thread_ids: as for `begin_write`.
            token: as it returned it.
        """
        with self._lock:
            for thread_id in thread_ids:
                self._drop(thread_id)
                marks = self._writing.get(thread_id, {})
                marks.pop(token, None)
                if not marks:
                    self._writing.pop(thread_id, None)

    def forget(self, thread_id: str) -> None:
        """Remove everything that is kept of a thread."""
        with self._lock:
            self._drop(thread_id)

    def clear(self) -> None:
        """Drop all entries and leases."""
        with self._lock:
            self._entries.clear()
            self._leases.clear()

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is kept: the thread's id with its namespace, if it has one, and the bytes."""
        with self._lock:
            kept = [
                (f"{thread_id} {name}".rstrip(), data)
                for thread_id, entries in self._entries.items()
                for name, (_, data) in entries.items()
            ]
        yield from kept

    def _drop(self, thread_id: str) -> None:
        self._entries.pop(thread_id, None)
        self._leases.pop(thread_id, None)

    def _give_up_old_writes(self) -> None:
        """Take away the marks of writes that were cancelled and will never end."""
        now = time.monotonic()
        for thread_id, marks in [*self._writing.items()]:
            for token in [token for token, until in marks.items() if until <= now]:
                del marks[token]
            if not marks:
                del self._writing[thread_id]
