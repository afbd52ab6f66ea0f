"""The checkpoint tree to click through: choose a checkpoint, see its state, fork from it.

Made by `show_tree`. The browser gets text and numbers only; `tree.js` draws.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from course_lib.display.tables import summary_line

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from course_lib.persistence import Checkpoint, CheckpointTree

HERE = Path(__file__).parent


class TreeView(anywidget.AnyWidget):
    """A tree on display.

    Args:
        tree: what to draw.
        graph: the graph of the thread, to look states up in; None to draw only.
        choose: is called with the checkpoint that was chosen, instead of looking its state up.
    """

    _esm = HERE / "tree.js"
    _css = HERE / "tree.css"

    rows = traitlets.List().tag(sync=True)
    branches = traitlets.List().tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    detail = traitlets.Unicode("").tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    invitation = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        tree: CheckpointTree,
        graph: CompiledStateGraph | None = None,
        *,
        choose: Callable[[Checkpoint], object] | None = None,
    ) -> None:
        invitation = "Choose a checkpoint to see its state (click, or arrow keys and Enter)."
        hint = "Fork from here: run the graph with view.config"
        if choose is not None:
            invitation = "Choose a checkpoint, and the chat goes back to it."
            hint = "The chat shows this checkpoint. What you send goes on from here."
        super().__init__(hint=hint, invitation=invitation)
        self.graph = graph
        self.choose = choose
        self._showing = False
        self.show(tree)
        self.observe(self._look_up, names="selected")

    def show(self, tree: CheckpointTree, at: str | None = None) -> None:
        """Draw another tree, or the same one grown.

        Args:
            tree: what to draw.
            at: id of the checkpoint to mark; None for none.
        """
        self.tree = tree
        self._each = list(tree.checkpoints.values())
        number = {each.id: n for n, each in enumerate(self._each)}
        names = list(dict.fromkeys(each.branch for each in self._each))
        rows = [
            {
                "parent": number.get(each.parent, -1),
                "branch": names.index(each.branch),
                "source": each.source,
                "label": _label(n, each) if self.choose is None else _short(each),
                "full": _label(n, each) + (f": {summary_line(each.said)}" if each.said else ""),
            }
            for n, each in enumerate(self._each)
        ]
        self._showing = True
        with self.hold_sync():
            self.branches, self.rows = names, rows
            self.selected = number.get(at, -1)
        self._showing = False

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that was chosen, or the newest."""
        chosen = 0 <= self.selected < len(self._each)
        return self._each[self.selected] if chosen else self.tree.newest

    @property
    def config(self) -> dict[str, Any]:
        """What to run a graph with, to fork from the chosen checkpoint."""
        return dict(self.checkpoint.config)

    def __repr__(self) -> str:
        return tree_text(self.tree)

    def _look_up(self, change: Any) -> None:
        if self._showing:
            return
        if self.choose is not None:
            self.choose(self.checkpoint)
            self.detail = ""
            return
        if self.graph is None:
            self.detail = "Hand the graph over to see the state: show_tree(tree, graph)."
            return
        values = self.graph.get_state(self.config).values
        lines = [
            f"{name}: {line}"
            for name, value in values.items()
            for line in (
                [summary_line(m) for m in value] if name == "messages" else [summary_line(value)]
            )
        ]
        self.detail = "\n".join(lines) or "(an empty state)"


def tree_text(tree: CheckpointTree) -> str:
    """Draw a tree as text: a row for each checkpoint, oldest first, its branch by its place."""
    each = list(tree.checkpoints.values())
    number = {checkpoint.id: n for n, checkpoint in enumerate(each, 1)}
    names = list(dict.fromkeys(checkpoint.branch for checkpoint in each))
    lines = []
    for n, checkpoint in enumerate(each, 1):
        marks = ["o" if name == checkpoint.branch else "." for name in names]
        parent = number.get(checkpoint.parent)
        came = f" (from {parent})" if parent and parent != n - 1 else ""
        lines.append(f"{' '.join(marks)}  {_label(n - 1, checkpoint)}{came}")
    heading = [f"branches: {', '.join(names)}"] if len(names) > 1 else []
    return "\n".join([*heading, *lines]) or "(no checkpoints)"


def _label(n: int, checkpoint: Checkpoint) -> str:
    what = ", ".join(checkpoint.nodes) or checkpoint.source
    wrote = f" wrote {', '.join(checkpoint.changed)}" if checkpoint.changed else ""
    return f"{n + 1:>2}  step {checkpoint.step}: {what}{wrote}"


def _short(checkpoint: Checkpoint) -> str:
    """What a reader of the chat knows a checkpoint by: the words that came in, or the node."""
    if checkpoint.said:
        return f'"{checkpoint.said}"'
    return ", ".join(checkpoint.nodes) or checkpoint.source
