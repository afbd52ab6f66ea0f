"""The embedded PostgreSQL, and the server that you name: shared, and clear about faults."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from psycopg.conninfo import conninfo_to_dict
from waiting import wait_until

from course_lib.persistence import (
    CheckpointerError,
    PostgresError,
    connect,
    open_checkpointer,
    postgres,
    redact_url,
)


def config(thread="t"):
    return {"configurable": {"thread_id": thread}}


def test_threads_opening_a_fresh_database_at_once_do_not_collide():
    with postgres("rush", scratch=True) as running:

        def once(_):
            with open_checkpointer(running.url) as saver:
                return saver.get_tuple(config())

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(once, range(6))) == [None] * 6


def test_a_server_that_is_down_is_named_without_its_password():
    with pytest.raises(PostgresError, match=r"127\.0\.0\.1:9") as refused:
        with open_checkpointer("postgresql://me:hunter2@127.0.0.1:9/x"):
            pass
    assert "hunter2" not in str(refused.value)
    assert redact_url("postgresql://me:hunter2@h/x") == "postgresql://me@h/x"
    assert "hunter2" not in redact_url("postgresql:///x?password=hunter2&host=h")


def test_tables_not_set_up_are_told_before_the_first_message(server):
    with postgres("bare", scratch=True) as bare:
        with pytest.raises(CheckpointerError, match=r"not set up.*saver\.setup\(\)"):
            with open_checkpointer(bare.url, setup=False):
                pass


def test_the_embedded_server_cleans_up_seldom_also_where_its_folder_says_otherwise(server):
    if not server.embedded:
        pytest.skip("COURSE_DATABASE_URL names a server")

    def each():
        with connect(server.url) as connection:
            return connection.execute("SHOW autovacuum_naptime").fetchone()[0]

    wait_until(lambda: each() == "1h")
    with connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM RESET autovacuum_naptime")
        connection.execute("SELECT pg_reload_conf()")
    wait_until(lambda: each() != "1h")
    with postgres("seldom", scratch=True):
        wait_until(lambda: each() == "1h")


def test_the_embedded_server_is_shared(server):
    if not server.embedded:
        pytest.skip("COURSE_DATABASE_URL names a server")
    with postgres("shared", scratch=True) as again, postgres("shared", scratch=True) as third:
        hosts = {running.url.split("?")[1] for running in (server, again, third)}
        assert len(hosts) == 1 and again.url != third.url
        with connect(third.url) as connection:
            names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        assert sum(name.startswith("course_shared_") for name in names) >= 2
    with connect(server.url) as connection:
        left = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    assert not {name for name in left if name.startswith(f"course_shared_{os.getpid()}_")}


@pytest.mark.soak
@pytest.mark.slow
def test_letting_go_and_coming_back_is_noted_and_outlives_the_other_process(tmp_path):
    """A lets go and comes back while B holds the server; when B ends, A's must go on."""
    code = (
        "import sys\n"
        "from course_lib.persistence import postgres, connect\n"
        "held = postgres('x', scratch=True)\n"
        "for line in sys.stdin:\n"
        "    if line == 'again\\n':\n"
        "        held.stop(); held = postgres('x', scratch=True)\n"
        "    print(connect(held.url).execute('SELECT 1').fetchone()[0], flush=True)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COURSE_HOME": str(tmp_path / "h")}

    def process():
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(running, line):
        running.stdin.write(line + "\n")
        running.stdin.flush()
        return running.stdout.readline().strip()

    first, second = process(), process()
    assert [tell(first, "go"), tell(second, "go")] == ["1", "1"]
    assert tell(first, "again") == "1"
    second.stdin.close()
    second.wait(30)
    assert tell(first, "go") == "1", "the server stopped under the process that had come back"
    first.kill()
    first.wait()
    third = process()
    assert tell(third, "go") == "1", "a killed process must not leave a server nobody can join"
    third.stdin.close()
    third.wait(30)


@pytest.mark.parametrize(
    "named",
    [
        "postgresql://postgres@/other?host={host}",
        "postgresql:///other?host={host}&user=postgres",
        "postgresql://postgres@/?host={host}&dbname=other",
        "postgresql:///?host={host}&user=postgres&sslmode=disable",
    ],
)
def test_a_server_you_name_is_used_and_its_own_database_is_left_alone(server, monkeypatch, named):
    if not server.embedded:
        pytest.skip("needs the embedded server")
    host = conninfo_to_dict(server.url)["host"]
    monkeypatch.setenv("COURSE_DATABASE_URL", named.format(host=host).replace("other", "postgres"))
    with postgres("mine", scratch=True) as running:
        assert not running.embedded
        with connect(running.url) as connection:
            name = connection.execute("SELECT current_database()").fetchone()[0]
        assert name.startswith("course_mine_")


def test_an_address_that_cannot_be_read_is_a_postgres_error():
    for url, told in (
        ("postgresql://h:port/x", "No PostgreSQL answers"),
        ("postgresql://h/x?nonsense=1", "cannot be read"),
    ):
        with pytest.raises(PostgresError, match=told):
            connect(url)


@pytest.mark.parametrize("content", ["", "4194000\n/nowhere\n", "1\n/nowhere\n", "junk"])
def test_what_a_killed_server_left_behind_is_cleared(tmp_path, content):
    from course_lib.persistence.embedded_postgres import _remove_stale_files

    (tmp_path / "postmaster.pid").write_text(content)
    (tmp_path / ".handle_pids.json").write_text(f"[{os.getpid()}, 4194000]")
    _remove_stale_files(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()
    assert json.loads((tmp_path / ".handle_pids.json").read_text()) == [os.getpid()]


def test_a_home_with_spaces_or_other_letters_does_not_stop_the_server(monkeypatch, tmp_path):
    from course_lib.persistence.embedded_postgres import _data_folder

    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "내 home"))
    assert " " not in str(_data_folder()) and str(_data_folder()).isascii()
