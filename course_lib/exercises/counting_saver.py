"""A saver that counts how often it is read, for exercise 4 of chapter 11."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver


class CountingSaver(InMemorySaver):
    """A saver in memory that counts its reads, as if each of them were a slow query."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def get_tuple(self, config: Any) -> Any:
        """Read a checkpoint, and count it."""
        self.reads += 1
        return super().get_tuple(config)
