"""Who owns which thread: a directory of conversations on LangGraph's store.

A checkpointer keeps threads by their id and knows nobody. The directory maps a user to her
threads, and refuses everybody else with the same answer as for a thread that does not exist.

    directory = ThreadDirectory(store)
    thread = directory.create("ann", title="Cafes")
    graph.invoke(message, thread.config)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID, uuid4, uuid5

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.store.base import BaseStore, Item

ID_NAMESPACE = UUID("6f1c4a52-5d0e-4b8e-9a55-0d8a6c1e7b11")
"""Namespace of all ids that are derived with `uuid5`; changing it changes every derived id."""

RESERVED = frozenset(
    {"user", "tenant", "source", "step", "parents", "run_id", "thread_id", "writes"}
)
"""Keys of metadata that are LangGraph's or the directory's own."""

ROOT_LABEL = "threads"
PAGE = 500
"""How many entries are fetched from a store at once."""


class UnknownThread(LookupError):
    """There is no such thread for this user; whether it exists for another one is not said."""


@dataclass(frozen=True)
class Thread:
    """One conversation of one user.

    Args:
        id: the `thread_id` for the checkpointer, a UUID.
        user: who owns it.
        tenant: the customer, school or company the user belongs to.
        title: what the list shows.
        metadata: anything else worth finding it by, such as a locale.
        created_at: ISO 8601, UTC.
        active_at: when it was created or touched last, ISO 8601, UTC.
    """

    id: str
    user: str
    tenant: str
    title: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    created_at: str = ""
    active_at: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """The configuration to run a graph with; its metadata is the bridge back to the user."""
        return {
            "configurable": {"thread_id": self.id},
            "metadata": {**self.metadata, "user": self.user, "tenant": self.tenant},
        }


class ThreadDirectory:
    """The threads of all users of one tenant.

    Args:
        store: any LangGraph store; it decides how long the directory lives.
        tenant: whose users these are. Two tenants never see each other's.
    """

    def __init__(self, store: BaseStore, *, tenant: str = "default") -> None:
        self.store = store
        self.tenant = tenant

    def create(
        self,
        user: str,
        *,
        title: str = "New conversation",
        metadata: Mapping[str, Any] | None = None,
        external_id: str | None = None,
    ) -> Thread:
        """Create a thread, or return the one that an id from outside already stands for.

        Args:
            user: who will own it.
            title: what the list will show.
            metadata: anything else worth finding it by: text, numbers and booleans.
            external_id: an id you have already, such as a browser session's. The thread's id is
                derived from it, so two processes asking at once get one and the same thread.

        Raises:
            ValueError: a user that is no name, or metadata that a checkpoint would not keep.
        """
        _check_metadata(metadata or {})
        if external_id is not None:
            known = self._get(user, self._derived(user, external_id))
            if known is not None:
                return known
        thread_id = str(uuid4()) if external_id is None else self._derived(user, external_id)
        now = _now()
        return self._put(Thread(thread_id, user, self.tenant, title, metadata or {}, now, now))

    def adopt(self, user: str, thread_id: str, *, title: str = "New conversation") -> Thread:
        """Return a user's thread with an id, and list it for the user if it is not listed yet.

        The directory cannot know whose a thread is that somebody began without it: ask only for
        users who may read it.

        Args:
            user: whose list it goes into.
            thread_id: of a thread that exists already, or is to be begun.
            title: what the list will show, if the thread is not listed yet.

        Raises:
            ValueError: an id that no store could hold.
        """
        if not thread_id or _is_odd(thread_id):
            raise ValueError(
                f"{thread_id!r} cannot be the id of a thread. Use text without control characters."
            )
        now = _now()
        known = self._get(user, thread_id)
        return known or self._put(Thread(thread_id, user, self.tenant, title, {}, now, now))

    def open(self, user: str, thread_id: str) -> Thread:
        """Return a thread of this user.

        Raises:
            UnknownThread: it does not exist, or belongs to somebody else; the answer is the same.
        """
        found = self._get(user, thread_id)
        if found is None:
            raise UnknownThread(
                f"There is no thread {thread_id!r}. list(user) names the threads there are."
            )
        return found

    def list(self, user: str, *, limit: int = 20, offset: int = 0) -> list[Thread]:
        """Return a page of a user's threads, newest activity first.

        Args:
            user: whose.
            limit: how many at most.
            offset: how many to pass over.
        """
        place = self._namespace(user)
        if _sorts_by_activity(self.store):
            return [_thread(i) for i in self.store.search(place, limit=limit, offset=offset)]
        found = sorted(map(_thread, self._all(place)), key=lambda t: t.active_at, reverse=True)
        return found[offset : offset + limit]

    def rename(self, user: str, thread_id: str, title: str) -> Thread:
        """Give a thread another title; that counts as activity."""
        return self._put(replace(self.open(user, thread_id), title=title, active_at=_now()))

    def touch(self, user: str, thread_id: str) -> Thread:
        """Note that something happened in a thread, so that it comes first in the list."""
        return self._put(replace(self.open(user, thread_id), active_at=_now()))

    def find(self, user: str, **metadata: Any) -> list[Thread]:
        """Return a user's threads with these values in their metadata, newest activity first."""
        found = [
            thread
            for thread in map(_thread, self._all(self._namespace(user)))
            if all(thread.metadata.get(key) == value for key, value in metadata.items())
        ]
        return sorted(found, key=lambda thread: thread.active_at, reverse=True)

    def recover(self, saver: BaseCheckpointSaver[Any]) -> list[Thread]:
        """Rebuild lost entries from the metadata that `Thread.config` left in the checkpoints.

        A thread belongs to the user of its *first* run: somebody who only ran in it later, from
        support perhaps, does not come to own it. This trusts the metadata of runs, so a client
        must never be able to set it.

        Args:
            saver: where the threads are kept.

        Returns:
            The entries that nobody had any more, put back, newest activity first. Titles are gone.
        """
        known = {item.key for item in self._all(self._tenants())}
        first: dict[str, Any] = {}
        active: dict[str, str] = {}
        for found in saver.list(None, filter={"tenant": self.tenant}):  # newest first
            thread_id = found.config["configurable"]["thread_id"]
            first[thread_id] = found
            active.setdefault(thread_id, found.checkpoint["ts"])
        back = []
        for thread_id in reversed(active):  # the oldest first, for stores that sort by writing
            made = first[thread_id]
            user = made.metadata.get("user")
            if thread_id in known or not isinstance(user, str):
                continue
            metadata = {k: v for k, v in made.metadata.items() if k not in RESERVED}
            begun, when = made.checkpoint["ts"], active[thread_id]
            thread = Thread(thread_id, user, self.tenant, "Recovered", metadata, begun, when)
            back.append(self._put(thread))
        return back[::-1]

    def delete(
        self, user: str, thread_id: str, *, saver: BaseCheckpointSaver[Any] | None = None
    ) -> None:
        """Delete a thread's entry, and with a saver its whole conversation.

        Raises:
            UnknownThread: it is not this user's.
        """
        self.open(user, thread_id)
        if saver is not None:
            saver.delete_thread(thread_id)
        self.store.delete(self._namespace(user), thread_id)

    def _tenants(self) -> tuple[str, ...]:
        return (ROOT_LABEL, uuid5(ID_NAMESPACE, f"tenant:{self.tenant}").hex)

    def _namespace(self, user: str) -> tuple[str, ...]:
        # A label of a namespace may be neither empty nor hold a dot, and users' names are
        # whatever they are. A derived id is always a good label, and never two users' own.
        return (*self._tenants(), self._derived(_checked(user), ""))

    def _derived(self, user: str, external_id: str) -> str:
        return str(uuid5(uuid5(uuid5(ID_NAMESPACE, self.tenant), user), external_id))

    def _get(self, user: str, thread_id: str) -> Thread | None:
        if not thread_id or _is_odd(thread_id):
            return None  # no store could hold such an id, and some would raise
        item = self.store.get(self._namespace(user), thread_id)
        return None if item is None else _thread(item)

    def _put(self, thread: Thread) -> Thread:
        self.store.put(self._namespace(thread.user), thread.id, asdict(thread), index=False)
        return thread

    def _all(self, place: tuple[str, ...]) -> Iterator[Item]:
        offset = 0
        while found := self.store.search(place, limit=PAGE, offset=offset):
            yield from found
            offset += len(found)


def namespace_label(user: str) -> str:
    """Return a user's name as the label of a namespace, which may be neither empty nor hold dots.

    Args:
        user: any name. Two users never get the same label.
    """
    return quote(_checked(user), safe="@ ").replace(".", "%2E") or "%"


def _is_odd(text: str) -> bool:
    """Whether a text cannot be stored everywhere: a NUL, or half of a surrogate pair."""
    return "\0" in text or any("\ud800" <= ch <= "\udfff" for ch in text)


def _checked(user: str) -> str:
    if not isinstance(user, str) or _is_odd(user):
        raise ValueError(
            f"{user!r} is no name of a user. Hand it over as text, without control characters."
        )
    return user


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    """Refuse what LangGraph would drop on the way into a checkpoint."""
    for key, value in metadata.items():
        if key in RESERVED or key.startswith(("__", "langgraph_")):
            raise ValueError(f"The metadata key {key!r} is LangGraph's own. Choose another one.")
        if not isinstance(value, (str, int, float, bool)):
            raise ValueError(
                f"The metadata {key!r} is a {type(value).__name__}. Checkpoints keep text, numbers "
                "and booleans only; put the rest into the state."
            )


def _thread(item: Item) -> Thread:
    return Thread(**item.value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _sorts_by_activity(store: BaseStore) -> bool:
    """Whether a store's search comes newest first to the microsecond: PostgreSQL's does.

    SQLite's sorts by whole seconds, and the one in memory by age.
    """
    return any(kind.__name__ == "BasePostgresStore" for kind in type(store).__mro__)
