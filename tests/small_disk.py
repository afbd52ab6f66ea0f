"""A file system of 30 MB in memory, with a database on it; nothing is left if the test is killed.

Run as a program it is the guard: it waits for the end of its input, that is of the test, and then
removes the database, the tablespace and the file system.

    python tests/small_disk.py FOLDER SERVER_URL NAME
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

from course_lib.persistence import connect


class NoSmallDiskError(RuntimeError):
    """This machine does not let the test mount a file system."""


@contextmanager
def small_disk(server_url: str, name: str) -> Iterator[tuple[str, Path]]:
    """Mount the disk and make a database on it.

    Args:
        server_url: of an embedded server; it must see the disk.
        name: of the database and of its tablespace.

    Yields:
        The address of the database, and a file of 6 MB that can be removed to make room.

    Raises:
        NoSmallDiskError: the mount is refused.
    """
    # Not below pytest's own folder, which other users may not enter: the server is one.
    folder = Path(tempfile.mkdtemp(prefix="course-small-"))
    guard = subprocess.Popen(
        [sys.executable, __file__, str(folder), server_url, name],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        folder.chmod(0o755)
        command = ["mount", "-t", "tmpfs", "-o", "size=30m,mode=0755", "tmpfs", str(folder)]
        mounted = subprocess.run(command, capture_output=True, text=True)
        if mounted.returncode:
            raise NoSmallDiskError(mounted.stderr.strip())
        # Autovacuum and every new connection may take some of it before the clean-up does.
        (folder / "reserve").write_bytes(bytes(6 * 2**20))
        place = folder / "tables"
        place.mkdir()
        with connect(server_url, autocommit=True) as connection:
            data = connection.execute("SHOW data_directory").fetchone()[0]
            shutil.chown(place, Path(data).stat().st_uid)  # PostgreSQL refuses to run as root
            quoted = sql.Identifier(name)
            connection.execute(
                sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(quoted, sql.Literal(str(place)))
            )
            connection.execute(sql.SQL("CREATE DATABASE {} TABLESPACE {}").format(quoted, quoted))
        database = psycopg.conninfo.conninfo_to_dict(server_url)["dbname"]
        yield server_url.replace(database, name), folder / "reserve"
    finally:
        guard.communicate()


def remove(folder: Path, server_url: str, name: str) -> None:
    """Remove the database, the tablespace and the disk, as far as they are there."""
    with suppress(Exception), connect(server_url, autocommit=True) as connection:
        for statement in ("DROP DATABASE IF EXISTS {} WITH (FORCE)", "DROP TABLESPACE {}"):
            with suppress(psycopg.Error):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    if folder.is_mount():
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


if __name__ == "__main__":
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    sys.stdin.buffer.read()
    remove(Path(sys.argv[1]), *sys.argv[2:])
