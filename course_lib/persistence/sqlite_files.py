"""Opening and closing an SQLite file, and saying in one sentence why it cannot be opened."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from course_lib.persistence.database_urls import CheckpointerError

MAX_READ_SECONDS = 10.0
"""How long the end of a `with` block waits for somebody who still reads, in seconds."""


@contextmanager
def closing_when_free(connection: sqlite3.Connection, lock: threading.Lock) -> Iterator[None]:
    """Close a connection at the end, once nobody reads from it.

    A panel may read in a thread of its own while a cell leaves its `with` block. SQLite crashes
    the whole process when a connection is closed in the middle of a read.

    Args:
        connection: to close.
        lock: is held by every reader and writer.
    """
    try:
        yield
    finally:
        free = lock.acquire(timeout=MAX_READ_SECONDS)
        try:
            if free:  # else a reader was left half done: its connection ends with the process
                connection.close()
        finally:
            if free:
                lock.release()


def open_file(
    place: str,
    setup: bool = True,
    *,
    tables: Mapping[str, Collection[str]] | None = None,
    module: ModuleType = sqlite3,
) -> sqlite3.Connection:
    """Open an SQLite file, or say in one sentence why not.

    Args:
        place: the path.
        setup: make the file if it is not there; it will be written to.
        tables: columns that a table must have, if there is one of that name.
        module: `sqlite3`, or another one like it.

    Raises:
        CheckpointerError: there is no such folder or file, it is no database or somebody else's,
            or it cannot be written.
    """
    path = Path(place)
    if not path.parent.is_dir():
        raise CheckpointerError(
            f"The folder {str(path.parent)!r} is not there, so {path.name!r} cannot be made in it. "
            "Make the folder first, or correct the URL."
        )
    if not setup and not path.exists():
        raise CheckpointerError(
            f"There is no file {place!r}, and none is made here. Check the path. A database is "
            "made when a saver is opened with setup=True."
        )
    if setup and path.exists():
        for each in (path, path.parent):  # SQLite also writes files beside the database
            if not os.access(each, os.W_OK):
                raise CheckpointerError(
                    f"{str(each)!r} may not be written to by this user, so {place!r} cannot keep a "
                    "conversation. Change its permissions, name another file, or read it only, "
                    "with setup=False."
                )
    try:
        connection = module.connect(place, check_same_thread=False)
        connection.execute("SELECT count(*) FROM sqlite_master")
    except module.DatabaseError as error:
        remedy = "Name another file; this one was left as it is."
        if "locked" in str(error):
            remedy = "Another program holds it. Close that program, then run this again."
        raise CheckpointerError(
            f"{place!r} cannot be opened as an SQLite database: {error}. {remedy}"
        ) from error
    for name, columns in (tables or {}).items():
        if not _is_ours(connection, name, columns):
            connection.close()
            raise CheckpointerError(
                f"{place!r} has a table or view {name!r} that is not LangGraph's. Name another "
                "file; this one was left as it is."
            )
    return connection


def _is_ours(connection: sqlite3.Connection, name: str, columns: Collection[str]) -> bool:
    """Whether a database has no table of this name, or one with these columns."""
    kind = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", [name]).fetchone()
    if kind is None:
        return True
    found = connection.execute("SELECT name FROM pragma_table_info(?)", [name])
    return kind == ("table",) and set(columns) <= {column for (column,) in found}
