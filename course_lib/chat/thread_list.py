"""The list of a user's threads beside the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from course_lib.chat.store_calls import call_store, is_asynchronous
from course_lib.chat.task_runner import TaskRunner
from course_lib.chat.thread_list_view import ThreadListView, count_turns, thread_rows
from course_lib.chat.thread_locks import running_threads
from course_lib.persistence import Thread, ThreadDirectory, UnknownThread

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

    from course_lib.chat.events import ThreadLoaded
    from course_lib.chat.graph_access import GraphAccess

T = TypeVar("T")

UNTITLED = "New conversation"
MAX_TITLE_LENGTH = 40
"""Longest title that is made from a message, in characters."""

MAX_NEW_TITLE = 120
"""Longest title that a person gives, in characters."""

MAX_THREADS = 200
UNDO_SECONDS = 8.0
LOOK_SECONDS = 1.0
"""How often it is looked whether a run on another thread has ended."""


@dataclass(frozen=True)
class Deletion:
    """A thread that is out of the list, and not yet deleted.

    Args:
        thread: which one.
        timer: deletes it.
        was_current: whether the chat was on it.
    """

    thread: Thread
    timer: asyncio.TimerHandle
    was_current: bool


class ThreadList:
    """A user's threads, and the one that the chat is on.

    Args:
        store: where the list is kept.
        user: whose threads these are.
        thread_id: the thread to begin with; the newest, or a new one, when left out.
        on_choice: is called with the id of a thread that the person chose; a coroutine that it
            returns is started.
        access: the graph, to delete checkpoints and to know what runs; None for the list alone.
        spawn: starts a job on the event loop.
    """

    undo_seconds = UNDO_SECONDS

    def __init__(
        self,
        store: BaseStore,
        user: str,
        thread_id: str | None,
        on_choice: Callable[[str], object],
        access: GraphAccess | None = None,
        spawn: Callable[[Coroutine[Any, Any, None]], None] | None = None,
    ) -> None:
        self.directory = ThreadDirectory(store)
        self.user = user
        self._on_choice = on_choice
        self._access = access
        self._spawn = TaskRunner().spawn if spawn is None else spawn
        self._deletions: dict[str, Deletion] = {}
        self._hidden: set[str] = set()  # deleted, or about to be
        self._turns: dict[str, int] = {}
        self._found: list[Thread] = []
        self._look: asyncio.TimerHandle | None = None
        self.widget = ThreadListView(self._on_action)
        self._wanted = thread_id
        self._asynchronous = is_asynchronous(store)
        self._begun = not self._asynchronous
        if self._begun:
            self.current = self._first()
        else:  # such a store cannot be asked before the event loop runs: see `begin`
            self.current = Thread(thread_id or str(uuid4()), user, self.directory.tenant, UNTITLED)
        self._show()

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
        """Make another thread of this user the current one; a deletion of it is undone.

        Raises:
            UnknownThread: it is not this user's.
        """
        self.current = await self._call(self.directory.open, self.user, thread_id)
        self._keep(thread_id)
        await self.refresh()
        return self.current

    async def create(self) -> Thread:
        """Make a new thread the current one."""
        self.current = await self._call(self.directory.create, self.user, title=UNTITLED)
        await self.refresh()
        return self.current

    async def note_activity(self, thread_id: str, text: str) -> None:
        """Move a thread to the top, and name it after its first message.

        Args:
            thread_id: on which a run has begun.
            text: the person's message; empty where a run continues.
        """
        thread = await self._call(self.directory.open, self.user, thread_id)
        self._keep(thread.id)
        title = " ".join(text.split())[:MAX_TITLE_LENGTH]
        if thread.title == UNTITLED and title:
            changed = await self._call(self.directory.rename, self.user, thread.id, title)
        else:
            changed = await self._call(self.directory.touch, self.user, thread.id)
        if changed.id == self.current.id:
            self.current = changed
        await self.refresh()

    def note_turns(self, thread: ThreadLoaded) -> None:
        """Note how many turns a thread has, and look what runs.

        Args:
            thread: as it was read, at any checkpoint; an earlier one tells nothing.
        """
        asyncio.get_running_loop().call_soon(self._show)  # a run that ends now has ended by then
        turns = count_turns(thread)
        known = self._turns.get(thread.thread_id, 0)
        if thread.is_newest and thread.error is None and turns != known:
            self._turns[thread.thread_id] = turns
            noted = (self.user, thread.thread_id, turns)
            if self._asynchronous:
                self._spawn(self._call(self.directory.note_turns, *noted))
            else:
                self.directory.note_turns(*noted)

    async def rename(self, thread_id: str, title: str) -> None:
        """Give a thread another title; a blank one changes nothing.

        Raises:
            UnknownThread: it is not this user's.
        """
        title = " ".join(title.split())[:MAX_NEW_TITLE]
        if not title:
            return
        changed = await self._call(self.directory.rename, self.user, thread_id, title)
        if changed.id == self.current.id:
            self.current = changed
        await self.refresh()

    async def delete(self, thread_id: str) -> None:
        """Take a thread out of the list, and delete it unless that is undone within seconds.

        Where it was the current one, another one is chosen.

        Raises:
            UnknownThread: it is not this user's.
        """
        thread = await self._call(self.directory.open, self.user, thread_id)
        if thread_id in self._hidden:
            return
        if thread_id in self._running():
            self._say(f'"{thread.title}" is running. Stop it first, then delete it.')
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self.undo_seconds, lambda: self._spawn(self._remove(thread_id)))
        was_current = thread_id == self.current.id
        self._deletions[thread_id] = Deletion(thread, timer, was_current)
        self._hidden.add(thread_id)
        await self.refresh()
        if was_current:
            others = [each for each in self._found if each.id not in self._hidden]
            if not others:
                others = [await self._call(self.directory.create, self.user, title=UNTITLED)]
            self._choose(others[0].id)

    async def undo(self) -> None:
        """Bring back the thread that was deleted last, if it is not too late."""
        if not self._deletions:
            return
        last = self._deletions[next(reversed(self._deletions))]
        self._keep(last.thread.id)
        await self.refresh()
        if last.was_current:
            self._choose(last.thread.id)

    async def refresh(self) -> None:
        """Read the list again."""
        self._found = await self._call(self.directory.list, self.user, limit=MAX_THREADS)
        unknown = [each.id for each in self._found if each.id not in self._turns]
        if unknown:
            known = await self._call(self.directory.turns, self.user, unknown)
            self._turns = {**known, **self._turns}
        self._show()

    async def _remove(self, thread_id: str) -> None:
        """Delete a thread for good, now that nobody has undone it."""
        deletion = self._deletions.pop(thread_id, None)
        if deletion is None:
            return
        try:
            if thread_id in self._running():
                self._say(f'"{deletion.thread.title}" runs again, so it was not deleted.')
                self._hidden.discard(thread_id)
            else:
                if self._access is not None:
                    await self._access.delete_thread(thread_id)
                await self._call(self.directory.delete, self.user, thread_id)
        except UnknownThread:
            pass  # somebody else has deleted it meanwhile
        except BaseException:
            self._hidden.discard(thread_id)
            raise
        finally:
            await self.refresh()

    def _choose(self, thread_id: str) -> None:
        job = self._on_choice(thread_id)
        if asyncio.iscoroutine(job):
            self._spawn(job)

    def _running(self) -> set[str]:
        return set() if self._access is None else running_threads(self._access.storage)

    def _keep(self, thread_id: str) -> None:
        """Give up the deletion of a thread."""
        deletion = self._deletions.pop(thread_id, None)
        if deletion is not None:
            deletion.timer.cancel()
            self._hidden.discard(thread_id)

    def _say(self, notice: str) -> None:
        self.widget.notice = ""  # so that the same text is announced again
        self.widget.notice = notice

    async def _call(self, call: Callable[..., T], *args: Any, **options: Any) -> T:
        return await call_store(self.directory.store, call, *args, **options)

    def _show(self) -> None:
        threads = {thread.id: thread for thread in self._found}
        threads.setdefault(self.current.id, self.current)
        shown = [each for each in threads.values() if each.id not in self._hidden]
        running = self._running()
        deleted = [each.thread.title for each in self._deletions.values()]
        with self.widget.hold_sync():
            self.widget.rows = thread_rows(shown, self._turns, running)
            self.widget.current = self.current.id
            self.widget.deleted = deleted[-1] if deleted else ""
        if running and self._look is None:  # its end on another thread is not reported here
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                return
            self._look = loop.call_later(LOOK_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._look = None
        self._show()

    def _on_action(self, content: Mapping[str, Any]) -> None:
        """Do what the browser asks for."""
        self.widget.notice = ""
        match content:
            case {"kind": "open", "id": str(thread_id)}:
                if thread_id != self.current.id:
                    self._choose(thread_id)
            case {"kind": "rename", "id": str(thread_id), "title": str(title)}:
                self._spawn(self.rename(thread_id, title))
            case {"kind": "delete", "id": str(thread_id)}:
                self._spawn(self.delete(thread_id))
            case {"kind": "undo"}:
                self._spawn(self.undo())
