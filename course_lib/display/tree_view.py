"""The checkpoint tree to click through: choose a checkpoint, see its state, fork from it.

Made by `show_tree`. The browser gets text and numbers only; `tree.js` draws.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from course_lib.display.graphs import check_compiled
from course_lib.display.output import display_output
from course_lib.display.scripts import SVG, joined_script
from course_lib.display.values import as_fields, is_message, summary_line
from course_lib.persistence import CheckpointTree

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from course_lib.persistence import Checkpoint, CheckpointTree

HERE = Path(__file__).parent


class TreeView(anywidget.AnyWidget):
    """A tree on display.

    Args:
        tree: what to draw.
        graph: the graph of the thread, to look states up in; None to draw only.
    """

    _esm = joined_script(SVG, HERE / "tree.js")
    _css = HERE / "tree.css"

    rows = traitlets.List().tag(sync=True)
    branches = traitlets.List().tag(sync=True)
    selected = traitlets.Int(-1).tag(sync=True)
    detail = traitlets.Unicode("").tag(sync=True)

    def __init__(self, tree: CheckpointTree, graph: CompiledStateGraph | None = None) -> None:
        self.tree = tree
        self.graph = graph
        self._each = list(tree.checkpoints.values())
        number = {each.id: n for n, each in enumerate(self._each)}
        names = list(dict.fromkeys(each.branch for each in self._each))
        rows = [
            {
                "parent": number.get(each.parent, -1),
                "branch": names.index(each.branch),
                "source": each.source,
                "label": _label(n, each),
                "full": _label(n, each) + (f": {summary_line(each.said)}" if each.said else ""),
            }
            for n, each in enumerate(self._each)
        ]
        super().__init__(rows=rows, branches=names)
        self.observe(self._look_up, names="selected")

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
        if self.graph is None:
            self.detail = "Hand the graph over to see the state: show_tree(tree, graph)."
            return
        self._show_detail(self.graph)

    def _show_detail(self, graph: CompiledStateGraph) -> None:
        """Look the chosen state up, on the running event loop where the saver needs one."""
        config = self.config
        try:
            self.detail = _detail(graph.get_state(config).values)
        except Exception as error:  # noqa: BLE001  an asynchronous saver raises several types
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self.detail = f"This state cannot be read: {type(error).__name__}: {error}"
                return
            self.detail = "..."
            self._lookup = loop.create_task(self._show_detail_later(graph, config))

    async def _show_detail_later(self, graph: CompiledStateGraph, config: dict[str, Any]) -> None:
        try:
            detail = _detail((await graph.aget_state(config)).values)
        except Exception as error:  # noqa: BLE001  whatever a saver raises
            detail = f"This state cannot be read: {type(error).__name__}: {error}"
        if config == self.config:  # else another checkpoint was chosen meanwhile
            self.detail = detail


def show_tree(tree: CheckpointTree, graph: CompiledStateGraph | None = None) -> TreeView:
    """Draw a checkpoint tree; in JupyterLab, choose a checkpoint to see its state.

    Args:
        tree: what to draw.
        graph: the graph of the thread, to look states up in.

    Returns:
        The view. Its `config` names the chosen checkpoint (the newest until one is chosen): run
        the graph with it to fork from there.

    Raises:
        TypeError: something else than a tree, or than a compiled graph, was handed over.
    """
    if not isinstance(tree, CheckpointTree):
        raise TypeError(
            f"show_tree takes a CheckpointTree, and this is a {type(tree).__name__}. Hand over "
            "CheckpointTree.from_graph(graph, config)."
        )
    if graph is not None:
        check_compiled(graph, "show_tree", ("get_state",))
    view = TreeView(tree, graph)
    display_output(view)
    return view


def _detail(values: Any) -> str:
    lines = []
    for name, value in as_fields(values).items():
        several = isinstance(value, list) and value and all(map(is_message, value))
        lines += [f"{name}: {summary_line(each)}" for each in (value if several else [value])]
    return "\n".join(lines) or "(an empty state)"


def tree_text(tree: CheckpointTree) -> str:
    """Draw a tree as text: a row for each checkpoint, oldest first, its branch by its place."""
    each = list(tree.checkpoints.values())
    number = {checkpoint.id: n for n, checkpoint in enumerate(each, 1)}
    names = list(dict.fromkeys(checkpoint.branch for checkpoint in each))
    lines = []
    for n, checkpoint in enumerate(each, 1):
        marks = ["o" if name == checkpoint.branch else "." for name in names]
        parent = number.get(checkpoint.parent)
        came = f" (from row {parent})" if parent and parent != n - 1 else ""
        lines.append(f"{' '.join(marks)}  {_label(n - 1, checkpoint)}{came}")
    heading = [f"branches: {', '.join(names)}"] if len(names) > 1 else []
    return "\n".join([*heading, *lines]) or "(no checkpoints)"


def _label(n: int, checkpoint: Checkpoint) -> str:
    if checkpoint.source == "fork":  # a copy or a replay: what its original wrote did not run again
        return f"{n + 1:>2}  step {checkpoint.step}: fork"
    what = ", ".join(checkpoint.nodes) or checkpoint.source
    wrote = f" wrote {', '.join(checkpoint.changed)}" if checkpoint.changed else ""
    return f"{n + 1:>2}  step {checkpoint.step}: {what}{wrote}"
