"""The graph beside the chat, with the node that runs lit."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import traitlets
from langchain_core.runnables.graph import Graph
from langgraph.constants import END, START

from course_lib.chat.events import (
    Event,
    NodeEnded,
    NodeStarted,
    RunEnded,
    RunStarted,
    ThreadLoaded,
)
from course_lib.chat.run_path import RunPath
from course_lib.display import NODE_LABELS, SVG, joined_script, summary_line

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

HERE = Path(__file__).parent
SCRIPTS = ("dom.js", "fields.js", "graph_layout.js", "graph.js")


class GraphView(anywidget.AnyWidget):
    """A drawing of a graph that follows its runs.

    Args:
        graph: what to draw.
    """

    _esm = joined_script(SVG, *(HERE / name for name in SCRIPTS))
    _css = joined_script(HERE / "side.css", HERE / "graph.css")

    nodes = traitlets.List().tag(sync=True)
    edges = traitlets.List().tag(sync=True)
    states = traitlets.Dict().tag(sync=True)
    taken = traitlets.List().tag(sync=True)
    selected = traitlets.Unicode("").tag(sync=True)
    detail = traitlets.List().tag(sync=True)

    def __init__(self, graph: CompiledStateGraph) -> None:
        try:
            drawn = graph.get_graph()
        except Exception as error:  # noqa: BLE001  it can still be chatted with
            told = f"{type(error).__name__}: {error}"
            logging.getLogger(__name__).warning("The graph cannot be drawn. %s", told)
            drawn = Graph()
        edges = [(edge.source, edge.target, edge.conditional) for edge in drawn.edges]
        ranks = layers(list(drawn.nodes), [edge[:2] for edge in edges])
        nodes = [
            {"name": node, "label": NODE_LABELS.get(node, node), "row": rank}
            for node, rank in ranks.items()
        ]
        self._path = RunPath(edge[:2] for edge in edges)
        self._writes: dict[str, list[list[str]]] = {}
        super().__init__(nodes=nodes, edges=[list(edge) for edge in edges])
        self.observe(self._show_detail, names="selected")

    def __repr__(self) -> str:
        return "A drawing of the graph: run this notebook in JupyterLab to see it."

    def handle(self, event: Event) -> None:
        """Mark the nodes that run, and the edges that led to them."""
        match event:
            case RunStarted(message=message):
                if message is None:
                    self._path.resume()
                else:
                    self._path.begin()
                    self._writes = {START: [["messages", summary_line(message)]]}
                self.states = {}
            case NodeStarted(task=task, node=node, path=path):
                if not path:
                    self._path.started(task, node)
                self.states = {**self.states, (path[0] if path else node): "running"}
            case NodeEnded(task=task, node=node, path=()):
                self._path.ended(task, finished=not (event.error or event.interrupted))
                state = "failed" if event.error else "waiting" if event.interrupted else "done"
                if not self._path.is_running(node):
                    self.states = {**self.states, node: state}
                self._writes[node] = _written(event)
            case RunEnded(thread=thread, outcome=outcome):
                if outcome == "done":
                    self._path.finish()
                left = {k: v for k, v in self.states.items() if v not in ("running", "waiting")}
                waiting = [node for node in thread.next if left.get(node) != "failed"]
                self.states = {**left, **dict.fromkeys(waiting, "waiting")}
            case ThreadLoaded() as thread:
                self._path.begin()
                self._writes = {}
                self.states = {
                    **dict.fromkeys(thread.unfinished, "done"),  # their writes are stored
                    **dict.fromkeys(thread.next, "waiting"),
                }
            case _:
                return
        self.taken = [list(each) for each in self._path.taken]
        self._show_detail()

    def _show_detail(self, change: object = None) -> None:
        """Tell what the chosen node wrote last, as rows of a field and its value."""
        nothing = [["", "has written nothing since this conversation was opened"]]
        self.detail = self._writes.get(self.selected, nothing) if self.selected else []


def _written(event: NodeEnded) -> list[list[str]]:
    if event.error:
        return [["failed", event.error]]
    if event.interrupted:
        return [["", "waits for an answer"]]
    rows = [[name, summary_line(value)] for name, value in event.update.items()]
    return rows or [["", "wrote nothing"]]


def layers(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Give each node its row: below all that lead to it, with the edges that go back left out.

    Args:
        nodes: in the order they were added.
        edges: source and target.
    """
    following: Mapping[str, list[str]] = {
        node: [target for source, target in edges if source == node] for node in nodes
    }
    order: list[str] = []  # a node comes before all it leads to
    back: set[tuple[str, str]] = set()
    open_: list[str] = []

    def visit(node: str) -> None:
        open_.append(node)
        for target in following[node]:
            if target in open_:
                back.add((node, target))
            elif target not in order:
                visit(target)
        open_.pop()
        order.insert(0, node)

    for node in nodes:
        if node not in order:
            visit(node)
    rows: dict[str, int] = dict.fromkeys(nodes, 0)
    for node in order:
        for target in following[node]:
            if (node, target) not in back:
                rows[target] = max(rows[target], rows[node] + 1)
    if END in rows:  # END stands below everything, whatever leads there early
        rows[END] = 1 + max(row for node, row in rows.items() if node != END)
    return rows
