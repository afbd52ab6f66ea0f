"""A PostgreSQL database for the course: on the embedded server, or on the one that you named."""

from __future__ import annotations

import atexit
import os
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from course_lib.persistence.embedded_postgres import embedded_server, release_server
from course_lib.persistence.limited_connections import CONNECTING, connection_classes
from course_lib.persistence.postgres_error import (
    HOW_TO_WRITE,
    UNREADABLE,
    PostgresError,
    redact_url,
)
from course_lib.settings import read_settings

if TYPE_CHECKING:
    import psycopg

SCRATCH = re.compile(r"course_\w+_(\d+)_[0-9a-f]{8}")
"""Names of scratch databases; the number is the process that made them."""

REFUSALS = (
    ("does not exist", "Make it, or correct its name in the URL."),
    ("too many", "Close other clients, or raise max_connections."),
    ("authentication failed", "Correct the user or the password in the URL."),
    ("FATAL", "Ask whoever runs that server, or use postgres().url for the course's own."),
)
"""What to do where a server answers and refuses, by its words."""

CLEANS_UP_EACH = "1h"
"""How often the embedded server looks whether a database needs `VACUUM` or `ANALYZE`.

PostgreSQL does it each minute. One that runs at that moment keeps `VACUUM FULL` from giving back
what was just deleted, and changes the sizes that a notebook measures.
"""

_holders = 0  # how many `Postgres` objects of this process hold the embedded server


@dataclass
class Postgres:
    """A running server and one database in it.

    Args:
        url: address of the database, for `open_checkpointer` and psycopg.
        embedded: whether the course started the server, or you named it.
    """

    url: str
    embedded: bool
    _server_url: str = ""
    _scratch: str | None = None
    _handle: Any = None

    def stop(self) -> None:
        """Drop a scratch database and let go of the embedded server; harmless a second time.

        The server stops when nobody uses it any more.
        """
        global _holders
        atexit.unregister(self.stop)
        if self._scratch is not None:
            _drop(self._server_url, [self._scratch])
            self._scratch = None
        if self._handle is not None:
            _holders -= 1
            if _holders == 0:
                release_server(self._handle)
            self._handle = None

    def __enter__(self) -> Postgres:
        return self

    def __exit__(self, *details: object) -> None:
        self.stop()


def postgres(database: str = "course", *, scratch: bool = False) -> Postgres:
    """Make sure that a PostgreSQL runs and has a database of this name.

    With `COURSE_DATABASE_URL` set that server is used, otherwise the embedded one is started, or
    joined if another notebook already runs it.

    Args:
        database: name of the database; made if it is not there.
        scratch: make an empty database for this call alone, named after `database`, and drop it
            at the end. Two notebooks never share one.

    Returns:
        A `Postgres`, ready to answer. Also a context manager that lets go of it.

    Raises:
        PostgresError: there is no server, or it does not let us in.
    """
    global _holders
    named = read_settings().database_url
    handle = None if named else embedded_server()
    server_url = named or handle.get_uri()
    name = f"course_{database}_{os.getpid()}_{uuid4().hex[:8]}" if scratch else database
    _make_database(server_url, name, wait_for_start=named is None)
    made = Postgres(
        url=_with_database(server_url, name),
        embedded=named is None,
        _server_url=server_url,
        _scratch=name if scratch else None,
        _handle=handle,
    )
    if handle is not None:
        _holders += 1
    atexit.register(made.stop)
    return made


def connect(url: str, *, limited: bool = False, **options: Any) -> psycopg.Connection[Any]:
    """Open a connection, or say in one sentence why not.

    Args:
        url: `postgresql://...`.
        limited: give up a statement that is not answered in `ANSWER_SECONDS`.
        options: more arguments of `psycopg.connect`.

    Raises:
        PostgresError: the server is down, unknown, or refuses; the text names it, not the password.
    """
    import psycopg

    kind = connection_classes()[0] if limited else psycopg.Connection
    try:
        return kind.connect(url, **CONNECTING, **options)
    except (psycopg.OperationalError, psycopg.ProgrammingError, UnicodeError) as error:
        place = redact_url(url)
        if place == UNREADABLE:  # then the driver's words may hold a part of the password
            raise PostgresError(
                f"The address of PostgreSQL cannot be read. {HOW_TO_WRITE}"
            ) from None
        first = str(error).strip().splitlines()[0]
        raise PostgresError(_no_connection(place, first)) from error


def _no_connection(place: str, said: str) -> str:
    """Say that there is no connection: nobody answers, or the server refuses."""
    if "FATAL" in said:
        remedy = next(remedy for words, remedy in REFUSALS if words in said)
        return f"The PostgreSQL at {place} refuses the connection: {said}. {remedy}"
    return (
        f"No PostgreSQL answers at {place}: {said}. Start that server, correct the URL, or use "
        "postgres().url for the course's embedded one."
    )


def _make_database(server_url: str, database: str, *, wait_for_start: bool) -> None:
    """Make a database if it is not there; wait for a server that was only just started."""
    from psycopg import errors, sql

    deadline = time.monotonic() + (10 if wait_for_start else 0)
    while True:
        try:
            connection = connect(server_url, autocommit=True, limited=True)
            break
        except PostgresError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
    with connection:
        names = [row[0] for row in connection.execute("SELECT datname FROM pg_database")]
        if wait_for_start:  # our own server: drop scratch databases of processes that ended
            _drop(server_url, [name for name in names if _is_left_over(name)])
            _clean_up_seldom(connection)
        if database in names:
            return
        try:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        except (errors.DuplicateDatabase, errors.UniqueViolation):
            pass  # another process made it at the same moment
        except (errors.InsufficientPrivilege, errors.SyntaxError) as error:
            raise PostgresError(
                f"The database {database!r} cannot be made at {redact_url(server_url)}: "
                f"{str(error).splitlines()[0]}. Let its owner make it, or allow your role to."
            ) from error


def _clean_up_seldom(connection: psycopg.Connection[Any]) -> None:
    """Set how often the embedded server cleans up; its data folder keeps the setting."""
    (each,) = connection.execute("SHOW autovacuum_naptime").fetchone() or ("",)
    if each != CLEANS_UP_EACH:
        connection.execute(f"ALTER SYSTEM SET autovacuum_naptime = '{CLEANS_UP_EACH}'")
        connection.execute("SELECT pg_reload_conf()")


def _drop(server_url: str, databases: list[str]) -> None:
    from psycopg import Error, sql

    # At the end of a process the server may be gone already, and its databases with it.
    with suppress(PostgresError, Error):
        with connect(server_url, autocommit=True, limited=True) as connection:
            for name in databases:
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(name)))


def _is_left_over(database: str) -> bool:
    import psutil

    made_by = SCRATCH.fullmatch(database)
    return made_by is not None and not psutil.pid_exists(int(made_by[1]))


def _with_database(server_url: str, database: str) -> str:
    from psycopg.conninfo import conninfo_to_dict

    parts = {k: v for k, v in conninfo_to_dict(server_url).items() if k != "dbname"}
    return f"postgresql:///{quote(database, safe='')}?{urlencode(parts)}"
