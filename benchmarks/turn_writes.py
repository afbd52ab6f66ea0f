"""What a saver is asked for in a turn of Namu, recorded once, to be written again without Namu."""

from __future__ import annotations

import pickle
from typing import Any
from uuid import uuid4

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore

from course_lib.models import OfflineChatModel
from course_lib.namu import build_namu

WISHES = ("a cafe in Mapo-gu", "another one", "thanks")
"""The conversation of chapter 18, one turn each."""

Call = tuple[str, dict[str, Any], tuple[Any, ...]]
"""The saver's method, its config, and its other arguments."""


class RecordingSaver(InMemorySaver):
    """A saver that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes] = []

    def _note(self, name: str, config: Any, *arguments: Any) -> None:
        """Note a call as bytes, because the graph may change its state later."""
        kept = {
            part: {k: v for k, v in config.get(part, {}).items() if isinstance(v, str | int)}
            for part in ("configurable", "metadata")
        }
        self.calls.append(pickle.dumps((name, kept, arguments)))

    def get_tuple(self, config: Any) -> Any:
        """Note that a thread is read, and read it."""
        self._note("get_tuple", config)
        return super().get_tuple(config)

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        """Note a checkpoint, and keep it."""
        self._note("put", config, checkpoint, metadata, new_versions)
        return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        """Note what a node wrote, and keep it."""
        self._note("put_writes", config, list(writes), task_id, task_path)
        super().put_writes(config, writes, task_id, task_path)


def record_turns() -> list[list[bytes]]:
    """Let Namu answer a conversation, and return the calls of its saver for each turn."""
    saver, turns = RecordingSaver(), []
    graph = build_namu(
        model=OfflineChatModel(), checkpointer=saver, store=InMemoryStore(), memory=True
    )
    config: Any = {"configurable": {"thread_id": "recorded"}, "metadata": {"user": "ann"}}
    for wish in WISHES:
        saver.calls.clear()
        graph.invoke({"messages": [("user", wish)]}, config, durability="sync")
        turns.append(list(saver.calls))
    return turns


def load(turns: list[list[bytes]]) -> list[list[Call]]:
    """Return recorded turns as calls."""
    return [[pickle.loads(call) for call in turn] for turn in turns]


def new_thread() -> str:
    """The id of a thread that does not exist yet."""
    return f"ceiling-{uuid4()}"


def write_turn(saver: Any, calls: list[Call], thread_id: str) -> None:
    """Ask a saver for everything that a recorded turn asked for, in another thread.

    Args:
        saver: on any database.
        calls: of one turn.
        thread_id: has to hold the turns before this one.
    """
    for name, config, arguments in calls:
        place = {**config["configurable"], "thread_id": thread_id}
        getattr(saver, name)({**config, "configurable": place}, *arguments)


def rows_of(connection: Any, thread_id: str) -> dict[str, int]:
    """How many rows a thread has in each table of PostgreSQL, and how many bytes they hold."""
    sizes = {
        "checkpoints": "pg_column_size(checkpoint) + pg_column_size(metadata)",
        "checkpoint_blobs": "coalesce(length(blob), 0)",
        "checkpoint_writes": "length(blob)",
    }
    found = {"bytes": 0}
    for table, size in sizes.items():
        statement = f"SELECT count(*), coalesce(sum({size}), 0) FROM {table} WHERE thread_id = %s"
        found[table], held = connection.execute(statement, [thread_id]).fetchone()
        found["bytes"] += int(held)
    return found
