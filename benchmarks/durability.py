"""The numbers of `run.py durability`, printed as one line of JSON. Run by that, not by hand."""

from __future__ import annotations

import json
import operator
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from course_lib.persistence import connect, open_checkpointer, postgres

MODES = ("sync", "async", "exit")
PAIRS = 20
NODES = 20


class Trip(TypedDict):
    """What 20 nodes add to."""

    paid: Annotated[list[str], operator.add]


def trip(saver: Any) -> Any:
    """A graph of 20 nodes in a row, each of which adds a line of 100 characters."""
    steps = [(f"step{n}", lambda state: {"paid": ["x" * 100]}) for n in range(NODES)]
    builder = StateGraph(Trip).add_sequence(steps).add_edge(START, "step0")
    return builder.compile(checkpointer=saver)


def times(saver: Any) -> dict[str, list[float]]:
    """The seconds of a run in each mode, pair by pair: all modes in turn, in a new thread each."""
    graph, number = trip(saver), count()
    taken: dict[str, list[float]] = {mode: [] for mode in MODES}
    for turn in range(PAIRS + 1):
        # The order turns, so that no mode always comes first.
        for mode in (*MODES[turn % 3 :], *MODES[: turn % 3]):
            config = {"configurable": {"thread_id": f"{mode}-{next(number)}"}}
            began = time.perf_counter()
            graph.invoke({"paid": []}, config, durability=mode)
            if turn:  # the first round does not count
                taken[mode].append(time.perf_counter() - began)
    return taken


def ratios(taken: dict[str, list[float]], mode: str) -> list[float]:
    """The median of a mode's time over that of sync, pair by pair, and the quartiles around it."""
    pairs = [own / sync for own, sync in zip(taken[mode], taken["sync"], strict=True)]
    low, median, high = statistics.quantiles(pairs, n=4)
    return [median, low, high]


def stored(saver: Any, mode: str, count_bytes: Callable[[str], int]) -> dict[str, int]:
    """How many checkpoints one run leaves, and how many bytes, its pending writes included."""
    thread = f"bytes-{mode}"
    config = {"configurable": {"thread_id": thread}}
    trip(saver).invoke({"paid": []}, config, durability=mode)
    return {"checkpoints": len(list(saver.list(config))), "bytes": count_bytes(thread)}


def told(saver: Any, count_bytes: Callable[[str], int]) -> dict[str, dict[str, Any]]:
    """Everything about one saver, by mode."""
    taken = times(saver)
    return {
        mode: {"ratio": ratios(taken, mode), **stored(saver, mode, count_bytes)} for mode in MODES
    }


def of_memory() -> dict[str, dict[str, Any]]:
    """The saver in memory."""
    with open_checkpointer("memory:") as saver:

        def count_bytes(thread: str) -> int:
            blobs = [v[1] for key, v in saver.blobs.items() if key[0] == thread]
            rows = [each for ns in saver.storage[thread].values() for each in ns.values()]
            kept = [part[1] for row in rows for part in row[:2]]
            writes = [
                w for key, ws in saver.writes.items() if key[0] == thread for w in ws.values()
            ]
            return sum(map(len, [*blobs, *kept, *(write[2][1] for write in writes)]))

        return told(saver, count_bytes)


def of_sqlite(folder: Path) -> dict[str, dict[str, Any]]:
    """The saver in a file."""
    path = folder / "durability.db"
    with open_checkpointer(f"sqlite:///{path}") as saver:

        def count_bytes(thread: str) -> int:
            with closing(sqlite3.connect(path)) as database:
                parts = [
                    "SELECT sum(length(checkpoint) + length(metadata)) FROM checkpoints",
                    "SELECT sum(length(value)) FROM writes",
                ]
                found = [
                    database.execute(f"{part} WHERE thread_id = ?", [thread]).fetchone()[0]
                    for part in parts
                ]
            return sum(each or 0 for each in found)

        return told(saver, count_bytes)


def of_postgres() -> dict[str, dict[str, Any]]:
    """The saver in the embedded server."""
    with postgres("durability", scratch=True) as server, open_checkpointer(server.url) as saver:

        def count_bytes(thread: str) -> int:
            parts = [
                "SELECT sum(pg_column_size(checkpoint)) FROM checkpoints",
                "SELECT sum(pg_column_size(metadata)) FROM checkpoints",
                "SELECT sum(length(blob)) FROM checkpoint_blobs",
                "SELECT sum(length(blob)) FROM checkpoint_writes",
            ]
            with connect(server.url) as database:
                found = [
                    database.execute(f"{part} WHERE thread_id = %s", [thread]).fetchone()[0]
                    for part in parts
                ]
            return sum(int(each or 0) for each in found)

        return told(saver, count_bytes)


def main() -> None:
    """Measure everything and print it."""
    with tempfile.TemporaryDirectory() as scratch:
        savers = {
            "memory": of_memory(),
            "SQLite": of_sqlite(Path(scratch)),
            "PostgreSQL": of_postgres(),
        }
    print(json.dumps(savers))


if __name__ == "__main__":
    main()
