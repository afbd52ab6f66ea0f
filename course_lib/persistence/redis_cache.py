"""A cache of checkpoints on a Redis server, shared by all processes that write the same database.

For each thread there are up to three keys: a hash of the entries, a hash of the leases, and a
sorted set of the writes that have begun, each with the time at which it is given up. What has to
happen at once is a Lua script, which Redis runs without anything in between.
"""

from __future__ import annotations

import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import uuid4

from course_lib.persistence.cache_protocol import LEASE_SECONDS, CacheError

T = TypeVar("T")

PAUSE_SECONDS = 5.0
"""For how long a server that did not answer is not asked again."""

ANSWER_SECONDS = 1.0
"""How long to wait for an answer; a cache that is slower than the database is of no use."""

MAX_OWED = 10_000
"""How many threads are noted to be dropped later; beyond that everything is dropped."""

NOW = "local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

READ = f"""{NOW}
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found then return {{found, 0}} end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
if redis.call('ZCARD', KEYS[3]) > 0 then return {{false, 0}} end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {{false, 1}}
"""
FILL = """
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1
"""
BEGIN = f"""{NOW}
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZADD', KEYS[3], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[3], ARGV[2])
"""
END = """
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[1])
"""


class RedisCheckpointCache:
    """The newest checkpoints of threads, on a Redis server.

    A server that does not answer is passed over with one warning: everything is read from the
    database. Threads that this process wrote meanwhile are dropped from the cache before it is
    used again. (If the server was away for this process only, others may read an old checkpoint
    until it expires.)

    Args:
        url: `redis://127.0.0.1:6379/0`; nothing is asked of the server yet.
        seconds: how long an entry is used at most.
        prefix: begins the names of all keys. Each database needs a prefix of its own.

    Raises:
        ValueError: a time of zero or less, or a URL that is none of Redis.
    """

    remote = True

    def __init__(self, url: str, seconds: float = 3600, prefix: str = "course") -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        if seconds <= 0:
            raise ValueError(f"seconds is {seconds}. Use a time above zero.")
        self.seconds = seconds
        self.prefix = prefix
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 1),  # an idle connection may have been closed by the server
        )
        self._errors: tuple[type[Exception], ...] = (redis.RedisError, OSError)
        self._scripts = {
            name: self._client.register_script(text)
            for name, text in (("read", READ), ("fill", FILL), ("begin", BEGIN), ("end", END))
        }
        self._lock = threading.Lock()
        self._owed: set[str] = set()  # threads to drop before the cache is used again
        self._owes_all = False
        self._away_until = 0.0
        self._warned = False

    def read(self, thread_id: str, name: str) -> tuple[bytes | None, str | None]:
        """Return an entry of a thread, or a lease to fill it, or neither while it is written.

        Args:
            thread_id: the thread.
            name: which of its entries, one for each namespace.
        """
        found = self._try(lambda: self._client.hget(self._keys(thread_id)[0], name))
        if found is not None:  # one plain command, which costs half of what the script does
            return found, None
        lease = uuid4().hex
        answer = self._try(lambda: self._run("read", thread_id, name, lease, _ms(LEASE_SECONDS)))
        found, granted = answer or (None, 0)
        return found, lease if granted else None

    def fill(self, thread_id: str, name: str, lease: str, data: bytes) -> None:
        """Store an entry, if the lease still holds.

        Args:
            thread_id: the thread.
            name: which of its entries.
            lease: as `read` gave it.
            data: the entry.
        """
        self._try(lambda: self._run("fill", thread_id, name, lease, data, _ms(self.seconds)))

    def begin_write(self, thread_ids: Sequence[str]) -> str:
        """Drop entries and leases of threads; give out no lease until `end_write` gets the result.

        Args:
            thread_ids: the threads that are about to be written.
        """
        token = uuid4().hex
        for thread_id in thread_ids:
            self._try(lambda t=thread_id: self._run("begin", t, token, _ms(LEASE_SECONDS)))
        return token

    def end_write(self, thread_ids: Sequence[str], token: str) -> None:
        """Drop entries and leases of threads again, and give out leases from now on.

        Args:
            thread_ids: as for `begin_write`.
            token: as it returned it.
        """
        for thread_id in thread_ids:
            self._try(lambda t=thread_id: self._run("end", t, token), owed=thread_id)

    def forget(self, thread_id: str) -> None:
        """Remove everything that is kept of a thread.

        Raises:
            CacheError: the server does not answer, so that nobody knows what it keeps.
        """
        self._must(lambda: self._client.delete(*self._keys(thread_id)[:2]), owed=thread_id)

    def clear(self) -> None:
        """Drop all entries and leases."""
        self._try(self._delete_all, owes_all=True)

    def entries(self) -> Iterator[tuple[str, bytes]]:
        """Yield what is kept: the thread's id with its namespace, if it has one, and the bytes.

        Raises:
            CacheError: the server does not answer.
        """
        begin = f"{self.prefix}:newest:{{"
        for key in self._must(lambda: list(self._scan("newest"))):
            thread_id = key.decode()[len(begin) : -1]
            for name, data in self._must(lambda k=key: self._client.hgetall(k)).items():
                yield f"{thread_id} {name.decode()}".rstrip(), data

    def close(self) -> None:
        """Close the connections to the server."""
        self._client.close()

    def _keys(self, thread_id: str) -> list[str]:
        # In braces, so that a Redis Cluster keeps the keys of one thread on one server.
        kinds = ("newest", "leases", "writing")
        return [f"{self.prefix}:{kind}:{{{thread_id}}}" for kind in kinds]

    def _run(self, script: str, thread_id: str, *arguments: Any) -> Any:
        return self._scripts[script](keys=self._keys(thread_id), args=arguments)

    def _scan(self, kind: str) -> Iterator[bytes]:
        prefix = re.sub(r"([*?\[\]\\^])", r"\\\1", self.prefix)
        yield from self._client.scan_iter(match=f"{prefix}:{kind}:*", count=500)

    def _delete_all(self) -> None:
        for kind in ("newest", "leases"):
            for key in self._scan(kind):
                self._client.delete(key)

    def _try(
        self, call: Callable[[], T], *, owed: str | None = None, owes_all: bool = False
    ) -> T | None:
        """Ask the server; where it is away return None, and note what is to be dropped later."""
        if time.monotonic() >= self._away_until:
            try:
                self._pay()
                result = call()
            except self._errors as error:
                self._pass_over(error)
            else:
                self._warned = False
                return result
        self._owe(owed, owes_all)
        return None

    def _must(self, call: Callable[[], T], *, owed: str | None = None) -> T:
        """Ask the server; where it is away raise the error that says so."""
        try:
            return call()
        except self._errors as error:
            self._owe(owed)
            raise CacheError(
                f"The Redis of the cache does not answer ({error}). Start it and call this again: "
                "until then nobody knows what it keeps."
            ) from error

    def _owe(self, thread_id: str | None, everything: bool = False) -> None:
        with self._lock:
            if thread_id is not None:
                self._owed.add(thread_id)
            self._owes_all = self._owes_all or everything or len(self._owed) > MAX_OWED

    def _pay(self) -> None:
        """Drop what could not be dropped while the server was away."""
        if not self._owed and not self._owes_all:
            return
        with self._lock:
            if self._owes_all:
                self._delete_all()
                self._owes_all = False
                self._owed.clear()
            for thread_id in [*self._owed]:
                self._client.delete(*self._keys(thread_id)[:2])
                self._owed.discard(thread_id)

    def _pass_over(self, error: Exception) -> None:
        with self._lock:
            self._away_until = time.monotonic() + PAUSE_SECONDS
            first, self._warned = not self._warned, True
        if first:
            warnings.warn(
                f"The Redis of the cache does not answer ({error}). Checkpoints are read from the "
                "database until it does.",
                RuntimeWarning,
                stacklevel=2,
            )


def _ms(seconds: float) -> int:
    """Seconds as Redis takes them: whole milliseconds, at least one."""
    return max(1, round(1000 * seconds))
