"""Trajectories: which tools an agent called, with which arguments, and in which order.

The four ways to compare are those of LangChain's package agentevals (`trajectory_match_mode`),
applied to the calls only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from langchain_core.messages import AIMessage, BaseMessage

Mode = Literal["strict", "unordered", "subset", "superset"]


@dataclass(frozen=True)
class ToolUse:
    """A call of a tool, as it happened or as it is expected.

    Args:
        name: of the tool.
        args: its arguments; None where any are right, in what is expected.
    """

    name: str
    args: Mapping[str, Any] | None = None

    def fits(self, found: ToolUse) -> bool:
        """Whether a call that happened is this one.

        Args:
            found: the call.
        """
        return self.name == found.name and self.args in (None, found.args)


def tool_uses(messages: Sequence[BaseMessage]) -> list[ToolUse]:
    """Return the tool calls of a conversation, in their order.

    Args:
        messages: oldest first; calls that could not be read are left out.
    """
    return [
        ToolUse(call["name"], call["args"])
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    ]


def trajectory_matches(
    found: Sequence[ToolUse], expected: Sequence[ToolUse], mode: Mode = "strict"
) -> bool:
    """Whether the calls that happened are those that were expected.

    A call that is expected twice must happen twice.

    Args:
        found: what happened.
        expected: what should have happened.
        mode: `strict` for the same calls in the same order; `unordered` for the same calls;
            `subset` for no call that is not expected; `superset` for at least the expected calls.

    Raises:
        ValueError: a mode that does not exist.
    """
    if mode not in get_args(Mode):
        raise ValueError(f"mode is {mode!r}. It is one of {', '.join(get_args(Mode))}.")
    if mode == "strict":
        pairs = zip(expected, found, strict=False)
        return len(found) == len(expected) and all(wish.fits(use) for wish, use in pairs)
    matched = _matched(found, expected)
    has_no_more, has_all = matched == len(found), matched == len(expected)
    return (has_no_more or mode == "superset") and (has_all or mode == "subset")


def _matched(found: Sequence[ToolUse], expected: Sequence[ToolUse]) -> int:
    """How many calls can be paired; those with given arguments choose first."""
    left = list(found)
    count = 0
    for wish in sorted(expected, key=lambda each: each.args is None):
        for number, use in enumerate(left):
            if wish.fits(use):
                del left[number]
                count += 1
                break
    return count
