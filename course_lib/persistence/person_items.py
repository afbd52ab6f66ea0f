"""What a store holds about a person: items, their vectors, and the space of deleted ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from course_lib.persistence.databases import connect
from course_lib.persistence.retention_reports import RetentionError
from course_lib.persistence.saver_tables import address_of, open_tables
from course_lib.persistence.thread_records import DEFAULT_TENANT, namespace_label, person_key

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

    from course_lib.persistence.threads import ThreadDirectory

PAGE = 200
"""How many namespaces or items are fetched from a store at once."""

Namespace = tuple[str, ...]


def person_namespaces(
    store: BaseStore, part: str, user: str, directory: ThreadDirectory | None
) -> list[Namespace]:
    """Return the namespaces of a person in a store.

    Args:
        store: any store.
        part: `directory` for the directory's own entries, `store` for everything else.
        user: whose.
        directory: where threads are listed; None for no directory.
    """
    own = [] if directory is None else directory.namespaces(user)
    if part == "directory":
        return own
    tenant = None if directory is None else directory.tenant
    there = all_namespaces(store)
    return [each for each in there if _is_of(each, user, tenant) and each not in own]


def all_namespaces(store: BaseStore) -> Iterator[Namespace]:
    """Yield every namespace of a store."""
    offset = 0
    while page := store.list_namespaces(limit=PAGE, offset=offset):
        yield from page
        offset += len(page)


def keyed_items(
    store: BaseStore, user: str, tenant: str | None = None
) -> list[tuple[Namespace, str]]:
    """Return the items whose *key* is a person's name, as in `store.put(("users",), "ann", ...)`.

    Whether such an item is the person's is not certain: with numbers for users, the key `7` may be
    the seventh item of somebody else.

    Args:
        store: any store.
        user: whose name.
        tenant: of which customer; None where there are none.
    """
    names = (user, namespace_label(user))
    address = store_address(store)
    sql = "SELECT prefix, key FROM store WHERE key IN"  # one statement, not one for each namespace
    if address is None:
        places = [(place, name) for place in all_namespaces(store) for name in {*names}]
        found = [each for each in places if store.get(*each, refresh_ttl=False) is not None]
    elif address[0] == "sqlite":
        with store.lock:
            rows = store.conn.execute(f"{sql} (?, ?)", names).fetchall()
        found = [(tuple(prefix.split(".")), key) for prefix, key in rows]
    else:
        with connect(address[1]) as connection:
            rows = connection.execute(f"{sql} (%s, %s)", names).fetchall()
        found = [(tuple(prefix.split(".")), key) for prefix, key in rows]
    return sorted((place, key) for place, key in found if not _is_of(place, user, tenant))


def items_of(store: BaseStore, place: Namespace) -> list[Any]:
    """Return every item that lies in exactly one namespace, however many there are."""
    found: dict[str, Any] = {}
    offset = 0
    while page := store.search(place, limit=PAGE, offset=offset):
        found |= {item.key: item for item in page if tuple(item.namespace) == place}
        offset += len(page)
    return list(found.values())


def person_vectors(
    store: BaseStore,
    user: str,
    *,
    delete: bool,
    tenant: str | None = None,
    keyed: Sequence[tuple[Namespace, str]] = (),
) -> int:
    """Count, or delete, the vectors of a person's items in an SQLite store.

    PostgreSQL deletes an item's vectors with the item. SQLite does so only where foreign keys are
    switched on, which they are not by default: there the vector of every item that was ever
    deleted is still in the file, with the namespace and the key beside it.

    Args:
        store: any store.
        user: whose.
        delete: whether to delete them.
        tenant: of which customer; None where there are none.
        keyed: items of the person outside the person's namespaces.
    """
    if not _is_sqlite(store):
        return 0
    found = 0
    with store.lock:
        connection = store.conn
        connection.execute("PRAGMA secure_delete = ON")  # zeroes also what the store deletes later
        there = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'store_vectors'"
        if not connection.execute(there).fetchone():
            return 0
        prefixes = connection.execute("SELECT DISTINCT prefix FROM store_vectors").fetchall()
        own = [each for (each,) in prefixes if _is_of(tuple(each.split(".")), user, tenant)]
        wanted = [("prefix = ?", (prefix,)) for prefix in own]
        wanted += [("prefix = ? AND key = ?", (".".join(place), key)) for place, key in keyed]
        for condition, given in wanted:
            sql = "DELETE FROM" if delete else "SELECT count(*) FROM"
            cursor = connection.execute(f"{sql} store_vectors WHERE {condition}", given)
            found += cursor.rowcount if delete else cursor.fetchone()[0]
        if delete and connection.in_transaction:
            connection.commit()
    return found


def store_address(store: BaseStore) -> tuple[str, str] | None:
    """Return the kind and the place of a store's database; None for a store in memory."""
    try:
        return address_of(store)
    except RetentionError:
        return None


def overwrite_store(store: BaseStore, address: tuple[str, str]) -> str:
    """Overwrite the free space of a store's database.

    Args:
        store: on SQLite or PostgreSQL.
        address: what `store_address` returned.

    Returns:
        Why it could not be done; "" if it was done.
    """
    if address[0] == "sqlite":
        from course_lib.persistence.sqlite_tables import SqliteTables

        with store.lock:  # the store's connection: another copy of SQLite may have opened the file
            return SqliteTables(store.conn, address[1]).overwrite_free_space(())
    with open_tables(address[1]) as tables:
        return tables.overwrite_free_space(tables.store_tables())


def _is_of(place: Namespace, user: str, tenant: str | None) -> bool:
    """Whether a namespace names a person.

    People of two tenants may have one name: where the tenant is known and not the default one, the
    label is what `person_key` makes of both, or the namespace names both.
    """
    labels, names = {*place}, {user, namespace_label(user)}
    if namespace_label(person_key(user, tenant)) in labels:
        return True
    if tenant in (None, DEFAULT_TENANT):
        return bool(names & labels)
    return bool(names & labels) and bool({tenant, namespace_label(tenant)} & labels)


def _is_sqlite(store: BaseStore) -> bool:
    return any(kind.__module__.startswith("langgraph.store.sqlite") for kind in type(store).__mro__)
