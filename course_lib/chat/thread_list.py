"""The list of a user's threads beside the chat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import ipywidgets as widgets

from course_lib.chat.store_calls import call_store, is_asynchronous
from course_lib.persistence import Thread, ThreadDirectory

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

T = TypeVar("T")

UNTITLED = "New conversation"
MAX_TITLE_LENGTH = 40
MAX_THREADS = 50


class ThreadList:
    """A user's threads, and the one that the chat is on.

    Args:
        store: where the list is kept.
        user: whose threads these are.
        thread_id: the thread to begin with; the newest, or a new one, when left out.
        on_choice: is called with the id of a thread that the person chose.
    """

    def __init__(
        self,
        store: BaseStore,
        user: str,
        thread_id: str | None,
        on_choice: Callable[[str], object],
    ) -> None:
        self.directory = ThreadDirectory(store)
        self.user = user
        self._on_choice = on_choice
        self._filling = False
        flat = widgets.Layout(width="auto", min_width="0")
        self.widget = widgets.Select(rows=5, layout=flat)
        self.widget.observe(self._on_value, names="value")
        self._wanted = thread_id
        self._begun = not is_asynchronous(store)
        if self._begun:
            self.current = self._first()
        else:  # such a store cannot be asked before the event loop runs: see `begin`
            self.current = Thread(thread_id or str(uuid4()), user, self.directory.tenant, UNTITLED)
        self._show([self.current])

    async def begin(self) -> None:
        """Find the thread to begin with, where the store could not be asked at once."""
        if not self._begun:
            self._begun = True
            self.current = await self._call(self._first)

    def _first(self) -> Thread:
        if self._wanted is not None:
            return self.directory.adopt(self.user, self._wanted, title=UNTITLED)
        newest = next(iter(self.directory.list(self.user, limit=1)), None)
        return newest or self.directory.create(self.user, title=UNTITLED)

    async def open(self, thread_id: str) -> Thread:
        """Make another thread of this user the current one.

        Raises:
            UnknownThread: it is not this user's.
        """
        self.current = await self._call(self.directory.open, self.user, thread_id)
        await self.refresh()
        return self.current

    async def create(self) -> Thread:
        """Make a new thread the current one."""
        self.current = await self._call(self.directory.create, self.user, title=UNTITLED)
        await self.refresh()
        return self.current

    async def note_activity(self, text: str) -> None:
        """Move the current thread to the top, and name it after its first message.

        Args:
            text: the person's message; empty where a run continues.
        """
        thread = await self._call(self.directory.open, self.user, self.current.id)
        title = " ".join(text.split())[:MAX_TITLE_LENGTH]
        if thread.title == UNTITLED and title:
            changed = await self._call(self.directory.rename, self.user, thread.id, title)
        else:
            changed = await self._call(self.directory.touch, self.user, thread.id)
        if changed.id == self.current.id:
            self.current = changed
        await self.refresh()

    async def refresh(self) -> None:
        """Read the list again."""
        self._show(await self._call(self.directory.list, self.user, limit=MAX_THREADS))

    async def _call(self, call: Callable[..., T], *args: Any, **options: Any) -> T:
        return await call_store(self.directory.store, call, *args, **options)

    def _show(self, found: list[Thread]) -> None:
        threads = {thread.id: thread for thread in found}
        threads.setdefault(self.current.id, self.current)
        self._filling = True  # filling the list is no choice of the person's
        try:
            self.widget.options = [(thread.title, thread.id) for thread in threads.values()]
            self.widget.value = self.current.id
        finally:
            self._filling = False

    def _on_value(self, change: Mapping[str, Any]) -> None:
        if not self._filling and change["new"] not in (None, self.current.id):
            self._on_choice(change["new"])
