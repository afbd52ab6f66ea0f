"""The saver of a graph, or what to hand over where there is none to read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver


def saver_of(graph: Any, where: str) -> BaseCheckpointSaver[Any]:
    """Return the saver that a graph was compiled with.

    Args:
        graph: what was handed over.
        where: name of the function that was called.

    Raises:
        TypeError: it is no compiled graph of this process.
        ValueError: it has no saver of its own.
    """
    kind = type(graph).__name__
    if not hasattr(graph, "checkpointer"):
        if hasattr(graph, "compile"):
            raise TypeError(
                f"{where} takes a compiled graph, and this {kind} was not compiled. Hand over what "
                "graph.compile(checkpointer=InMemorySaver()) returns."
            )
        if hasattr(graph, "assistant_id"):
            raise TypeError(
                f"{where} reads the saver of a graph in this process, and the checkpoints of this "
                f"{kind} are on a server. Ask the server for them: graph.get_state_history(config)."
            )
        raise TypeError(
            f"{where} takes a compiled graph, and this is a {kind}. Hand over what "
            "StateGraph(...).compile(checkpointer=InMemorySaver()) returns."
        )
    if not graph.checkpointer or isinstance(graph.checkpointer, bool):
        raise ValueError(
            f"This graph has no checkpointer, so {where} finds no history. Compile it with one: "
            "compile(checkpointer=InMemorySaver())."
        )
    return graph.checkpointer
