"""The saver that exercise 4 of A3 repairs: a cache that is not emptied after every change."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver


class StaleSaver(InMemorySaver):
    """A saver that remembers what it read, also when that has changed; exercise 4 repairs it."""

    def __init__(self) -> None:
        super().__init__()
        self.cache: dict[Any, Any] = {}

    def get_tuple(self, config: Any) -> Any:
        """Return a checkpoint, from the cache if it was read before."""
        asked = config["configurable"]
        key = tuple(asked.get(name) for name in ("thread_id", "checkpoint_ns", "checkpoint_id"))
        if key not in self.cache:
            self.cache[key] = super().get_tuple(config)
        return self.cache[key]

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        """Store a checkpoint, and empty the cache."""
        stored = super().put(config, checkpoint, metadata, new_versions)
        self.cache.clear()  # afterwards: a read in between would bring the old value back
        return stored
