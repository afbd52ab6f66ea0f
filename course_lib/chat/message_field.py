"""The field `messages` of a graph's state: what it may hold, and what its reducer does."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from langgraph.channels import LastValue
from langgraph.errors import EmptyChannelError
from typing_extensions import is_typeddict

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


def _declared(graph: CompiledStateGraph) -> Any:
    """The type that the state declares for its messages; `Any` where that cannot be found out."""
    schema = getattr(getattr(graph, "builder", None), "state_schema", None)
    try:
        return typing.get_type_hints(schema)["messages"]
    except Exception:  # noqa: BLE001  hints that name what is not there raise anything
        return Any


def holds_dicts(graph: CompiledStateGraph) -> bool:
    """Return whether the state declares its messages as dictionaries, as in `list[dict]`."""
    (item,) = typing.get_args(_declared(graph))[:1] or (None,)
    item = typing.get_origin(item) or item
    return isinstance(item, type) and issubclass(item, dict)


def refused_kind(graph: CompiledStateGraph) -> str:
    """Return the name of the type of `messages` where it does not take a list of messages.

    Args:
        graph: compiled, with `messages` in its state.

    Returns:
        Such as `dict`; empty where the field takes a list. A reducer that takes a list and makes
        something else of it does.
    """
    from langchain_core.messages import HumanMessage

    declared = _declared(graph)
    if _takes_list(declared):
        return ""
    channel = graph.channels["messages"]
    if not isinstance(channel, LastValue):  # which would take anything
        try:
            channel.copy().update([[HumanMessage("trial", id="trial")]])
        except Exception:  # noqa: BLE001  a reducer may raise anything
            return _name(declared)
        return ""
    return _name(declared)


def _takes_list(declared: Any) -> bool:
    """Whether a list is one of the values that a type allows, as far as that can be told."""
    origin = typing.get_origin(declared) or declared
    if origin in (typing.Union, types.UnionType):
        return any(_takes_list(each) for each in typing.get_args(declared))
    if is_typeddict(origin):
        return False
    try:
        return not isinstance(origin, type) or issubclass(origin, list) or issubclass(list, origin)
    except TypeError:  # a protocol that cannot be looked into
        return True


def _name(declared: Any) -> str:
    origin = typing.get_origin(declared) or declared
    if origin in (typing.Union, types.UnionType):
        return " | ".join(_name(each) for each in typing.get_args(declared))
    return str(getattr(origin, "__name__", origin))


def reducer_kind(channel: Any) -> tuple[bool, bool]:
    """Find out by a trial what the channel of `messages` does with a second write.

    Returns:
        Whether the first message is still there, and whether a message with a known id replaces
        the one before.
    """
    from langchain_core.messages import HumanMessage

    first, second = HumanMessage("first", id="one"), HumanMessage("second", id="two")
    try:
        trial = channel.copy()
        trial.update([[first]])
        trial.update([[second]])
        both = len(trial.get()) == 2
        trial.update([[HumanMessage("again", id="two")]])
        return both, both and len(trial.get()) == 2
    except (EmptyChannelError, TypeError, ValueError, AttributeError, KeyError, IndexError):
        return True, False  # a reducer for messages of another form
