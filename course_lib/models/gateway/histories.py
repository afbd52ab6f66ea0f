"""The rules of OpenAI's protocol for a history: what each message holds, and which may follow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from course_lib.models.gateway.refusals import Refusal, missing, wrong_type


class Message(BaseModel):
    """One message of the history; `check_history` looks at how the messages fit together."""

    model_config = ConfigDict(strict=True)

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Any = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


def check_history(messages: Sequence[Message]) -> None:
    """Refuse a history that OpenAI refuses.

    Args:
        messages: oldest first.

    Raises:
        Refusal: a message lacks something, or a tool call and its answer do not fit together.
    """
    if not messages:
        raise Refusal(
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            param="messages",
            code="empty_array",
        )
    waiting: list[str] = []
    for n, message in enumerate(messages):
        param = f"messages[{n}]"
        _check_content(message, param)
        if message.role == "tool":
            if message.tool_call_id is None:
                raise missing(f"{param}.tool_call_id")
            if message.tool_call_id not in waiting:
                raise Refusal(
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'.",
                    param=f"{param}.role",
                )
            waiting.remove(message.tool_call_id)
            continue
        _refuse_open_calls(waiting, param)
        waiting = _calls_of(message, param)
    _refuse_open_calls(waiting, f"messages[{len(messages) - 1}]")


def _refuse_open_calls(waiting: Sequence[str], param: str) -> None:
    if waiting:
        raise Refusal(
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'. The following tool_call_ids did not have response messages: "
            + ", ".join(waiting),
            param=f"{param}.role",
        )


def _calls_of(message: Message, param: str) -> list[str]:
    """Check the tool calls of a message; return their ids."""
    calls = message.tool_calls
    if calls is None:
        return []
    param += ".tool_calls"
    if message.role != "assistant":
        raise Refusal(f"Only an assistant message may have '{param}'.", param=param)
    if not calls:
        raise Refusal(
            f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            param=param,
            code="empty_array",
        )
    ids: list[str] = []
    for n, call in enumerate(calls):
        call_id = _text(call, "id", f"{param}[{n}]")
        if not call_id:
            raise missing(f"{param}[{n}].id")
        if call_id in ids:
            raise Refusal(f"Duplicate value for 'tool_call_id' of '{call_id}'", param=param)
        function = call.get("function")
        if not isinstance(function, dict):
            raise missing(f"{param}[{n}].function")
        if not _text(function, "name", f"{param}[{n}].function"):
            raise missing(f"{param}[{n}].function.name")
        arguments = _text(function, "arguments", f"{param}[{n}].function")
        _check_arguments(arguments, f"{param}[{n}].function.arguments")
        ids.append(call_id)
    return ids


def _check_arguments(arguments: str, param: str) -> None:
    try:
        read = json.loads(arguments)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        raise Refusal(
            f"Invalid '{param}': expected the JSON of an object, but got {arguments[:100]!r}.",
            param=param,
            code="invalid_value",
        )


def _text(given: dict[str, Any], name: str, param: str) -> str:
    if name not in given:
        raise missing(f"{param}.{name}")
    if not isinstance(given[name], str):
        raise wrong_type(f"{param}.{name}", "a string", given[name])
    return given[name]


def _check_content(message: Message, param: str) -> None:
    content = message.content
    param += ".content"
    if content is None:
        if message.role == "assistant" and message.tool_calls is not None:
            return
        raise Refusal(
            f"Invalid value for '{param}': expected a string, got null.",
            param=param,
            code="invalid_value",
        )
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong_type(param, "one of a string or array of objects", content)
    for n, part in enumerate(content):
        if not isinstance(part, dict):
            raise wrong_type(f"{param}[{n}]", "an object", part)
        if part.get("type") != "text":
            raise Refusal(
                f"Invalid content type. {str(part.get('type'))[:100]} is only supported by "
                "certain models.",
                param=f"{param}[{n}].type",
            )
        _text(part, "text", f"{param}[{n}]")
