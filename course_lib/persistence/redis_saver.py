"""A small checkpointer on plain Redis, which needs no search module; appendix A3 walks through it.

For each thread and namespace there is a sorted set of checkpoint ids (the history) and the id of
the newest one (the latest pointer); for each checkpoint a hash with its parts, and a hash with its
pending writes. `put` is one Lua script, so two writers never leave the pointer at the older one.

A real deployment of this kind uses a Redis that writes to disk, and `langgraph-checkpoint-redis`
where the search module is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
    writes_sort_key,
)

if TYPE_CHECKING:
    import redis
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata

PUT = """\
local history, latest, id, seconds = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
redis.call('HSET', KEYS[3], 'parts', ARGV[3], 'parent', ARGV[4])
redis.call('ZADD', history, 0, id)  -- equal scores: ids are sorted as text, and so by time
local newest = redis.call('ZRANGE', history, -1, -1)[1]
local before = redis.call('GET', latest)
redis.call('SET', latest, newest)
for _, old in ipairs(redis.call('ZRANGE', history, 0, 9)) do  -- forget what has expired
  if redis.call('EXISTS', ARGV[5] .. old) == 0 then redis.call('ZREM', history, old) end
end
if seconds > 0 and before and before ~= id then  -- the older of the two expires from now on
  local older = newest == id and before or id
  redis.call('EXPIRE', ARGV[5] .. older, seconds)
  redis.call('EXPIRE', ARGV[6] .. older, seconds)
end
"""
"""Store a checkpoint, set the latest pointer, and let the checkpoint before it expire."""

WRITE = """\
for n = 2, #ARGV, 2 do redis.call(ARGV[1], KEYS[2], ARGV[n], ARGV[n + 1]) end
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('PEXPIRE', KEYS[2], left) end
"""
"""Store the writes of a task; they expire with their checkpoint."""


class RedisSaver(BaseCheckpointSaver[Any]):
    """Checkpoints on plain Redis. It is synchronous; `as_async_saver` makes it awaitable.

    The newest checkpoint of each namespace stays until the thread is deleted. Older ones expire.

    Args:
        client: a `redis.Redis` that returns bytes.
        seconds: how long a checkpoint stays once there is a newer one; None for ever.
        prefix: begins the names of all keys.
    """

    put_script = PUT

    def __init__(
        self, client: redis.Redis, *, seconds: int | None = None, prefix: str = "course"
    ) -> None:
        super().__init__()
        self.client = client
        self.seconds = seconds
        self.prefix = prefix
        self._put = client.register_script(self.put_script)
        self._write = client.register_script(WRITE)

    @classmethod
    def from_url(cls, url: str, **options: Any) -> RedisSaver:
        """Make one from an address such as `redis://127.0.0.1:6379/0`, and the other arguments."""
        import redis

        return cls(redis.Redis.from_url(url), **options)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: Any,
    ) -> RunnableConfig:
        """Store a checkpoint whole, as SQLite's saver does.

        Raises:
            NotImplementedError: a delta channel, which is rebuilt from its history, while the
                history expires.
        """
        thread_id, namespace = _place(config)
        if self.seconds and "counters_since_delta_snapshot" in metadata:
            raise NotImplementedError(
                "This thread has a delta channel, which is rebuilt from older checkpoints. Use "
                "RedisSaver(client, seconds=None), so that they do not expire."
            )
        parts = [checkpoint, get_checkpoint_metadata(config, metadata)]
        id = checkpoint["id"]
        self._put(
            keys=[
                self._key("history", thread_id, namespace),
                self._key("latest", thread_id, namespace),
                self._key("checkpoint", thread_id, namespace, id),
            ],
            args=[
                id,
                self.seconds or 0,
                self._dump(parts),
                get_checkpoint_id(config) or "",
                self._key("checkpoint", thread_id, namespace, ""),
                self._key("writes", thread_id, namespace, ""),
            ],
        )
        return _config(thread_id, namespace, id)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a task wrote. A second time the first is kept, but errors are replaced."""
        place = (*_place(config), get_checkpoint_id(config))
        special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        arguments: list[Any] = ["HSET" if special else "HSETNX"]
        for n, (channel, value) in enumerate(writes):
            number = WRITES_IDX_MAP.get(channel, n)
            arguments += [f"{task_id} {number}", self._dump([task_path, number, channel, value])]
        self._write(
            keys=[self._key("checkpoint", *place), self._key("writes", *place)], args=arguments
        )

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Read a checkpoint, or the newest one where the config names none."""
        thread_id, namespace = _place(config)
        id = get_checkpoint_id(config)
        if not id:
            latest = self.client.get(self._key("latest", thread_id, namespace))
            if latest is None:
                return None
            id = latest.decode()
        parts, parent = self.client.hmget(
            self._key("checkpoint", thread_id, namespace, id), "parts", "parent"
        )
        if parts is None:
            return None
        checkpoint, metadata = self._load(parts)
        stored = self.client.hgetall(self._key("writes", thread_id, namespace, id))
        writes = [(*self._load(data), key.decode().split(" ")[0]) for key, data in stored.items()]
        writes.sort(key=lambda write: writes_sort_key(write[0], write[4], write[1]))
        return CheckpointTuple(
            _config(thread_id, namespace, id),
            checkpoint,
            metadata,
            _config(thread_id, namespace, parent.decode()) if parent else None,
            [(task_id, channel, value) for _, _, channel, value, task_id in writes],
        )

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """List the checkpoints that have not expired, newest first."""
        end = get_checkpoint_id(before) if before else None
        asked = get_checkpoint_id(config) if config else None
        found = []
        for thread_id, namespace in self._places(config):
            for member in self.client.zrange(self._key("history", thread_id, namespace), 0, -1):
                id = member.decode()
                if (not asked or id == asked) and (not end or id < end):
                    found.append((id, thread_id, namespace))
        for id, thread_id, namespace in sorted(found, reverse=True):
            if limit is not None and limit <= 0:
                return
            each = self.get_tuple(_config(thread_id, namespace, id))
            if each is None:  # it has expired: its id goes, too
                self.client.zrem(self._key("history", thread_id, namespace), id)
            elif all(each.metadata.get(key) == value for key, value in (filter or {}).items()):
                limit = None if limit is None else limit - 1
                yield each

    def delete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints and writes of a thread."""
        for thread, namespace in self._places({"configurable": {"thread_id": thread_id}}):
            history = self._key("history", thread, namespace)
            ids = [member.decode() for member in self.client.zrange(history, 0, -1)]
            kinds = ("checkpoint", "writes")
            keys = [self._key(kind, thread, namespace, id) for id in ids for kind in kinds]
            self.client.delete(history, self._key("latest", thread, namespace), *keys)

    def _key(self, kind: str, thread_id: str, *names: str | None) -> str:
        # The thread is in braces, so that a Redis Cluster keeps its keys on one server.
        return ":".join([self.prefix, kind, f"{{{thread_id}}}", *(name or "" for name in names)])

    def _places(self, config: RunnableConfig | None) -> list[tuple[str, str]]:
        """The threads and namespaces that a config means: one, all of a thread, or all."""
        asked = config["configurable"] if config else {}
        if "checkpoint_ns" in asked:
            return [_place(config)]
        begin = f"{self.prefix}:history:{{"
        pattern = f"{_literal(begin)}{_literal(str(asked.get('thread_id', '')))}"
        pattern += "}:*" if "thread_id" in asked else "*"
        found = []
        for key in self.client.scan_iter(match=pattern, count=500):
            thread_id, _, namespace = key.decode()[len(begin) :].partition("}:")
            found.append((thread_id, namespace))
        return found

    def _dump(self, value: Any) -> bytes:
        kind, data = self.serde.dumps_typed(value)
        return kind.encode() + b"\n" + data

    def _load(self, stored: bytes) -> Any:
        kind, _, data = stored.partition(b"\n")
        return self.serde.loads_typed((kind.decode(), data))


def _place(config: RunnableConfig) -> tuple[str, str]:
    asked = config["configurable"]
    return str(asked["thread_id"]), asked.get("checkpoint_ns", "")


def _config(thread_id: str, namespace: str, id: str) -> RunnableConfig:
    names = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": id}
    return {"configurable": names}


def _literal(text: str) -> str:
    """A text as a pattern of Redis that means just this text."""
    return "".join(f"\\{letter}" if letter in "*?[]\\^" else letter for letter in text)
