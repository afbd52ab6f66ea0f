"""One thread in one file: every checkpoint, its metadata and its writes, as the saver stored them.

Nothing is unpacked on the way, so nothing is lost: a type that this program does not know, or a
value that only the key opens, is copied byte for byte.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from course_lib.persistence.encryption import WrongKey
from course_lib.persistence.retention_reports import ExportReport, RetentionError
from course_lib.persistence.saver_tables import Row, SaverTables, open_tables, unwrapped
from course_lib.persistence.thread_records import UnknownThread

FORMAT = "langgraph thread"
"""What a file of this kind calls itself."""

VERSION = 1
"""The version of the files that are written here; a reader refuses a newer one."""

Rows = dict[str, list[Row]]


def export(
    where: Any,
    thread_id: str,
    *,
    to: str | os.PathLike[str] | None = None,
    dry_run: bool = False,
) -> ExportReport:
    """Write a thread to a JSON file.

    All rows are read at one moment, so the file holds the thread as it was then, also while a graph
    is running in it. The file is as confidential as the database.

    Args:
        where: a saver on SQLite or PostgreSQL, or its URL. An encrypted thread stays encrypted; a
            saver is asked to open one value first, so that a wrong key is noticed now.
        thread_id: which thread.
        to: a file that is not there yet, or a folder; None for a file in the working folder that
            is named after the thread.
        dry_run: only count.

    Raises:
        UnknownThread: there is no such thread.
        WrongKey: the saver's key does not open the thread.
        FileExistsError: the file is there already.
        RetentionError: the database refuses, and the text says why.
    """
    thread_id = str(thread_id)
    with open_tables(where) as tables:
        rows = tables.read_thread(thread_id)
        if not any(rows.values()):
            raise UnknownThread(
                f"There is no thread {thread_id!r} in {tables.place}. Thread ids are compared "
                "letter by letter; idle_threads(where, '1s') lists those that are not in use."
            )
        _check_key(where, rows)
        path = None if dry_run and to is None else _target(to, thread_id)
        report = _report(rows, thread_id, path, dry_run=dry_run)
        if not dry_run and path is not None:
            _write(path, _as_json(tables, thread_id, rows))
    return report


def import_thread(where: Any, path: str | os.PathLike[str]) -> ExportReport:
    """Read a thread back from a file that `export` wrote, under its old id, in one transaction.

    Args:
        where: a saver, or its URL, on the same kind of database as the thread came from. Tables
            that are not there yet are made.
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        RetentionError: the file is no dump, is of a newer version or of the other kind of
            database, or the thread exists already.
        WrongKey: the thread is encrypted, and the saver's key does not open it.
    """
    path = Path(path)
    dump = _read(path)
    _make_tables(where)
    with open_tables(where) as tables:
        rows = _rows_of(dump, tables, path)
        _check_key(where, rows)
        thread_id = dump["thread_id"]
        if not tables.write_thread(thread_id, rows):
            raise RetentionError(
                f"The thread {thread_id!r} is in {tables.place} already, and an import never mixes "
                "two conversations. Delete that thread first, or import into another database."
            )
    report = _report(rows, thread_id, path, dry_run=False)
    report.imported = True
    return report


def _target(to: str | os.PathLike[str] | None, thread_id: str) -> Path:
    name = "thread-" + re.sub(r"[^\w.-]", "_", thread_id)[:100] + ".json"
    path = Path(name) if to is None else Path(to)
    if path.is_dir():
        path = path / name
    if path.exists():
        raise FileExistsError(
            f"{str(path)!r} is there already and was left as it is. Name another file, or remove "
            "that one first."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"The folder {str(path.parent)!r} is not there. Make it first, or name another one."
        )
    return path


def _as_json(tables: SaverTables, thread_id: str, rows: Rows) -> str:
    named = {
        table: [dict(zip(tables.columns[table], map(_packed, row), strict=True)) for row in found]
        for table, found in rows.items()
    }
    head = {"format": FORMAT, "version": VERSION, "database": tables.kind, "thread_id": thread_id}
    return json.dumps({**head, "tables": named}, ensure_ascii=False, indent=1)


def _write(path: Path, text: str) -> None:
    """Write a file that is either whole or not there, readable by its owner only."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    try:
        dump = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise RetentionError(
            f"{str(path)!r} is no file that export() wrote, or is damaged: {error}. Export the "
            "thread again."
        ) from error
    if not isinstance(dump, dict) or dump.get("format") != FORMAT:
        raise RetentionError(f"{str(path)!r} is JSON, but no thread that export() wrote.")
    version = dump.get("version")
    if not isinstance(version, int) or version > VERSION:
        raise RetentionError(
            f"{str(path)!r} has version {version} of this format, and this program reads up to "
            f"version {VERSION}. Import it with the newer program that wrote it."
        )
    return dump


def _rows_of(dump: dict[str, Any], tables: SaverTables, path: Path) -> Rows:
    if dump.get("database") != tables.kind:
        raise RetentionError(
            f"{str(path)!r} comes from {dump.get('database')}, and {tables.place} is "
            f"{tables.kind}. The two store a checkpoint in different forms. Import it into the "
            "kind of database that it came from."
        )
    try:
        rows = {
            table: [tuple(_unpacked(row[column]) for column in columns) for row in found]
            for table, columns in tables.columns.items()
            for found in [dump["tables"][table]]
        }
        strangers = {row[0] for found in rows.values() for row in found} - {dump["thread_id"]}
    except (KeyError, TypeError, binascii.Error) as error:
        raise RetentionError(
            f"{str(path)!r} is damaged: {type(error).__name__}: {error}. Export the thread again."
        ) from error
    if strangers:
        raise RetentionError(
            f"{str(path)!r} is to hold the thread {dump['thread_id']!r}, and holds rows of others "
            "too. It was changed after its export; nothing was imported."
        )
    return rows


def _packed(value: Any) -> Any:
    if isinstance(value, (bytes, memoryview)):
        return {"base64": base64.b64encode(value).decode("ascii")}
    return value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        return base64.b64decode(value["base64"], validate=True)
    return value


def _report(rows: Rows, thread_id: str, path: Path | None, *, dry_run: bool) -> ExportReport:
    def count(*tables: str) -> int:
        return sum(len(rows.get(table, ())) for table in tables)

    held = sum(
        len(value.encode() if isinstance(value, str) else value)
        for found in rows.values()
        for row in found
        for value in row[5:]
        if isinstance(value, (str, bytes))
    )
    return ExportReport(
        thread_id,
        path,
        checkpoints=count("checkpoints"),
        writes=count("writes", "checkpoint_writes"),
        blobs=count("checkpoint_blobs"),
        bytes=held,
        dry_run=dry_run,
    )


def _check_key(where: Any, rows: Rows) -> None:
    """Let a saver open one encrypted value of a thread; a URL has no key to try."""
    saver = unwrapped(where)
    if isinstance(saver, str):
        return
    locked = next((pair for found in rows.values() for row in found for pair in _locked(row)), None)
    if locked is None:
        return
    try:
        saver.serde.loads_typed(locked)
    except WrongKey:
        raise
    except ValueError as error:
        raise WrongKey(
            f"This saver's key does not open the thread ({error}). Open the saver with the key "
            "that the thread was written with."
        ) from error


def _locked(row: Sequence[Any]) -> list[tuple[str, bytes]]:
    """The encrypted values of a row: a text such as `msgpack+aes`, followed by bytes."""
    return [
        (kind, bytes(data))
        for kind, data in pairwise(row)
        if isinstance(kind, str) and "+aes" in kind and isinstance(data, (bytes, memoryview))
    ]


def _make_tables(where: Any) -> None:
    from course_lib.persistence.checkpointers import open_checkpointer

    if isinstance(where, str):
        with open_checkpointer(where) as saver:
            if hasattr(saver, "is_setup"):  # SQLite's makes its tables when it is used first
                saver.setup()
    elif getattr(where, "is_setup", True) is False and hasattr(where, "cursor"):
        with where.cursor():
            pass
