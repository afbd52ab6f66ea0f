"""The graph beside the chat, with the node that runs lit."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import anywidget
import traitlets
from langchain_core.runnables.graph import Graph

from course_lib.chat.events import (
    Event,
    NodeEnded,
    NodeStarted,
    RunEnded,
    RunStarted,
    ThreadLoaded,
)
from course_lib.display import NODE_LABELS, SVG, joined_script

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

HERE = Path(__file__).parent


class GraphView(anywidget.AnyWidget):
    """A drawing of a graph that follows its runs.

    Args:
        graph: what to draw.
    """

    _esm = joined_script(SVG, HERE / "graph.js")
    _css = HERE / "graph.css"

    nodes = traitlets.List().tag(sync=True)
    edges = traitlets.List().tag(sync=True)
    states = traitlets.Dict().tag(sync=True)

    def __init__(self, graph: CompiledStateGraph) -> None:
        try:
            drawn = graph.get_graph()
        except Exception:  # a graph that cannot be drawn can still be chatted with
            logging.getLogger(__name__).exception("the graph could not be drawn")
            drawn = Graph()
        edges = [(edge.source, edge.target, edge.conditional) for edge in drawn.edges]
        ranks = layers(list(drawn.nodes), [edge[:2] for edge in edges])
        rows: dict[int, list[str]] = {}
        for node, rank in ranks.items():
            rows.setdefault(rank, []).append(node)
        nodes = [
            {
                "name": node,
                "label": NODE_LABELS.get(node, node),
                "row": rank,
                "column": rows[rank].index(node),
                "of": len(rows[rank]),
            }
            for node, rank in ranks.items()
        ]
        super().__init__(nodes=nodes, edges=[list(edge) for edge in edges])

    def __repr__(self) -> str:
        return "A drawing of the graph: run this notebook in JupyterLab to see it."

    def handle(self, event: Event) -> None:
        """Mark the nodes that run."""
        match event:
            case RunStarted():
                self.states = {}
            case NodeStarted(node=node, path=path):
                self.states = {**self.states, (path[0] if path else node): "running"}
            case NodeEnded(node=node, path=()):
                state = "failed" if event.error else "waiting" if event.interrupted else "done"
                self.states = {**self.states, node: state}
            case RunEnded(thread=thread) | (ThreadLoaded() as thread):
                left = {k: v for k, v in self.states.items() if v not in ("running", "waiting")}
                left = left if isinstance(event, RunEnded) else {}
                self.states = {**left, **{node: "waiting" for node in thread.next}}


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
    if "__end__" in rows:  # END stands below everything, whatever leads there early
        rows["__end__"] = 1 + max(row for node, row in rows.items() if node != "__end__")
    return rows
