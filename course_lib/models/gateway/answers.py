"""An answer of the offline model, in the words of OpenAI's protocol."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ToolMessage,
    convert_to_messages,
)

from course_lib.models.answer_stream import count_message_tokens, count_tokens
from course_lib.models.gateway.refusals import Refusal
from course_lib.models.gateway.requests import ChatRequest
from course_lib.models.gateway.schemas import unfit_format, unfit_parameters
from course_lib.models.gateway.sizes import ModelSize, as_read_by
from course_lib.models.json_schema.effort import NeedsMoreTime, UnsatisfiableSchema, take_time
from course_lib.models.offline import OfflineChatModel

MANY_LETTERS = 20_000
"""A prompt of more characters is no quick work."""
MANY_TOKENS = 2_000
"""Nor is an answer of more tokens."""

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedAnswer:
    """A whole answer, cut into tokens, before the first of them is sent.

    Args:
        deltas: one `delta` of OpenAI's protocol for each token.
        finish_reason: why the answer ends.
        prompt_tokens: how many tokens the request had.
    """

    deltas: list[dict[str, Any]]
    finish_reason: str
    prompt_tokens: int

    @property
    def usage(self) -> dict[str, int]:
        """The tokens of the request and of the answer."""
        tokens = len(self.deltas)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": tokens,
            "total_tokens": self.prompt_tokens + tokens,
        }


def prepare(
    request: ChatRequest, body: Mapping[str, Any], *, size: ModelSize, model: str, context: int
) -> PreparedAnswer:
    """Work out the answer to a request.

    Args:
        request: as it was checked.
        body: the JSON object that it was read from.
        size: how much of the history the model reads. All of it is counted and paid for.
        model: the offline model's own name.
        context: longest prompt, in tokens.

    Raises:
        Refusal: the prompt is too long, or no answer fits a schema of the request.
        NeedsMoreTime: the work takes long, and this is a quick try.
    """
    messages = messages_of(body["messages"])
    prompt_tokens = count_message_tokens(messages)
    functions = count_tokens(str(body.get("tools") or ""))
    if prompt_tokens + functions > context:
        raise Refusal(
            f"This model's maximum context length is {context} tokens. However, your messages "
            f"resulted in {prompt_tokens + functions} tokens ({prompt_tokens} in the messages, "
            f"{functions} in the functions). Please reduce the length of the messages or "
            "functions.",
            param="messages",
            code="context_length_exceeded",
        )
    if sum(len(message.text) for message in messages) > MANY_LETTERS:
        take_time()
    options = {
        name: body[name]
        for name in ("tools", "tool_choice", "response_format")
        if body.get(name) is not None
    }
    if "tools" in options:  # null stands for a part that is left out
        options["tools"] = [
            {**tool, "function": {k: v for k, v in tool["function"].items() if v is not None}}
            for tool in options["tools"]
        ]
    chunks: list[AIMessageChunk] = []
    try:
        for chunk in OfflineChatModel(model=model, max_tokens=request.limit).stream(
            as_read_by(messages, size), {"callbacks": []}, stop=request.stops, **options
        ):
            chunks.append(chunk)
            if len(chunks) == MANY_TOKENS:
                take_time()
    except (UnsatisfiableSchema, RecursionError) as error:
        raise _unfit(request, str(error)) from None
    except NeedsMoreTime:
        raise
    except Exception as error:  # noqa: BLE001 - the rules could not read it: the request's fault
        LOG.warning("the model refuses a request: %s: %s", type(error).__name__, error)
        raise Refusal(f"The model cannot answer this request: {error}"[:500]) from None
    return PreparedAnswer(
        deltas=[delta_of(chunk) for chunk in chunks[:-1] if chunk.text or chunk.tool_call_chunks],
        finish_reason=str(chunks[-1].response_metadata["finish_reason"]),
        prompt_tokens=prompt_tokens,
    )


def _unfit(request: ChatRequest, why: str) -> Refusal:
    """Return the refusal of a schema that has no value the model can find."""
    wanted = request.response_format or {}
    if wanted.get("type") == "json_schema":
        return unfit_format(wanted["json_schema"]["name"], why)
    choice = request.tool_choice
    named = choice["function"]["name"] if isinstance(choice, dict) else None
    names = [tool.function.name for tool in request.tools or ()]
    name = named or next((each for each in names if repr(each) in why), (names or ["?"])[0])
    position = names.index(name) if name in names else 0
    return unfit_parameters(name, why, f"tools[{position}].function.parameters")


def messages_of(sent: Sequence[Mapping[str, Any]]) -> list[BaseMessage]:
    """Return the messages of a request as LangChain's.

    A tool's answer gets the name of the tool, which the protocol leaves out.

    Args:
        sent: in OpenAI's form.
    """
    messages = convert_to_messages([{"content": "", **message} for message in sent])
    names = {
        call["id"]: call["name"]
        for message in messages
        if isinstance(message, AIMessage)
        for call in message.tool_calls
    }
    for message in messages:
        if isinstance(message, ToolMessage):
            message.name = names.get(message.tool_call_id)
    return messages


def delta_of(chunk: AIMessageChunk) -> dict[str, Any]:
    """Return a chunk of an answer as a `delta` of OpenAI's protocol.

    Args:
        chunk: with a text or with pieces of tool calls.
    """
    if not chunk.tool_call_chunks:
        return {"content": chunk.text}
    return {
        "tool_calls": [
            {
                "index": piece["index"],
                **({"id": piece["id"], "type": "function"} if piece["id"] else {}),
                "function": {
                    "arguments": piece["args"],
                    **({"name": piece["name"]} if piece["name"] else {}),
                },
            }
            for piece in chunk.tool_call_chunks
        ]
    }


def message_of(deltas: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the deltas of an answer put together to one message.

    Args:
        deltas: in the order in which they were sent.
    """
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    calls: dict[int, dict[str, Any]] = {}
    for delta in deltas:
        for key, value in delta.items():
            if key != "tool_calls":
                message[key] = (message.get(key) or "") + value
        for piece in delta.get("tool_calls", ()):
            function = {"name": "", "arguments": ""}
            call = calls.setdefault(piece["index"], {"type": "function", "function": function})
            if "id" in piece:
                call["id"] = piece["id"]
            for part, text in piece["function"].items():
                call["function"][part] += text
    return {**message, "tool_calls": list(calls.values())} if calls else message
