"""The pair of databases: what was acknowledged survives the primary, and a password is needed."""

from __future__ import annotations

import asyncio
import threading

import psycopg
import pytest
from database_pairs import pair_or_skip
from psycopg_pool import AsyncConnectionPool

from course_lib.operations import database_pair, database_setup
from course_lib.operations.database_server import remove_pid_file
from course_lib.operations.limits import Bucket, TokenBuckets
from course_lib.persistence import PostgresError
from course_lib.serving import free_port

pytestmark = [pytest.mark.slow, pytest.mark.soak]


@pytest.fixture(scope="module")
def pair():
    with pair_or_skip() as made:
        yield made


def roles(pair):
    return sorted(pair.state.values())


def write_until_it_fails(url, table, acknowledged):
    with psycopg.connect(url, autocommit=True) as connection:
        number = 0
        try:
            while True:
                connection.execute(f"INSERT INTO {table} VALUES (%s)", [number])
                acknowledged.append(number)
                number += 1
        except psycopg.OperationalError:
            return


@pytest.mark.parametrize("turn", [1, 2])  # the second time, the first primary takes over again
def test_no_acknowledged_write_is_lost_when_the_primary_is_killed(pair, turn):
    table = f"numbers_{turn}"
    with psycopg.connect(pair.url) as connection:
        connection.execute(f"CREATE TABLE {table} (number int)")
    acknowledged = []
    writing = threading.Thread(target=write_until_it_fails, args=(pair.url, table, acknowledged))
    writing.start()
    while len(acknowledged) < 100:
        pass
    killed = pair.primary.name
    pair.kill_primary()
    writing.join(30)
    assert not writing.is_alive()
    assert roles(pair) == ["down", "standby (away)"]
    pair.promote()
    assert pair.primary.name != killed
    with psycopg.connect(pair.url) as connection:  # the same address, the other server
        kept = {row[0] for row in connection.execute(f"SELECT number FROM {table}")}
        assert set(acknowledged) <= kept
        connection.execute(f"INSERT INTO {table} VALUES (-1)")  # no standby, and it does not wait
    pair.add_standby()
    assert roles(pair) == ["primary", "standby (sync)"]


def test_a_standby_that_was_killed_catches_up(pair):
    pair.kill_standby()
    assert roles(pair) == ["down", "primary"]
    pair.restart_standby()
    assert roles(pair) == ["primary", "standby (sync)"]


def test_a_copy_that_was_not_completed_never_becomes_a_second_primary(pair):
    pair.kill_standby()
    (pair.standby.folder / "standby.signal").unlink()
    pair.restart_standby()
    assert roles(pair) == ["primary", "standby (sync)"]


def test_a_standby_that_has_not_caught_up_is_not_promoted(pair):
    pair.kill_primary()
    pair.promote()
    pair.kill_primary()  # before the other one follows again
    with pytest.raises(PostgresError, match="cannot take over without a loss"):
        pair.promote()
    pair.restart_primary()
    pair.add_standby()
    assert roles(pair) == ["primary", "standby (sync)"]


async def allowed(url, *, make_table):
    """Whether each of two turns may begin: the bucket holds one, and a minute fills it again."""
    async with AsyncConnectionPool(url, kwargs={"autocommit": True}, open=False) as pool:
        buckets = TokenBuckets(pool)
        if make_table:
            await buckets.make_table()
        found = [await buckets.take([Bucket("user", "bo", 1)]) for _ in range(2)]
        return [each is None for each in found]


def test_a_rate_limit_begins_again_after_a_fail_over(pair):
    assert asyncio.run(allowed(pair.url, make_table=True)) == [True, False]
    assert asyncio.run(allowed(pair.url, make_table=False)) == [False, False]
    pair.kill_primary()
    pair.promote()
    assert asyncio.run(allowed(pair.url, make_table=False)) == [True, False]
    pair.add_standby()
    assert roles(pair) == ["primary", "standby (sync)"]


def test_two_primaries_are_refused(pair):
    with pytest.raises(PostgresError, match="still runs, and then two servers would take writes"):
        pair.promote()
    assert roles(pair) == ["primary", "standby (sync)"]


def test_a_killed_server_starts_again_on_its_own_data(pair):
    pair.kill_primary()
    assert (pair.primary.folder / "postmaster.pid").exists()  # what the kill left behind
    pair.restart_primary()
    assert roles(pair)[0] == "primary"
    with pytest.raises(PostgresError, match="runs on the folder"):
        remove_pid_file(pair.primary.folder)


def test_a_taken_port_is_named(pair):
    with pytest.raises(PostgresError, match=f"Port {pair.primary.port}, for the database's prim"):
        database_pair((pair.primary.port, free_port()))


def test_the_address_holds_no_password(pair):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(pair.url, passfile="/dev/null")
    (line,) = (pair.primary.folder.parent / "client.pgpass").read_text().splitlines()
    assert line.split(":")[-1] not in pair.url and len(line.split(":")[-1]) > 20


def test_a_disk_without_room_is_named_and_nothing_is_made(monkeypatch, tmp_path):
    tmp_path.chmod(0o755)
    monkeypatch.setattr(database_setup, "scratch_parent", lambda: tmp_path)
    monkeypatch.setattr(database_setup, "MEGABYTES", 10**9)
    with pytest.raises(PostgresError, match=r"Only \d+ MB are free in .*TMPDIR"):
        database_pair()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", ["_password_file", "make_folder", "run_program"])
def test_a_pair_that_fails_at_any_step_leaves_nothing(monkeypatch, tmp_path, step):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(database_setup, "scratch_parent", lambda: tmp_path)
    monkeypatch.setattr(database_setup, step, full)
    with pytest.raises(OSError, match="No space left"):
        database_pair()
    assert not list(tmp_path.iterdir())
