"""Several hooks of the service as one, and a callback handler beside those a config has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from course_lib.fastapi_app import ServiceHooks

if TYPE_CHECKING:
    from langchain_core.callbacks import BaseCallbackHandler
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from course_lib.fastapi_app.auth import Person
    from course_lib.fastapi_app.run import Run
    from course_lib.fastapi_app.run_events import Event
    from course_lib.fastapi_app.service import Service


class CombinedHooks(ServiceHooks):
    """Calls several hooks in their order; contexts end in the opposite order.

    Args:
        hooks: each with a part of the work.
    """

    def __init__(self, hooks: Sequence[ServiceHooks]) -> None:
        self._hooks = list(hooks)
        # Events come for every token, and few hooks look at them.
        self._of_events = [
            each.event for each in hooks if type(each).event is not ServiceHooks.event
        ]

    def saver(self, saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
        """Let each of them wrap the saver."""
        for each in self._hooks:
            saver = each.saver(saver)
        return saver

    async def admit(self, service: Service, person: Person) -> None:
        """Ask all of them."""
        for each in self._hooks:
            await each.admit(service, person)

    @contextmanager
    def turn(self, run: Run) -> Iterator[None]:
        """Surround a run with all of them."""
        with ExitStack() as stack:
            for each in self._hooks:
                stack.enter_context(each.turn(run))
            yield

    @contextmanager
    def waiting(self, run: Run) -> Iterator[None]:
        """Surround the wait for the thread with all of them."""
        with ExitStack() as stack:
            for each in self._hooks:
                stack.enter_context(each.waiting(run))
            yield

    @contextmanager
    def graph(self, run: Run) -> Iterator[None]:
        """Surround the work of the graph with all of them."""
        with ExitStack() as stack:
            for each in self._hooks:
                stack.enter_context(each.graph(run))
            yield

    def config(self, run: Run, config: dict[str, Any]) -> dict[str, Any]:
        """Let each of them add to the config."""
        for each in self._hooks:
            config = each.config(run, config)
        return config

    def event(self, run: Run, event: Event) -> None:
        """Show all of them an event."""
        for see in self._of_events:
            see(run, event)


def with_callback(config: dict[str, Any], handler: BaseCallbackHandler) -> dict[str, Any]:
    """Return a config with one more callback handler.

    Args:
        config: whose `callbacks` are missing or a list.
        handler: to add.
    """
    return {**config, "callbacks": [*(config.get("callbacks") or ()), handler]}
