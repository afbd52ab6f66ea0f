"""The options that one call of the offline model takes beside its messages.

A name that is misspelt would otherwise do nothing, and nobody would see why. So every name is
checked, those that LangChain passes on its own included.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

METHODS = ("function_calling", "json_mode", "json_schema")
"""The ways to ask for structured output that LangChain's models know."""


class CallOptions(BaseModel):
    """The options of a call, as `invoke`, `stream` and `bind` take them.

    Args:
        model: one of the model's names, for this call only.
        stop: texts at which the answer ends; the text itself is left out.
        max_tokens: longest answer, in tokens.
        tools: in OpenAI's format, as `bind_tools` describes them.
        tool_choice: in any form that `bind_tools` takes.
        response_format: as OpenAI's protocol gives it.

    The others are accepted without effect. LangChain passes them, or a served model reads them.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    model: str | None = None
    stop: list[str] | str | None = None
    max_tokens: int | None = Field(default=None, gt=0)
    tools: list[Any] | tuple[Any, ...] | None = None
    tool_choice: str | bool | dict[str, Any] | None = None
    response_format: Any = None
    temperature: float | None = None
    timeout: float | None = None
    max_retries: int | None = None
    strict: bool | None = None
    parallel_tool_calls: bool | None = None
    stream: bool | None = None
    stream_usage: bool | None = None
    stream_options: dict[str, Any] | None = None
    ls_structured_output_format: Any = None
    structured_output_format: Any = None


def checked_options(options: Mapping[str, Any]) -> CallOptions:
    """Return the options of a call after a check of their names and values.

    Args:
        options: the keyword arguments of the call.

    Raises:
        ValueError: there is no such option, or it cannot have this value.
    """
    refuse_unknown(options, CallOptions.model_fields, "A call of the offline model")
    try:
        return CallOptions.model_validate(dict(options))
    except ValidationError as error:
        fault = error.errors()[0]
        name = fault["loc"][0]
        raise ValueError(
            f"The option {name!r} of a call is {repr(options[name])[:100]}. {fault['msg']}. Give "
            "it such a value, or leave it out."
        ) from None


def checked_method(options: Mapping[str, Any]) -> None:
    """Check the options of `with_structured_output`.

    Args:
        options: its keyword arguments beside the schema and `include_raw`.

    Raises:
        ValueError: there is no such option, or no such method.
    """
    refuse_unknown(options, ("include_raw", "method", "strict"), "with_structured_output")
    method = options.get("method", METHODS[0])
    if method not in METHODS:
        raise ValueError(
            f"with_structured_output has no method {method!r}. Use one of {', '.join(METHODS)}."
        )


def refuse_unknown(options: Mapping[str, Any], known: Any, what: str) -> None:
    """Raise for options that do not exist.

    Args:
        options: by name.
        known: the names there are.
        what: who takes the options, at the beginning of a sentence.

    Raises:
        ValueError: the text names those that do not exist, and those that do.
    """
    unknown = sorted(set(options) - set(known), key=str)
    if unknown:
        raise ValueError(
            f"{what} has no option {', '.join(map(repr, unknown))}. Its options are "
            f"{', '.join(known)}. Correct the name, or leave it out."
        )
