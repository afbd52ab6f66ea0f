"""The keeper: several parts that end at once, in the middle of a repair, or without their guard."""

from __future__ import annotations

import os
import signal
import threading
import time

import psycopg
import pytest
from database_pairs import pair_or_skip
from waiting import wait_until

from course_lib.operations.keeper import Keeper
from course_lib.operations.parts import Part
from course_lib.persistence import PostgresError

pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.fixture(scope="module")
def pair():
    with pair_or_skip() as made:
        with psycopg.connect(made.url) as connection:
            connection.execute("CREATE TABLE numbers (number int)")
        yield made


@pytest.fixture
def keeper(pair):
    made = Keeper([], pair)
    made.start()
    yield made
    made.stop()


def write(pair, number):
    with psycopg.connect(pair.url) as connection:
        connection.execute("INSERT INTO numbers VALUES (%s)", [number])


def numbers(pair):
    with psycopg.connect(pair.url) as connection:
        return {row[0] for row in connection.execute("SELECT number FROM numbers")}


def told(keeper):
    return [each.what for each in keeper.repairs]


def test_both_databases_that_end_at_once_come_back_on_their_own_data(pair, keeper):
    write(pair, 1)
    primary = pair.primary
    with keeper.not_looking():
        pair.kill_primary()
        time.sleep(0.5)  # the keeper would have promoted the standby meanwhile
        pair.kill_standby()
    wait_until(keeper.is_idle)
    assert told(keeper) == ["primary started again", "standby started again"]
    assert pair.primary is primary and pair.is_whole and 1 in numbers(pair)


def test_a_primary_that_ends_while_it_is_copied_loses_nothing_and_is_followed_again(pair, keeper):
    write(pair, 2)
    pair.kill_primary()
    wait_until(lambda: "standby promoted" in told(keeper))
    write(pair, 3)  # acknowledged by the only server that there is
    second = pair.primary
    pair.kill_primary()
    wait_until(keeper.is_idle)
    assert pair.primary is second and {2, 3} <= numbers(pair)
    assert sorted(pair.state.values()) == ["primary", "standby (sync)"]


def test_a_standby_that_the_primary_does_not_wait_for_becomes_synchronous(pair, keeper):
    with keeper.pausing():
        pair._set_synchronous("")
        pair._holds_all = False  # as after a copy whose primary ended at its last step
        wait_until(lambda: "standby (async)" in pair.state.values())
    wait_until(keeper.is_idle)
    assert sorted(pair.state.values()) == ["primary", "standby (sync)"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_primary_whose_guard_has_ended_takes_no_writes_beside_the_new_one(pair, keeper):
    write(pair, 4)
    with keeper.pausing():
        old = pair.primary
        os.kill(old.process._process.pid, signal.SIGKILL)
        wait_until(lambda: not old.is_running())
        assert old.answers()  # the server itself goes on
        with pytest.raises(PostgresError, match="still runs"):
            pair.promote()
    wait_until(keeper.is_idle)
    assert "standby promoted" in told(keeper) and pair.primary is not old
    assert sorted(pair.state.values()) == ["primary", "standby (sync)"] and 4 in numbers(pair)


def test_a_pause_waits_for_the_repair_that_is_under_way(pair):
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def begin():
        begun.set()
        go_on.wait(60)
        ended.set()
        raise OSError("it does not start")

    keeper = Keeper([Part("slow", 1, begin)], pair)
    keeper.start()
    assert begun.wait(60)
    threading.Timer(0.3, go_on.set).start()
    with keeper.pausing():
        assert ended.is_set()
        with keeper.pausing():
            pass
        assert keeper.paused
        before = len(keeper.repairs)
        time.sleep(0.5)
        assert len(keeper.repairs) == before
    keeper.stop()
    keeper.stop()
