"""What to do when a database refuses, in words for the person who uses the chat."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from traceback import walk_tb

OPEN_AGAIN = (
    "The connection to the database is closed, because its `with` block is over or somebody closed "
    "it. Run the cell that opens the checkpointer again, and make the graph and the panel inside "
    "its `with` block."
)
LOCKED = (
    "Another program is writing to the SQLite file and did not finish in time. Close that program, "
    "or wait until it is done, and send the message again."
)
GONE = (
    "The connection to PostgreSQL was lost. Send the message again: a checkpointer of "
    "open_checkpointer() connects again by itself; open one of another kind again. If it fails "
    "again, start the server."
)
REDIS_GONE = (
    "Redis does not answer. Send the message again: the client connects again by itself. If it "
    "fails again, start the server, or look into its log."
)
NUL = (
    "PostgreSQL cannot store the character NUL in a plain text field. Remove that character from "
    "what the graph writes into its state."
)

READ_ONLY = (
    "The database may only be read here, so the message was not stored. For SQLite, give yourself "
    "the right to write to the file and its folder; for PostgreSQL, name the primary server and a "
    "role that may write."
)
FULL = (
    "The disk of the database is full or fails, so the message was not stored. Free some space, "
    "then send the message again."
)
NO_RIGHTS = (
    "Your role of PostgreSQL may not use the tables of the checkpointer. Let their owner grant it "
    "SELECT, INSERT, UPDATE and DELETE on them."
)
OTHER_TABLES = (
    "The tables of the checkpointer are missing, or tables of these names are not LangGraph's. "
    "Open the database with open_checkpointer(url), which makes them, or name another one."
)
HELD = (
    "Another program holds a lock on the tables, or the database is very slow. End that program "
    "(in PostgreSQL pg_stat_activity shows it), then send the message again."
)
ODD_TEXT = (
    "A database keeps text without NUL and without half of an emoji. Take such a character out of "
    "the thread id, the metadata and what the graph writes."
)

REDIS_AWAY = ("ConnectionError", "TimeoutError", "BusyLoadingError", "ClusterDownError")
"""The errors of Redis's client that tell of a server that is away."""

NOT_PLAIN = (
    "The state, or what `interrupt` was given, holds an object that no checkpointer can store. Put "
    "plain values there: text, numbers, lists, dicts, messages, dataclasses or Pydantic models."
)

OTHER_ENCODING = (
    "This database is not in UTF-8, so it cannot store every text. Make one that is: CREATE "
    "DATABASE chat ENCODING 'UTF8' TEMPLATE template0."
)
DAMAGED = (
    "The SQLite file is damaged. Keep a copy of it, and open another file; sqlite3's command "
    ".recover may get its rows back."
)
NO_FILE = (
    "SQLite cannot open the file: its folder is gone, its name is too long, or you may not read "
    "it. Correct the path."
)

SAVERS = ("langgraph.checkpoint.", "langgraph.store.", "psycopg")

SQLITE_REMEDIES = (
    (("closed",), OPEN_AGAIN),
    (("locked", "busy"), LOCKED),
    (("readonly", "read-only"), READ_ONLY),
    (("is full", "disk I/O error"), FULL),
    (("malformed", "not a database"), DAMAGED),
    (("unable to open",), NO_FILE),
    (("no such table", "no such column", "no column named", "view"), OTHER_TABLES),
)
"""What to do by the words of SQLite's error."""

POSTGRES_REMEDIES = (
    (("ReadOnlySqlTransaction",), READ_ONLY),
    (("UntranslatableCharacter", "CharacterNotInRepertoire"), OTHER_ENCODING),
    (("DiskFull", "InsufficientResources", "OutOfMemory"), FULL),
    (("InsufficientPrivilege",), NO_RIGHTS),
    (("UndefinedTable", "UndefinedColumn", "WrongObjectType"), OTHER_TABLES),
    (("LockNotAvailable", "QueryCanceled", "DeadlockDetected"), HELD),
)
"""What to do by the class of psycopg's error."""


def remedy_for(error: BaseException) -> str | None:
    """Return what to do about an error of a database.

    Args:
        error: what was raised. What it was raised from is looked at too.

    Returns:
        One or two sentences, None for an error that no database raised.
    """
    closed = False
    for each in _chain(error):
        if _was_closed_here(each):  # perhaps on the way out of a `with` block that an error ends
            closed = True
        elif remedy := _remedy_for_one(each):
            return remedy
    return OPEN_AGAIN if closed else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and not any(current is each for each in seen):
        seen.append(current)
        yield current
        current = current.__cause__ or current.__context__


def _was_closed_here(error: BaseException) -> bool:
    """Whether an error is psycopg's about a connection that this process has closed.

    It has the same words for a connection that was lost, but only that one is called broken.
    """
    if type(error).__name__ != "OperationalError" or str(error) != "the connection is closed":
        return False
    users = [frame.f_locals.get("self") for frame, _ in walk_tb(error.__traceback__)]
    connections = [each for each in users if hasattr(each, "broken")]
    return bool(connections) and not connections[-1].broken


def _remedy_for_one(error: BaseException) -> str | None:
    text = str(error)
    module = type(error).__module__.partition(".")[0]
    if isinstance(error, sqlite3.Error):
        return _first(SQLITE_REMEDIES, lambda word: word in text)
    if isinstance(error, UnicodeEncodeError) and _comes_from_saver(error):
        return ODD_TEXT
    if isinstance(error, TypeError) and "msgpack serializable" in text:
        return NOT_PLAIN
    if module == "aiosqlite" or (isinstance(error, ValueError) and "no active connection" in text):
        return OPEN_AGAIN
    if module == "psycopg_pool":
        return OPEN_AGAIN if type(error).__name__ == "PoolClosed" else GONE
    if module == "redis" and type(error).__name__ in REDIS_AWAY:
        return REDIS_GONE
    if module == "psycopg":
        if "NUL" in text or "\\u0000" in text or "0x00" in text:
            return NUL
        if remedy := _first(POSTGRES_REMEDIES, type(error).__name__.__eq__):
            return remedy
        if text == "the cursor is closed":
            return None
        if "has not answered for" in text:  # the error of the course's own pools says the rest
            return "When the table is free, send the message again."
        lost = ("closed", "terminat", "lost", "refused", "gone", "starting up", "shutting down")
        if type(error).__name__ in ("OperationalError", "AdminShutdown", "InterfaceError"):
            return GONE if any(word in text for word in lost) else None
    return None


def _comes_from_saver(error: BaseException) -> bool:
    frames = (frame for frame, _ in walk_tb(error.__traceback__))
    return any(frame.f_globals.get("__name__", "").startswith(SAVERS) for frame in frames)


def _first(
    remedies: Iterable[tuple[Iterable[str], str]], fits: Callable[[str], bool]
) -> str | None:
    return next((remedy for words, remedy in remedies if any(map(fits, words))), None)
