"""Tool calls and their answers: which belong together, and which calls are open.

A model asks for tools in an `AIMessage`; each `ToolMessage` behind it answers one call. Ids alone
do not tell which answer belongs to which call: some servers send none, and others number their
calls from zero in every message. So calls and answers are paired by position: only the
`ToolMessage`s that stand right behind an `AIMessage` can answer its calls. Hosted models judge a
history in the same way, and refuse one in which a call is open, has no id, or has arguments that
are not JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    ToolMessage,
)

END_OF_BROKEN = "\u2060"
"""Stands in streamed arguments behind the last letter that the model wrote, where they are broken.

It is a letter that nobody sees (a word joiner), and what keeps LangChain from completing the
arguments follows it."""


class InvalidChatHistory(ValueError):
    """The messages hold a tool call that nothing answers; many hosted models refuse it too."""


@dataclass(frozen=True)
class PairedCall:
    """One tool call, and the message that answers it.

    Args:
        call: as in `AIMessage.tool_calls` or `AIMessage.invalid_tool_calls`.
        answer: the `ToolMessage` for it right behind its message, or None while it is open.
        is_valid: whether the call names a tool and its arguments could be parsed.
    """

    call: ToolCall | InvalidToolCall
    answer: ToolMessage | None
    is_valid: bool = True

    @property
    def call_id(self) -> str:
        """The id that the model gave the call; an empty text if it gave none."""
        return self.call.get("id") or ""


@dataclass(frozen=True)
class CallsOfMessage:
    """The tool calls of one message, with their answers.

    Args:
        index: position of the message in the history, from 0.
        message: the `AIMessage` that makes the calls.
        calls: its valid calls, then its invalid ones, each in the order of the message.
        end: position behind the last `ToolMessage` that stands right behind the message.
    """

    index: int
    message: AIMessage
    calls: tuple[PairedCall, ...]
    end: int

    @property
    def open_calls(self) -> list[ToolCall | InvalidToolCall]:
        """The calls that no message answers."""
        return [pair.call for pair in self.calls if pair.answer is None]


def pair_tool_calls(messages: Sequence[BaseMessage]) -> list[CallsOfMessage]:
    """Pair every tool call with the answer behind its own message.

    Ids decide within one message only. Of calls with the same id, each answer belongs to the
    first one of its tool's name that has no answer yet. Answers whose id fits no call belong to
    the calls without an id, in order.

    Args:
        messages: a history, oldest message first.

    Returns:
        One entry for each `AIMessage` with calls, valid or invalid, oldest first.
    """
    found = []
    for index, message in enumerate(messages):
        if not isinstance(message, AIMessage):
            continue
        calls = [*message.tool_calls, *message.invalid_tool_calls]
        if calls:
            answers = _answers_behind(messages, index)
            pairs = _pairs(calls, answers, valid=len(message.tool_calls))
            found.append(CallsOfMessage(index, message, pairs, index + 1 + len(answers)))
    return found


def open_tool_calls(messages: Sequence[BaseMessage]) -> list[ToolCall | InvalidToolCall]:
    """Return the calls of the last AI message whose answers do not stand right behind it.

    Args:
        messages: a history, oldest message first.

    Returns:
        Valid and invalid calls (`call["type"]` tells which); empty if every call is answered.
    """
    last = max((i for i, m in enumerate(messages) if isinstance(m, AIMessage)), default=None)
    groups = pair_tool_calls(messages)
    return groups[-1].open_calls if groups and groups[-1].index == last else []


def sent_arguments(call: ToolCall | InvalidToolCall) -> Any:
    """Return the arguments of a call as the model sent them.

    Args:
        call: valid or invalid.
    """
    given = call.get("args")
    if not isinstance(given, str) or END_OF_BROKEN not in given:
        return given
    written, _, end = given.rpartition(END_OF_BROKEN)
    return written if end.strip('"').strip("]") == "" else given


def refuse_open_calls(messages: Sequence[BaseMessage]) -> None:
    """Raise for a tool call whose answer does not stand right behind its message.

    Raises:
        InvalidChatHistory: there is one; the text names it.
    """
    for group in pair_tool_calls(messages):
        for call in group.open_calls:
            raise InvalidChatHistory(
                f"The call {call['name']}({call['args']}) with id {call['id']!r} has no "
                "ToolMessage right behind it that answers it (INVALID_CHAT_HISTORY). Answer every "
                "tool call, or take the message that makes it out of the history."
            )


def new_call_id() -> str:
    """Make up an id for a tool call that has none of its own."""
    return f"call_{uuid4().hex[:24]}"


def _answers_behind(messages: Sequence[BaseMessage], index: int) -> list[ToolMessage]:
    answers: list[ToolMessage] = []
    for message in messages[index + 1 :]:
        if not isinstance(message, ToolMessage):
            break
        answers.append(message)
    return answers


def _pairs(
    calls: Sequence[ToolCall | InvalidToolCall], answers: Sequence[ToolMessage], valid: int
) -> tuple[PairedCall, ...]:
    paired: dict[int, ToolMessage] = {}
    left = []
    for answer in answers:
        fitting = [
            n
            for n, call in enumerate(calls)
            if n not in paired and (call.get("id") or "") == (answer.tool_call_id or "")
        ]
        named = [n for n in fitting if calls[n].get("name") == answer.name]
        if fitting:
            paired[(named or fitting)[0]] = answer
        else:
            left.append(answer)
    without_id = (n for n, call in enumerate(calls) if n not in paired and not call.get("id"))
    paired.update(zip(without_id, left, strict=False))
    return tuple(
        PairedCall(call, paired.get(n), n < valid and bool(call.get("name")))
        for n, call in enumerate(calls)
    )
