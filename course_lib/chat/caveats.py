"""What the chat cannot do well on a graph, shown before anything is sent."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from langgraph.constants import START

from course_lib.chat.message_field import refused_kind

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


def caveats_of(graph: CompiledStateGraph, *, keeps_history: bool) -> tuple[str, ...]:
    """Return what the chat cannot do well on a graph, in whole sentences with the remedy.

    Args:
        graph: compiled, with `messages` in its state.
        keeps_history: whether a write to `messages` leaves the earlier messages in place.
    """
    found = []
    if kind := refused_kind(graph):
        found.append(
            f"The field 'messages' of this graph is declared as {kind}, and the chat writes a list "
            "of messages into it, so your first message may end in an error. Declare the field as "
            "Annotated[list[AnyMessage], add_messages]."
        )
    elif not keeps_history:
        found.append(
            "The field 'messages' of this graph has no reducer, so every write replaces all of it. "
            "The chat sends the earlier messages along with yours. Declare the field as "
            "Annotated[list[AnyMessage], add_messages] to keep them without that."
        )
    builder = getattr(graph, "builder", None)
    schema = getattr(builder, "input_schema", None)
    if builder is not None and "messages" not in builder.schemas.get(schema, ("messages",)):
        found.append(
            f"The input schema of this graph, {schema.__name__}, has no field 'messages', so the "
            "graph does not get what you send. Add the field to that schema."
        )
    if needed := sorted(_needed_at_first(builder)):
        found.append(
            f"This graph cannot begin with messages alone: its state also needs "
            f"{', '.join(map(repr, needed))}. Give every such field a default."
        )
    if own := sorted(_with_memory(graph)):
        found.append(
            f"A part of this graph keeps a memory of its own ({', '.join(map(repr, own))}), and "
            "LangGraph does not take that back: after Edit, Try again or going back it still "
            "knows what was said. Compile it without checkpointer=True to have it forget."
        )
    return tuple(found)


def _needed_at_first(builder: Any) -> set[str]:
    """The fields without a default in the states that the first nodes get.

    LangGraph checks a Pydantic model or a dataclass when it calls a node, and no `TypedDict`.
    """
    if builder is None:
        return set()
    first = {target for source, target in builder.edges if source == START}
    schemas = [builder.nodes[name].input_schema for name in first if name in builder.nodes]
    if START in builder.branches:
        schemas.append(builder.state_schema)
    return {name for schema in schemas for name in _required(schema)} - {"messages"}


def _required(schema: Any) -> Iterator[str]:
    if dataclasses.is_dataclass(schema):
        for field in dataclasses.fields(schema):
            if field.default is field.default_factory is dataclasses.MISSING and field.init:
                yield field.name
        return
    for name, field in getattr(schema, "model_fields", {}).items():
        if field.is_required():
            yield name


def subgraphs_of(graph: CompiledStateGraph) -> list[tuple[str, Any]]:
    """Return the graphs inside a graph with their names, at every depth, as far as it tells."""
    try:
        return list(graph.get_subgraphs(recurse=True))
    except Exception:  # noqa: BLE001  whatever a graph's nodes do when they are looked into
        return []


def _with_memory(graph: CompiledStateGraph) -> list[str]:
    """The subgraphs that keep their state from one run to the next."""
    return [name for name, each in subgraphs_of(graph) if each.checkpointer]
