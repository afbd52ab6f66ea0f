"""How long conversations are kept: idle threads, clean-up, export and import, erasure.

    print(cleanup("sqlite:///chat.db", idle="30d"))                    # a dry run
    print(cleanup("sqlite:///chat.db", idle="30d", dry_run=False))

Everything here takes a saver, or the URL of one, on SQLite or PostgreSQL, and works by SQL on a
connection of its own. No key is needed for an encrypted saver: ids, times and metadata are
readable, and a value is moved or deleted as it lies there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from course_lib.persistence.erasure import ThreadCache, erase
from course_lib.persistence.idle_time import cutoff_id, parse_idle, time_of
from course_lib.persistence.retention_reports import (
    CleanupReport,
    ErasureReport,
    ErasureRow,
    ExportReport,
    Found,
    IdleThread,
    RetentionError,
)
from course_lib.persistence.saver_tables import SaverTables, open_tables
from course_lib.persistence.thread_dump import export, import_thread
from course_lib.persistence.word_search import find_words

__all__ = [
    "CleanupReport",
    "ErasureReport",
    "ErasureRow",
    "ExportReport",
    "Found",
    "IdleThread",
    "RetentionError",
    "ThreadCache",
    "cleanup",
    "erase",
    "export",
    "find_words",
    "idle_threads",
    "import_thread",
    "parse_idle",
]

LARGEST_BATCH = 1_000
"""How many threads may be deleted in one transaction."""

NAMED_AT_MOST = 20
"""How many refused threads a report names."""


def idle_threads(
    where: Any,
    idle: timedelta | str,
    *,
    limit: int | None = None,
    now: datetime | None = None,
) -> list[IdleThread]:
    """Return the threads in which nothing has happened for a while, the oldest first.

    The time of a thread is that of its newest checkpoint, in any of its namespaces. It is read
    from the checkpoint's id, which begins with it. A thread whose newest id holds no time is never
    idle.

    Args:
        where: a saver on SQLite or PostgreSQL, or its URL.
        idle: how long, as a `timedelta` or a text such as `30d` or `12h`.
        limit: how many at most.
        now: the moment to count back from, with a time zone; None for this moment.

    Raises:
        ValueError: an idle time of zero or below, or a limit below 1.
        RetentionError: the database refuses, and the text says why.
    """
    cutoff = cutoff_id(idle, now)
    _check_count("limit", limit)
    found = []
    with open_tables(where) as tables:
        oldest = tables.oldest_idle(cutoff, limit)
        for start in range(0, len(oldest), LARGEST_BATCH):
            page = oldest[start : start + LARGEST_BATCH]
            sizes = tables.sizes([thread_id for thread_id, _ in page])
            for thread_id, newest in page:
                last, held = time_of(newest), sizes[thread_id]
                if last is not None:
                    found.append(IdleThread(thread_id, last, held.checkpoints, held.bytes))
    return found


def cleanup(
    where: Any,
    *,
    idle: timedelta | str,
    keep: Literal["nothing", "latest"] = "nothing",
    dry_run: bool = True,
    limit: int | None = None,
    batch: int = 200,
    progress: Callable[[int, int], object] | None = None,
    now: datetime | None = None,
) -> CleanupReport:
    """Delete threads that have been idle for a while, or only their history.

    A thread is never taken when something is written to it meanwhile: the transaction that deletes
    makes other writers wait, looks again, and passes over what is no longer idle. After a kill the
    same call continues: every batch is one transaction, and what was deleted is not idle any more.
    The memory needed depends on `batch`, not on the number of threads.

    A run that has read a thread and has written nothing yet cannot be seen in a database, and
    `durability="exit"` writes at its end only. On PostgreSQL a thread is also passed over while
    somebody holds the advisory lock `hashtextextended(thread_id, 0)`: take it for each turn.

    The space of deleted rows is free for new rows, but the file does not shrink. `VACUUM` gives the
    space back to the disk.

    Args:
        where: a saver on SQLite or PostgreSQL, or its URL. What a cache around the saver holds of
            a thread is forgotten with the thread.
        idle: how long, as a `timedelta` or a text such as `30d` or `12h`.
        keep: `nothing` of a thread, or its `latest` checkpoint: the conversation goes on from it,
            and its history is gone. A thread with delta channels needs its history and is refused.
        dry_run: only count. With `keep="latest"` each thread's work is done and rolled back.
        limit: how many threads at most, the oldest first.
        batch: how many threads in one transaction. Writers wait while a transaction lasts.
        progress: is called after each batch with the number of threads looked at, and of all.
        now: the moment to count back from, with a time zone; None for this moment.

    Raises:
        ValueError: an idle time of zero or below, or another argument out of range.
        RetentionError: the database is busy, read-only, or has no tables of a saver.
    """
    cutoff = cutoff_id(idle, now)
    if keep not in ("nothing", "latest"):
        raise ValueError(f"keep={keep!r} is neither 'nothing' nor 'latest'.")
    _check_count("limit", limit)
    _check_count("batch", batch, LARGEST_BATCH)
    report = CleanupReport(dry_run=dry_run, keep=keep)
    cache = getattr(where, "cache", None)
    with open_tables(where) as tables:
        mark = tables.mark()
        everything = tables.count_idle(cutoff, several=keep == "latest")
        total = everything if limit is None else min(everything, limit)
        done = 0
        for ids in _batches(tables, cutoff, batch, limit, several=keep == "latest"):
            if keep == "latest":
                _reduce(tables, ids, cutoff, mark, report)
                changed = ids
            elif dry_run:
                for amount in tables.sizes(ids).values():
                    _count(report, amount)
                changed = []
            else:
                changed, amount = tables.delete_idle(ids, cutoff, mark)
                _count(report, amount)
                report.became_active += len(ids) - len(changed)
            if cache is not None and not dry_run:
                for thread_id in changed:
                    cache.forget(thread_id)
            done += len(ids)
            if progress is not None:
                progress(done, max(done, total))
        if progress is not None and done < total:  # some were not idle any more
            progress(done, done)
        left = max(0, everything - done)
        if limit is None:  # they were idle when they were counted, and were not listed any more
            report.became_active += left
        report.remaining = report.refused_count + (0 if limit is None else left)
    return report


def _batches(
    tables: SaverTables, cutoff: str, batch: int, limit: int | None, *, several: bool
) -> Iterator[list[str]]:
    """Yield idle threads in batches: by id, or with a limit the oldest first."""
    if limit is not None:
        ids = [row[0] for row in tables.oldest_idle(cutoff, limit, several=several)]
        for start in range(0, len(ids), batch):
            yield ids[start : start + batch]
        return
    after = ""
    while page := tables.idle_page(cutoff, after, batch, several=several):
        yield page
        after = page[-1]


def _reduce(
    tables: SaverTables, ids: list[str], cutoff: str, mark: Any, report: CleanupReport
) -> None:
    """Reduce threads to their newest checkpoint, one transaction for each."""
    for thread_id in ids:
        done = tables.keep_latest(thread_id, cutoff, mark, dry_run=report.dry_run)
        if done == "active":
            report.became_active += 1
        elif done == "delta":
            report.refused_count += 1
            report.refused = (*report.refused, thread_id)[:NAMED_AT_MOST]
        else:
            _count(report, done)


def _count(report: CleanupReport, amount: Any) -> None:
    for name in ("threads", "checkpoints", "writes", "blobs", "bytes"):
        setattr(report, name, getattr(report, name) + getattr(amount, name))


def _check_count(name: str, value: int | None, most: int | None = None) -> None:
    if value is None:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < 1 or (most is not None and value > most):
        upper = "" if most is None else f" and at most {most:,}"
        raise ValueError(
            f"{name}={value!r} is no number of threads. Use a whole number above 0{upper}."
        )
