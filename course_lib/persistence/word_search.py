"""Whether a word is still stored anywhere: the proof after an erasure, and before it.

find_words(["김하늘", "010-1234-5678"], where=saver, store=store, files=["backup.dump"])
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from course_lib.persistence.person_items import all_namespaces, items_of
from course_lib.persistence.retention_reports import Found
from course_lib.persistence.saver_tables import open_tables
from course_lib.persistence.word_forms import forms_of, unpacked, words_in, words_in_files

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

    from course_lib.persistence.erasure import ThreadCache
    from course_lib.persistence.threads import ThreadDirectory


def find_words(
    words: Sequence[str],
    *,
    where: Any = None,
    store: BaseStore | None = None,
    cache: ThreadCache | None = None,
    directory: ThreadDirectory | None = None,
    files: Sequence[str | os.PathLike[str]] = (),
) -> list[Found]:
    """Return the places that hold a word.

    Serialised values are searched as bytes: msgpack writes text as UTF-8, and a compressed value is
    decompressed first. What is encrypted stays encrypted, so a word inside it is not found. A word
    is not found either where an SQLite file has cut it in two at the end of a page; the search of
    the tables finds it there.

    Args:
        words: what to look for, letter by letter, as long as possible: names, numbers, places.
        where: a saver on SQLite or PostgreSQL, or its URL. All columns of all its tables are
            searched, and on SQLite also the file and its WAL as they lie on the disk.
        store: every item of it.
        cache: has `entries()`, which yields pairs of a key and bytes.
        directory: every entry of its store, unless that is `store`.
        files: more files, such as a dump (plain, or compressed by `pg_dump -Fc`) or an export.

    Raises:
        ValueError: there is no word, one of them is empty, or a file of `files` is compressed by
            zip, xz, bzip2, 7-Zip, Zstandard or LZ4.
        FileNotFoundError: a file of `files` is not there.
        RetentionError: the database refuses, and the text says why.
    """
    forms = forms_of(words)
    if not forms:
        raise ValueError("There is no word to look for. Name at least one.")
    found: dict[Found, None] = {}
    if where is not None:
        with open_tables(where) as tables:
            for table, thread_id, row in tables.all_rows():
                for place, data in _parts(table, tables.columns[table], row):
                    for part in unpacked(data):
                        found |= {Found(place, thread_id, w): None for w in words_in(part, forms)}
            own = [Path(name) for name in tables.files if Path(name).exists()]
            found |= {Found("file", *each): None for each in words_in_files(own, forms)}
    for place, each in _stores(store, directory):
        for key, data in _entries(each):
            found |= {Found(place, key, word): None for word in words_in(data, forms)}
    for key, data in cache.entries() if cache is not None else ():
        for part in (str(key).encode(), *unpacked(bytes(data))):
            found |= {Found("cache", str(key), word): None for word in words_in(part, forms)}
    paths = [Path(path) for path in files]
    found |= {Found("file", *each): None for each in words_in_files(paths, forms)}
    return list(found)


def _parts(table: str, columns: Sequence[str], row: Sequence[Any]) -> Iterator[tuple[str, bytes]]:
    """The values of a row as bytes, each with the place that the report names."""
    for column, value in zip(columns, row, strict=True):
        place = "metadata" if column == "metadata" else table
        if isinstance(value, str):
            yield place, value.encode("utf-8", "surrogatepass")
        elif isinstance(value, (bytes, memoryview)):
            yield place, bytes(value)


def _stores(
    store: BaseStore | None, directory: ThreadDirectory | None
) -> Mapping[str, BaseStore] | Any:
    places = {} if store is None else {"store": store}
    if directory is not None and directory.store is not store:
        places["directory"] = directory.store
    return places.items()


def _entries(store: BaseStore) -> Iterator[tuple[str, bytes]]:
    for place in all_namespaces(store):
        for item in items_of(store, place):
            name = "/".join((*place, item.key))
            yield name, b"\n".join((name.encode("utf-8", "surrogatepass"), *_texts(item.value)))


def _texts(value: Any) -> Iterator[bytes]:
    """Everything that a value says, at any depth; a store in memory holds more than JSON."""
    if isinstance(value, Mapping):
        for key, held in value.items():
            yield from _texts(key)
            yield from _texts(held)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for held in value:
            yield from _texts(held)
    elif isinstance(value, (bytes, bytearray)):
        yield from unpacked(bytes(value))
    else:
        yield str(value).encode("utf-8", "surrogatepass")
