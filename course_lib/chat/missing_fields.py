"""What a node reads and nobody gave: a field of the state, or of the run's context."""

from __future__ import annotations

import ast
import linecache
import re
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.constants import START
from pydantic import ValidationError

if TYPE_CHECKING:
    from types import TracebackType

    from langgraph.graph.state import CompiledStateGraph

TASK_NOTE = re.compile(r"During task with name '(.*?)' and id")
"""LangGraph adds this line to an error; it names the node."""


STORE_METHODS = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "a")
    for name in ("get", "put", "search", "delete", "list_namespaces", "batch")
)
"""What a graph calls on its store."""

UNKNOWN_FIELD = re.compile(
    r"(?P<schema>.+)\.__init__\(\) got an unexpected keyword argument '(?P<name>\w+)'.*"
)
"""How a dataclass says that it has no such field."""

THREAD = "thread_id"
"""A key that the `configurable` part of a run's configuration always has."""


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
    who = "a conditional edge of START" if node == START else f"the node {node!r}"
    who = who if node else "a node"
    return (
        f"The state has no value in the field {name!r} yet, and {who} reads it. The chat sends "
        f"messages only, so add a first node that returns a default for {name!r}."
    )


def missing_configurable(error: BaseException | None) -> str:
    """Say which value of the run's configuration nobody gave, and where to give it.

    Args:
        error: what a run raised.

    Returns:
        Two sentences; empty where the error has another cause.
    """
    if not isinstance(error, KeyError) or error.__traceback__ is None:
        return ""
    trace = _innermost(error.__traceback__)
    match _read_expression(trace):
        case ast.Subscript(value=ast.Name(id=variable), slice=ast.Constant(value=name)):
            read = trace.tb_frame.f_locals.get(variable)
            if variable != "configurable" and not (isinstance(read, dict) and THREAD in read):
                return ""
        case ast.Subscript(
            value=ast.Subscript(slice=ast.Constant(value="configurable")),
            slice=ast.Constant(value=name),
        ):
            pass
        case _:
            return ""
    if error.args != (name,):
        return ""
    return (
        f"This graph reads {name!r} from the configuration, and was not given it. Give it when you "
        f"make the panel: ChatPanel(graph, configurable={{{name!r}: ...}})."
    )


def missing_store(error: BaseException | None, *, has_store: bool) -> str:
    """Say that a graph reads a store and has none, and where to give it.

    Args:
        error: what a run raised.
        has_store: whether the graph was compiled with a store.

    Returns:
        Two sentences; empty where the error has another cause.
    """
    if has_store or not isinstance(error, AttributeError) or error.obj is not None:
        return ""
    trace = error.__traceback__
    read = _read_expression(_innermost(trace)) if trace is not None else None
    if error.name not in STORE_METHODS or read is None or "store" not in ast.unparse(read):
        return ""
    return (
        "This graph reads a store, and was compiled without one. Give it when you compile the "
        "graph: builder.compile(checkpointer=..., store=InMemoryStore())."
    )


def missing_context(error: BaseException | None, schema: type | None, context: Any) -> str:
    """Say which fields of the context nobody gave, and where to give them.

    Args:
        error: what a run raised.
        schema: the graph's context schema, None where it has none.
        context: what the run was given as its context.

    Returns:
        Two sentences; empty where the error has another cause.
    """
    given = context if isinstance(context, Mapping) else {}
    if error is not None and schema is None and context is None and _reads_context(error):
        return (
            "This graph reads a context, and was not given one. Declare what it holds, with "
            "StateGraph(State, context_schema=...), and give it when you make the panel: "
            "ChatPanel(graph, context={...})."
        )
    if error is None or schema is None or (context is not None and not isinstance(context, dict)):
        return ""
    if (unknown := _unknown_context_field(error, schema)) is not None:
        fields = ", ".join(repr(each) for each in getattr(schema, "__annotations__", {}))
        return (
            f"The context of this graph has no field {unknown!r}. It has {fields}. Correct the "
            "name where you make the panel, in ChatPanel(graph, context=...)."
        )
    names = [name for name in _context_fields_in(error, schema, context) if name not in given]
    if not names:
        return ""
    shown = " and ".join(repr(name) for name in names)
    example = ", ".join(f"{name!r}: ..." for name in names)
    return (
        f"This graph needs {shown} in its context, and was not given it. Give it when you make the "
        f"panel: ChatPanel(graph, context={{{example}}})."
    )


def _reads_context(error: BaseException) -> bool:
    """Whether an error comes of reading something of a context that is None."""
    if not isinstance(error, (TypeError, AttributeError)) or error.__traceback__ is None:
        return False
    read = _read_expression(_innermost(error.__traceback__))
    return (
        "'NoneType' object" in str(error)
        and isinstance(read, (ast.Subscript, ast.Attribute, ast.Call))
        and "context" in ast.unparse(read)
    )


def _unknown_context_field(error: BaseException, schema: type) -> str | None:
    """The name of a value that was given for a field which a context schema does not have."""
    found = UNKNOWN_FIELD.fullmatch(str(error)) if isinstance(error, TypeError) else None
    own = {each.__qualname__ for each in schema.__mro__}
    return found["name"] if found and found["schema"] in own else None


def _context_fields_in(error: BaseException, schema: type, context: Any) -> Sequence[str]:
    """The fields of a context schema that an error complains about."""
    schemas = schema.__mro__  # a node may make one that the schema is built on
    if isinstance(error, ValidationError):  # the schema is a Pydantic model
        missing = [each["loc"] for each in error.errors() if each["type"] == "missing"]
        is_its = error.title in {each.__name__ for each in schemas}
        return [str(loc[0]) for loc in missing] if is_its else []
    begins = tuple(f"{each.__qualname__}.__init__() missing" for each in schemas)  # a dataclass
    if isinstance(error, TypeError) and str(error).startswith(begins):
        return re.findall(r"'(\w+)'", str(error))
    declared = {name for each in schema.__mro__ for name in getattr(each, "__annotations__", {})}
    name: Any = None
    if isinstance(error, AttributeError) and context is None and error.obj is None:
        name = error.name
    elif isinstance(error, (KeyError, TypeError)) and error.__traceback__ is not None:
        match _read_expression(_innermost(error.__traceback__)):
            case ast.Subscript(value=read, slice=ast.Constant(value=name)):
                name = name if "context" in ast.unparse(read) else None
    return [name] if name in declared else []


def _is_read_from_state(trace: TracebackType | None, name: str, fields: frozenset[str]) -> bool:
    """Whether the line that raised read a state, and not another dictionary with the same key."""
    if trace is None:
        return False
    trace = _innermost(trace)
    frame = trace.tb_frame
    match _read_expression(trace):
        case ast.Subscript(value=ast.Name(id=variable)):  # as in state["city"]
            return _is_state({**frame.f_globals, **frame.f_locals}.get(variable), name, fields)
        case ast.Subscript():  # as in data["x"]["city"]
            return False
    return any(each and _is_state(each, name, fields) for each in frame.f_locals.values())


def _innermost(trace: TracebackType) -> TracebackType:
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace


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
