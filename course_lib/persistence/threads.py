"""Who owns which thread: a directory of conversations on LangGraph's store.

A checkpointer keeps threads by their id and knows nobody. The directory maps a user to her
threads, and refuses everybody else with the same answer as for a thread that does not exist.

    directory = ThreadDirectory(store)
    thread = directory.create("ann", title="Cafes")
    graph.invoke(message, thread.config)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

from langgraph.store.base import GetOp

from course_lib.persistence.thread_records import (
    DEFAULT_TENANT,
    RESERVED,
    Thread,
    UnknownThread,
    checked_metadata,
    checked_text,
    checked_user,
    is_odd,
    storable,
)

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.store.base import BaseStore, Item

ID_NAMESPACE = UUID("6f1c4a52-5d0e-4b8e-9a55-0d8a6c1e7b11")
"""Namespace of all ids that are derived with `uuid5`; changing it changes every derived id."""

ROOT_LABEL = "threads"
TITLES_LABEL = "thread-titles"
"""First label of the namespace for titles that were changed.

A title has an entry of its own. So a `touch` and a `rename` at the same time write to different
entries, and neither writes back what it had read before the other one wrote."""

TURNS_LABEL = "thread-turns"
"""First label of the namespace for the numbers of turns, kept apart like the titles."""

PAGE = 500
"""How many entries are fetched from a store at once."""


class ThreadDirectory:
    """The threads of all users of one tenant.

    Args:
        store: any LangGraph store; it decides how long the directory lives.
        tenant: whose users these are. Two tenants never see each other's.
    """

    def __init__(self, store: BaseStore, *, tenant: str = DEFAULT_TENANT) -> None:
        self.store = store
        self.tenant = checked_text(tenant, "tenant")

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
        metadata = checked_metadata({} if metadata is None else metadata)
        if external_id is not None:
            known = self._get(user, self._derived(user, external_id))
            if known is not None:
                return known
        thread_id = str(uuid4()) if external_id is None else self._derived(user, external_id)
        now = _now()
        return self._put(Thread(thread_id, user, self.tenant, title, metadata, now, now))

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
        if not thread_id or is_odd(thread_id):
            raise ValueError(
                f"{thread_id!r} cannot be the id of a thread. Use text without control characters."
            )
        now, known = _now(), self._get(user, thread_id)
        return known or self._put(Thread(thread_id, user, self.tenant, title, {}, now, now))

    def open(self, user: str, thread_id: str) -> Thread:
        """Return a thread of this user.

        Raises:
            UnknownThread: it does not exist, or belongs to somebody else; the answer is the same.
        """
        found = self._get(user, thread_id)
        if found is None:
            raise UnknownThread(
                f"There is no thread {thread_id!r}. directory.list(user) shows this user's threads."
            )
        return found

    def list(self, user: str, *, limit: int = 20, offset: int = 0) -> list[Thread]:
        """Return a page of a user's threads, newest activity first.

        Args:
            user: whose.
            limit: how many at most.
            offset: how many to pass over.
        """
        limit, offset = max(0, limit), max(0, offset)
        place = self._namespace(user)
        if _sorts_by_activity(self.store):
            found = list(map(_thread, self.store.search(place, limit=limit, offset=offset)))
        else:
            every = sorted(map(_thread, self._all(place)), key=_activity, reverse=True)
            found = every[offset : offset + limit]
        return self._titled(user, found)

    def rename(self, user: str, thread_id: str, title: str) -> Thread:
        """Give a thread another title; that counts as activity.

        Args:
            user: whose thread it is.
            thread_id: which one.
            title: what no store could hold in it (NUL, half an emoji) is replaced.

        Raises:
            UnknownThread: it is not this user's.
        """
        self.open(user, thread_id)
        changed = {"title": storable(title)}
        self.store.put(self._beside(TITLES_LABEL, user), thread_id, changed, index=False)
        return self.touch(user, thread_id)

    def touch(self, user: str, thread_id: str) -> Thread:
        """Note that something happened in a thread, so that it comes first in the list.

        Raises:
            UnknownThread: it is not this user's.
        """
        return self._put(replace(self.open(user, thread_id), active_at=_now()))

    def note_turns(self, user: str, thread_id: str, turns: int) -> None:
        """Note how many turns a thread has, for a list to show; that is no activity."""
        place = self._beside(TURNS_LABEL, user)
        self.store.put(place, thread_id, {"turns": turns}, index=False)

    def turns(self, user: str, thread_ids: Sequence[str]) -> dict[str, int]:
        """Return the numbers of turns that were noted for threads, by their ids."""
        place = self._beside(TURNS_LABEL, user)
        found = self.store.batch([GetOp(place, each) for each in thread_ids])
        return {item.key: item.value["turns"] for item in found if item is not None}

    def find(self, user: str, **metadata: Any) -> list[Thread]:
        """Return a user's threads with these values in their metadata, newest activity first."""
        found = [
            thread
            for thread in map(_thread, self._all(self._namespace(user)))
            if all(thread.metadata.get(key) == value for key, value in metadata.items())
        ]
        return self._titled(user, sorted(found, key=_activity, reverse=True))

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
        for label in (TITLES_LABEL, TURNS_LABEL):
            self.store.delete(self._beside(label, user), thread_id)
        self.store.delete(self._namespace(user), thread_id)

    def namespaces(self, user: str) -> list[tuple[str, ...]]:
        """Return every namespace in which the directory keeps something about a user's threads."""
        return [self._beside(label, user) for label in (ROOT_LABEL, TITLES_LABEL, TURNS_LABEL)]

    def _tenants(self) -> tuple[str, ...]:
        return (ROOT_LABEL, uuid5(ID_NAMESPACE, f"tenant:{self.tenant}").hex)

    def _namespace(self, user: str) -> tuple[str, ...]:
        # A label of a namespace may be neither empty nor hold a dot, and users' names are
        # whatever they are. A derived id is always a good label, and never two users' own.
        return (*self._tenants(), self._derived(user, ""))

    def _beside(self, label: str, user: str) -> tuple[str, ...]:
        return (label, *self._namespace(user)[1:])

    def _titled(self, user: str, threads: list[Thread]) -> list[Thread]:
        """Return threads with the titles that they were given later."""
        place = self._beside(TITLES_LABEL, user)
        found = self.store.batch([GetOp(place, thread.id) for thread in threads])
        return [
            thread if item is None else replace(thread, title=item.value["title"])
            for thread, item in zip(threads, found, strict=True)
        ]

    def _derived(self, user: str, external_id: str) -> str:
        outside = checked_text(external_id, "external id")
        return str(uuid5(uuid5(uuid5(ID_NAMESPACE, self.tenant), checked_user(user)), outside))

    def _get(self, user: str, thread_id: str) -> Thread | None:
        if not thread_id or is_odd(thread_id):
            return None  # no store could hold such an id, and some would raise
        item = self.store.get(self._namespace(user), thread_id)
        return None if item is None else self._titled(user, [_thread(item)])[0]

    def _put(self, thread: Thread) -> Thread:
        stored = {**asdict(thread), "title": storable(thread.title)}
        self.store.put(self._namespace(thread.user), thread.id, stored, index=False)
        return replace(thread, title=stored["title"])

    def _all(self, place: tuple[str, ...]) -> Iterator[Item]:
        offset = 0
        while found := self.store.search(place, limit=PAGE, offset=offset):
            yield from found
            offset += len(found)


def _activity(thread: Thread) -> str:
    return thread.active_at


def _thread(item: Item) -> Thread:
    return Thread(**item.value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _sorts_by_activity(store: BaseStore) -> bool:
    """Whether a store's search comes newest first to the microsecond: PostgreSQL's does.

    SQLite's sorts by whole seconds, and the one in memory by age.
    """
    return any(kind.__name__ == "BasePostgresStore" for kind in type(store).__mro__)
