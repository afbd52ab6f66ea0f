"""Tools as the offline model reads them: functions in OpenAI's format, with JSON schemas."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, RootModel

from course_lib.json_checks import subschemas
from course_lib.models.json_schema.preparation import (
    MalformedSchema,
    refuse_deep,
    too_deep,
    well_formed,
)
from course_lib.models.json_schema.references import inlined


def described_tools(
    tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
) -> list[dict[str, Any]]:
    """Describe tools in OpenAI's format.

    Args:
        tools: functions, Pydantic classes, `BaseTool`s, JSON schemas, or tools that a provider
            runs itself, such as `{"type": "web_search"}`, which stay as they are.

    Raises:
        ValueError: a schema describes no object, or a dict describes no tool.
    """
    return [tool if _is_built_in(tool) else _described(tool) for tool in tools]


def _described(tool: Any) -> dict[str, Any]:
    refuse_deep(tool.tool_call_schema if isinstance(tool, BaseTool) else tool)
    try:
        return _whole(tool, convert_to_openai_tool(_checked(tool)))
    except RecursionError:
        raise too_deep() from None
    except KeyError as missing:
        raise ValueError(
            f"The description of a tool, {_short(tool)}, has no {missing}. Add it, or pass the "
            "function itself: its name and its arguments are read from it."
        ) from None


def _is_built_in(tool: Any) -> bool:
    """Whether a provider runs a tool itself: `{"type": "web_search"}`, `{"google_search": {}}`."""
    if not isinstance(tool, dict) or "title" in tool:
        return False
    named_alone = len(tool) == 1 and all(isinstance(each, Mapping) for each in tool.values())
    return isinstance(tool.get("type"), str) or named_alone


def _checked(tool: Any) -> Any:
    """A tool whose arguments are an object, as those of every call are."""
    kind = tool.get("type", "object") if isinstance(tool, Mapping) else "object"
    is_root = isinstance(tool, type) and issubclass(tool, RootModel)
    if is_root or kind not in ("object", "function"):
        what = f"the RootModel {tool.__name__}" if is_root else f"a schema of type {kind!r}"
        raise ValueError(
            f"This is {what}. The arguments of a tool call, and so every structured answer, are an "
            "object. Put it into a field of a schema."
        )
    return tool


def functions_of(tools: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the functions among described tools, which alone the offline model can call.

    Raises:
        ValueError: a tool is no object, or a function has no name or a malformed schema.
    """
    functions = []
    for position, tool in enumerate(tools):
        if not isinstance(tool, Mapping):
            raise ValueError(
                f"Tool {position} of the call is {_short(tool)}, and only described tools can be "
                "passed to a call. Let bind_tools describe it."
            )
        if isinstance(tool.get("function"), Mapping):
            functions.append(_function(tool["function"], position))
        elif tool.get("type") == "function":  # the format of OpenAI's Responses
            functions.append(_function({k: v for k, v in tool.items() if k != "type"}, position))
    return functions


def _function(described: Mapping[str, Any], position: int) -> dict[str, Any]:
    function = {key: value for key, value in described.items() if value is not None}
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(
            f"Tool {position} of the call, {_short(described)}, has no name. Give its function a "
            "'name', by which the model calls it."
        )
    try:
        well_formed(function.get("parameters", {}))
    except MalformedSchema as error:
        raise MalformedSchema(f"The parameters of the tool {name!r}: {error}") from None
    return function


def _whole(tool: Any, described: dict[str, Any]) -> dict[str, Any]:
    """Return a description with the references that LangChain cut off.

    LangChain replaces each reference by what it refers to, and one that leads back to itself by a
    schema that accepts anything. A value for that is no value of the Pydantic class.
    """
    asked = tool.tool_call_schema if isinstance(tool, BaseTool) else tool
    if isinstance(asked, type) and issubclass(asked, BaseModel):
        asked = asked.model_json_schema()
    if not any("$ref" in part for part, _ in subschemas(asked)):
        return described
    whole = well_formed(asked)
    if not inlined(whole)[1]:
        return described
    parameters = {k: v for k, v in whole.items() if k not in ("title", "description")}
    return {**described, "function": {**described["function"], "parameters": parameters}}


def _short(value: object) -> str:
    written = repr(value)
    return written if len(written) <= 100 else written[:100] + "..."
