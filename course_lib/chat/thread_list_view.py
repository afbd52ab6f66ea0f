"""The list of threads on the screen: two lines for each, to choose, rename and delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from course_lib.chat.message_keys import message_keys
from course_lib.display import joined_script

if TYPE_CHECKING:
    from course_lib.chat.events import ThreadLoaded
    from course_lib.persistence import Thread

HERE = Path(__file__).parent


class ThreadListView(anywidget.AnyWidget):
    """The rows of a `ThreadList`.

    Args:
        act: is called with what the person did, as the browser sent it.
    """

    _esm = joined_script(HERE / "dom.js", HERE / "clock.js", HERE / "threads.js")
    _css = joined_script(HERE / "side.css", HERE / "threads.css")

    rows = traitlets.List().tag(sync=True)
    current = traitlets.Unicode("").tag(sync=True)
    deleted = traitlets.Unicode("").tag(sync=True)
    notice = traitlets.Unicode("").tag(sync=True)

    def __init__(self, act: Callable[[Mapping[str, Any]], object]) -> None:
        super().__init__()
        self._act = act
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return "A list of threads: run this notebook in JupyterLab to choose one."

    def _on_message(self, widget: Any, content: Mapping[str, Any], buffers: Any) -> None:
        self._act(content)


def thread_rows(
    threads: Sequence[Thread], turns: Mapping[str, int], running: set[str]
) -> list[dict[str, Any]]:
    """Return what the browser needs of each thread.

    Args:
        threads: in the order of the list.
        turns: how many turns they have, by id, where that is known.
        running: ids of those on which a run has not ended.

    Returns:
        A dict for each. Threads of one title have a `number`, the oldest of them 1.
    """
    numbers: dict[str, int] = {}
    seen: dict[str, int] = {}
    for thread in sorted(threads, key=lambda each: each.created_at):
        numbers[thread.id] = seen[thread.title] = seen.get(thread.title, 0) + 1
    return [
        {
            "id": thread.id,
            "title": thread.title,
            "number": numbers[thread.id],
            "turns": turns.get(thread.id),
            "time": thread.active_at,
            "running": thread.id in running,
        }
        for thread in threads
    ]


def count_turns(thread: ThreadLoaded) -> int:
    """Return how many messages of a person a thread holds.

    Args:
        thread: as it was read.
    """
    keys = zip(message_keys(thread.messages), thread.messages, strict=True)
    return sum(each.type == "human" and key not in thread.graph_written for key, each in keys)
