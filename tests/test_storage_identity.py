"""Savers that have a connection each: which of them store into the same place."""

from __future__ import annotations

import os
import sqlite3

import aiosqlite
import psycopg
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from course_lib.persistence import (
    CachedSaver,
    MemoryCache,
    keep_whole_nodes,
    open_async_checkpointer,
    open_checkpointer,
    same_storage,
)
from course_lib.persistence.async_saver import adapt
from course_lib.persistence.storage_places import Place, place_of


async def test_each_opening_of_a_database_is_the_same_storage(url):
    """A cell that opens a saver may run twice, and a second one may open it to be awaited."""
    with open_checkpointer(url) as first, open_checkpointer(url) as second:
        async with open_async_checkpointer(url) as awaited:
            is_kept = url != "memory:"
            for other in (second, awaited):
                wrapped = (adapt(other), keep_whole_nodes(other), CachedSaver(other, MemoryCache()))
                assert all(same_storage(first, each) is is_kept for each in (other, *wrapped))
                assert not same_storage(InMemorySaver(), other)


@pytest.mark.parametrize("way", ["symlink", "relative", "folder", "hard link", "uri"])
def test_a_file_is_one_whatever_path_leads_to_it(tmp_path, monkeypatch, way):
    path = tmp_path / "a.db"
    monkeypatch.chdir(tmp_path)
    path.touch()
    for make, name in ((os.symlink, "soft.db"), (os.link, "hard.db")):
        make(path, tmp_path / name)
    (tmp_path / "sub").mkdir()
    paths = {"symlink": "soft.db", "relative": "a.db", "folder": "sub/../a.db"}
    paths |= {"hard link": "hard.db", "uri": f"file:{path}?mode=rw"}
    with sqlite3.connect(path) as one, sqlite3.connect(paths[way], uri=way == "uri") as two:
        assert same_storage(SqliteSaver(one), SqliteSaver(two))
        with sqlite3.connect(tmp_path / "b.db") as three:
            assert not same_storage(SqliteSaver(one), SqliteSaver(three))


@pytest.mark.parametrize(
    ("path", "is_uri"), [(":memory:", False), ("", False), ("file:x?mode=memory", True)]
)
async def test_a_database_in_memory_belongs_to_its_connection(path, is_uri):
    with sqlite3.connect(path, uri=is_uri) as one, sqlite3.connect(path, uri=is_uri) as two:
        assert not same_storage(SqliteSaver(one), SqliteSaver(two))
        assert same_storage(SqliteSaver(one), SqliteSaver(one))
    async with (
        aiosqlite.connect(path, uri=is_uri) as three,
        aiosqlite.connect(path, uri=is_uri) as four,
    ):
        assert not same_storage(AsyncSqliteSaver(three), AsyncSqliteSaver(four))


async def test_an_awaited_file_is_found_by_its_uri(tmp_path):
    path = tmp_path / "a b.db"
    uri = f"file:{tmp_path}/a%20b.db?mode=rw"
    with sqlite3.connect(path) as one:
        one.execute("CREATE TABLE made (it)")
        async with aiosqlite.connect(uri, uri=True) as two:
            assert same_storage(AsyncSqliteSaver(two), SqliteSaver(one))


def test_a_place_is_still_known_when_its_connection_is_closed(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    with open_checkpointer(url) as first, open_checkpointer(url) as second:
        assert same_storage(first, second)
    assert same_storage(first, second)
    with open_checkpointer(url) as third:
        pass
    assert place_of(third) is None and same_storage(third, third)


async def test_connections_and_pools_of_one_database_are_the_same_storage(server):
    """Nothing is asked of the server: the pools are not even open."""
    named = conninfo_to_dict(server.url)
    parts = {name: named.pop(name) for name in ("host", "dbname")}
    pools = [
        ConnectionPool(server.url, open=False),
        ConnectionPool(make_conninfo(server.url, application_name="other"), open=False),
        ConnectionPool(make_conninfo(**named), kwargs={**parts, "autocommit": True}, open=False),
        AsyncConnectionPool(make_conninfo(server.url, options="-c search_path=public"), open=False),
    ]
    with psycopg.connect(server.url) as connection:
        savers = [PostgresSaver(connection), *map(PostgresSaver, pools[:3])]
        savers.append(AsyncPostgresSaver(pools[3]))
        assert all(same_storage(one, two) for one in savers for two in savers)
        others = [
            make_conninfo(server.url, dbname="another"),
            make_conninfo(server.url, port="1"),
            make_conninfo(server.url, options=r"-csearch_path=mine,\ public"),
            make_conninfo(server.url, host="db.example"),
        ]
        for other in others:
            saver = PostgresSaver(ConnectionPool(other, open=False))
            assert not any(same_storage(saver, each) for each in savers)
            again = PostgresSaver(ConnectionPool(other, open=False))
            assert same_storage(saver, again)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("host=localhost dbname=d", "host=127.0.0.1 dbname=d user=u", True),
        ("host=localhost port=5433 dbname=d", "host=localhost dbname=d", False),
        ("host=a,b dbname=d", "host=b,c dbname=d", True),
        ("host=a,b port=1,2 dbname=d", "host=a,b port=2,1 dbname=d", False),
        ("host=a user=d", "host=A dbname=d", True),
        ("service=s dbname=d", "service=s dbname=d", False),
        ("host=a dbname=d options='-c search_path=x\\ ,y'", "host=a dbname=d", False),
        ("host=a dbname=d options=--search_path=public", "host=a dbname=d", True),
    ],
)
def test_what_connection_settings_name(one, two, same):
    """A service is looked up only when a connection is made, so its pools tell no place."""
    first, second = (PostgresSaver(ConnectionPool(each, open=False)) for each in (one, two))
    assert same_storage(first, second) is same


def test_a_pool_that_asks_for_its_settings_is_known_by_an_open_connection(server):
    with ConnectionPool(lambda: server.url, min_size=1) as asking:
        asking.wait()
        closed = ConnectionPool(lambda: server.url, open=False)
        plain = PostgresSaver(ConnectionPool(server.url, open=False))
        assert same_storage(PostgresSaver(asking), plain)
        assert not same_storage(PostgresSaver(closed), plain)


def test_places_share_a_mark_and_all_of_the_part():
    place = Place(frozenset({"a", "b"}), ("d",))
    assert place.is_same(Place(frozenset({"b", "c"}), ("d",)))
    assert not place.is_same(Place(frozenset({"c"}), ("d",)))
    assert not place.is_same(Place(frozenset({"a"}), ("e",)))
