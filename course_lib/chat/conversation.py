"""The conversations of a panel: the one on screen, and those whose runs go on meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from course_lib.chat.decisions import decided_line
from course_lib.chat.errors import ChatError
from course_lib.chat.events import (
    Event,
    NodeEnded,
    NodeStarted,
    RunEnded,
    RunStarted,
    ThreadLoaded,
    text_given_back,
    thread_of,
)
from course_lib.chat.json_form import InvalidAnswer
from course_lib.chat.path_history import read_path_history

if TYPE_CHECKING:
    from course_lib.chat.controller import ChatController
    from course_lib.chat.transcript import Transcript


@dataclass(eq=False)
class Conversation:
    """One thread of a panel.

    Args:
        controller: runs the graph on the thread.
        transcript: what the screen shows of it.
        thread: as it was read last.
        run: which nodes ran since the person's last message.
        unsent: texts that were given back while another conversation was on screen.
    """

    controller: ChatController
    transcript: Transcript
    thread: ThreadLoaded = field(default_factory=lambda: ThreadLoaded("", None, {}))
    run: list[Event] = field(default_factory=list)
    unsent: list[str] = field(default_factory=list)
    _on_the_way: dict[str, Any] = field(default_factory=dict)  # answers, by question

    @property
    def busy(self) -> bool:
        """Whether a run has not ended, or a message waits for its turn."""
        return self.controller.turns.are_taken()

    def handle(self, event: Event) -> None:
        """Follow an event of the controller."""
        try:
            self.transcript.handle(event)
        except Exception:  # the screen must follow the run whatever a value does
            logging.getLogger(__name__).exception("the transcript failed on an event")
        if isinstance(event, (RunEnded, ThreadLoaded)):
            self.thread = thread_of(event)
        if isinstance(event, ThreadLoaded) or (isinstance(event, RunStarted) and event.message):
            self.run = []
        if isinstance(event, (RunStarted, NodeStarted, NodeEnded, RunEnded)):
            self.run.append(event)

    async def answer(self, interrupt_id: str, values: Mapping[str, Any]) -> None:
        """Answer one of the graph's questions.

        Args:
            interrupt_id: of the interrupt.
            values: what is filled in, by the card's fields.

        Raises:
            ChatError: that question is not open, or not any more, or another answer to it is on
                its way.
        """
        card = self.transcript.approval(interrupt_id)
        if card is None:
            raise ChatError("That question is no longer open. Look at the conversation as it is.")
        if interrupt_id in self._on_the_way:
            if self._on_the_way[interrupt_id] == values:
                return  # a double click is one answer
            raise ChatError(
                "This question is being answered already, and its first answer counts. Go back to "
                "the question if you want to answer it otherwise."
            )
        try:
            answer = card.answer(values)
        except InvalidAnswer as refused:
            self.transcript.refuse(interrupt_id, refused.errors)
            return
        self.transcript.decide(interrupt_id, *decided_line(card, values))
        self._on_the_way[interrupt_id] = values
        try:
            await self.controller.resume({interrupt_id: answer})
        finally:
            del self._on_the_way[interrupt_id]

    async def show_history(self) -> None:
        """Read what the checkpoints tell of the messages on screen, and show it."""
        thread_id = self.controller.thread_id
        found = await read_path_history(self.controller, self.transcript.person_keys())
        if thread_id == self.controller.thread_id:
            self.transcript.show_history(found)

    def note_unsent(self, event: Event) -> None:
        """Keep the text of a message that was not sent or not stored, for the person to see."""
        if text := text_given_back(event):
            self.unsent.append(text)


class Conversations:
    """The conversation on screen, and those that were left while they ran.

    A conversation that was left keeps its controller and its transcript until somebody comes back
    to it. So its run goes on, and nothing that it shows is lost.

    Args:
        make: returns a new conversation.
    """

    def __init__(self, make: Callable[[], Conversation]) -> None:
        self._make = make
        self._left: dict[str, Conversation] = {}
        self.front = make()

    def leave_for(self, thread_id: str) -> bool:
        """Bring the conversation of another thread to the front, where this is needed.

        Args:
            thread_id: of the thread that comes to the front.

        Returns:
            Whether there is another conversation in front now. If not, nothing runs in this one,
            and its controller can turn to the thread.
        """
        here = self.front
        known = self._left.pop(thread_id, None)
        if here.busy:
            here.controller.runner.pace = "instant"  # nobody follows it
            self._left[here.controller.thread_id] = here
        elif known is None:
            return False
        self.front = known or self._make()
        return True
