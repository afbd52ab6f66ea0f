"""Checks of chapter 11, Keep it small and clean."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from course_lib.exercises.exercise import Exercise, expect, require
from course_lib.exercises.hot_and_cold import Killed, Process, Storage, read
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync
from course_lib.exercises.stored_words import PLACES, places_that_hold_the_word

CHAPTER = "11"
quiz = quiz_of(CHAPTER)

START_OF_UUIDS = datetime(1582, 10, 15, tzinfo=UTC)


def _check_prediction(prediction: Any) -> None:
    compare(prediction, places_that_hold_the_word(), PLACES)


def _id_at(moment: datetime, rest: str = "8123-456789abcdef") -> str:
    """A UUID of version 6 for a moment."""
    digits = f"{(moment - START_OF_UUIDS) // timedelta(microseconds=1) * 10:015x}"
    return f"{digits[:8]}-{digits[8:12]}-6{digits[12:]}-{rest}"


def _check_made_at(made_at: Callable[[str], Any]) -> None:
    moments = [
        datetime(2026, 11, 26, 22, 53, 11, 250_000, tzinfo=UTC),
        datetime(2026, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2100, 1, 1, 12, tzinfo=UTC),
    ]
    cases = [(_id_at(moment), moment) for moment in moments]
    cases.append((_id_at(moments[0], "bfff-ffffffffffff"), moments[0]))
    real = empty_checkpoint()
    cases.append((real["id"], datetime.fromisoformat(real["ts"])))
    for checkpoint_id, moment in cases:
        got = as_sync(made_at)(checkpoint_id)
        shown = f"made_at({checkpoint_id!r})"
        require(isinstance(got, datetime), f"{shown} returned {got!r}. Return a datetime.")
        require(
            got.tzinfo is not None,
            f"{shown} returned {got!r}, which has no time zone. Begin with a datetime in UTC.",
        )
        near = abs(got - moment) < timedelta(milliseconds=50)
        expect(
            shown,
            moment.isoformat(timespec="milliseconds"),
            (moment if near else got).isoformat(timespec="milliseconds"),
            "The time is the number of all digits in front, without the hyphens and without the 6.",
        )


Kept = dict[tuple[str, str], list[str]]


def _thread_of_steps(saver: SqliteSaver, places: dict[tuple[str, str], int]) -> Kept:
    """Write checkpoints with one write each, the newest first, and return the ids, oldest first."""
    ids = [_id_at(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=n)) for n in range(9)]
    for (thread_id, namespace), count in places.items():
        config: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace}}
        for step in reversed(range(count)):
            checkpoint = {**empty_checkpoint(), "id": ids[step]}
            stored = saver.put(config, checkpoint, {"source": "loop", "step": step}, {})
            saver.put_writes(stored, [("text", f"write {step}")], task_id=f"task-{step}")
    return {place: ids[:count] for place, count in places.items()}


def _kept_rows(saver: SqliteSaver, table: str) -> Kept:
    found: Kept = {}
    rows = saver.conn.execute(
        f"SELECT thread_id, checkpoint_ns, checkpoint_id FROM {table} ORDER BY checkpoint_id"
    )
    for thread_id, namespace, checkpoint_id in rows:
        found.setdefault((thread_id, namespace), []).append(checkpoint_id)
    return found


def _check_keep_newest(keep_newest: Callable[..., Any]) -> None:
    places = {("long", ""): 6, ("long", "inner:1"): 3, ("other", ""): 4}
    for count in (2, 1, 4, 9):
        with closing(sqlite3.connect(":memory:", check_same_thread=False)) as connection:
            saver = SqliteSaver(connection)
            saver.setup()
            ids = _thread_of_steps(saver, places)
            as_sync(keep_newest)(saver.conn, "long", count)
            for table, what in (("checkpoints", "checkpoints"), ("writes", "pending writes")):
                left = _kept_rows(saver, table)
                for place in places:
                    right = ids[place][-count:] if place[0] == "long" else ids[place]
                    name = f"thread {place[0]!r}" + (
                        f", namespace {place[1]!r}" if place[1] else ""
                    )
                    steps = [ids[place].index(each) for each in left.get(place, [])]
                    expect(
                        f"keep_newest(database, 'long', {count}): the steps of the {what} left in "
                        f"{name}",
                        [ids[place].index(each) for each in right],
                        steps,
                        "Rank the rows of each namespace by their id, the newest first. Two "
                        "threads may have checkpoints with the same id.",
                    )


def _check_repaired_saver(saver_class: Callable[[], Any]) -> None:
    config: Any = {"configurable": {"thread_id": "one", "checkpoint_ns": ""}}
    saver = saver_class()
    methods = ("get_tuple", "put", "put_writes", "delete_thread", "reads")
    require(
        all(hasattr(saver, name) for name in methods),
        f"check got a {type(saver).__name__}. Hand over a class that derives from CachingSaver.",
    )
    look = "A read after a write must see it, whatever kind of write it was."
    first = saver.put(config, empty_checkpoint(), {"source": "loop", "step": 0}, {})
    reads = saver.reads
    steps = [saver.get_tuple(config).metadata["step"] for _ in range(3)]
    expect("the step of three reads after the first put", [0, 0, 0], steps, look)
    cached = "Keep what was read until the thread is written: a cache that is never used is none."
    expect("how often three reads asked the database", 1, saver.reads - reads, cached)
    saver.put_writes(first, [("text", "done")], "task-1")
    writes = [write[2] for write in saver.get_tuple(config).pending_writes]
    expect("the pending writes after put_writes", ["done"], writes, look)
    saver.put_writes(first, [("text", "done, too")], "task-2", "path")
    writes = sorted(write[2] for write in saver.get_tuple(config).pending_writes)
    expect("the pending writes after a second one", ["done", "done, too"], writes, look)
    saver.put(first, empty_checkpoint(), {"source": "loop", "step": 1}, {})
    expect("the step after a second put", 1, saver.get_tuple(config).metadata["step"], look)
    other: Any = {"configurable": {"thread_id": "two", "checkpoint_ns": ""}}
    stored = saver.put(other, empty_checkpoint(), {"source": "loop", "step": 5}, {})
    saver.get_tuple(other)
    reads = saver.reads
    saver.put_writes(first, [("text", "late")], "task-3")
    saver.get_tuple(other)
    kept = "Drop only the thread that is written: the others did not change."
    expect("how often a thread was read because another was written", 0, saver.reads - reads, kept)
    by_id = saver.get_tuple(first).metadata["step"]
    expect("the step of a read that names the first checkpoint", 0, by_id, look)
    saver.get_tuple(config)
    saver.delete_thread("one")
    expect("what is read after delete_thread", None, saver.get_tuple(config), look)
    own = saver.get_tuple(stored)
    require(own is not None, "After delete_thread('one') the thread 'two' is gone as well.")


def _check_write(write: Callable[..., Any]) -> None:
    for before in ("old", None):
        start = {} if before is None else {"ann": before}
        places = f"hot and cold hold {before!r}" if before else "hot and cold are empty"
        for last in (None, 1, 2, 3, 4, 5):
            process = Process(last)
            hot, cold = dict(start), dict(start)
            with suppress(Killed):
                as_sync(write)(Storage(hot, process), Storage(cold, process), "ann", "new")
            killed = last is not None and process.steps >= last
            if last is not None and not killed:
                break  # it takes fewer steps
            if killed:
                when = f"killed before step {last}"
                look = "Ask after each step: what does read return if the process is killed now?"
            else:
                when = "not killed"
                look = "After write has ended, everybody must read the new value."
                expect(f"what cold holds ({places}, {when})", "new", cold.get("ann"), look)
            got = [read(Storage(hot), Storage(cold), "ann") for _ in range(2)]
            shown = f"two reads, and cold has {cold.get('ann')!r} ({places}, {when})"
            expect(shown, [cold.get("ann")] * 2, got, look)


e1 = Exercise(
    CHAPTER,
    1,
    "predict where the words are",
    _check_prediction,
    (
        "`delete_thread` is a method of the saver. Which places does a saver know?",
        "A database does not overwrite a row when it deletes it.",
    ),
    "A thread that is deleted is not yet a person who is forgotten.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "when was it?",
    _check_made_at,
    (
        "checkpoint_id.replace('-', '') has 32 digits. The digit at index 12 is the version, 6.",
        "int(digits[:12] + digits[13:16], 16) is the number of steps since 1582.",
        "timedelta takes microseconds: ten steps are one.",
    ),
    "SQLite needs no column for the time.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "keep the newest",
    _check_keep_newest,
    (
        "row_number() OVER (PARTITION BY checkpoint_ns ORDER BY checkpoint_id DESC) ranks them.",
        "DELETE FROM checkpoints WHERE thread_id = ? AND rowid IN (SELECT ...)",
        "Then delete the writes of this thread that have no checkpoint any more.",
    ),
    "The history is shorter, and nothing of another thread is gone.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: a cache that forgets",
    _check_repaired_saver,
    (
        "Which methods of a saver write? The cache drops its entry in one of them only.",
        "put_writes gets a config with the thread_id, as put does. delete_thread gets the id.",
        "Call the method of super(), then drop the entry. If you drop it first, a read in between "
        "keeps the old value again.",
    ),
    "Every write is seen by the next read, and a read after a read is free.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "hot and cold",
    _check_write,
    (
        "If cold is written first, what does read return until hot is written?",
        "read takes the value from cold if hot has none.",
        "Take the old value out of hot before cold changes.",
    ),
    "Cold wins: whenever the process is killed, hot holds the same or nothing.",
)
