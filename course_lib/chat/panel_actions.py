"""What a person does in the browser, as calls of the panel."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from course_lib.chat.controller import ChatController
    from course_lib.chat.transcript_view import TranscriptView


class Panel(Protocol):
    """What the wishes of a person need of a panel."""

    controller: ChatController
    view: TranscriptView

    async def send(self, text: str, filled: Mapping[str, Any] | None = None) -> None:
        """Send a message."""

    async def answer(self, interrupt_id: str, values: Mapping[str, Any]) -> None:
        """Answer a question of the graph."""

    async def instead(self, job: Coroutine[Any, Any, None]) -> None:
        """Run a job in place of the current run."""

    def spawn(self, job: Coroutine[Any, Any, None]) -> None:
        """Start a job on the event loop."""


def perform(panel: Panel, content: Mapping[str, Any]) -> None:
    """Do what the browser asks for; what is no such wish is left alone.

    Args:
        panel: of the browser's view.
        content: as the view sent it.
    """
    controller, spawn = panel.controller, panel.spawn
    match content:
        case {"kind": "hello"}:
            spawn(_send_all(panel))
        case {"kind": "send", "text": str(text)}:
            filled = content.get("filled")
            spawn(panel.send(text, filled if isinstance(filled, Mapping) else None))
        case {"kind": "stop"}:
            spawn(_stop(panel))
        case {"kind": "continue"}:
            spawn(controller.continue_run())
        case {"kind": "newest"}:
            spawn(controller.go_to(None))
        case {"kind": "version", "id": str(checkpoint_id)}:
            spawn(controller.go_to(checkpoint_id))
        case {"kind": "reopen"}:
            spawn(controller.reopen_interrupts())
        case {"kind": "again", "id": str(message_id)}:
            spawn(panel.instead(controller.try_again(message_id)))
        case {"kind": "edit", "id": str(message_id), "text": str(text)}:
            spawn(panel.instead(controller.edit(message_id, text)))
        case {"kind": "answer", "id": str(interrupt_id), "values": dict(values)}:
            spawn(panel.answer(interrupt_id, values))


async def _stop(panel: Panel) -> None:
    panel.controller.stop()


async def _send_all(panel: Panel) -> None:
    panel.view.tell_all()
