"""Measure how many turns a second PostgreSQL takes, and what the limit is; print it as JSON.

A primary with a synchronous standby, as in `stack()`. Several processes write what the saver of
Namu is asked for in a turn (see `turn_writes`), and more and more of them at once. No model answers
and no graph runs, so the database is what they wait for. The processes that write run on the same
processors as both databases: their share is measured too.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack, closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from turn_writes import Call, load, new_thread, record_turns, rows_of, write_turn

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from course_lib.operations import DatabasePair, database_pair  # noqa: E402
from course_lib.persistence import open_checkpointer  # noqa: E402

WRITERS = tuple(map(int, os.environ.get("BENCH_WRITERS", "1,2,4,8,16,32,64").split(",")))
"""How many write at once, step by step. PostgreSQL has 100 connections here."""

COMMITS = ("on", "local", "off")
"""`synchronous_commit`: wait for both disks, for the primary's own, for none."""

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "6"))
"""How often each step is measured, and for how long. A figure is the median of its rounds."""

GROWS = 1.1
"""Where the most is less than this times the turns of a step, more writers bring nothing."""

CLIENT = "ceiling"
"""The name of the writers' connections, in `pg_stat_activity`."""

Numbers = dict[str, Any]


# A process that writes


def serve(pipe: Connection, url: str, recorded: list[list[bytes]]) -> None:
    """Write turns whenever it is asked to, until the pipe ends."""
    turns = load(recorded)
    while True:
        try:
            writers, seconds, commit = pipe.recv()
        except EOFError:
            return
        with ExitStack() as stack:
            savers = []
            for _ in range(writers):
                connection = psycopg.connect(
                    url,
                    autocommit=True,
                    prepare_threshold=0,
                    row_factory=dict_row,
                    application_name=CLIENT,
                    options=f"-c synchronous_commit={commit}",
                )
                savers.append(PostgresSaver(stack.enter_context(closing(connection))))
            pipe.send("ready")
            pipe.recv()
            pipe.send(_written(savers, turns, seconds))
            pipe.recv()  # the connections stay until the processor time has been read


def _written(savers: list[Any], turns: list[list[Call]], seconds: float) -> Numbers:
    """Write with all savers for some seconds: how long each turn took, and for how long."""
    taken: list[float] = []
    failed: list[Exception] = []
    began, used = time.perf_counter(), time.process_time()

    def write(saver: Any) -> None:
        try:
            while time.perf_counter() - began < seconds:
                thread_id = new_thread()
                for calls in turns:
                    started = time.perf_counter()
                    write_turn(saver, calls, thread_id)
                    taken.append(time.perf_counter() - started)
        except psycopg.Error as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(saver,)) for saver in savers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        return {"error": str(failed[0])}
    lasted = time.perf_counter() - began
    return {"taken": taken, "lasted": lasted, "used": time.process_time() - used}


class Clients:
    """The processes that write.

    Args:
        url: of the database.
        recorded: of `record_turns`.
        processes: how many there are at most.
    """

    def __init__(self, url: str, recorded: list[list[bytes]], processes: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        for _ in range(processes):
            ours, theirs = context.Pipe()
            context.Process(target=serve, args=(theirs, url, recorded), daemon=True).start()
            theirs.close()
            self._pipes.append(ours)

    def write(self, pair: DatabasePair, writers: int, commit: str = "on") -> Numbers:
        """Have turns written, and return what was measured meanwhile.

        Args:
            pair: the databases.
            writers: how many write at once.
            commit: as in `COMMITS`.
        """
        count = min(writers, len(self._pipes))
        busy = self._pipes[:count]
        for number, pipe in enumerate(busy):
            pipe.send((writers // count + (number < writers % count), SECONDS, commit))
        for pipe in busy:
            pipe.recv()
        before = processor_seconds(pair)
        with Waits(pair) as waits:
            for pipe in busy:
                pipe.send("go")
            told = [pipe.recv() for pipe in busy]
        after = processor_seconds(pair)
        for pipe in busy:
            pipe.send("done")
        for each in told:
            if "error" in each:
                raise RuntimeError(f"a turn was not written: {each['error']}")
        lasted = max(each["lasted"] for each in told)
        taken = sorted(seconds for each in told for seconds in each["taken"])
        used = {name: after[name] - before[name] for name in after}
        used["clients"] = sum(each["used"] for each in told)
        return {
            "per second": sum(len(each["taken"]) / each["lasted"] for each in told),
            "median": statistics.median(taken),
            "p95": taken[int(0.95 * (len(taken) - 1))],
            "cores": {name: seconds / lasted for name, seconds in used.items()},
            "of a turn": {name: seconds / len(taken) for name, seconds in used.items()},
            "waits": waits.shares(),
        }


def processor_seconds(pair: DatabasePair) -> dict[str, float]:
    """Processor time that each server's processes have used so far."""
    found = {"primary": 0.0, "standby": 0.0}
    for name, server in {"primary": pair.primary, "standby": pair.standby}.items():
        assert server.process is not None
        for process in server.process.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # one that was vacuuming has ended
                found[name] += sum(process.cpu_times()[:2])
    return found


class Waits:
    """What the writers' connections do in the primary, looked at every 50 ms."""

    def __init__(self, pair: DatabasePair) -> None:
        self._connection = pair.primary.connect()
        self._seen: Counter[str] = Counter()
        self._ending = threading.Event()
        self._looking = threading.Thread(target=self._look)

    def _look(self) -> None:
        statement = (
            "SELECT coalesce(wait_event_type || ' ' || wait_event, 'works'), count(*) "
            "FROM pg_stat_activity WHERE application_name = %s GROUP BY 1"
        )
        while not self._ending.wait(0.05):
            self._seen.update(dict(self._connection.execute(statement, [CLIENT]).fetchall()))

    def __enter__(self) -> Waits:
        self._looking.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._ending.set()
        self._looking.join()
        self._connection.close()

    def shares(self) -> dict[str, float]:
        """The share of each state, the most frequent first."""
        return {name: count / self._seen.total() for name, count in self._seen.most_common()}


# What it means


def middle(rounds: list[Numbers]) -> Numbers:
    """The round with the median of turns a second; of an even number, the lower one."""
    return sorted(rounds, key=lambda each: each["per second"])[(len(rounds) - 1) // 2]


def growth_ends(steps: dict[int, Numbers]) -> int:
    """The fewest writers whose turns a second are within a tenth of the most that was measured."""
    most = max(step["per second"] for step in steps.values())
    return min(count for count, step in steps.items() if GROWS * step["per second"] >= most)


def limit_of(step: Numbers, commits: dict[str, float], cores: int) -> str:
    """Say what more turns would need, from what was measured at the ceiling.

    Args:
        step: with the most turns a second.
        commits: turns a second for each of `COMMITS`, with as many writers.
        cores: of the machine.
    """
    used = step["cores"]
    total, most = sum(used.values()), max(used, key=lambda name: used[name])
    if total >= 0.85 * cores:
        return f"the processors: {total:.1f} of {cores} are busy, most of all with the {most}"
    alone, without = (commits[each] / commits["on"] for each in ("local", "off"))
    if without >= 1.3:
        return (
            f"the wait at each commit: {alone:.1f} times as many turns/s without the wait for the "
            f"standby, {without:.1f} times as many without any wait for a disk"
        )
    first = next(iter(step["waits"]))
    return f"neither processors nor commits: the connections most often show {first}"


def main() -> None:
    """Measure, and print JSON."""
    recorded, cores = record_turns(), os.cpu_count() or 1
    with database_pair() as pair:
        with open_checkpointer(pair.url) as saver, psycopg.connect(pair.url) as connection:
            thread_id = new_thread()
            for calls in load(recorded):
                write_turn(saver, calls, thread_id)
            rows = rows_of(connection, thread_id)
        clients = Clients(pair.url, recorded, max(4, cores))

        def measured(writers: int, commit: str = "on") -> Numbers:
            with psycopg.connect(pair.url) as connection:  # each step begins with the same
                connection.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
            return clients.write(pair, writers, commit)

        measured(4)  # everything is loaded
        found: dict[int, list[Numbers]] = {count: [] for count in WRITERS}
        for turn in range(ROUNDS):
            for count in sorted(WRITERS, reverse=turn % 2 == 1):
                found[count].append(measured(count))
        steps = {count: middle(rounds) for count, rounds in found.items()}
        best = max(steps, key=lambda count: steps[count]["per second"])
        compared: dict[str, list[float]] = {commit: [] for commit in COMMITS}
        for turn in range(ROUNDS):
            for commit in (*COMMITS[turn % 3 :], *COMMITS[: turn % 3]):
                compared[commit].append(measured(best, commit)["per second"])
    commits = {commit: statistics.median(each) for commit, each in compared.items()}
    numbers = {
        "turns": len(recorded),
        "rows": rows,
        "cores": cores,
        "rounds": [ROUNDS, SECONDS],
        "steps": steps,
        "best": best,
        "enough": growth_ends(steps),
        "commits": commits,
        "limit": limit_of(steps[best], commits, cores),
    }
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
