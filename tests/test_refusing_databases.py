"""Databases that refuse: locked, read only, of somebody else, with an address nobody can read."""

import asyncio
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import psycopg
import pytest
import redis
from chat_graphs import chat_on, moody, one_node, texts
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from pooler import pooler
from psycopg.conninfo import conninfo_to_dict

from course_lib.addresses import hide_password
from course_lib.persistence import (
    CheckpointerError,
    PostgresError,
    ThreadDirectory,
    connect,
    limited_connections,
    open_async_checkpointer,
    open_checkpointer,
    open_store,
    postgres,
    redact_url,
    remedy_for,
    table_setup,
)

CONFIG = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}
ALL_TABLES = "checkpoints, checkpoint_blobs, checkpoint_writes, store"


@pytest.fixture
def fresh(server):
    """A database that has no tables yet."""
    with postgres("refusing", scratch=True) as running:
        yield running


@pytest.fixture
def impatient(monkeypatch):
    """Waits that end soon, so that a test sees their end."""
    monkeypatch.setattr(limited_connections, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(limited_connections, "CANCEL_SECONDS", 0.3)
    monkeypatch.setattr(table_setup, "WAIT_SECONDS", 0.3)


def with_role(url, user, options=""):
    parts = conninfo_to_dict(url)
    port = f"&port={parts['port']}" if parts.get("port") else ""
    options = f"&options={options}" if options else ""
    return f"postgresql://{user}@/{parts['dbname']}?host={parts['host']}{port}{options}"


# ---------------------------------------------------------------- locks


async def test_a_locked_table_ends_in_a_message_and_the_next_one_goes_through(fresh, impatient):
    with open_checkpointer(fresh.url) as saver, open_store(fresh.url):
        chat, transcript = chat_on(moody(saver))
        await chat.send("one")
        with connect(fresh.url) as other:
            other.execute(f"LOCK TABLE {ALL_TABLES}")
            await asyncio.wait_for(chat.send("two"), 30)
            problem = texts(transcript, "problem")[-1]
            assert "may hold a lock" in problem and "send the message again" in problem
            assert "two" in texts(transcript, "you")
        await chat.send("three")
        assert transcript.kept()[-1] == ("answer", "heard three")


def test_each_statement_of_a_saver_and_a_store_has_an_end(fresh, impatient):
    with open_checkpointer(fresh.url) as saver, open_store(fresh.url) as store:
        calls = [
            lambda: saver.get_tuple(CONFIG),
            lambda: list(saver.list(CONFIG)),
            lambda: saver.put_writes(
                {"configurable": {**CONFIG["configurable"], "checkpoint_id": "c"}},
                [("a", 1)],
                "task",
            ),
            lambda: saver.delete_thread("1"),
            lambda: store.get(("a",), "b"),
            lambda: store.put(("a",), "b", {"c": 1}),
            lambda: store.search(("a",)),
        ]
        with connect(fresh.url) as other:
            other.execute(f"LOCK TABLE {ALL_TABLES}")
            for call in calls:
                with pytest.raises(psycopg.OperationalError, match="has not answered") as caught:
                    call()
                assert "pg_stat_activity" in str(caught.value)
            deadline = time.monotonic() + 10
            while waiting_for_a_lock(fresh.url) and time.monotonic() < deadline:
                time.sleep(0.05)
            assert waiting_for_a_lock(fresh.url) == 0  # the server was told that nobody waits
        assert saver.get_tuple(CONFIG) is None and store.get(("a",), "b") is None


def waiting_for_a_lock(url):
    with connect(url) as admin:
        question = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return admin.execute(question).fetchone()[0]


async def test_an_awaited_saver_has_an_end_too(fresh, impatient):
    async with open_async_checkpointer(fresh.url) as saver:
        with connect(fresh.url) as other:
            other.execute(f"LOCK TABLE {ALL_TABLES.removesuffix(', store')}")
            with pytest.raises(psycopg.OperationalError, match="has not answered"):
                await asyncio.wait_for(saver.aget_tuple(CONFIG), 30)
        assert await saver.aget_tuple(CONFIG) is None


def test_an_end_comes_also_where_nobody_hands_on_that_a_statement_is_given_up(fresh, impatient):
    with pooler(fresh.url, 4) as pooled, open_checkpointer(pooled) as saver:
        with connect(fresh.url) as other:
            other.execute("LOCK TABLE checkpoints")
            with pytest.raises(psycopg.OperationalError, match="has not answered"):
                saver.get_tuple(CONFIG)
        assert saver.get_tuple(CONFIG) is None


def test_a_statement_that_takes_long_elsewhere_is_not_limited(fresh, impatient):
    with connect(fresh.url) as connection:
        connection.execute("SELECT pg_sleep(0.8)")


@pytest.mark.parametrize("open_one", [open_checkpointer, open_store])
def test_a_locked_list_of_migrations_ends_in_a_message(fresh, impatient, open_one):
    with open_one(fresh.url):
        pass
    table = "checkpoint_migrations" if open_one is open_checkpointer else "store_migrations"
    with connect(fresh.url) as other:
        other.execute(f"LOCK TABLE {table}")
        with pytest.raises(PostgresError, match="a lock on the table"):
            with open_one(fresh.url):
                pass
    with open_one(fresh.url):
        pass


@contextmanager
def falling_silent(url):
    """A way to a database that lets the login through and hands nothing on after it."""
    parts = conninfo_to_dict(url)
    listening = socket.create_server(("127.0.0.1", 0))
    host, port = parts["host"], int(parts.get("port") or 5432)
    open_sockets = [listening]

    def serve():
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX if host.startswith("/") else socket.AF_INET)
            server.connect(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))
            open_sockets.extend([client, server])
            logged_in = threading.Event()
            threading.Thread(target=relay, args=(client, server, logged_in), daemon=True).start()
            threading.Thread(target=answer, args=(server, client, logged_in), daemon=True).start()

    def relay(client, server, logged_in):
        with suppress(OSError):
            while (data := client.recv(4096)) and not logged_in.is_set():
                server.sendall(data)

    def answer(server, client, logged_in):
        with suppress(OSError):
            while data := server.recv(4096):
                client.sendall(data)
                if data.endswith(b"Z\0\0\0\x05I"):
                    logged_in.set()
                    return

    threading.Thread(target=serve, daemon=True).start()
    user, name = parts["user"], parts["dbname"]
    try:
        yield f"postgresql://{user}@127.0.0.1:{listening.getsockname()[1]}/{name}?sslmode=disable"
    finally:
        for each in open_sockets:
            each.close()


@pytest.mark.parametrize("open_one", [open_checkpointer, open_store])
def test_a_server_that_falls_silent_after_the_login_ends_in_a_message(fresh, impatient, open_one):
    with falling_silent(fresh.url) as silent, pytest.raises(PostgresError, match="not answered"):
        with open_one(silent):
            pass


# ---------------------------------------------------------------- encodings


@pytest.fixture
def encoded(server, request):
    """A database in another encoding, and its address."""
    name = f"encoded_{request.param.lower()}_{os.getpid()}"
    options = "TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    with connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING '{request.param}' {options}")
    yield psycopg.conninfo.make_conninfo(server.url, dbname=name)
    with connect(server.url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def as_url(conninfo):
    parts = conninfo_to_dict(conninfo)
    return with_role(f"postgresql:///{parts['dbname']}?host={parts['host']}", parts["user"])


@pytest.mark.parametrize("encoded", ["SQL_ASCII"], indirect=True)
def test_a_database_without_an_encoding_gives_back_what_it_was_given(encoded):
    url = as_url(encoded)
    with open_store(url) as store, open_checkpointer(url) as saver:
        store.put(("누구",), "열쇠", {"c": "cafe"})
        assert store.get(("누구",), "열쇠").value == {"c": "cafe"}
        directory = ThreadDirectory(store)
        made = directory.create("jisu", title="Cafes")
        assert directory.open("jisu", made.id) == made
        graph = one_node(lambda state: {"messages": [("ai", "hi")]}, saver)
        graph.invoke({"messages": [("user", "hello")]}, {"configurable": {"thread_id": "실"}})
        (config,) = {each.config["configurable"]["thread_id"] for each in saver.list(None)}
        assert config == "실"
        with pytest.raises(psycopg.Error) as caught:
            directory.rename("jisu", made.id, "카페")
        assert "ENCODING 'UTF8'" in remedy_for(caught.value)


@pytest.mark.parametrize("encoded", ["LATIN1"], indirect=True)
async def test_a_database_that_cannot_store_a_text_is_told_with_the_way_out(encoded):
    with open_checkpointer(as_url(encoded)) as saver:
        chat, transcript = chat_on(moody(saver))
        await chat.send("안녕 💬")
    problem = texts(transcript, "problem")
    assert not problem or "ENCODING 'UTF8'" in problem[-1]
    with open_store(as_url(encoded)) as store, pytest.raises(psycopg.Error) as caught:
        store.put(("a",), "열쇠", {"c": 1})
    assert "ENCODING 'UTF8'" in remedy_for(caught.value)


# ---------------------------------------------------------------- rights


@pytest.fixture
def weak_role(fresh):
    """A role that may connect and do nothing else."""
    name = f"weak_{os.getpid()}"
    with connect(fresh.url, autocommit=True) as admin:
        try:
            admin.execute(f"CREATE ROLE {name} LOGIN")
        except psycopg.errors.InsufficientPrivilege:
            pytest.skip("This server lets the tests make no role.")
    yield with_role(fresh.url, name)
    with connect(fresh.url, autocommit=True) as admin:
        admin.execute(f"DROP OWNED BY {name}")
        admin.execute(f"DROP ROLE {name}")


@pytest.mark.parametrize("open_one", [open_checkpointer, open_store])
@pytest.mark.parametrize("made", [False, True])
def test_a_role_without_rights_is_told_whom_to_ask(fresh, weak_role, open_one, made):
    if made:
        with open_one(fresh.url):
            pass
    with pytest.raises(PostgresError, match=r"permission denied.*owner"):
        with open_one(weak_role):
            pass


async def test_a_role_that_may_not_use_the_tables_is_told_so(fresh, weak_role):
    with open_checkpointer(fresh.url):
        pass
    with pytest.raises(CheckpointerError, match=r"may not read.*grant"):
        with open_checkpointer(weak_role, setup=False):
            pass
    with connect(fresh.url, autocommit=True) as admin:
        role = conninfo_to_dict(weak_role)["user"]
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    with open_checkpointer(weak_role) as saver:
        chat, transcript = chat_on(moody(saver))
        await chat.send("one")
    assert "Let their owner grant" in texts(transcript, "problem")[-1]
    assert "one" in texts(transcript, "you")


async def test_a_session_that_may_only_read_is_told_so(fresh):
    reading = with_role(
        fresh.url,
        conninfo_to_dict(fresh.url)["user"],
        "-c%20default_transaction_read_only%3Don",
    )
    with pytest.raises(PostgresError, match=r"read-only.*primary"):
        with open_checkpointer(reading):
            pass
    with open_checkpointer(fresh.url):
        pass
    with open_checkpointer(reading) as saver:
        chat, transcript = chat_on(moody(saver))
        await chat.send("one")
    assert "may only be read" in texts(transcript, "problem")[-1]


# ---------------------------------------------------------------- tables of somebody else


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE checkpoints (number int)",
        "CREATE VIEW checkpoints AS SELECT 1 AS number",
        "CREATE TABLE checkpoint_migrations (name text)",
        "CREATE TABLE checkpoint_writes (thread_id int)",
    ],
)
def test_tables_of_somebody_else_are_told_and_left(fresh, statement):
    with connect(fresh.url, autocommit=True) as admin:
        admin.execute(statement)
    with pytest.raises((PostgresError, CheckpointerError), match=r"(?i)a database of its own"):
        with open_checkpointer(fresh.url):
            pass
    with pytest.raises(CheckpointerError, match=r"not set up|a database of its own"):
        with open_checkpointer(fresh.url, setup=False):
            pass


@pytest.mark.parametrize(
    ("open_one", "statement"),
    [
        (open_checkpointer, "CREATE TABLE checkpoints (number)"),
        (open_checkpointer, "CREATE TABLE checkpoints (thread_id, checkpoint_id)"),
        (open_checkpointer, "CREATE VIEW checkpoints AS SELECT 1 AS thread_id"),
        (open_checkpointer, "CREATE TABLE writes (author, book)"),
        (open_store, "CREATE TABLE store (goods, price)"),
        (open_store, "CREATE VIEW store AS SELECT 1 AS prefix, 2 AS key, 3 AS value"),
    ],
)
def test_a_file_of_somebody_else_is_told_and_left(tmp_path, open_one, statement):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as other:
        other.execute(statement)
    other.close()
    before = path.read_bytes()
    with pytest.raises(CheckpointerError, match="not LangGraph's"):
        with open_one(f"sqlite:///{path}"):
            pass
    assert path.read_bytes() == before
    path.unlink()  # nobody has left it open (Windows would refuse)


async def test_an_awaited_saver_tells_a_file_of_somebody_else(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as other:
        other.execute("CREATE TABLE checkpoints (number)")
    with pytest.raises(CheckpointerError, match="not LangGraph's"):
        async with open_async_checkpointer(f"sqlite:///{tmp_path / 'shop.db'}"):
            pass


def test_a_saver_and_a_store_may_share_a_file_with_other_tables(tmp_path):
    with sqlite3.connect(tmp_path / "all.db") as other:
        other.execute("CREATE TABLE goods (price)")
    url = f"sqlite:///{tmp_path / 'all.db'}"
    for _ in range(2):
        with open_checkpointer(url) as saver, open_store(url) as store:
            saver.get_tuple(CONFIG)
            store.put(("a",), "b", {"c": 1})


OPEN = """
import sys
from course_lib.persistence import CheckpointerError, open_checkpointer

try:
    with open_checkpointer(sys.argv[1]):
        print("opened")
except CheckpointerError as error:
    print(error)
"""


@pytest.mark.parametrize("what", ["file", "folder", "empty file"])
@pytest.mark.skipif(os.name == "nt", reason="Windows keeps permissions in another way.")
def test_a_file_that_may_not_be_written_is_told_when_it_is_opened(tmp_path, what):
    path = tmp_path / "chat.db"
    if what == "empty file":
        path.touch()
    else:
        with open_checkpointer(f"sqlite:///{path}") as saver:
            saver.get_tuple(CONFIG)
    as_somebody = []
    if os.geteuid() == 0:  # root may write everything, so somebody else looks
        if shutil.which("setpriv") is None:
            pytest.skip("Only root is here, and no setpriv to be somebody else with.")
        as_somebody = ["setpriv", "--reuid", "65534", "--clear-groups"]
        for parent in [tmp_path, *tmp_path.parents]:
            if parent.owner() == "root" and parent != parent.parent:
                parent.chmod(parent.stat().st_mode | 0o055)
        if what != "folder":
            os.chown(tmp_path, 65534, -1)
    locked = tmp_path if what == "folder" else path
    locked.chmod(0o555 if what == "folder" else 0o444)
    try:
        told = subprocess.run(
            [*as_somebody, sys.executable, "-c", OPEN, f"sqlite:///{path}"],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
        )
    finally:
        locked.chmod(0o755)
    if "Permission denied" in told.stderr:
        pytest.skip("Somebody else cannot read this Python.")
    assert "may not be written to" in told.stdout, told.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite3.OperationalError("attempt to write a readonly database"), "only be read"),
        (sqlite3.OperationalError("database or disk is full"), "Free some space"),
        (sqlite3.OperationalError("disk I/O error"), "Free some space"),
        (sqlite3.DatabaseError("database disk image is malformed"), "is damaged"),
        (sqlite3.OperationalError("unable to open database file"), "Correct the path"),
        (sqlite3.OperationalError("no such column: thread_id"), "not LangGraph's"),
        (sqlite3.OperationalError("cannot modify checkpoints because it is a view"), "LangGraph's"),
        (redis.exceptions.ConnectionError("Error 111 connecting to localhost"), "Redis does not"),
        (redis.exceptions.TimeoutError("Timeout reading from socket"), "Redis does not"),
        (psycopg.errors.DiskFull("could not extend file"), "Free some space"),
        (psycopg.errors.QueryCanceled("due to statement timeout"), "holds a lock"),
        (psycopg.errors.UndefinedTable('relation "checkpoints" does not exist'), "which makes"),
    ],
)
def test_each_refusal_has_its_remedy(error, words):
    assert words in remedy_for(error)


@pytest.mark.parametrize("pipeline", [False, True])
async def test_a_saver_of_langgraph_whose_block_is_over_is_to_be_opened_again(fresh, pipeline):
    """Its words are those of a connection that was lost, and a lost one is not closed here."""
    with open_checkpointer(fresh.url):
        pass  # makes the tables
    with PostgresSaver.from_conn_string(fresh.url, pipeline=pipeline) as saver:
        closed = [saver]
    async with AsyncPostgresSaver.from_conn_string(fresh.url, pipeline=pipeline) as saver:
        closed.append(saver)
    for each in closed:
        chat, transcript = chat_on(moody(saver=each))
        await chat.send("hello")
        (problem,) = texts(transcript, "problem")
        assert "its `with` block is over" in problem and "lost" not in problem


def test_a_connection_that_was_lost_stays_one_that_was_lost(fresh):
    with psycopg.connect(fresh.url, autocommit=True) as plain:
        with psycopg.connect(fresh.url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [plain.info.backend_pid])
        with pytest.raises(psycopg.OperationalError) as caught:
            plain.execute("SELECT 1")
        assert "was lost" in remedy_for(caught.value)
        for use in (plain.cursor, plain.transaction().__enter__, plain.commit):
            with pytest.raises(psycopg.OperationalError, match=r"is (closed|lost)") as caught:
                use()
            assert "was lost" in remedy_for(caught.value)


@pytest.mark.parametrize("use", ["execute", "cursor", "transaction", "pipeline", "block"])
def test_a_connection_that_was_closed_here_is_to_be_opened_again(fresh, use):
    plain = psycopg.connect(fresh.url)
    plain.close()
    uses = {
        "execute": lambda: plain.execute("SELECT 1"),
        "cursor": lambda: plain.cursor(),
        "transaction": lambda: plain.transaction().__enter__(),
        "pipeline": lambda: plain.pipeline().__enter__(),
        "block": lambda: plain.commit(),
    }
    with pytest.raises(psycopg.OperationalError) as caught:
        uses[use]()
    assert "its `with` block is over" in remedy_for(caught.value)


def test_what_ended_a_block_counts_more_than_that_its_connection_is_closed(fresh):
    with psycopg.connect(fresh.url) as plain, pytest.raises(psycopg.OperationalError) as caught:
        with plain.transaction():
            plain.close()
            try:
                raise psycopg.OperationalError("PostgreSQL has not answered for 30 seconds.")
            finally:
                plain.cursor()
    assert str(caught.value) == "the connection is closed"
    assert "When the table is free" in remedy_for(caught.value)


def test_a_cursor_that_was_closed_is_no_lost_connection(fresh):
    with psycopg.connect(fresh.url) as plain:
        cursor = plain.cursor()
        cursor.close()
        with pytest.raises(psycopg.InterfaceError) as caught:
            cursor.execute("SELECT 1")
    assert remedy_for(caught.value) is None


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_half_an_emoji_in_a_thread_id_has_its_remedy_there_and_only_there(kind, tmp_path, fresh):
    url = fresh.url if kind == "postgres" else f"sqlite:///{tmp_path / 'chat.db'}"
    with open_checkpointer(url) as saver, pytest.raises(UnicodeEncodeError) as caught:
        saver.get_tuple({"configurable": {"thread_id": "\ud83d", "checkpoint_ns": ""}})
    assert "half of an emoji" in remedy_for(caught.value)
    with pytest.raises(UnicodeEncodeError) as caught:
        "\ud83d".encode()
    assert remedy_for(caught.value) is None


# ---------------------------------------------------------------- addresses

PASSWORDS = [
    "top@secret",
    "top/secret",
    "top/a@secret",
    "1234/secret",
    "top%zzsecret",
    "top secret",
    "%00secret",
    "sec\ud83dret",
    "a@secret?b",
]
SECRETS = [
    *(f"postgresql://ann:{password}@host:5432/db" for password in PASSWORDS),
    f"postgresql://ann:{'secret'}@[::1/db",
    f"postgresql://ann@host/db?password={'secret'}&bogus=1",
]


@pytest.mark.parametrize("url", SECRETS)
def test_a_password_that_is_not_escaped_is_told_in_no_part(url):
    with pytest.raises((PostgresError, CheckpointerError)) as caught:
        with open_checkpointer(url):
            pass
    with pytest.raises(PostgresError) as also:
        connect(url)
    for error in (caught.value, also.value):
        assert not any(word in str(error) for word in ("secret", "top", "1234", "sec", "ret"))
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__
    assert "%40" in str(also.value)
    assert "secret" not in redact_url(url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql+psycopg://ann:{'sec@ret'}@host/db",
        f"mysql://ann:{'secret'}@host/db",
        f"mysql://ann:top\n{'secret'}@host/db",
        f"postgres:/ann?password={'secret'}",
        f"http://ann:{'se/cret'}@host",
    ],
)
def test_an_address_of_another_kind_is_told_without_its_password(url):
    with pytest.raises(CheckpointerError, match="no address") as caught:
        with open_checkpointer(url):
            pass
    assert not any(word in str(caught.value) for word in ("sec", "cret"))
    assert "ret@" not in hide_password(url)


@pytest.mark.parametrize("url", [None, 5, b"memory:", Path("chat.db"), ["memory:"]])
def test_what_is_no_text_is_no_address(url):
    for open_one in (open_checkpointer, open_store):
        with pytest.raises(CheckpointerError, match="Hand it over as text"):
            with open_one(url):
                pass


@pytest.mark.parametrize("path", ["x" * 300 + ".db", "deep/" * 2_000 + "a.db", "loop.db"])
def test_a_path_that_the_system_refuses_is_told(tmp_path, path):
    (tmp_path / "loop.db").symlink_to(tmp_path / "other.db")
    (tmp_path / "other.db").symlink_to(tmp_path / "loop.db")
    for open_one in (open_checkpointer, open_store):
        with pytest.raises(CheckpointerError, match="no path of a file"):
            with open_one(f"sqlite:///{tmp_path}/{path}"):
                pass


def test_a_file_that_another_program_holds_is_told_when_it_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))
    other = sqlite3.connect(tmp_path / "chat.db", isolation_level=None)
    other.execute("CREATE TABLE a (b)")
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("INSERT INTO a VALUES (1)")
    with pytest.raises(CheckpointerError, match="Another program holds it"):
        with open_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}"):
            pass
    other.close()


def test_a_server_that_answers_and_refuses_is_not_told_to_be_started(server):
    missing = with_role(server.url, "nobody_here")
    parts = conninfo_to_dict(server.url)
    other = f"postgresql://{parts['user']}@/no_such_database?host={parts['host']}"
    for url in (missing, other):
        with pytest.raises(PostgresError, match=r"refuses the connection.*does not exist") as told:
            connect(url)
        assert "Start that server" not in str(told.value)


@pytest.mark.parametrize("path", ["a\0b.db", "a\ud83d.db"])
def test_a_path_that_no_file_can_have_is_refused(tmp_path, path):
    with pytest.raises(CheckpointerError, match="NUL or half of an emoji"):
        with open_checkpointer(f"sqlite:///{tmp_path}/{path}"):
            pass
    assert list(tmp_path.iterdir()) == []
