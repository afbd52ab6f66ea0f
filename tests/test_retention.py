"""Clean-up, export and import of threads, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import io
import json
import operator
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from course_lib.__main__ import main
from course_lib.persistence import (
    CheckpointerError,
    WrongKey,
    connect,
    open_async_checkpointer,
    open_checkpointer,
    postgres,
    saver_tables,
)
from course_lib.persistence.async_saver import adapt
from course_lib.persistence.cleanup_command import ProgressBar
from course_lib.persistence.idle_time import cutoff_id, parse_idle, time_of
from course_lib.persistence.retention import (
    RetentionError,
    cleanup,
    export,
    idle_threads,
    import_thread,
)
from course_lib.persistence.saver_tables import open_tables
from course_lib.persistence.thread_records import UnknownThread
from course_lib.serving.child_process import kill_this_process, run_child, start_child
from course_lib.settings import ROOT

LATER = datetime.now(UTC) + timedelta(days=40)
KEYS = (b"k" * 16, b"another key 1234")


@pytest.fixture
def url(lasting_url):
    return lasting_url


class Talk(TypedDict):
    said: Annotated[list[str], operator.add]
    profile: list[str]


def talk(saver: Any) -> Any:
    builder = StateGraph(Talk)
    builder.add_node("answer", lambda state: {"said": [f"{len(state['said'])} heard"]})
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=saver)


def config(thread: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread}}


def begin(saver: Any, *threads: str) -> None:
    graph = talk(saver)
    for thread in threads:
        graph.invoke({"said": ["안녕"], "profile": ["vegan"]}, config(thread))


def rows(where: Any) -> dict[str, set[str]]:
    """Which threads have rows, by table."""
    with open_tables(where) as tables:
        found: dict[str, set[str]] = {table: set() for table in tables.columns}
        for table, thread, _ in tables.all_rows():
            found[table].add(thread)
    return found


@contextmanager
def one_statement(url: str):
    """A bare connection of the test's own, on either database."""
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield connection
    else:
        with connect(url, autocommit=True) as connection:
            yield connection


# how long is idle


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), (" 1.5 H ", 5400), ("30d", 2592000)]
)
def test_a_span_of_time_is_read(text, seconds):
    assert parse_idle(text) == timedelta(seconds=seconds) == parse_idle(timedelta(seconds=seconds))


@pytest.mark.parametrize("idle", ["0d", "-1d", timedelta(0), timedelta(days=-1)])
def test_an_idle_time_of_zero_or_below_is_refused(url, idle):
    with open_checkpointer(url) as saver, pytest.raises(ValueError, match="above zero"):
        cleanup(saver, idle=idle, dry_run=False)


@pytest.mark.parametrize("idle", ["30", "d", "", "30 days ago", 30, None])
def test_what_is_no_span_of_time_is_refused(idle):
    with pytest.raises(ValueError, match="'30d'"):
        parse_idle(idle)


def test_a_moment_needs_a_time_zone_and_a_long_span_takes_nothing():
    with pytest.raises(ValueError, match="time zone"):
        cutoff_id("1d", datetime(2026, 1, 1))
    assert cutoff_id("9999999w") == ""


def test_the_time_in_an_id_is_read_to_the_microsecond():
    moment = datetime(2026, 11, 26, 12, 30, 15, 123456, tzinfo=UTC)
    made = cutoff_id("1s", moment + timedelta(seconds=1)).replace("-0000-", "-8000-")
    assert time_of(made) == moment
    assert time_of("6ba7b810-9dad-41d1-80b4-00c04fd430c8") is None  # version 4
    assert time_of("anything") is None


def test_idle_threads_come_oldest_first_with_what_they_hold(url):
    with open_checkpointer(url) as saver:
        begin(saver, "z", "a", "m")
        before = datetime.now(UTC)
        assert idle_threads(saver, "1h") == []
        found = idle_threads(saver, "30d", now=LATER)
        assert [each.thread_id for each in found] == ["z", "a", "m"]
        assert all(each.checkpoints == 3 and each.bytes > 500 for each in found)
        assert all(timedelta(0) < before - each.last_step < timedelta(minutes=5) for each in found)
        assert idle_threads(saver, "30d", now=LATER, limit=2) == found[:2]
        talk(saver).invoke({"said": ["again"]}, config("z"))
        assert [each.thread_id for each in idle_threads(saver, "30d", now=LATER)] == ["a", "m", "z"]


def test_a_thread_whose_newest_id_holds_no_time_is_never_idle(url):
    with open_checkpointer(url) as saver:
        begin(saver, "known", "foreign")
        last = saver.get_tuple(config("foreign"))
        checkpoint = {**last.checkpoint, "id": "7" + last.checkpoint["id"][1:14] + "4xxx"}
        saver.put(last.config, checkpoint, {}, {})
        far = datetime.now(UTC) + timedelta(days=365 * 2000)
        assert [each.thread_id for each in idle_threads(saver, "30d", now=far)] == ["known"]
        assert cleanup(saver, idle="30d", now=far).threads == 1
        cleanup(saver, idle="30d", dry_run=False, now=far)
        assert rows(url)["checkpoints"] == {"foreign"}


# clean-up


def test_a_dry_run_says_what_the_clean_up_then_does(url):
    with open_checkpointer(url) as saver:
        begin(saver, *"abcde")
        held = rows(url)
        dry = cleanup(saver, idle="30d", now=LATER)
        assert rows(url) == held
        assert (dry.threads, dry.checkpoints, dry.became_active, dry.remaining) == (5, 15, 0, 0)
        seen: list[tuple[int, int]] = []
        done = cleanup(
            saver,
            idle="30d",
            dry_run=False,
            now=LATER,
            batch=2,
            progress=lambda *state: seen.append(state),
        )
        assert seen == [(2, 5), (4, 5), (5, 5)]
        assert not any(rows(url).values())
        same = ("threads", "checkpoints", "writes", "blobs", "bytes", "remaining")
        assert [getattr(done, name) for name in same] == [getattr(dry, name) for name in same]
        assert "Dry run" in str(dry) and "Dry run" not in str(done)
        assert "| threads | 5 |" in done._repr_markdown_()
        again = cleanup(saver, idle="30d", dry_run=False, now=LATER)
        assert (again.threads, again.checkpoints) == (0, 0)


def test_what_is_not_idle_stays(url):
    with open_checkpointer(url) as saver:
        begin(saver, "a")
        assert cleanup(saver, idle="1h", dry_run=False).threads == 0
        assert talk(saver).get_state(config("a")).values["profile"] == ["vegan"]


def test_a_limit_takes_the_oldest_and_the_next_call_the_rest(url):
    with open_checkpointer(url) as saver:
        begin(saver, *"zyxwv")
        first = cleanup(saver, idle="30d", dry_run=False, now=LATER, limit=2, batch=1)
        assert (first.threads, first.remaining) == (2, 3)
        assert rows(url)["checkpoints"] == {"x", "w", "v"}
        assert cleanup(saver, idle="30d", dry_run=False, now=LATER).threads == 3


@pytest.mark.parametrize(
    "wrong", [{"limit": 0}, {"limit": -1}, {"batch": 0}, {"batch": 10**6}, {"keep": "newest"}]
)
def test_a_number_out_of_range_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        cleanup(f"sqlite:///{tmp_path}/x.db", idle="30d", **wrong)


async def test_a_saver_of_any_kind_or_its_url_may_be_handed_over(url):
    with open_checkpointer(url, key=KEYS[0]) as saver:
        begin(saver, "a", "b")
        adapter = adapt(saver)
        cached = SimpleNamespace(saver=adapter)
        assert [
            cleanup(each, idle="30d", now=LATER).threads for each in (saver, adapter, cached)
        ] == [
            2,
            2,
            2,
        ]
    async with open_async_checkpointer(url) as saver:
        assert cleanup(saver, idle="30d", now=LATER).threads == 2
    assert cleanup(url, idle="30d", now=LATER, dry_run=False).threads == 2


def test_what_a_cache_holds_of_a_thread_goes_with_it(url):
    forgotten: list[str] = []
    with open_checkpointer(url) as saver:
        begin(saver, "a", "b")
        cached = SimpleNamespace(saver=saver, cache=SimpleNamespace(forget=forgotten.append))
        cleanup(cached, idle="30d", now=LATER)
        assert forgotten == []
        cleanup(cached, idle="30d", now=LATER, dry_run=False, batch=1)
    assert forgotten == ["a", "b"]


def test_what_a_cache_holds_of_a_thread_goes_with_its_history(url):
    forgotten: list[str] = []
    with open_checkpointer(url) as saver:
        begin(saver, "a")
        cached = SimpleNamespace(saver=saver, cache=SimpleNamespace(forget=forgotten.append))
        cleanup(cached, idle="30d", keep="latest", now=LATER)
        assert forgotten == []
        cleanup(cached, idle="30d", keep="latest", now=LATER, dry_run=False)
    assert forgotten == ["a"]


# what is written meanwhile


@pytest.mark.parametrize("keep", ["nothing", "latest"])
def test_a_write_that_takes_the_place_of_a_deleted_one_is_seen(url, keep):
    with open_checkpointer(url) as saver:
        begin(saver, "b", "a")
        waiting = saver.get_tuple(config("b"))

        def meanwhile(done: int, total: int) -> None:
            if done == 1:
                saver.put_writes(waiting.config, [("said", ["half a step"])], "task")

        more = {"dry_run": False, "batch": 1, "progress": meanwhile}
        report = cleanup(saver, idle="30d", keep=keep, now=LATER, **more)
        assert (report.threads, report.became_active) == (1, 1)
        assert saver.get_tuple(config("b")).pending_writes[-1][2] == ["half a step"]
        assert len(list(saver.list(config("b")))) == 3


def test_a_thread_that_is_written_to_meanwhile_is_left_alone(url):
    with open_checkpointer(url) as saver:
        begin(saver, "a", "b", "c", "d")
        graph, waiting = talk(saver), saver.get_tuple(config("c"))

        def meanwhile(done: int, total: int) -> None:
            if done == 1:
                graph.update_state(config("b"), {"said": ["I am back"]}, as_node="answer")
                saver.put_writes(waiting.config, [("said", ["half a step"])], "task")

        # In the future the new checkpoint is as idle as the others, so the cut is put between.
        idle = datetime.now(UTC) - time_of(saver.get_tuple(config("d")).checkpoint["id"])
        report = cleanup(
            saver,
            idle=max(idle, timedelta(microseconds=1)) - timedelta(microseconds=1),
            dry_run=False,
            batch=1,
            progress=meanwhile,
        )
        assert (report.threads, report.became_active, report.remaining) == (2, 2, 0)
        assert rows(url)["checkpoints"] == {"b", "c"}
        assert graph.get_state(config("b")).values["said"][-1] == "I am back"
        assert saver.get_tuple(config("c")).pending_writes[-1][2] == ["half a step"]


def test_no_writer_loses_what_it_wrote_during_a_clean_up(url):
    names = [f"t{number:03}" for number in range(60)]
    written: dict[str, int] = {}
    stop, failed = threading.Event(), []

    def write() -> None:
        try:
            with open_checkpointer(url) as own, one_statement(url) as lock:
                graph = talk(own)
                for name in names[::-3]:
                    if not url.startswith("sqlite"):  # a turn holds the lock of its thread
                        turn = "SELECT {}(hashtextextended(%s, 0))"
                        lock.execute(turn.format("pg_advisory_lock"), [name])
                    ended = graph.invoke({"said": ["back"]}, config(name), durability="sync")
                    if not url.startswith("sqlite"):
                        lock.execute(turn.format("pg_advisory_unlock"), [name])
                    written[name] = len(ended["said"])
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    def go_on_when_more_was_written(done: int, total: int) -> None:
        before = len(written)
        while len(written) < min(before + 2, len(names[::-3])) and not failed:
            stop.wait(0.01)

    with open_checkpointer(url) as saver:
        begin(saver, *names)
        idle = datetime.now(UTC)
        writer = threading.Thread(target=write)
        writer.start()
        while not written and not failed:
            stop.wait(0.01)
        report = cleanup(
            saver,
            idle=datetime.now(UTC) - idle,
            now=None,
            dry_run=False,
            batch=3,
            progress=go_on_when_more_was_written,
        )
        writer.join()
        assert not failed
        assert report.threads and report.became_active
        graph = talk(saver)
        for name, count in written.items():
            values = graph.get_state(config(name)).values
            assert len(values["said"]) == count
            # Who came before the clean-up found everything; who came after it began anew.
            assert values.get("profile") == (["vegan"] if count > 2 else None)


def test_on_postgres_a_turn_that_holds_the_lock_of_its_thread_is_passed_over(server):
    with postgres("keep", scratch=True) as running, open_checkpointer(running.url) as saver:
        begin(saver, "a", "b")
        with connect(running.url) as turn:
            turn.execute("SELECT pg_advisory_lock(hashtextextended('a', 0))")
            report = cleanup(saver, idle="30d", now=LATER, dry_run=False)
            assert (report.threads, report.became_active) == (1, 1)
            kept = cleanup(saver, idle="30d", now=LATER, dry_run=False, keep="latest")
            assert (kept.threads, kept.became_active) == (0, 1)
        assert rows(running.url)["checkpoints"] == {"a"}


# killed in the middle


def slow_clean_up(url: str) -> None:
    def show(done: int, total: int) -> None:
        print(f"{done} of {total}.", flush=True)

    cleanup(url, idle="30d", now=LATER, dry_run=False, batch=1, progress=show)


@pytest.mark.soak
def test_a_clean_up_that_was_killed_leaves_whole_threads_and_continues(url):
    names = {f"t{number:03}" for number in range(150)}
    with open_checkpointer(url) as saver:
        begin(saver, *names)
    with start_child(slow_clean_up, url) as child:
        child.wait_for("10 of 150.")
        child.kill()
        assert child.ended == "killed by SIGKILL"
    left = rows(url)
    assert 0 < len(left["checkpoints"]) <= 140
    assert len({frozenset(threads) for threads in left.values()}) == 1, "a thread lost a part"
    with open_checkpointer(url) as saver:
        for name in left["checkpoints"]:
            assert talk(saver).get_state(config(name)).values["profile"] == ["vegan"]
    assert cleanup(url, idle="30d", now=LATER, dry_run=False).threads == len(left["checkpoints"])
    assert not any(rows(url).values())


def die_inside_a_transaction(url: str) -> None:
    import psycopg

    from course_lib.persistence import postgres_tables, sqlite_tables

    class Deadly(dict):
        def __iter__(self):
            yield next(super().__iter__())
            kill_this_process()  # one table is deleted already

    execute = psycopg.Connection.execute

    def execute_and_die(connection: Any, query: Any, *given: Any) -> Any:
        done = execute(connection, query, *given)
        if query is postgres_tables.DELETE_IDLE:
            kill_this_process()  # before the transaction ends
        return done

    psycopg.Connection.execute = execute_and_die
    sqlite_tables.COLUMNS = Deadly(sqlite_tables.COLUMNS)
    cleanup(url, idle="30d", now=LATER, dry_run=False)


@pytest.mark.soak
def test_a_kill_inside_a_transaction_undoes_the_batch(url):
    with open_checkpointer(url) as saver:
        begin(saver, "a", "b")
    before = rows(url)
    assert run_child(die_inside_a_transaction, url).ended == "killed by SIGKILL"
    assert rows(url) == before
    assert cleanup(url, idle="30d", now=LATER, dry_run=False).threads == 2


# only the history


def test_keeping_the_latest_checkpoint_keeps_the_conversation(url):
    with open_checkpointer(url) as saver:
        graph = talk(saver)
        begin(saver, "a", "b")
        graph.invoke({"said": ["more"]}, config("a"))
        values = graph.get_state(config("a")).values
        dry = cleanup(saver, idle="30d", now=LATER, keep="latest")
        assert len(list(graph.get_state_history(config("a")))) == 6
        done = cleanup(saver, idle="30d", now=LATER, keep="latest", dry_run=False)
        assert (done.threads, done.checkpoints) == (2, 7) == (dry.threads, dry.checkpoints)
        assert (done.writes, done.blobs, done.bytes) == (dry.writes, dry.blobs, dry.bytes)
        assert len(list(graph.get_state_history(config("a")))) == 1
        assert graph.get_state(config("a")).values == values
        assert graph.get_state(config("a")).parent_config is None
        again = cleanup(saver, idle="30d", now=LATER, keep="latest", dry_run=False)
        assert (again.threads, again.checkpoints) == (0, 0)
        said = graph.invoke({"said": ["and on"]}, config("a"))["said"]
        assert said == [*values["said"], "and on", "5 heard"]


def nested(saver: Any) -> Any:
    """A graph with a subgraph for each call, one that remembers, and a question at the end."""

    def inner(name: str, **options: Any) -> Any:
        builder = StateGraph(Talk)
        builder.add_node("deep", lambda state: {"said": [name]})
        builder.add_edge(START, "deep")
        return builder.compile(**options)

    def ask(state: Talk) -> dict[str, list[str]]:
        return {"said": [interrupt("well?")]}

    builder = StateGraph(Talk)
    builder.add_node("forgets", inner("forgets"))
    builder.add_node("remembers", inner("remembers", checkpointer=True))
    builder.add_node("ask", ask)
    builder.add_edge(START, "forgets")
    builder.add_edge("forgets", "remembers")
    builder.add_edge("remembers", "ask")
    return builder.compile(checkpointer=saver)


def test_an_approval_that_waits_can_still_be_answered_after_the_history_is_gone(url):
    with open_checkpointer(url) as saver:
        graph = nested(saver)
        graph.invoke({"said": ["one"]}, config("a"))
        graph.invoke(Command(resume="yes"), config("a"))
        graph.invoke({"said": ["two"]}, config("a"))
        before = graph.get_state(config("a"))
        cleanup(saver, idle="30d", now=LATER, keep="latest", dry_run=False)
        after = graph.get_state(config("a"))
        assert (after.values, after.next, after.interrupts) == (
            before.values,
            before.next,
            before.interrupts,
        )
        spaces = [row[2][1].partition(":")[0] for row in _all(url) if row[0] == "checkpoints"]
        assert sorted(spaces) == ["", "remembers"]
        assert graph.invoke(Command(resume="no"), config("a"))["said"][-1] == "no"


def _all(url: str) -> list[tuple[str, str, Any]]:
    with open_tables(url) as tables:
        return list(tables.all_rows())


def test_sqlite_keeps_what_prune_keeps_on_postgres(tmp_path, server):
    """The same run on both: SQLite's own rule leaves the rows that LangGraph's `prune` leaves."""
    left = []
    with postgres("keep", scratch=True) as running:
        for place in (f"sqlite:///{tmp_path}/x.db", running.url):
            with open_checkpointer(place) as saver:
                graph = nested(saver)
                for text in ("one", "two"):
                    graph.invoke({"said": [text]}, config("a"))
                    graph.invoke(Command(resume=text), config("a"))
                graph.invoke({"said": ["three"]}, config("a"))
                cleanup(saver, idle="30d", now=LATER, keep="latest", dry_run=False)
            found = [row for row in _all(place) if row[0] != "checkpoint_blobs"]
            left.append(sorted((t.split("_")[-1], r[1].split(":")[0]) for t, _, r in found))
    assert left[0] == left[1]


def fold(state: list[str], writes: list[list[str]]) -> list[str]:
    return [*state, *(each for write in writes for each in write)]


class Delta(TypedDict):
    said: Annotated[list, DeltaChannel(fold, snapshot_frequency=100)]


def test_threads_with_delta_channels_are_refused_by_name(url):
    builder = StateGraph(Delta)
    builder.add_node("answer", lambda state: {"said": ["heard"]})
    builder.add_edge(START, "answer")
    with open_checkpointer(url) as saver:
        graph = builder.compile(checkpointer=saver)
        graph.invoke({"said": ["a"]}, config("delta"))
        begin(saver, "plain")
        before = {row[1:] for row in map(repr, _all(url)) if "delta" in row}
        report = cleanup(saver, idle="30d", now=LATER, keep="latest", dry_run=False)
        assert (report.threads, report.refused, report.remaining) == (1, ("delta",), 1)
        assert "delta" in str(report)
        assert {row[1:] for row in map(repr, _all(url)) if "delta" in row} == before
        assert cleanup(saver, idle="30d", now=LATER, dry_run=False).threads == 2


# refusals


def test_a_busy_database_is_reported_and_the_next_call_continues(url, monkeypatch):
    monkeypatch.setattr(saver_tables, "BUSY_SECONDS", 0.1)
    with open_checkpointer(url) as saver:
        begin(saver, "a")
        with one_statement(url) as other:
            if url.startswith("sqlite"):
                other.execute("BEGIN IMMEDIATE")
            else:
                other.execute("BEGIN")
                other.execute("LOCK TABLE checkpoints IN EXCLUSIVE MODE")
            assert cleanup(saver, idle="30d", now=LATER).threads == 1  # a dry run only reads
            with pytest.raises(RetentionError, match=r"busy.*Run the same call again"):
                cleanup(saver, idle="30d", now=LATER, dry_run=False)
            other.execute("ROLLBACK")
        assert cleanup(saver, idle="30d", now=LATER, dry_run=False).threads == 1


def test_a_read_only_database_is_reported(url, monkeypatch):
    with open_checkpointer(url) as saver:
        begin(saver, "a")
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")

            def open_read_only(*_: Any) -> sqlite3.Connection:
                return sqlite3.connect(f"file:{path}?mode=ro", uri=True)

            monkeypatch.setattr(saver_tables, "open_file", open_read_only)
        else:
            name = url.rpartition("/")[2].partition("?")[0]
            with one_statement(url) as other:
                other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        assert cleanup(saver, idle="30d", now=LATER).threads == 1
        with pytest.raises(RetentionError, match="read-only"):
            cleanup(saver, idle="30d", now=LATER, dry_run=False)


def test_a_database_without_a_savers_tables_is_reported(url):
    with one_statement(url) as empty:
        empty.execute("CREATE TABLE other (x INTEGER)")
    with pytest.raises(RetentionError, match="no tables of a checkpointer"):
        cleanup(url, idle="30d")


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        ("memory:", "new and empty memory"),
        (InMemorySaver(), "InMemorySaver keeps nothing"),
        (SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False)), "lives in memory"),
        (None, "NoneType"),
    ],
)
def test_what_keeps_nothing_is_refused(where, reason):
    with pytest.raises(RetentionError, match=reason):
        cleanup(where, idle="30d")


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    with pytest.raises(CheckpointerError, match=r"no.db"):
        cleanup(f"sqlite:///{tmp_path}/no.db", idle="30d")
    assert not (tmp_path / "no.db").exists()


# export and import


def conversation(saver: Any, thread: str) -> list[Any]:
    """Everything that LangGraph reads of a thread."""
    return [
        (s.values, s.next, s.config, s.metadata, s.parent_config, s.tasks, s.interrupts)
        for s in nested(saver).get_state_history(config(thread))
    ]


@pytest.fixture
def elsewhere(url, tmp_path):
    """A second empty database of the same kind."""
    if url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/elsewhere.db"
    else:
        with postgres("elsewhere", scratch=True) as running:
            yield running.url


@pytest.mark.parametrize("key", [None, KEYS[0]])
def test_an_imported_thread_is_the_same_conversation(url, elsewhere, tmp_path, key):
    with open_checkpointer(url, key=key) as saver:
        graph = nested(saver)
        graph.invoke({"said": ["안녕 \U0001f44b", "x" * 9000], "profile": ["1.10"]}, config("a/ü"))
        told = conversation(saver, "a/ü")
        begin(saver, "other")
        report = export(saver, "a/ü", to=tmp_path)
    assert report.path == tmp_path / "thread-a_ü.json"
    assert (report.checkpoints, report.dry_run) == (10, False)
    if os.name != "nt":
        assert report.path.stat().st_mode & 0o077 == 0, "others may read it"
    back = import_thread(elsewhere, report.path)  # a URL whose tables are not there yet
    counts = ("checkpoints", "writes", "blobs", "bytes")
    assert [getattr(back, name) for name in counts] == [getattr(report, name) for name in counts]
    with open_checkpointer(elsewhere, key=key) as saver:
        assert conversation(saver, "a/ü") == told
        assert sorted(map(repr, _all(elsewhere))) == sorted(
            repr(row) for row in _all(url) if row[1] == "a/ü"
        )
        assert nested(saver).invoke(Command(resume="ok"), config("a/ü"))["said"][-1] == "ok"


def test_a_dry_run_of_an_export_writes_no_file(url, tmp_path):
    with open_checkpointer(url) as saver:
        begin(saver, "a")
        report = export(saver, "a", to=tmp_path / "a.json", dry_run=True)
        assert (report.checkpoints, report.dry_run) == (3, True)
        assert export(saver, "a", dry_run=True).path is None
    assert not (tmp_path / "a.json").exists()


def test_what_cannot_be_exported_is_refused(url, tmp_path):
    with open_checkpointer(url) as saver:
        begin(saver, "a")
        with pytest.raises(UnknownThread, match="There is no thread 'b'"):
            export(saver, "b", to=tmp_path)
        with pytest.raises(FileNotFoundError, match="folder"):
            export(saver, "a", to=tmp_path / "no" / "a.json")
        export(saver, "a", to=tmp_path / "a.json")
        with pytest.raises(FileExistsError, match="left as it is"):
            export(saver, "a", to=tmp_path / "a.json")


@pytest.mark.parametrize("wrong", [None, KEYS[1]])
def test_a_wrong_key_is_noticed_before_anything_is_written(url, elsewhere, tmp_path, wrong):
    with open_checkpointer(url, key=KEYS[0]) as saver:
        begin(saver, "a")
        export(saver, "a", to=tmp_path / "a.json")
    with open_checkpointer(url, key=wrong) as saver, pytest.raises(WrongKey):
        export(saver, "a", to=tmp_path / "wrong.json")
    assert not (tmp_path / "wrong.json").exists()
    with open_checkpointer(elsewhere, key=wrong) as saver:
        with pytest.raises(WrongKey):
            import_thread(saver, tmp_path / "a.json")
        assert saver.get_tuple(config("a")) is None


def test_an_import_refuses_what_it_would_damage(url, tmp_path):
    with open_checkpointer(url) as saver:
        begin(saver, "a", "b")
        path = export(saver, "a", to=tmp_path / "a.json").path
        with pytest.raises(RetentionError, match="already"):
            import_thread(saver, path)
        saver.delete_thread("a")
        good = json.loads(path.read_text(encoding="utf-8"))
        stranger = json.loads(json.dumps(good))
        stranger["tables"]["checkpoints"][0]["thread_id"] = "b"
        lacking = json.loads(json.dumps(good))
        del lacking["tables"]["checkpoints"][0]["type"]
        other = {"sqlite": "postgresql", "postgresql": "sqlite"}[good["database"]]
        for changed, reason in (
            ({**good, "version": 2}, "newer program"),
            ({**good, "version": "x"}, "newer program"),
            ({**good, "format": "other"}, "no thread that"),
            ([], "no thread that"),
            ({**good, "database": other}, "different forms"),
            (stranger, "rows of others"),
            (lacking, "damaged"),
        ):
            path.write_text(json.dumps(changed), encoding="utf-8")
            with pytest.raises(RetentionError, match=reason):
                import_thread(saver, path)
        path.write_text(json.dumps(good)[:-100], encoding="utf-8")
        with pytest.raises(RetentionError, match="damaged"):
            import_thread(saver, path)
        with pytest.raises(FileNotFoundError):
            import_thread(saver, tmp_path / "none.json")
        assert rows(url)["checkpoints"] == {"b"}


# the command


def old_threads(url: str, *names: str) -> None:
    """Threads whose checkpoints were made long ago: their ids are set back."""
    with open_checkpointer(url) as saver:
        begin(saver, *names)
    with one_statement(url) as database:
        tables = ("checkpoints", "writes" if url.startswith("sqlite") else "checkpoint_writes")
        for table in tables:
            database.execute(f"UPDATE {table} SET checkpoint_id = '1e' || substr(checkpoint_id, 3)")


def test_the_command_counts_first_and_then_cleans_up(url, capsys):
    old_threads(url, "a", "b")
    assert main(["cleanup", "--idle", "30d", "--dry-run", "--database", url]) == 0
    shown = capsys.readouterr()
    assert "Dry run" in shown.out and "2 of 2 threads" in shown.err
    assert main(["cleanup", "--idle", "30d", "--keep", "latest", "--database", url]) == 0
    assert rows(url)["checkpoints"] == {"a", "b"}
    assert main(["cleanup", "--idle", "30d", "--limit", "1", "--database", url]) == 0
    assert len(rows(url)["checkpoints"]) == 1
    assert main(["cleanup", "--idle", "30d", "--database", url]) == 0
    assert not any(rows(url).values())


def test_the_command_runs_as_a_program(tmp_path):
    url = f"sqlite:///{tmp_path}/x.db"
    old_threads(url, "a")
    command = [sys.executable, "-m", "course_lib", "cleanup", "--idle", "30d", "--database", url]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "threads" in run.stdout and "1 of 1 threads" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--idle", "0d"], "above zero"),
        (["--idle", "30d", "--limit", "0"], "limit=0"),
        (["--idle", "30d", "--database", "mysql://x"], "no address"),
        (["--idle", "30d", "--database", "sqlite:////nowhere/x.db"], "/nowhere"),
    ],
)
def test_the_command_says_why_it_refuses(arguments, reason, capsys, tmp_path):
    if "--database" not in arguments:
        arguments = [*arguments, "--database", f"sqlite:///{tmp_path}/x.db"]
    assert main(["cleanup", *arguments]) == 1
    assert reason in capsys.readouterr().err


def test_the_bar_moves_on_a_terminal_only():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for out, drawn in ((Terminal(), 3), (io.StringIO(), 1)):
        bar = ProgressBar(out)
        for done in (1, 2, 3):
            bar(done, 3)
        assert out.getvalue().count("of 3 threads") == drawn
        assert out.getvalue().endswith("3 of 3 threads\n")


def test_an_asynchronous_saver_that_is_in_use_may_be_handed_over(tmp_path):
    async def run() -> int:
        url = f"sqlite:///{tmp_path}/x.db"
        async with open_async_checkpointer(url) as saver:
            await talk(saver).ainvoke({"said": ["hi"], "profile": []}, config("a"))
            return (await asyncio.to_thread(cleanup, saver, idle="30d", now=LATER)).threads

    assert asyncio.run(run()) == 1
