"""What a store needs for semantic search: an index, and an SQLite that can load its extension.

LangGraph's three stores name the indexed fields in two ways, and fail in the middle of a `put` when
the length of the vectors does not fit. Here one setting works in all three, and what is wrong is
said when the store is opened.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

_lock = threading.Lock()
_own: Counter[str] = Counter()
_other: Counter[str] = Counter()
"""How often each file is open in this process, by Python's SQLite and by the other one."""


class VectorIndexError(RuntimeError):
    """Semantic search cannot work in this store; the text says why, and the remedy."""


def checked_index(index: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return an index in the form that a store of this kind takes.

    Args:
        index: `embed` (a LangChain `Embeddings`, or a function from texts to vectors), `dims` (the
            length of a vector; may be left out where `embed` has `dimensions`), and `fields` (what
            is embedded of a value; all of it when left out).
        kind: `memory`, `sqlite` or `postgres`.

    Raises:
        VectorIndexError: `embed` is not there, or the length of a vector is not known.
    """
    wanted = dict(index)
    embed = wanted.get("embed")
    if embed is None:
        raise VectorIndexError(
            "An index needs an embedding. Open the store with index={'embed': embeddings(), "
            "'fields': ['text']}; embeddings() comes from course_lib.models."
        )
    dims = wanted.setdefault("dims", getattr(embed, "dimensions", None))
    if not isinstance(dims, int) or dims <= 0:
        raise VectorIndexError(
            f"The index has dims={dims!r}. Give the length of a vector as 'dims', such as 512."
        )
    fields = wanted.pop("fields", None) or wanted.pop("text_fields", None) or ["$"]
    wanted["text_fields" if kind == "sqlite" else "fields"] = list(fields)
    return wanted


def check_stored_dimensions(stored: int | None, index: Mapping[str, Any], place: str) -> None:
    """Refuse an index whose vectors cannot be compared with those that are stored.

    Args:
        stored: length of the stored vectors; None where there are none yet.
        index: as from `checked_index`.
        place: name of the database, for the error.

    Raises:
        VectorIndexError: the lengths differ.
    """
    if stored is not None and stored != index["dims"]:
        raise VectorIndexError(
            f"The vectors in {place} have {stored} numbers, and this embedding makes "
            f"{index['dims']}. Open it with the embedding that wrote it, or copy its values into "
            "a new store. Nothing was changed."
        )


def sqlite_with_extensions() -> ModuleType:
    """Return a module like `sqlite3` whose connections can load extensions.

    Raises:
        VectorIndexError: there is none.
    """
    if hasattr(sqlite3.Connection, "enable_load_extension"):
        return sqlite3
    try:
        import pysqlite3
    except ImportError as error:
        raise VectorIndexError(
            "This Python's SQLite cannot load extensions, and semantic search in an SQLite file "
            "needs one. Install pysqlite3-binary (Linux on x86-64), or a Python whose SQLite can "
            "(Debian's, Homebrew's, conda's), or use 'memory:' or a PostgreSQL address."
        ) from error
    return pysqlite3


@contextmanager
def one_copy_of_sqlite(place: str, module: ModuleType) -> Iterator[None]:
    """Refuse to open a file with two copies of SQLite in one process, while the block runs.

    Two copies release each other's locks, which can damage the file. See "Multiple copies of SQLite
    linked into the same application" in SQLite's "How To Corrupt An SQLite Database File".

    Args:
        place: path of the file.
        module: `sqlite3`, or what `sqlite_with_extensions` returned.

    Raises:
        VectorIndexError: the other copy has the file open.
    """
    path = place if place == ":memory:" else str(Path(place).resolve())
    mine, others = (_own, _other) if module is sqlite3 else (_other, _own)
    with _lock:
        if others[path] and path != ":memory:":
            raise VectorIndexError(
                f"{place!r} is open in this process by another copy of SQLite, because this "
                "Python's own cannot load extensions. Keep the store with the index in a file of "
                "its own, such as memories.db."
            )
        mine[path] += 1
    try:
        yield
    finally:
        with _lock:
            mine[path] -= 1


def sqlite_dimensions(connection: Any) -> int | None:
    """Return the length of the vectors in an SQLite file, None where there are none.

    Args:
        connection: to the file.
    """
    named = "SELECT 1 FROM sqlite_master WHERE name = 'store_vectors'"
    if connection.execute(named).fetchone() is None:
        return None
    row = connection.execute("SELECT length(embedding) / 4 FROM store_vectors LIMIT 1").fetchone()
    return None if row is None else int(row[0])


def postgres_dimensions(connection: Any) -> int | None:
    """Return the length of the vectors that a PostgreSQL store takes, None where it has no index.

    Args:
        connection: to the database.
    """
    row = connection.execute(
        "SELECT atttypmod AS dims FROM pg_attribute WHERE attname = 'embedding' "
        "AND attrelid = to_regclass('store_vectors')"
    ).fetchone()
    return None if row is None else int(row["dims"])
