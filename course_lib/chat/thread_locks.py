"""Who else is on a thread: several controllers on one thread of one saver take turns.

LangGraph lets two runs write to one thread at the same time, and their checkpoints mix. Inside
one kernel a lock prevents it; between kernels the controller reads the thread before each run.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from course_lib.chat.controller import ChatController


class Room:
    """All controllers on one thread of one saver.

    Args:
        turn: is held by the one whose run is under way.
        members: everybody who reads this thread.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.members: WeakSet[ChatController] = WeakSet()


_rooms: WeakKeyDictionary[BaseCheckpointSaver[Any], dict[str, Room]] = WeakKeyDictionary()


def room_of(saver: BaseCheckpointSaver[Any], thread_id: str) -> Room:
    """Return the room of a thread, the same one for everybody who asks."""
    return _rooms.setdefault(saver, {}).setdefault(thread_id, Room())
