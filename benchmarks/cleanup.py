"""The numbers of `run.py cleanup`, printed as one line of JSON. Run by that, not by hand."""

from __future__ import annotations

import json
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psutil
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.persistence import connect, open_checkpointer, postgres
from course_lib.persistence.idle_time import cutoff_id
from course_lib.persistence.retention import cleanup
from course_lib.serving.child_process import run_child

THREADS = 10_000
FEW = 1_000
ACTIVE = 500
CHECKPOINTS = 20
PAIRS = 5
NOW = datetime.now(UTC) + timedelta(days=40)
IDLE = "30d"

TABLES = {
    "sqlite": ("writes", "checkpoints"),
    "postgres": ("checkpoint_writes", "checkpoint_blobs", "checkpoints"),
}
BARE = """DELETE FROM {} WHERE thread_id IN (
    SELECT thread_id FROM checkpoints GROUP BY thread_id HAVING max(checkpoint_id) < {})"""
"""The statement to compare with: one for each table, all in one transaction."""


def one_thread(url: str) -> None:
    """Talk in a thread until it has 20 checkpoints."""

    def answer(state: MessagesState) -> dict[str, list[tuple[str, str]]]:
        return {"messages": [("ai", "".join(uuid4().hex for _ in range(6)))]}

    builder = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer")
    with open_checkpointer(url) as saver:
        graph = builder.compile(checkpointer=saver)
        config = {"configurable": {"thread_id": "model"}}
        while (made := len(list(saver.list(config)))) < CHECKPOINTS:
            if CHECKPOINTS - made == 2:  # a turn makes three
                graph.update_state(config, {"messages": [("user", "more")]})
                graph.update_state(config, {"messages": [("user", "more")]})
            else:
                graph.invoke({"messages": [("user", uuid4().hex)]}, config)


def filled_sqlite(path: Path) -> None:
    """Fill a file with idle threads and some that are in use."""
    one_thread(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as database:
        for table in TABLES["sqlite"]:
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
            rest = ", ".join(columns[3:])
            for count, name, checkpoint in (
                (THREADS, "idle", "checkpoint_id"),
                (ACTIVE, "busy", "'2' || substr(checkpoint_id, 2)"),  # in the next century
            ):
                database.execute(
                    f"""WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
                    WHERE i < {count}) INSERT INTO {table} ({", ".join(columns)})
                    SELECT '{name}-' || printf('%06d', i * 7919 % 1000003), checkpoint_ns,
                    {checkpoint}, {rest} FROM n, {table} WHERE thread_id = 'model'"""
                )
            database.execute(f"DELETE FROM {table} WHERE thread_id = 'model'")
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def filled_postgres(url: str) -> None:
    """Fill a database with idle threads and some that are in use."""
    one_thread(url)
    with connect(url, autocommit=True) as database:
        for table in TABLES["postgres"]:
            names = database.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s "
                "ORDER BY ordinal_position",
                [table],
            ).fetchall()
            columns = [row[0] for row in names]
            for count, name, checkpoint in (
                (THREADS, "idle", "checkpoint_id"),
                (ACTIVE, "busy", "'2' || substr(checkpoint_id, 2)"),
            ):
                values = ["checkpoint_ns", *columns[2:]]
                if columns[2] == "checkpoint_id":
                    values[1] = checkpoint
                database.execute(
                    f"""INSERT INTO {table} ({", ".join(columns)})
                    SELECT '{name}-' || lpad((i * 7919 % 1000003)::text, 6, '0'),
                    {", ".join(values)} FROM generate_series(1, {count}) AS i, {table}
                    WHERE thread_id = 'model' ORDER BY i"""
                )
            database.execute(f"DELETE FROM {table} WHERE thread_id = 'model'")
            database.execute(f"VACUUM ANALYZE {table}")
        database.execute("CHECKPOINT")


@contextmanager
def sqlite_copy(model: Path) -> Iterator[str]:
    """A copy of the file, warm in the system's cache."""
    copy = model.with_name("copy.db")
    shutil.copyfile(model, copy)
    try:
        yield f"sqlite:///{copy}"
    finally:
        for path in copy.parent.glob("copy.db*"):
            path.unlink()


@contextmanager
def postgres_copy(url: str) -> Iterator[str]:
    """A copy of the database."""
    name = f"copy_{uuid4().hex[:8]}"
    model = url.rpartition("/")[2].partition("?")[0]
    server = url.replace(f"/{model}?", "/postgres?")
    with connect(server, autocommit=True) as database:
        database.execute(f'CREATE DATABASE "{name}" TEMPLATE "{model}"')
        database.execute("CHECKPOINT")
        try:
            yield url.replace(f"/{model}?", f"/{name}?")
        finally:
            database.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def ours(url: str) -> float:
    """The seconds of a clean-up."""
    began = time.perf_counter()
    report = cleanup(url, idle=IDLE, dry_run=False, now=NOW)
    taken = time.perf_counter() - began
    assert (report.threads, report.checkpoints) == (THREADS, THREADS * CHECKPOINTS), report
    return taken


def bare(url: str) -> float:
    """The seconds of one statement a table."""
    cutoff = cutoff_id(IDLE, NOW)
    began = time.perf_counter()
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            for table in TABLES["sqlite"]:
                database.execute(BARE.format(table, "?"), [cutoff])
            database.commit()
    else:
        with connect(url) as database:
            for table in TABLES["postgres"]:
                database.execute(BARE.format(table, "%s"), [cutoff])
            database.commit()
    return time.perf_counter() - began


def grown(url: str, limit: int) -> None:
    """Clean up in a process of its own, and print by how many bytes it grew meanwhile."""
    process = psutil.Process()
    cleanup(url, idle=IDLE, now=NOW, limit=1)  # everything is imported
    before, most = process.memory_info().rss, [0]

    def look(done: int, total: int) -> None:
        most[0] = max(most[0], process.memory_info().rss)

    if limit < THREADS:
        for_few = cutoff_id(IDLE, NOW)
        leave(url, limit, for_few)
    cleanup(url, idle=IDLE, dry_run=False, now=NOW, progress=look)
    print(most[0] - before)


def leave(url: str, count: int, cutoff: str) -> None:
    """Delete all idle threads but some, with bare statements."""
    ids = "SELECT thread_id FROM checkpoints WHERE thread_id LIKE 'idle-%' GROUP BY thread_id"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            for table in TABLES["sqlite"]:
                database.execute(
                    f"DELETE FROM {table} WHERE thread_id IN ({ids} LIMIT -1 OFFSET {count})"
                )
            database.commit()
    else:
        with connect(url) as database:
            for table in TABLES["postgres"]:
                database.execute(f"DELETE FROM {table} WHERE thread_id IN ({ids} OFFSET {count})")
            database.commit()


def compared(copy: Callable[[], object]) -> dict[str, object]:
    """Everything about one kind of database: pairs run in turn, after one that does not count."""
    pairs = []
    for turn in range(PAIRS + 1):
        taken = {}
        for work in (ours, bare) if turn % 2 else (bare, ours):
            with copy() as url:
                taken[work] = work(url)
        pairs.append((taken[ours], taken[bare]))
    memory = {}
    for count in (FEW, THREADS):
        with copy() as url:
            memory[count] = int(run_child(grown, url, count, seconds=300).output.splitlines()[-1])
    ratios = [own / other for own, other in pairs[1:]]
    return {
        "ratio": [statistics.median(ratios), min(ratios), max(ratios)],
        "ours": statistics.median(own for own, _ in pairs[1:]),
        "bare": statistics.median(other for _, other in pairs[1:]),
        "memory": memory,
    }


def main() -> None:
    """Measure both kinds of database and print the numbers."""
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        model = Path(scratch, "model.db")
        filled_sqlite(model)
        results["SQLite"] = compared(lambda: sqlite_copy(model))
    with postgres("cleanup", scratch=True) as server:
        filled_postgres(server.url)
        results["PostgreSQL"] = compared(lambda: postgres_copy(server.url))
    print(json.dumps(results))


if __name__ == "__main__":
    sys.exit(main())
