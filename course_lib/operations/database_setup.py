"""A new pair of databases: the password, the first server, and the copy that follows it."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from psycopg import sql

from course_lib.operations.database_programs import (
    check_room,
    give_to_server,
    make_folder,
    run_program,
    scratch_parent,
)
from course_lib.operations.database_server import DatabaseServer
from course_lib.operations.parts import quiet_port
from course_lib.operations.replicated_database import USER, DatabasePair
from course_lib.persistence import PostgresError
from course_lib.serving.ports import check_port_number, is_free

DATABASE = "chat"

PASSWORD_FILE = "password"
"""What `initdb` reads; it is removed right after."""

MEGABYTES = 100
"""What two empty databases take, with the room that their first writes need."""


def database_pair(
    ports: tuple[int, int] | None = None,
    *,
    scratch: Path | None = None,
    note_folder: Callable[[Path], None] = lambda _: None,
) -> DatabasePair:
    """Start a primary with an empty database and a synchronous standby.

    Args:
        ports: TCP ports on 127.0.0.1; free ones when left out.
        scratch: where the logs of the processes go; the folder of the data when left out.
        note_folder: is told the folder of the data before anything is in it, so that somebody can
            remove it if this process is killed.

    Raises:
        ValueError: a port is no TCP port.
        PostgresError: a port is taken, there is no room on the disk, or a server did not start.
            Nothing is left.
    """
    places = ports or _two_ports()
    for name, port in zip(("primary", "standby"), places, strict=True):
        check_port_number(port, f"the port of the database's {name}")
        if not is_free(port):
            raise PostgresError(
                f"Port {port}, for the database's {name}, is taken by another program. Leave the "
                "port out, and a free one is taken."
            )
    check_room(scratch_parent(), MEGABYTES)
    with ExitStack() as undoing:
        folder = Path(tempfile.mkdtemp(prefix="course-database-", dir=scratch_parent()))
        undoing.callback(shutil.rmtree, folder, ignore_errors=True)
        note_folder(folder)
        pair = _new_pair(folder, places, scratch or folder)
        undoing.callback(pair.stop)
        _begin(pair, folder)
        undoing.pop_all()
    return pair


def _two_ports() -> tuple[int, int]:
    first = second = quiet_port()
    while second == first:
        second = quiet_port()
    return first, second


def _new_pair(folder: Path, places: tuple[int, int], scratch: Path) -> DatabasePair:
    """The pair with its passwords; nothing runs yet."""
    folder.chmod(0o711)
    password = secrets.token_urlsafe(24)
    client_file = _password_file(folder / "client.pgpass", password)
    server_file = _password_file(folder / "server.pgpass", password)
    give_to_server(server_file)
    password_file = folder / PASSWORD_FILE
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    give_to_server(password_file)
    address = {"host": "127.0.0.1", "user": USER, "passfile": str(client_file)}
    servers = [
        DatabaseServer(
            f"PostgreSQL {letter}",
            folder / letter,
            port,
            {**address, "dbname": "postgres"},
            scratch,
        )
        for letter, port in zip("ab", places, strict=True)
    ]
    hosts = ",".join(f"127.0.0.1:{port}" for port in places)
    options = f"passfile={quote(str(client_file), safe='')}&target_session_attrs=read-write"
    return DatabasePair(
        f"postgresql://{USER}@{hosts}/{DATABASE}?{options}", servers, folder, server_file
    )


def _begin(pair: DatabasePair, folder: Path) -> None:
    """Make the first server's data, start it, and copy it to the second one."""
    password_file = folder / PASSWORD_FILE
    make_folder(folder, "a")
    run_program(
        "initdb",
        *("--pgdata", str(pair.primary.folder), "--username", USER, "--auth", "scram-sha-256"),
        *("--pwfile", str(password_file), "--encoding", "UTF8", "--locale", "C"),
        *("--wal-segsize", "4", "--no-instructions"),
    )
    password_file.unlink()
    pair.primary.start()
    with pair.primary.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
    pair.add_standby()


def _password_file(path: Path, password: str) -> Path:
    """Write a password file as libpq reads it: every host and port, one user."""
    path.touch(mode=0o600)
    path.write_text(f"*:*:*:{USER}:{password}\n")
    return path
