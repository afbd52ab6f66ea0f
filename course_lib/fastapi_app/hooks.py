"""Where others can attach to the service without changing it: counting, tracing, rate limits.

`ServiceHooks` does nothing. A subclass overrides what it needs, and goes to
`create_app(..., hooks=...)`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from .auth import Person
    from .run import Run
    from .run_events import Event
    from .service import Service


class ServiceHooks:
    """What is called while a run goes on. Every method here does nothing.

    A method that raises an error ends the run, apart from `admit`, which may raise a Problem.
    """

    def saver(self, saver: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
        """Return the saver that the graph is compiled with: the same one, or one around it."""
        return saver

    async def admit(self, service: Service, person: Person) -> None:
        """Decide whether a person may begin a turn.

        Raises:
            Problem: the person may not; it is the answer to the request.
        """

    def turn(self, run: Run) -> AbstractContextManager[None]:
        """Surround a whole run. When the context ends, `run.status` and `run.refusal` are set."""
        return nullcontext()

    def waiting(self, run: Run) -> AbstractContextManager[None]:
        """Surround the time in which a run waits for its thread."""
        return nullcontext()

    def graph(self, run: Run) -> AbstractContextManager[None]:
        """Surround the time in which the graph of a run works."""
        return nullcontext()

    def config(self, run: Run, config: dict[str, Any]) -> dict[str, Any]:
        """Return the config that the graph is run with: with more metadata or callbacks, say."""
        return config

    def event(self, run: Run, event: Event) -> None:
        """See one event that the client is told."""
