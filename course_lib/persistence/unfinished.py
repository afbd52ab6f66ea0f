"""Whether the last run of a thread broke off: it was killed, stopped, or stands at a breakpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from langgraph.types import StateSnapshot


def unfinished_step(state: StateSnapshot) -> tuple[str, ...]:
    """Return the nodes of the step in which the last run of a thread broke off.

    `state.next` leaves out the nodes whose writes are stored already. A process that is killed
    between the writes of a step and the checkpoint behind it leaves `next` empty, although the
    steps behind it have not run. `state.tasks` holds every node of the step until that checkpoint
    is stored. A run continues there with None as its input.

    Args:
        state: the thread as `get_state` reads it, from a graph of this process or of a server.

    Returns:
        Names of nodes, with those whose writes are stored. Empty where the run reached its end, and
        where it waits for the answer to a question.
    """
    return () if state.interrupts else tuple(task.name for task in state.tasks)
