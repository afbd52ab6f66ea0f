"""The toy engine of appendix A2, for its exercises; a test keeps it equal to the notebook's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Channel:
    """One value, which nodes subscribe to, read and write.

    Args:
        reducer: makes one value of the value and a write; without it there is one write a step.
        value: what the channel holds.
        version: when it was last written, by the clock that all channels share; 0 for never.
    """

    reducer: Any = None
    value: Any = None
    version: int = 0

    def update(self, writes: list[Any]) -> None:
        """Take all writes of a super-step.

        Raises:
            ValueError: there are several, and no reducer.
        """
        if self.reducer is None and len(writes) > 1:
            raise ValueError(f"{len(writes)} writes in one super-step, and no reducer")
        for write in writes:
            self.value = self.reducer(self.value, write) if self.reducer else write


@dataclass
class Node:
    """A function with the channels that it subscribes to and reads.

    Args:
        triggers: the channels that start it when they have a new version.
        reads: the channels that the function gets, as a dictionary.
        function: returns its writes, a dictionary from the name of a channel to a value.
        seen: the versions of the triggers when it last ran.
    """

    triggers: list[str]
    reads: list[str]
    function: Any
    seen: dict[str, int] = field(default_factory=dict)


def with_edges(
    function: Callable[[dict[str, Any]], dict[str, Any]],
    next_nodes: Callable[[dict[str, Any]], Iterable[str]],
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a function that also writes to the channels of the nodes that come next.

    Args:
        function: a node.
        next_nodes: names the nodes that come next; it gets the state with the node's update.
    """

    def node(state: dict[str, Any]) -> dict[str, Any]:
        writes = dict(function(state))
        for name in next_nodes({**state, **writes}):
            writes[f"to_{name}"] = True
        return writes

    return node


def plan(nodes: dict[str, Node], channels: dict[str, Channel]) -> dict[str, list[str]]:
    """Return the nodes that run next, each with the channels that have something new for it."""
    tasks = {}
    for name, node in nodes.items():
        new = [each for each in node.triggers if channels[each].version > node.seen.get(each, 0)]
        if new:
            tasks[name] = new
    return tasks


def update(channels: dict[str, Channel], writes: Iterable[tuple[str, Any]]) -> None:
    """Hand the writes of a super-step to the channels, and give these a new version."""
    now = 1 + max(channel.version for channel in channels.values())
    for name in dict(writes):
        channels[name].update([value for each, value in writes if each == name])
        channels[name].version = now


def execute(
    nodes: dict[str, Node], channels: dict[str, Channel], tasks: Iterable[str]
) -> list[tuple[str, Any]]:
    """Call the planned nodes, note what they have seen, and return what they write."""
    writes = []
    for name in tasks:
        state = {each: channels[each].value for each in nodes[name].reads}
        writes.extend(nodes[name].function(state).items())
    for name in tasks:
        nodes[name].seen = {each: channels[each].version for each in nodes[name].triggers}
    return writes
