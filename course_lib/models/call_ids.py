"""Ids for tool calls of servers that send none, or send the same one again.

vLLM has left the id out, and other servers number the calls of every message from zero. LangGraph
needs an id to run a tool, and a history with the same id twice is refused by some providers.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from course_lib.models.streamed_calls import StreamedCalls
from course_lib.models.tool_calls import new_call_id


class CallIds:
    """The ids of the tool calls in one answer.

    Args:
        history: the messages that are answered; their calls' ids are taken.
    """

    def __init__(self, history: Sequence[BaseMessage]) -> None:
        self._taken = {
            call.get("id")
            for message in history
            if isinstance(message, AIMessage)
            for call in (*message.tool_calls, *message.invalid_tool_calls)
        }
        self._streamed = StreamedCalls()

    def complete(self, message: AIMessage) -> None:
        """Give every call of a whole answer an id of its own, in place."""
        for call in (*message.tool_calls, *message.invalid_tool_calls):
            call["id"] = self._own(call.get("id"))

    def complete_chunk(self, chunk: AIMessageChunk) -> None:
        """Give the calls that begin in a chunk ids of their own, in place.

        Only the first piece of a call carries its id; the pieces behind it carry none or the same.
        """
        if not chunk.tool_call_chunks:
            return
        for piece in chunk.tool_call_chunks:
            begun = self._streamed.place(piece)
            piece["id"] = None if begun is None else self._own(begun.sent_id)
        chunk.init_tool_calls()

    def closing_chunk(self) -> AIMessageChunk | None:
        """Return what ends a streamed answer with calls whose arguments are broken; else None."""
        ends = self._streamed.broken_ends()
        return AIMessageChunk("", tool_call_chunks=ends) if ends else None

    def _own(self, sent: str | None) -> str:
        own = new_call_id() if not sent or sent in self._taken else sent
        self._taken.add(own)
        return own
