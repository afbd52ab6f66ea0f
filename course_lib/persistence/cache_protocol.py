"""What a cache of checkpoints must offer, whatever it keeps them in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

LEASE_SECONDS = 60.0
"""How long a lease holds, and how long a write that never ended keeps its thread out of the cache.

A database call that takes longer than this fills nothing."""


class CacheError(RuntimeError):
    """A cache could not be asked; the text names it and the remedy."""


class CheckpointCache(Protocol):
    """What a `CachedSaver` needs of a cache. All methods may be called from any thread.

    Only `forget` and `entries` may fail, by `CacheError`. A cache whose server is away answers the
    others as if it was empty.
    """

    remote: bool
    """Whether its methods wait for a server, so that the event loop must not call them."""

    def read(self, thread_id: str, name: str) -> tuple[bytes | None, str | None]:
        """Return an entry of a thread, or a lease to fill it, or neither while it is written."""

    def fill(self, thread_id: str, name: str, lease: str, data: bytes) -> None:
        """Store an entry, if the lease still holds."""

    def begin_write(self, thread_ids: Sequence[str]) -> str:
        """Drop entries and leases of threads, and give out none until `end_write` gets this."""

    def end_write(self, thread_ids: Sequence[str], token: str) -> None:
        """Drop entries and leases of threads again, and give out leases from now on."""

    def forget(self, thread_id: str) -> None:
        """Remove everything that is kept of a thread."""

    def clear(self) -> None:
        """Drop all entries and leases."""

    def entries(self) -> Iterable[tuple[str, bytes]]:
        """Yield everything that is kept: the thread's id (and namespace), and the bytes."""
