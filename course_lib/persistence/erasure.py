"""Erasing a person: every place that holds something of theirs, walked through one by one.

print(erase(saver, user="ann", store=store, cache=cache, directory=directory))
erase(saver, user="ann", store=store, cache=cache, directory=directory, dry_run=False)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from course_lib.persistence.person_items import (
    PAGE,
    items_of,
    keyed_items,
    overwrite_store,
    person_namespaces,
    person_vectors,
    store_address,
)
from course_lib.persistence.retention_reports import ErasureReport, ErasureRow
from course_lib.persistence.saver_tables import SaverTables, address_of, open_tables
from course_lib.persistence.thread_records import checked_user

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

    from course_lib.persistence.threads import ThreadDirectory


class ThreadCache(Protocol):
    """What a cache of threads has to offer so that an erasure and a search can reach it."""

    def forget(self, thread_id: str) -> object:
        """Remove everything that the cache holds of a thread."""

    def entries(self) -> Iterable[tuple[str, bytes]]:
        """Yield every entry: the thread's id (a space and more may follow), and its bytes.

        `find_words` needs it. An erasure counts with it, and goes without it.
        """


class OtherRows(Protocol):
    """Rows about persons in tables that this package knows nothing of; see `erase`.

    Where `tenant` is None, the person's rows of every tenant are meant.
    """

    @property
    def tables(self) -> Sequence[str]:
        """The tables, in the database of `where`; their free space is overwritten too."""

    def stop(self, user: str, tenant: str | None) -> None:
        """End what would go on writing about the person; it is called first."""

    def threads_of(self, user: str, tenant: str | None) -> Sequence[str]:
        """Return threads of the person that no directory lists."""

    def erase(
        self, user: str, tenant: str | None, threads: Sequence[str], dry_run: bool
    ) -> Iterable[ErasureRow]:
        """Delete the rows, or only count them. It is called after the threads were deleted."""


def erase(
    where: Any,
    *,
    user: str,
    threads: Sequence[str] | None = None,
    store: BaseStore | None = None,
    cache: ThreadCache | None = None,
    directory: ThreadDirectory | None = None,
    keyed_by_user: Sequence[tuple[str, ...]] = (),
    others: Sequence[OtherRows] = (),
    dry_run: bool = True,
) -> ErasureReport:
    """Erase what is stored about a person, and overwrite the space that it leaves.

    The person's threads are those that the directory lists, those whose *first* run names the
    person as `user` or `user_id` in its metadata, and those that you name. In other people's
    threads the person's name is removed from the metadata; what was said there is theirs, and
    `find_words` shows it. Stop the person's runs first: a run that goes on writes again.

    After a kill, call it again: what is gone already is counted as 0. The rows of the directory go
    last, because they are what names the threads.

    It does not reach backups, exported files, logs, or the write-ahead log of a PostgreSQL server,
    which keeps old rows until its files are used again. Let them expire, and erase again after a
    backup was restored.

    Args:
        where: a saver on SQLite or PostgreSQL, or its URL.
        user: whose data.
        threads: more threads of the person, by id.
        store: every item is erased whose namespace has a label for the person: the name itself,
            or what `namespace_label` makes of it. In a directory of a tenant with a name, it is
            the label of `person_key`, or labels for both. None for the store of the directory.
        cache: has `forget(thread_id)`; None for the cache of a `CachedSaver`. It is emptied first:
            where its server is away, its error is raised and nothing has been erased.
        directory: of the person's tenant. With it, a run that names another tenant in its metadata
            is another person's.
        keyed_by_user: namespaces of the store in which the *key* names the person, such as
            `[("users",)]` after `store.put(("users",), "ann", {...})`. The report says where such
            keys are; they are erased in the namespaces that you name.
        others: more tables about persons, such as those of a job queue. They go after the threads,
            which they may name.
        dry_run: only count.

    Returns:
        A report with one row for each place.

    Raises:
        ValueError: the user is no name.
        RetentionError: the database is busy, read-only, or has no tables of a saver.
    """
    checked_user(user)
    if not user:
        raise ValueError("An empty name is nobody's. Name the person whose data is to be erased.")
    if isinstance(threads, str):
        raise ValueError(f"threads={threads!r} is one text. Hand over a list of thread ids.")
    if any(isinstance(place, str) for place in keyed_by_user):
        raise ValueError(
            f"keyed_by_user={keyed_by_user!r}: write a list of namespaces, as [('users',)]."
        )
    tenant = None if directory is None else directory.tenant
    cache = getattr(where, "cache", None) if cache is None else cache
    stores = _stores(store, directory)
    rows: list[ErasureRow] = []
    if not dry_run:
        for each in others:
            each.stop(user, tenant)
    with open_tables(where) as tables:
        listed = [] if directory is None else _listed(directory, user)
        found = [*listed, *tables.threads_of(user, tenant), *map(str, threads or ())]
        found += [thread for each in others for thread in each.threads_of(user, tenant)]
        ids = list(dict.fromkeys(found))
        if cache is not None:
            rows.append(_forget(cache, ids, dry_run))
        rows += _erase_rows(tables, ids, user, tenant, dry_run)
        for other in others:
            rows += other.erase(user, tenant, ids, dry_run)
        for place, part in stores:
            rows += _erase_items(place, part, user, directory, keyed_by_user, dry_run)
        if cache is not None and not dry_run:
            _forget(cache, ids, dry_run)  # somebody may have read a thread meanwhile
        more = [table for other in others for table in other.tables]
        rows += _overwrite(tables, where, [each for each, _ in stores], more, dry_run)
    return ErasureReport(user, tuple(ids), rows, dry_run)


def _stores(
    store: BaseStore | None, directory: ThreadDirectory | None
) -> list[tuple[BaseStore, str]]:
    """The stores to look through, each with the part that is looked at; the directory is last."""
    if directory is None:
        return [] if store is None else [(store, "store")]
    return [(store or directory.store, "store"), (directory.store, "directory")]


def _listed(directory: ThreadDirectory, user: str) -> list[str]:
    found: list[str] = []
    while page := directory.list(user, limit=PAGE, offset=len(found)):
        found += [thread.id for thread in page]
    return found


def _forget(cache: ThreadCache, ids: Sequence[str], dry_run: bool) -> ErasureRow:
    if hasattr(cache, "entries"):
        threads = {*ids}
        held = sum(key in threads or key.partition(" ")[0] in threads for key, _ in cache.entries())
        note = ""
    else:
        held, note = len(ids), "threads; this cache does not list what it holds"
    if not dry_run:
        for thread_id in ids:
            cache.forget(thread_id)
    return ErasureRow("cache", held, 0 if dry_run else held, note)


def _erase_rows(
    tables: SaverTables, ids: Sequence[str], user: str, tenant: str | None, dry_run: bool
) -> Iterator[ErasureRow]:
    counted = tables.count_rows(ids)
    gone = {table: 0 for table in counted} if dry_run else tables.delete_threads(ids)
    for table, count in counted.items():
        yield ErasureRow(table, max(count, gone[table]), gone[table])
    named = tables.mentions(user, tenant, ids)
    removed = 0 if dry_run or not named else tables.remove_mentions(user, tenant)
    note = "the name is removed; the threads stay" if named else ""
    yield ErasureRow("metadata of other people's threads", max(named, removed), removed, note)


def _erase_items(
    store: BaseStore,
    part: str,
    user: str,
    directory: ThreadDirectory | None,
    keyed_by_user: Sequence[tuple[str, ...]],
    dry_run: bool,
) -> Iterator[ErasureRow]:
    places = person_namespaces(store, part, user, directory)
    tenant = None if directory is None else directory.tenant
    named = [tuple(place) for place in keyed_by_user]
    keyed = keyed_items(store, user, tenant) if part == "store" else []
    own = [each for each in keyed if each[0] in named]
    if part == "store":  # the vectors first: they have no namespace of their own in the list
        vectors = person_vectors(store, user, delete=not dry_run, tenant=tenant, keyed=own)
        if vectors:
            yield ErasureRow("store_vectors", vectors, 0 if dry_run else vectors)
    items = [(place, item.key) for place in places for item in items_of(store, place)] + own
    if not dry_run:
        for place, key in items:
            store.delete(place, key)
    labels = ", ".join(dict.fromkeys(place[0] for place, _ in items))
    notes = [f"under {labels}"] if labels and part == "store" else []
    left = list(dict.fromkeys(place for place, _ in keyed if place not in named))
    if left:
        shown = ", ".join(map(repr, left[:3])) + (", ..." if left[3:] else "")
        notes.append(f"left: the key {user!r} in {shown}, see keyed_by_user")
    yield ErasureRow(part, len(items), 0 if dry_run else len(items), "; ".join(notes))


def _overwrite(
    tables: SaverTables,
    where: Any,
    stores: Sequence[BaseStore],
    more: Sequence[str],
    dry_run: bool,
) -> Iterator[ErasureRow]:
    """Overwrite the free space of every database once."""
    seen = [address_of(where)]
    names = [*tables.columns, *tables.store_tables(), *more]
    why = "" if dry_run else tables.overwrite_free_space(names)
    yield _space("free space", why, dry_run)
    for store in stores:
        address = store_address(store)
        if address is not None and address not in seen:
            seen.append(address)
            why = "" if dry_run else overwrite_store(store, address)
            yield _space("free space of the store", why, dry_run)


def _space(place: str, why: str, dry_run: bool) -> ErasureRow:
    note = why or "old rows are overwritten" if not dry_run else "old rows will be overwritten"
    return ErasureRow(place, 1, int(not why and not dry_run), note)
