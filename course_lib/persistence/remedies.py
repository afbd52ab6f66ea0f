"""What to do when a database refuses, in words for the person who uses the chat."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

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
    "open_checkpointer() connects again by itself. If it fails again, start the server."
)
NUL = (
    "PostgreSQL cannot store the character NUL in a plain text field. Remove that character from "
    "what the graph writes into its state."
)


def remedy_for(error: BaseException) -> str | None:
    """Return what to do about an error of a database.

    Args:
        error: what was raised. What it was raised from is looked at too.

    Returns:
        One or two sentences, None for an error that no database raised.
    """
    for each in _chain(error):
        if remedy := _remedy_for_one(each):
            return remedy
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and not any(current is each for each in seen):
        seen.append(current)
        yield current
        current = current.__cause__ or current.__context__


def _remedy_for_one(error: BaseException) -> str | None:
    text = str(error)
    module = type(error).__module__.partition(".")[0]
    if isinstance(error, sqlite3.Error):
        if "closed" in text:
            return OPEN_AGAIN
        return LOCKED if "locked" in text or "busy" in text else None
    if module == "aiosqlite" or (isinstance(error, ValueError) and "no active connection" in text):
        return OPEN_AGAIN
    if module == "psycopg_pool":
        return OPEN_AGAIN if type(error).__name__ == "PoolClosed" else GONE
    if module == "psycopg":
        if "NUL" in text or "\\u0000" in text or "0x00" in text:
            return NUL
        lost = ("closed", "terminat", "lost", "refused", "gone", "starting up", "shutting down")
        if type(error).__name__ in ("OperationalError", "AdminShutdown", "InterfaceError"):
            return GONE if any(word in text for word in lost) else None
    return None
