"""A field of the state that is read before anything has been written to it."""

from __future__ import annotations

import ast
import linecache
import re
import traceback
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType

    from langgraph.graph.state import CompiledStateGraph

TASK_NOTE = re.compile(r"During task with name '(.*?)' and id")
"""LangGraph adds this line to an error; it names the node."""


def state_fields(graph: CompiledStateGraph) -> frozenset[str]:
    """Return the names of all fields that the states of a graph and of its subgraphs have.

    Args:
        graph: compiled.
    """
    graphs = [graph]
    try:
        graphs += [inner for _, inner in graph.get_subgraphs(recurse=True)]
    except Exception:  # noqa: BLE001  whatever a graph's nodes do when they are looked into
        graphs = [graph]
    schemas = [getattr(getattr(each, "builder", None), "schemas", {}) for each in graphs]
    return frozenset(name for each in schemas for fields in each.values() for name in fields)


def missing_field(error: BaseException | None, fields: frozenset[str]) -> str:
    """Say which field of the state was read too early, by which node, and what to change.

    A state that is a `TypedDict` is a dictionary, so reading a field that nobody has written yet
    raises a `KeyError` that names the field and nothing else.

    Args:
        error: what a run raised.
        fields: the names of the fields of the graph's states.

    Returns:
        Two sentences; empty where the error has another cause.
    """
    if not isinstance(error, KeyError) or len(error.args) != 1:
        return ""
    (name,) = error.args
    if name not in fields or not _is_read_from_state(error.__traceback__, name, fields):
        return ""
    notes = (TASK_NOTE.search(note) for note in getattr(error, "__notes__", ()))
    node = next((found[1] for found in notes if found), None)
    who = "a conditional edge of START" if node == "__start__" else f"the node {node!r}"
    who = who if node else "a node"
    return (
        f"The state has no value in the field {name!r} yet, and {who} reads it. The chat sends "
        f"messages only, so add a first node that returns a default for {name!r}."
    )


def _is_read_from_state(trace: TracebackType | None, name: str, fields: frozenset[str]) -> bool:
    """Whether the line that raised read a state, and not another dictionary with the same key."""
    if trace is None:
        return False
    while trace.tb_next is not None:
        trace = trace.tb_next
    frame = trace.tb_frame
    match _read_expression(trace):
        case ast.Subscript(value=ast.Name(id=variable)):  # as in state["city"]
            return _is_state({**frame.f_globals, **frame.f_locals}.get(variable), name, fields)
        case ast.Subscript():  # as in data["x"]["city"]
            return False
    return any(each and _is_state(each, name, fields) for each in frame.f_locals.values())


def _read_expression(trace: TracebackType) -> ast.expr | None:
    """The expression that raised; None where its source is not at hand, or on several lines."""
    (where,) = traceback.extract_tb(trace)
    if where.lineno is None or where.lineno != where.end_lineno:
        return None
    line = linecache.getline(where.filename, where.lineno).encode()
    code = line[where.colno : where.end_colno].decode(errors="replace")  # they count bytes
    try:
        return ast.parse(code.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _is_state(value: Any, name: str, fields: frozenset[str]) -> bool:
    return isinstance(value, dict) and name not in value and fields.issuperset(value)
