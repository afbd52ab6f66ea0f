"""Tool calls that come in pieces, as servers really send them.

LangChain puts the pieces with one index together. Some servers give every call the index 0, repeat
the name in each piece, or stop in the middle of the arguments. LangChain completes what was cut
off, and a graph would run the tool with half of its arguments.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.utils.json import parse_partial_json

from course_lib.models.tool_calls import END_OF_BROKEN


@dataclass
class StreamedCall:
    """One call, as far as it has come.

    Args:
        index: its place among the calls of the message.
        sent_id: the id that the server gave it.
        name: of the tool.
        arguments: the text so far.
    """

    index: int
    sent_id: str | None
    name: str
    arguments: str = ""


class StreamedCalls:
    """The calls of one answer, put in order while their pieces come."""

    def __init__(self) -> None:
        self._calls: list[StreamedCall] = []
        self._last: dict[int | str | None, StreamedCall] = {}  # by the index that was sent

    def place(self, piece: ToolCallChunk) -> StreamedCall | None:
        """Note a piece, and give it the index of its call and the name only once, in place.

        Args:
            piece: as it was sent.

        Returns:
            The call, where it begins with this piece; None for a piece of one that has begun.
        """
        call = self._last.get(piece.get("index"))
        begins = call is None or _is_another(call, piece)
        if begins:
            call = StreamedCall(len(self._calls), piece.get("id"), piece.get("name") or "")
            self._calls.append(call)
            self._last[piece.get("index")] = call
        elif call.name and piece.get("name") == call.name:
            piece["name"] = None
        else:
            call.name += piece.get("name") or ""
        piece["index"] = call.index
        call.arguments += piece.get("args") or ""
        return call if begins else None

    def broken_ends(self) -> list[ToolCallChunk]:
        """Return pieces that keep calls with broken arguments from being completed.

        Each ends the arguments of one call in a way that no JSON ends, so LangChain takes the call
        for an invalid one, as it does where an answer comes whole.
        """
        broken = [call for call in self._calls if not _is_object(call.arguments)]
        return [tool_call_chunk(index=call.index, args=_no_end(call.arguments)) for call in broken]


def _is_another(call: StreamedCall, piece: ToolCallChunk) -> bool:
    """Whether a piece with the index of a call begins another one."""
    if not piece.get("name"):
        return False
    if piece.get("id") and piece.get("id") != call.sent_id:
        return True
    return bool(piece.get("args") and call.arguments) and _is_object(call.arguments)


def _is_object(arguments: str) -> bool:
    """Whether arguments are a whole JSON object; no arguments are an empty one."""
    try:
        return not arguments or isinstance(json.loads(arguments, strict=False), dict)
    except ValueError:
        return False


def _no_end(arguments: str) -> str:
    """What to add to broken arguments so that nothing completes them: brackets that fit nowhere.

    `sent_arguments` takes it away again.
    """
    brackets = "]" * (arguments.count("[") + arguments.count("{") + 1)
    ends = [f"{END_OF_BROKEN}{brackets}", f'{END_OF_BROKEN}"{brackets}']
    return next((end for end in ends if not _is_completed(arguments + end)), ends[-1])


def _is_completed(arguments: str) -> bool:
    try:
        completed: Any = parse_partial_json(arguments)
    except ValueError:
        return False
    return isinstance(completed, dict)
