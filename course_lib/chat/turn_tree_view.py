"""The turns of a thread beside the chat; choosing one, or a step of it, goes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course_lib.chat.turn_tree import step_label, turns_of
from course_lib.display import joined_script
from course_lib.display.values import shorten
from course_lib.persistence import CheckpointTree

HERE = Path(__file__).parent

EMPTY = "Nothing has been said yet. Each message will have a row here, with the steps it led to."
INVITATION = "Choose a turn or a step, and the chat goes back to it."


class TurnTreeView(anywidget.AnyWidget):
    """A row for each turn, which opens to its steps.

    Args:
        choose: is called with the id of the checkpoint that the person chose.
    """

    _esm = joined_script(HERE / "dom.js", HERE / "clock.js", HERE / "turn_tree.js")
    _css = joined_script(HERE / "side.css", HERE / "turn_tree.css")

    turns = traitlets.List().tag(sync=True)
    here = traitlets.Unicode("").tag(sync=True)
    heading = traitlets.Unicode(EMPTY).tag(sync=True)

    def __init__(self, choose: Callable[[str], object]) -> None:
        super().__init__()
        self._choose = choose
        self.on_msg(self._on_message)

    def __repr__(self) -> str:
        return "The turns of the chat: run this notebook in JupyterLab to see them."

    def show(self, tree: CheckpointTree, at: str | None = None) -> None:
        """Show another tree, or the same one grown.

        Args:
            tree: of the thread.
            at: id of the checkpoint where the chat stands; None for the newest.
        """
        here = at if at in tree.checkpoints else tree.newest.id if len(tree) else ""
        turns = [
            {
                "said": shorten(turn.said, 200),
                "depth": turn.depth,
                "branch": turn.branch,
                "active": turn.active,
                "time": turn.steps[0].created_at,
                "steps": [
                    {
                        "id": step.id,
                        "label": shorten(step_label(step), 200),
                        "wrote": shorten(", ".join(step.changed), 200),
                    }
                    for step in turn.steps
                ],
            }
            for turn in turns_of(tree, here)
        ]
        with self.hold_sync():
            self.turns, self.here = turns, here
            self.heading = INVITATION if turns else EMPTY

    def _on_message(self, widget: Any, content: Mapping[str, Any], buffers: Any) -> None:
        match content:
            case {"kind": "go", "id": str(checkpoint_id)}:
                self._choose(checkpoint_id)
