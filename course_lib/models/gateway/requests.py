"""A request for an answer, checked as OpenAI's server checks it."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Literal, NoReturn

from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from course_lib.models.gateway.histories import Message, check_history
from course_lib.models.gateway.refusals import (
    Refusal,
    missing,
    refusal_of,
    unsupported,
    wrong_type,
)
from course_lib.models.gateway.schemas import (
    check_name,
    schema_fault,
    unfit_format,
    unfit_parameters,
)

KNOWN = frozenset(CompletionCreateParamsStreaming.__annotations__)
"""The parameters that OpenAI's protocol has; any other one is refused."""

MAX_STOPS = 4

MAX_TOOLS = 128
"""How many tools OpenAI takes in one request."""

WITHOUT = ("functions", "function_call", "audio", "web_search_options")
"""Parameters that would change the answer, and that this gateway does not act on."""


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True)


class Function(_Checked):
    """A function that the model may call; without `parameters` it takes no arguments."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(_Checked):
    """A tool of a request: always a function here."""

    type: Literal["function"]
    function: Function


class StreamOptions(_Checked):
    """What a stream carries beside the answer."""

    include_usage: bool | None = None


class ChatRequest(_Checked):
    """The parameters of `/v1/chat/completions` that this gateway acts on."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    tools: list[Tool] | None = None
    tool_choice: Any = None
    response_format: dict[str, Any] | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    stop: Any = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    n: int | None = Field(default=None, ge=1)
    logprobs: bool | None = None

    @property
    def stops(self) -> list[str] | None:
        """The texts at which an answer ends; None without any."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or None

    @property
    def limit(self) -> int | None:
        """The longest answer, in tokens; None without a limit."""
        return self.max_completion_tokens or self.max_tokens


def read_request(data: bytes) -> tuple[ChatRequest, dict[str, Any]]:
    """Read and check the body of a request.

    Args:
        data: the body as it came.

    Returns:
        The request, and the JSON object that it was read from.

    Raises:
        Refusal: something in it is wrong.
    """
    body = read_object(data, KNOWN)
    try:
        request = ChatRequest.model_validate(body)
    except ValidationError as error:
        raise refusal_of(error) from None
    check_history(request.messages)
    _check_tools(request)
    _check_format(request, body["messages"])
    _check_stop(request)
    for name in WITHOUT:
        if body.get(name) is not None:
            raise unsupported(name, body[name], "Leave it out, and use 'tools' for functions.")
    if body.get("modalities") not in (None, ["text"]):
        raise unsupported("modalities", body["modalities"], "Only ['text'] is supported.")
    if request.n not in (None, 1):
        raise unsupported("n", request.n, "Only the default (1) value is supported.")
    if request.logprobs:
        raise unsupported("logprobs", True, "Only the default (false) value is supported.")
    if request.stream_options and not request.stream:
        raise Refusal(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    return request, body


def read_object(data: bytes, known: Collection[str]) -> dict[str, Any]:
    """Read the JSON object in a body.

    Args:
        data: the body as it came.
        known: the parameters that it may have.

    Raises:
        Refusal: it is no JSON object, has half of a pair of surrogates, which is no text, or has
            an unknown parameter.
    """
    try:
        body = json.loads(data, parse_constant=_no_constant)
        if b"\\u" in data:
            json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refusal(
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly. The API expects a JSON payload.)"
        ) from None
    if not isinstance(body, dict):
        raise wrong_type("body", "an object", body)
    unknown = sorted(set(body) - set(known))
    if unknown:
        raise Refusal(f"Unrecognized request argument supplied: {unknown[0][:100]}")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _check_tools(request: ChatRequest) -> None:
    if request.tools == []:
        raise Refusal(
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an "
            "empty array instead.",
            param="tools",
            code="empty_array",
        )
    if len(request.tools or ()) > MAX_TOOLS:
        raise Refusal(
            f"Invalid 'tools': array too long. Expected an array with maximum length {MAX_TOOLS}, "
            f"but got an array with length {len(request.tools or ())} instead.",
            param="tools",
            code="array_above_max_length",
        )
    for n, tool in enumerate(request.tools or ()):
        function, param = tool.function, f"tools[{n}].function"
        check_name(function.name, f"{param}.name")
        if function.parameters is not None:
            why = schema_fault(function.parameters)
            if why:
                raise unfit_parameters(function.name, why, f"{param}.parameters")
    _check_choice(request)


def _check_choice(request: ChatRequest) -> None:
    choice, names = request.tool_choice, [tool.function.name for tool in request.tools or ()]
    if choice is None:
        return
    if not names and choice != "none":
        raise Refusal(
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "
            "specified.",
            param="tool_choice",
        )
    if isinstance(choice, str):
        if choice not in ("none", "auto", "required"):
            raise Refusal(
                f"Invalid value: {choice[:100]!r}. Supported values are: 'none', 'auto', and "
                "'required'.",
                param="tool_choice",
                code="invalid_value",
            )
        return
    if not isinstance(choice, dict):
        raise wrong_type("tool_choice", "one of a string or an object", choice)
    if choice.get("type") != "function":
        raise Refusal(
            f"Invalid value: {str(choice.get('type'))[:100]!r}. Supported values are: 'function'.",
            param="tool_choice.type",
            code="invalid_value",
        )
    named = choice.get("function")
    if not isinstance(named, dict) or "name" not in named:
        raise missing("tool_choice.function.name")
    if named["name"] not in names:
        raise Refusal(
            f"Tool choice {str(named['name'])[:100]!r} not found in 'tools' parameter.",
            param="tool_choice",
        )


def _check_format(request: ChatRequest, messages: list[Any]) -> None:
    wanted = request.response_format
    if wanted is None:
        return
    match wanted.get("type"):
        case "text":
            return
        case "json_object":
            if "json" not in json.dumps(messages).lower():
                raise Refusal(
                    "'messages' must contain the word 'json' in some form, to use "
                    "'response_format' of type 'json_object'.",
                    param="messages",
                )
        case "json_schema":
            _check_described(wanted.get("json_schema"))
        case None:
            raise missing("response_format.type")
        case other:
            raise Refusal(
                f"Invalid value: {str(other)[:100]!r}. Supported values are: 'json_object', "
                "'json_schema', and 'text'.",
                param="response_format.type",
                code="invalid_value",
            )


def _check_described(described: object) -> None:
    param = "response_format.json_schema"
    if described is None:
        raise missing(param)
    if not isinstance(described, dict):
        raise wrong_type(param, "an object", described)
    if "name" not in described:
        raise missing(f"{param}.name")
    check_name(described["name"], f"{param}.name")
    if described.get("schema") is None:
        raise missing(f"{param}.schema")
    if not isinstance(described["schema"], dict):
        raise wrong_type(f"{param}.schema", "an object", described["schema"])
    why = schema_fault(described["schema"])
    if why:
        raise unfit_format(described["name"], why)


def _check_stop(request: ChatRequest) -> None:
    stop = request.stop
    if stop is None or isinstance(stop, str):
        return
    if not isinstance(stop, list):
        raise wrong_type("stop", "one of a string or an array of strings", stop)
    if len(stop) > MAX_STOPS:
        raise Refusal(
            f"Invalid 'stop': array too long. Expected an array with maximum length {MAX_STOPS}, "
            f"but got an array with length {len(stop)} instead.",
            param="stop",
            code="array_above_max_length",
        )
    for n, each in enumerate(stop):
        if not isinstance(each, str):
            raise wrong_type(f"stop[{n}]", "a string", each)
