"""How the offline model cuts an answer into tokens, and puts the pieces together again."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatResult

TOKEN = re.compile(r"\s*(?:[A-Za-z0-9']+|[\uac00-\ud7a3]{1,3}|\S)|\s+")


def tokens_of(text: str) -> list[str]:
    """Cut a text into the offline model's tokens: words, marks, and Hangul in threes."""
    return TOKEN.findall(text)


def token_ids(text: str) -> list[int]:
    """Return a number for each token; equal tokens have equal numbers."""
    return [zlib.crc32(token.encode("utf-8", "replace")) for token in tokens_of(text)]


def count_tokens(text: str) -> int:
    """Count the tokens of a text: words, marks, and Hangul in threes."""
    return len(tokens_of(text))


def count_message_tokens(messages: Sequence[BaseMessage]) -> int:
    """Count the tokens in the texts of messages, as `usage_metadata` counts the input."""
    return sum(count_tokens(message.text) for message in messages)


def pieces_of(answer: AIMessage) -> Iterator[AIMessageChunk]:
    """Cut an answer into one chunk for each token of its text and of its calls' arguments."""
    for token in tokens_of(str(answer.text)):
        yield AIMessageChunk(content=token)
    for index, call in enumerate(answer.tool_calls):
        written = json.dumps(call["args"], ensure_ascii=False)
        for n, token in enumerate(tokens_of(written)):
            chunk = tool_call_chunk(
                name=call["name"] if n == 0 else None,
                args=token,
                id=call["id"] if n == 0 else None,
                index=index,
            )
            yield AIMessageChunk(content="", tool_call_chunks=[chunk])


def closing_piece(
    answer: AIMessage, *, model: str, sent: Sequence[BaseMessage], tokens: int, cut_off: bool
) -> AIMessageChunk:
    """Return the last chunk of an answer: how many tokens it took, and why it ended.

    Args:
        answer: the whole answer, before it was cut off.
        model: name of the model.
        sent: the messages that were answered.
        tokens: how many tokens of the answer were sent.
        cut_off: whether `max_tokens` ended the answer.
    """
    read = count_message_tokens(sent)
    reason = "length" if cut_off else "tool_calls" if answer.tool_calls else "stop"
    return AIMessageChunk(
        content="",
        usage_metadata=UsageMetadata(
            input_tokens=read, output_tokens=tokens, total_tokens=read + tokens
        ),
        response_metadata={
            "model_name": model,
            "model_provider": "namu-course",
            "finish_reason": reason,
        },
        chunk_position="last",
    )


def whole_answer(chunks: Sequence[AIMessageChunk]) -> ChatResult:
    """Put the chunks of one answer together.

    Args:
        chunks: all of them, with the closing one.
    """
    merged = chunks[0]
    if len(chunks) > 1:
        merged = merged.__add__(list(chunks[1:]))
    message = AIMessage(
        content=merged.content,
        tool_calls=merged.tool_calls,
        invalid_tool_calls=merged.invalid_tool_calls,
        usage_metadata=merged.usage_metadata,
        response_metadata=merged.response_metadata,
    )
    return ChatResult(generations=[ChatGeneration(message=message)])
