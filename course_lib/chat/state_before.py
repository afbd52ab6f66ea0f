"""The state of a thread as it was before the last thing that a person said."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.chat.events import ThreadLoaded
    from course_lib.chat.graph_access import GraphAccess


async def state_before_turn(access: GraphAccess, thread: ThreadLoaded) -> Mapping[str, Any] | None:
    """Read the state at the checkpoint before the last person's message.

    Args:
        access: the graph.
        thread: as it was read.

    Returns:
        The values by field; None where no person has spoken, or nothing from before is stored.
    """
    key = thread.last_person_key
    if not key or thread.checkpoint_id is None:
        return None
    named = {"thread_id": thread.thread_id, "checkpoint_id": thread.checkpoint_id}
    try:
        before = await access.before({"configurable": {**named, "checkpoint_ns": ""}}, key)
        return (await access.snapshot(before)).values
    except LookupError:
        return None
    except Exception as error:  # the state now can still be shown
        log = logging.getLogger(__name__)
        log.debug("the state before the turn could not be read", exc_info=error)
        return None
