"""What an answer in OpenAI's protocol must look like to be read: no more than LangChain reads.

Compatible servers leave out what they like, so OpenAI's own classes would refuse good answers. What
is wrong here would end in an error of Python's somewhere inside of LangChain.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Annotated, Any, NotRequired

from pydantic import Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict


class _Function(TypedDict):
    name: NotRequired[str | None]
    arguments: NotRequired[str | dict[str, Any] | None]


class _Call(TypedDict):
    function: _Function
    id: NotRequired[str | None]


class _Delta(TypedDict):
    content: NotRequired[str | list[dict[str, Any] | str] | None]
    tool_calls: NotRequired[list[_Call] | None]
    function_call: NotRequired[dict[str, Any] | None]
    role: NotRequired[str | None]


class _Message(_Delta):
    role: str


class _Usage(TypedDict):
    prompt_tokens: NotRequired[int | None]
    completion_tokens: NotRequired[int | None]
    total_tokens: NotRequired[int | None]
    prompt_tokens_details: NotRequired[dict[str, Any] | None]
    completion_tokens_details: NotRequired[dict[str, Any] | None]


class _Choice(TypedDict):
    message: _Message


class _Answer(TypedDict):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: NotRequired[_Usage | None]


class _ChunkChoice(TypedDict):
    delta: NotRequired[_Delta | None]


class _Chunk(TypedDict):
    choices: NotRequired[list[_ChunkChoice] | None]
    usage: NotRequired[_Usage | None]


def fault_of_answer(answer: Any) -> str | None:
    """Return what is wrong with a whole answer, None if it can be read.

    Args:
        answer: the body of the answer, read from JSON.
    """
    return _fault(_Answer, answer)


def fault_of_chunk(chunk: Any) -> str | None:
    """Return what is wrong with a chunk of a streamed answer, None if it can be read.

    Args:
        chunk: the data of one event of the stream, read from JSON.
    """
    return _fault(_Chunk, chunk)


def write_arguments(calls: Any) -> None:
    """Write the arguments of tool calls as JSON, where a server has sent an object.

    JSON that is no object gets a remark behind it: then LangChain takes the call for an invalid
    one, and would raise an error of its own otherwise.

    Args:
        calls: the `tool_calls` of a chunk (dicts) or of a message (objects of OpenAI's client),
            changed in place; None for none.
    """
    for call in calls or ():
        function = call["function"] if isinstance(call, dict) else vars(call.function)
        given = function.get("arguments")
        if isinstance(given, dict):
            function["arguments"] = json.dumps(given)
        elif given and not isinstance(call, dict) and _is_other_json(given):
            function["arguments"] = f"{given} (no object)"


def _is_other_json(text: str) -> bool:
    try:
        return not isinstance(json.loads(text), dict)
    except ValueError:
        return False


@cache
def _adapter(shape: type) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def _fault(shape: type, value: Any) -> str | None:
    if not isinstance(value, dict):
        return f"it is {str(value)[:100]!r} and no object"
    try:
        _adapter(shape).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']} ({str(first['input'])[:100]!r})"
    return None
