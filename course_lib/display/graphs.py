"""A graph as a drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from langgraph.constants import END, START

from course_lib.display.output import DisplayOutput, display_output

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

FOR_BOTH_THEMES = (
    "%%{init:{'themeVariables':{'lineColor':'grey'},"
    "'themeCSS':'.background{opacity:1!important}'}}%%"
)
"""Draws the arrows in a grey that shows on white and on black, and their labels on a full ground.

JupyterLab draws in the colours of its theme, and does not draw again when the theme is changed. The
boxes with their texts can still be read then; arrows in the theme's own colour cannot be seen.
"""

NODE_LABELS = {START: "START", END: "END"}
"""The names that LangGraph's two nodes of its own have in code."""


def check_compiled(graph: Any, where: str, needs: Sequence[str] = ("get_graph",)) -> None:
    """Refuse a graph that was not compiled.

    Args:
        graph: what was handed over.
        where: name of the function that was called.
        needs: the attributes that the function uses.

    Raises:
        TypeError: it cannot be drawn or run, or runs on a server where it would have to run here.
    """
    if all(hasattr(graph, name) for name in needs):
        return
    if hasattr(graph, "assistant_id"):
        raise TypeError(
            f"{where} takes a graph that runs in this process, and this {type(graph).__name__} "
            "runs on a server. Hand over what StateGraph(...).compile() returns, or read "
            "graph.stream(...)."
        )
    if hasattr(graph, "compile"):
        raise TypeError(
            f"{where} takes a compiled graph, and this {type(graph).__name__} was not compiled. "
            "Hand over what graph.compile() returns."
        )
    raise TypeError(
        f"{where} takes a compiled graph, and this is a {type(graph).__name__}. Hand over what "
        "StateGraph(...).compile() returns."
    )


def show_graph(graph: CompiledStateGraph) -> None:
    """Draw a compiled graph: boxes for nodes, dashed arrows for conditional edges.

    Args:
        graph: what `StateGraph.compile()` returned.

    Raises:
        TypeError: the graph was not compiled, or is no graph.
    """
    check_compiled(graph, "show_graph")
    drawn = graph.get_graph()
    order = {node: i for i, node in enumerate(drawn.nodes)}
    mermaid = [FOR_BOTH_THEMES, "graph TD"]
    for node, n in order.items():
        label = _quoted(NODE_LABELS.get(node, node))
        mermaid.append(f"  n{n}([{label}])" if node in NODE_LABELS else f"  n{n}[{label}]")
    arrows: dict[tuple[str, bool], list[str]] = {}
    for edge in sorted(drawn.edges, key=lambda e: (order[e.source], order[e.target])):
        arrow = "-.->" if edge.conditional else "-->"
        target = NODE_LABELS.get(edge.target, edge.target)
        if edge.data and str(edge.data) != edge.target:
            arrow += f"|{_quoted(str(edge.data))}|"
            target += f" ({edge.data})"
        mermaid.append(f"  n{order[edge.source]} {arrow} n{order[edge.target]}")
        source = NODE_LABELS.get(edge.source, edge.source)
        arrows.setdefault((source, edge.conditional), []).append(target)
    lines = [
        f"{source} {'-?->' if conditional else '-->'} {' | '.join(targets)}"
        for (source, conditional), targets in arrows.items()
    ]
    display_output(DisplayOutput("\n".join(lines), "text/vnd.mermaid", "\n".join(mermaid)))


def _quoted(label: str) -> str:
    """A Mermaid label in quotes; a quote inside it would end it."""
    return '"' + label.replace('"', "#quot;") + '"'
