"""Reading one thread for the chat, and remembering what was read last."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from langgraph.checkpoint.base import get_checkpoint_id
from langgraph.constants import START

from course_lib.chat.authorship import MAX_CHECKPOINTS, SENT, Authorship, new_id, path_to
from course_lib.chat.errors import ChatError
from course_lib.chat.events import ThreadLoaded
from course_lib.chat.forking import Replacement, repeated_question, reworded
from course_lib.chat.message_origin import origin_on_path, question_on_path
from course_lib.chat.stored_answers import asks_below
from course_lib.persistence import unfinished_step

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage
    from langgraph.checkpoint.base import CheckpointTuple
    from langgraph.types import StateSnapshot

    from course_lib.chat.graph_access import GraphAccess

T = TypeVar("T")


class ThreadReader:
    """One thread, and the checkpoint of it that is shown.

    Args:
        access: the graph.
        thread_id: which thread.
    """

    def __init__(self, access: GraphAccess, thread_id: str) -> None:
        self.thread_id = thread_id
        self.checkpoint_id: str | None = None
        """The checkpoint that is shown; None for the newest."""
        self.authorship = Authorship()
        self.last = ThreadLoaded(thread_id, None, {})
        """The thread as it was read last."""
        self._access = access
        self._newest_id: str | None = None

    def config(self, more: Mapping[str, Any]) -> dict[str, Any]:
        """Return the part of a configuration that names the thread and the checkpoint shown.

        Args:
            more: other values of the same part.
        """
        named = {**more, "thread_id": self.thread_id}
        if self.checkpoint_id is not None:
            named |= {"checkpoint_id": self.checkpoint_id, "checkpoint_ns": ""}
        return {"configurable": named}

    async def read(self, config: Mapping[str, Any]) -> ThreadLoaded:
        """Read the thread.

        Args:
            config: names the thread and perhaps a checkpoint.

        Raises:
            Exception: whatever the graph or its saver raises.
        """
        snapshot = await self._access.snapshot(config)
        if get_checkpoint_id(config) is None:
            self._newest_id = _checkpoint_id(snapshot)
        thread = ThreadLoaded(
            thread_id=self.thread_id,
            checkpoint_id=_checkpoint_id(snapshot),
            values=snapshot.values,
            interrupts=snapshot.interrupts,
            next=snapshot.next,
            unfinished=unfinished_step(snapshot),
            is_newest=self.checkpoint_id is None,
        )
        self.last = self._with_authors(thread)
        return self.last

    async def as_stored(self, thread: ThreadLoaded) -> ThreadLoaded:
        """Return a thread without what the finished nodes of an unfinished step have written.

        LangGraph shows these writes, and new input discards them: an answered tool call of the
        step is open again then.

        Args:
            thread: as it was read.
        """
        open_step = thread.interrupts or thread.unfinished
        if not open_step or thread.checkpoint_id is None:
            return thread
        there = {"thread_id": self.thread_id, "checkpoint_id": thread.checkpoint_id}
        snapshot = await self._access.snapshot({"configurable": {**there, "checkpoint_ns": ""}})
        return replace(thread, values=snapshot.values)

    async def find_authors_of_run(
        self, before: ThreadLoaded, message: BaseMessage | None
    ) -> ThreadLoaded:
        """Find out which messages of a person's role a run of the graph wrote.

        Args:
            before: the thread before the run; it has been read again since.
            message: the person's message that the run was started with.

        Returns:
            The thread with its `graph_written` and `answers` complete.
        """
        if message is None and START in (*before.next, *before.unfinished):
            # The run took in an input that the thread did not hold yet.
            self.last = await self.find_authors(self.last)
            return self.last
        self.authorship.ended(before.messages, self.last.messages, message)
        self.last = self._with_authors(self.last)
        return self.last

    async def find_authors(self, thread: ThreadLoaded) -> ThreadLoaded:
        """Find out which messages of a person's role the graph wrote.

        That may take a look at every checkpoint, so a thread is shown before it is done.

        Args:
            thread: as it was read.

        Returns:
            The same thread with its `graph_written` and `answers` complete.
        """
        unknown = self.authorship.unknown(thread.messages)
        if unknown or thread.interrupts or thread.unfinished:  # a begun step may hold answers
            limit = MAX_CHECKPOINTS if unknown else 1
            found = await _or_nothing(self._access.checkpoints(self.thread_id, limit), [])
            path, below = path_to(found, thread.checkpoint_id), {}
            if unknown and asks_below(path):
                below = await _or_nothing(self._access.answers_below(self.thread_id), {})
            self.authorship.search(path, thread.messages, below)
        return self._with_authors(thread)

    async def reword(self, thread: ThreadLoaded, key: str, text: str) -> Replacement:
        """Say something else in place of a person's message.

        Args:
            thread: as it was read, with its authors.
            key: of the message.
            text: what to say instead.

        Raises:
            ChatError: there is no such message, or the graph wrote it.
        """
        message = reworded(thread, key, text)
        if key.startswith(SENT):
            return Replacement(key, message, self.config({}))
        origin = origin_on_path(await self._path(thread), key)  # a node may have named it so
        if origin is None:
            return Replacement(key, message, self.config({}))
        return Replacement(origin.key, message, origin.checkpoint.config)

    async def ask_again(self, thread: ThreadLoaded, key: str) -> Replacement:
        """Say once more what a person sent to get an answer.

        Args:
            thread: as it was read, with its authors.
            key: of the answer.

        Raises:
            ChatError: the thread holds no such answer, or nobody asked for it.
        """
        question = question_on_path(await self._path(thread), key)
        if question is None:
            return Replacement(*repeated_question(thread, key), self.config({}))
        copy = question.message.model_copy(update={"id": new_id()})
        return Replacement(question.key, copy, question.checkpoint.config)

    async def _path(self, thread: ThreadLoaded) -> list[CheckpointTuple]:
        """The checkpoints that lead to a thread; none where the saver cannot list them."""
        found = await _or_nothing(self._access.checkpoints(self.thread_id, MAX_CHECKPOINTS), [])
        return path_to(found, thread.checkpoint_id)

    def _with_authors(self, thread: ThreadLoaded) -> ThreadLoaded:
        """A thread with what is known of its authors; the same one where that is nothing new."""
        messages = thread.messages
        written = self.authorship.graph_written(messages)
        answers = self.authorship.answers(messages)
        if (written, answers) == (thread.graph_written, thread.answers):
            return thread
        return replace(thread, graph_written=written, answers=answers)

    async def read_or_report(self, config: Mapping[str, Any]) -> ThreadLoaded:
        """Read the thread; where that fails, return an empty one that holds the error."""
        try:
            return await self.read(config)
        except Exception as error:  # noqa: BLE001  any failure is the thread's state to show
            return ThreadLoaded(self.thread_id, None, {}, error=error)

    async def go_to(self, checkpoint_id: str | None) -> None:
        """Show an earlier checkpoint from now on.

        Args:
            checkpoint_id: which one; None for the newest.

        Raises:
            ChatError: the thread has no such checkpoint.
        """
        thread = {"thread_id": self.thread_id}
        if checkpoint_id is not None:
            there = {**thread, "checkpoint_id": checkpoint_id, "checkpoint_ns": ""}
            if not await self._access.exists({"configurable": there}):
                raise ChatError(
                    f"This thread has no checkpoint {checkpoint_id!r}, so there is nothing to go "
                    "back to. The tree shows the checkpoints there are."
                )
        newest = _checkpoint_id(await self._access.snapshot({"configurable": thread}))
        self.checkpoint_id = None if checkpoint_id == newest else checkpoint_id

    async def read_before(
        self, key: str, config: Mapping[str, Any]
    ) -> tuple[dict[str, Any], ThreadLoaded]:
        """Find the place to fork from, so that a message can be replaced.

        Args:
            key: of the message.
            config: names the thread and perhaps a checkpoint.

        Returns:
            The `configurable` part that names the last checkpoint from before the message, and
            the thread as it is there.

        Raises:
            ChatError: nothing from before that message is stored.
        """
        try:
            before = await self._access.before(config, key)
        except LookupError as error:
            raise ChatError(str(error)) from error
        shown = self.last
        fork = await self.read(before)
        self.last = shown
        return dict(before["configurable"]), fork

    async def refresh(self, config: Mapping[str, Any]) -> tuple[ThreadLoaded, bool]:
        """Read the thread again, and say whether somebody else has added to it meanwhile."""
        before = self._newest_id
        thread = await self.read(config)
        return thread, self.checkpoint_id is None and thread.checkpoint_id != before


async def _or_nothing(reading: Awaitable[T], nothing: T) -> T:
    """What is read of a history; nothing where the saver cannot list it, as the thread is shown."""
    try:
        return await reading
    except Exception as error:
        logging.getLogger(__name__).debug("the history could not be read", exc_info=error)
        return nothing


def _checkpoint_id(snapshot: StateSnapshot) -> str | None:
    return get_checkpoint_id(snapshot.config)
