"""Where a saver stores, as far as that can be read from its connection without asking a server.

Two connections to one SQLite file, or to one database of a PostgreSQL server, are one place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from inspect import getclosurevars
from typing import Any, NamedTuple
from urllib.parse import unquote
from weakref import WeakKeyDictionary

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
SEARCH_PATH = re.compile(r"(?:-c\s*|--)search[_-]path\s*=\s*((?:\\.|\S)+)")


class Place(NamedTuple):
    """Where a saver stores.

    Args:
        marks: names of the file or of the server; one that two places share makes them one.
        part: which part of it, such as the database and the schemas. They have to be equal.
    """

    marks: frozenset[Any]
    part: tuple[Any, ...] = ()

    def is_same(self, other: Place) -> bool:
        """Whether another place is this one."""
        return self.part == other.part and not self.marks.isdisjoint(other.marks)


_known: WeakKeyDictionary[Any, tuple[Any, Place]] = WeakKeyDictionary()
"""The connection and the place of savers, so that a connection is asked only once."""


def place_of(saver: Any) -> Place | None:
    """Return where a saver stores, None where its connection does not tell.

    Args:
        saver: one that keeps its connection, or pool of connections, as `conn`.
    """
    connection = connection_of(saver)
    if connection is None:
        return None
    with suppress(TypeError):  # of a saver that cannot be a key
        known, place = _known.get(saver, (None, None))
        if known is connection:
            return place
    try:
        place = _place(connection)
    except Exception:  # noqa: BLE001  a closed connection, or one of another library
        return None
    if place is not None:
        with suppress(TypeError):
            _known[saver] = connection, place
    return place


def connection_of(saver: Any) -> Any:
    """Return the connection, or the pool of connections, that a saver stores with; None without.

    Args:
        saver: any saver.
    """
    try:
        return getattr(saver, "conn", None)
    except Exception:  # noqa: BLE001  a property of somebody's own saver
        return None


def _place(connection: Any) -> Place | None:
    if hasattr(connection, "_connector"):  # aiosqlite: only its own thread may ask SQLite
        return _file(_path_given(connection._connector))
    if hasattr(connection, "in_transaction"):  # sqlite3, or a module like it
        cursor = connection.cursor()
        cursor.row_factory = None
        question = "SELECT file FROM pragma_database_list WHERE name = 'main'"
        return _file(cursor.execute(question).fetchone()[0])
    if hasattr(connection, "info"):
        return _database([_settings(connection)])
    if hasattr(connection, "conninfo"):
        return _database(_settings_of_pool(connection))
    return None


def _path_given(connector: Any) -> str | None:
    """The path that `aiosqlite.connect` was called with, None for a database in memory."""
    given = getclosurevars(connector).nonlocals
    path = os.fsdecode(given["database"])
    if given["kwargs"].get("uri") and path.startswith("file:"):
        path, _, query = path.removeprefix("file:").partition("#")[0].partition("?")
        if re.search(r"(^|&)(mode=memory|vfs=memdb)(&|$)", query):
            return None
        path = unquote(re.sub("^//[^/]*", "", path))
    return None if path == ":memory:" else path


def _file(path: str | bytes | None) -> Place | None:
    if not path:
        return None
    path = os.fsdecode(path)
    marks: set[Any] = {os.path.realpath(path)}
    with suppress(OSError):
        found = os.stat(path)
        marks.add((found.st_dev, found.st_ino))
    return Place(frozenset(marks))


def _database(settings: list[Mapping[str, Any]]) -> Place | None:
    """The database that connections with these settings go to."""
    marks = frozenset(mark for each in settings for mark in _servers(each))
    if not marks:
        return None
    first = settings[0]
    name = first.get("dbname") or first.get("user")
    return Place(marks, (name, _schemas(first.get("options"))))


def _settings(connection: Any) -> dict[str, Any]:
    """What an open connection to PostgreSQL was made with. Nothing is asked of the server."""
    info = connection.info
    where = {"host": info.host, "hostaddr": info.hostaddr, "port": info.port, "dbname": info.dbname}
    return {**_defaults(), **info.get_parameters(), **where}


def _settings_of_pool(pool: Any) -> list[Mapping[str, Any]]:
    """What a pool makes connections with, and what one of its open connections was made with."""
    from psycopg.conninfo import conninfo_to_dict

    settings: list[Mapping[str, Any]] = []
    with suppress(Exception):  # no connection is free, or the pool keeps them in another way
        settings.append(_settings(next(iter(pool._pool))))
    if not callable(pool.conninfo) and not callable(pool.kwargs):
        given = {**conninfo_to_dict(pool.conninfo or ""), **(pool.kwargs or {})}
        if "service" not in given:
            settings.append({**_defaults(), **given})
    return settings


def _defaults() -> dict[str, Any]:
    """What the environment sets for every connection."""
    from psycopg.pq import Conninfo

    return {
        option.keyword.decode(): option.val.decode()
        for option in Conninfo.get_defaults()
        if option.val is not None
    }


def _servers(settings: Mapping[str, Any]) -> set[Any]:
    """The servers that settings name; several hosts are the members of one cluster."""
    hosts = str(settings.get("host") or "").split(",")
    addresses = str(settings.get("hostaddr") or "").split(",")
    ports = str(settings.get("port") or "5432").split(",")
    marks: set[Any] = set()
    for names in (hosts, addresses):
        for n, name in enumerate(names):
            port = (ports[n] if n < len(ports) else ports[0]) or "5432"
            if name.startswith("/"):  # the folder of a socket
                socket = _file(os.path.join(name, f".s.PGSQL.{port}"))
                marks |= socket.marks if socket else set()
            elif name:
                marks.add(("loopback" if name in LOOPBACK else name.lower(), port))
    return marks


def _schemas(options: Any) -> tuple[str, ...]:
    """The schemas that tables are looked for in, as the options of a connection set them."""
    found = SEARCH_PATH.findall(str(options or ""))
    named = re.sub(r"\\(.)", r"\1", found[-1]) if found else "public"
    schemas = (name.strip().strip('"') for name in named.split(","))
    return tuple(name for name in schemas if name not in ("", "$user"))
