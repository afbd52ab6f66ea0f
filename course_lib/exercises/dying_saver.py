"""A process that dies between two writes, for exercise 5 of chapter 09."""

from __future__ import annotations

from typing import Any

from langgraph.checkpoint.memory import InMemorySaver


class ProcessDied(BaseException):
    """Ends a run in the middle of a write, as a kill does."""


class DyingSaver(InMemorySaver):
    """A saver whose process dies before it stores the checkpoint of one step."""

    dies_at: int | None = None

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        """Store a checkpoint, or die before that."""
        if self.dies_at is not None and metadata["step"] >= self.dies_at:
            raise ProcessDied
        return super().put(config, checkpoint, metadata, new_versions)


DEATHS = {
    "before the first checkpoint": -1,
    "before the first node": 0,
    "after the first node, before its checkpoint": 1,
    "after the second node, before its checkpoint": 2,
    "after the third node, before its checkpoint": 3,
    "after the end": 4,
}
"""When the process of exercise 5 dies, and the step whose checkpoint is missing then."""
