"""Databases as people have them: behind a pooler, gone for a while, in folders nobody may write."""

import asyncio
import getpass
import os
import sqlite3
import threading
import time

import psycopg
import pytest
from chat_graphs import chat_on, moody, texts
from langgraph.store.memory import InMemoryStore
from pooler import pooler

from course_lib.chat import ChatPanel
from course_lib.persistence import (
    PostgresError,
    ThreadDirectory,
    connect,
    open_async_checkpointer,
    open_checkpointer,
    open_store,
    postgres,
    remedy_for,
    table_setup,
)
from course_lib.persistence import embedded_postgres as embedded

CONFIG = {"configurable": {"thread_id": "1", "checkpoint_ns": ""}}


@pytest.fixture
def fresh(server):
    """A database that has no tables yet."""
    with postgres("databases", scratch=True) as running:
        yield running


ONE = pytest.param(1, marks=pytest.mark.soak)
THREE = pytest.param(3, marks=pytest.mark.soak)


@pytest.mark.parametrize("size", [ONE, 2, THREE])
async def test_a_pooler_in_transaction_mode_is_a_database_like_any_other(fresh, size):
    with pooler(fresh.url, size) as pooled:
        for _ in range(2):
            with open_checkpointer(pooled) as saver, open_store(pooled) as store:
                for _ in range(3):
                    saver.get_tuple(CONFIG)
                store.put(("a",), "b", {"c": 1})
                chat, transcript = chat_on(moody(saver))
                await chat.send("hi")
                assert transcript.kept()[-1] == ("answer", "heard hi")
            async with open_async_checkpointer(pooled) as saver:
                await saver.aget_tuple(CONFIG)
    with open_checkpointer(fresh.url) as saver:  # nobody has left a lock behind
        saver.get_tuple(CONFIG)


def test_a_wait_for_the_tables_ends_with_a_message(fresh, monkeypatch):
    monkeypatch.setattr(table_setup, "WAIT_SECONDS", 0.3)
    with connect(fresh.url) as other:
        other.execute(table_setup.LOCK_QUESTION)
        with pytest.raises(PostgresError, match="Stop that process"):
            with open_checkpointer(fresh.url):
                pass


def cut_off(url):
    """End every connection to a database, as a server's limit for idle ones would."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


async def test_a_connection_that_the_server_closed_costs_nothing(fresh):
    with open_checkpointer(fresh.url) as saver, open_store(fresh.url) as store:
        chat = ChatPanel(moody(saver), store=store)
        await chat.send("one")
        cut_off(fresh.url)
        await chat.send("two")
        assert [text for _, text in chat.transcript.kept()] == [
            "one",
            "heard one",
            "two",
            "heard two",
        ]
    async with open_async_checkpointer(fresh.url) as saver:
        await saver.aget_tuple(CONFIG)
        cut_off(fresh.url)
        await saver.aget_tuple(CONFIG)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_checkpointer_whose_block_is_over_names_the_remedy(kind, tmp_path, fresh):
    url = fresh.url if kind == "postgres" else f"sqlite:///{tmp_path / 'chat.db'}"
    with open_checkpointer(url) as saver:
        chat, transcript = chat_on(moody(saver))
        await chat.send("one")
    await chat.send("two")
    assert "`with` block is over" in texts(transcript, "problem")[-1]
    assert "two" in texts(transcript, "you")


async def test_a_file_that_another_program_holds_names_the_remedy(tmp_path):
    path = tmp_path / "chat.db"
    with open_checkpointer(f"sqlite:///{path}") as saver:
        saver.conn.execute("PRAGMA busy_timeout = 50")
        chat, transcript = chat_on(moody(saver))
        await chat.send("one")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await chat.send("two")
        assert "Another program is writing" in texts(transcript, "problem")[-1]
        other.close()
        await chat.send("three")
        assert transcript.kept()[-1] == ("answer", "heard three")


@pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("locked"), KeyError("closed")])
def test_an_error_of_something_else_is_no_error_of_a_database(error):
    assert remedy_for(error) is None


def test_a_remedy_is_found_behind_other_errors():
    try:
        try:
            raise sqlite3.OperationalError("database is locked")
        except sqlite3.OperationalError as error:
            raise RuntimeError("the run failed") from error
    except RuntimeError as error:
        assert "Another program" in remedy_for(error)


def test_a_home_that_cannot_be_written_stops_neither_savers_nor_stores(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    for opened in (open_checkpointer, open_store):
        with opened(f"sqlite:///{tmp_path / 'chat.db'}"):
            pass


def test_a_home_that_cannot_be_written_is_named_by_the_embedded_server(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "file" / "home"))
    monkeypatch.setattr(os, "geteuid", lambda: 12345, raising=False)  # root's data lie elsewhere
    monkeypatch.setattr(embedded, "MAX_SOCKET_PATH", 1000)  # and those of a long path, too
    with pytest.raises(PostgresError, match="COURSE_HOME"):
        embedded._data_folder()


@pytest.mark.parametrize("error", [KeyError("uid not found"), OSError("No username set")])
def test_a_user_without_an_account_has_a_folder_too(monkeypatch, error):
    def nobody():
        raise error

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert embedded._user_name() == str(os.geteuid())


def test_a_postmaster_that_is_a_zombie_is_no_server(tmp_path, monkeypatch):
    class Zombie:
        def __init__(self, pid):
            pass

        def status(self):
            return "zombie"

        def name(self):
            return "postgres"

    monkeypatch.setattr("psutil.Process", Zombie)
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n")
    embedded._remove_stale_files(tmp_path)
    assert not (tmp_path / "postmaster.pid").exists()


async def test_a_nul_and_half_an_emoji_are_stored_everywhere(url):
    with open_checkpointer(url) as saver, open_store(url) as store:
        chat = ChatPanel(moody(saver), store=store)
        await chat.send("nul \0 and half \ud83d")
        await asyncio.sleep(0.1)
        assert [who for who, _ in chat.transcript.kept()] == ["you", "answer"]
        (thread,) = ThreadDirectory(store).list("me")
        assert thread.title == "nul \ufffd and half ?"


class SlowStore(InMemoryStore):
    """Lets another thread in between reading and writing."""

    def get(self, *arguments, **options):
        found = super().get(*arguments, **options)
        time.sleep(0.01)
        return found


def test_renaming_and_touching_at_once_lose_no_title():
    directory = ThreadDirectory(SlowStore())
    thread = directory.create("ann", title="old")
    jobs = [threading.Thread(target=directory.touch, args=("ann", thread.id)) for _ in range(20)]
    for job in jobs[:10]:
        job.start()
    directory.rename("ann", thread.id, "new")
    for job in jobs[10:]:
        job.start()
    for job in jobs:
        job.join()
    assert directory.open("ann", thread.id).title == "new"
    assert [each.title for each in directory.list("ann")] == ["new"]


def test_a_title_goes_with_its_thread(url):
    with open_store(url) as store:
        directory = ThreadDirectory(store)
        thread = directory.create("ann", external_id="laptop")
        assert directory.rename("ann", thread.id, "Tonight").title == "Tonight"
        assert directory.find("ann")[0].title == "Tonight"
        directory.delete("ann", thread.id)
        assert directory.create("ann", external_id="laptop", title="again").title == "again"
