"""Making a history with open or malformed tool calls one that hosted models accept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from uuid import uuid4

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    RemoveMessage,
    ToolCall,
    ToolMessage,
    message_chunk_to_message,
)

from course_lib.models.tool_calls import (
    CallsOfMessage,
    PairedCall,
    new_call_id,
    pair_tool_calls,
    sent_arguments,
)

NOT_RUN = "Not run: the conversation went on without an answer."
MAX_ARGUMENT_LENGTH = 200
"""Characters of a call's arguments that are quoted in a sentence about it."""
CALL_BLOCKS = ("tool_call", "invalid_tool_call", "tool_use", "function_call")
"""Types of content blocks that repeat a tool call, in LangChain's and the providers' formats."""

Renamed = tuple[str, ToolCall]
"""A call's old id, and the call as it is kept."""


def close_open_tool_calls(
    messages: Sequence[BaseMessage], reason: str = NOT_RUN
) -> list[BaseMessage]:
    """Return the updates after which hosted models accept a history with open tool calls.

    Write them under the `add_messages` reducer before the person's next message:

        [*close_open_tool_calls(state["messages"], "The person went on."), HumanMessage(text)]

    `add_messages` appends a message whose id is new and replaces one whose id is known. So

    * an open call of the last message is answered by a `ToolMessage` with the status `error`;
    * a call without an id, a call with the id of another call of its message, and an open call
      with an id from earlier in the history get an id of their own: the message that makes the
      call and the answers to it are replaced under their message ids;
    * a call whose arguments are no JSON object is taken out of its message, and a sentence in the
      message's text describes it instead;
    * so is an open call with another message already behind it, because an appended answer could
      not stand right behind the call;
    * a `ToolMessage` that answers no call is replaced by an `AIMessage` that quotes it. If it
      stands among the answers of other calls, it is removed, and the message with those calls
      quotes it.

    Args:
        messages: the history as the reducer holds it, oldest message first. A message without an
            id cannot be replaced; `repaired_history` repairs such a history.
        reason: text of the closing `ToolMessage`s.

    Returns:
        Replacements and removals, then closing messages; an empty list if nothing needs a repair.
    """
    repaired, closing = _repair(messages, reason)
    updates: list[BaseMessage] = []
    for old, new in zip(messages, repaired, strict=True):
        if new is not old and old.id is not None:
            updates.append(RemoveMessage(id=old.id) if new is None else new)
    return [*updates, *closing]


def repaired_history(messages: Sequence[BaseMessage], reason: str = NOT_RUN) -> list[BaseMessage]:
    """Return the whole history with every repair of `close_open_tool_calls` made in it.

    This is for a channel without the `add_messages` reducer (write it as an `Overwrite`), and for
    showing a history to a model without storing the repair.

    Args:
        messages: a history, oldest message first.
        reason: text of the closing `ToolMessage`s.
    """
    repaired, closing = _repair(messages, reason)
    return [*(message for message in repaired if message is not None), *closing]


def _repair(
    messages: Sequence[BaseMessage], reason: str
) -> tuple[list[BaseMessage | None], list[ToolMessage]]:
    """Return what shall stand at each position (None for nothing), and what shall follow."""
    repaired: list[BaseMessage | None] = [
        _quotation(message) if isinstance(message, ToolMessage) else message for message in messages
    ]
    closing: list[ToolMessage] = []
    used: set[str] = set()
    for group in pair_tool_calls(messages):
        is_last = group.end == len(messages)
        kept: list[Renamed] = []
        answers: dict[int, ToolMessage] = {}
        notes = []
        own_ids: set[str] = set()
        for pair in group.calls:
            if not pair.is_valid or (pair.answer is None and not is_last):
                notes.append(_note(pair))
                continue
            call_id = pair.call_id
            if not call_id or call_id in own_ids or (pair.answer is None and call_id in used):
                call_id = new_call_id()
            own_ids.add(call_id)
            kept.append((pair.call_id, {**pair.call, "id": call_id}))  # type: ignore[typeddict-item]
            if pair.answer is None:
                closing.append(_closing_message(kept[-1][1], reason))
            else:
                answers[id(pair.answer)] = _answer_to(pair.answer, call_id)
        for position in range(group.index + 1, group.end):
            answer = messages[position]
            repaired[position] = answers.get(id(answer))
            if repaired[position] is None:
                notes.append(_quotation(answer).text)
        used |= own_ids
        repaired[group.index] = _with_calls(group, kept, notes)
    return repaired, closing


def _answer_to(answer: ToolMessage, call_id: str) -> ToolMessage:
    if answer.tool_call_id == call_id:
        return answer
    return answer.model_copy(update={"tool_call_id": call_id})


def _closing_message(call: ToolCall, reason: str) -> ToolMessage:
    return ToolMessage(
        reason, tool_call_id=str(call["id"]), name=call["name"], status="error", id=str(uuid4())
    )


def _with_calls(group: CallsOfMessage, kept: Sequence[Renamed], notes: Sequence[str]) -> AIMessage:
    """Return the message with these calls, and with notes in its text, under its own id."""
    message = group.message
    if not notes and all(old_id == call["id"] for old_id, call in kept):
        return message
    if isinstance(message, AIMessageChunk):
        message = message_chunk_to_message(message)  # type: ignore[assignment]
    content = message.content
    if isinstance(content, str):
        content = "\n".join([*([content] if content else []), *notes])
    else:
        content = [*_blocks(content, kept), *({"type": "text", "text": note} for note in notes)]
    raw = ("tool_calls", "function_call")  # langchain-openai sends these if there are no calls
    return message.model_copy(
        update={
            "content": content,
            "tool_calls": [call for _, call in kept],
            "invalid_tool_calls": [],
            "additional_kwargs": {
                key: value for key, value in message.additional_kwargs.items() if key not in raw
            },
        }
    )


def _blocks(content: Sequence[str | dict], kept: Sequence[Renamed]) -> Iterator[str | dict]:
    """Yield content blocks. One that repeats a kept call gets the call's id; others leave."""
    waiting = [(old_id, str(call["id"])) for old_id, call in kept]
    for block in content:
        if not isinstance(block, dict) or block.get("type") not in CALL_BLOCKS:
            yield block
            continue
        key = "call_id" if "call_id" in block else "id"
        fitting = next((ids for ids in waiting if ids[0] == (block.get(key) or "")), None)
        if fitting is not None:
            waiting.remove(fitting)
            yield {**block, key: fitting[1]}


def _note(pair: PairedCall) -> str:
    given = sent_arguments(pair.call)
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    if len(text) > MAX_ARGUMENT_LENGTH:
        text = f"{text[:MAX_ARGUMENT_LENGTH]}... ({len(text)} characters)"
    if pair.is_valid:
        return f"(The call {pair.call['name']}({text}) was not answered.)"
    if not pair.call.get("name"):
        return f"(A call with the arguments {text} was not run: it names no tool.)"
    return f"(The call {pair.call['name']}({text}) was not run: its arguments are no JSON object.)"


def _quotation(message: BaseMessage) -> AIMessage:
    return AIMessage(f"({message.name or 'A tool'} answered: {message.text})", id=message.id)
