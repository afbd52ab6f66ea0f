"""Refusals in OpenAI's form: a status and a body with message, type, parameter and code.

The wording follows what OpenAI's server answers to the same mistake, so that a client which looks
for a `code` finds it here as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

WANTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
}
"""What OpenAI calls the types, by the names of Pydantic's errors."""

BOUNDS = {
    "greater_than_equal": ("below_min_value", ">=", "ge", "below minimum value"),
    "less_than_equal": ("above_max_value", "<=", "le", "above maximum value"),
}


class Refusal(Exception):
    """A request that is refused.

    Args:
        message: what is wrong, in words.
        param: the parameter at fault, such as `messages[0].role`.
        code: OpenAI's short name of the mistake.
        status: of the HTTP answer.
        kind: OpenAI's `type` of the error.
        headers: more headers of the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        status: int = 400,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code
        self.status, self.kind, self.headers = status, kind, dict(headers or {})

    @property
    def body(self) -> dict[str, Any]:
        """The body of the answer."""
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}


def wrong_type(param: str, wanted: str, value: object) -> Refusal:
    """Return the refusal of a value of a wrong type.

    Args:
        param: the parameter.
        wanted: the type in words, such as `an array`.
        value: what came.
    """
    return Refusal(
        f"Invalid type for '{param}': expected {wanted}, but got {_got(value)} instead.",
        param=param,
        code="invalid_type",
    )


def missing(param: str) -> Refusal:
    """Return the refusal of a request that lacks a parameter.

    Args:
        param: the parameter.
    """
    return Refusal(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def unsupported(param: str, value: object, remedy: str) -> Refusal:
    """Return the refusal of a value that this model has no use for.

    Args:
        param: the parameter.
        value: what came.
        remedy: what is supported instead, as a sentence.
    """
    return Refusal(
        f"Unsupported value: '{param}' does not support {_shown(value)} with this model. {remedy}",
        param=param,
        code="unsupported_value",
    )


def refusal_of(error: ValidationError) -> Refusal:
    """Return OpenAI's words for the first mistake that Pydantic found.

    Args:
        error: as Pydantic raised it.
    """
    first = error.errors(include_url=False)[0]
    param, kind, value = path(first["loc"]) or "body", first["type"], first["input"]
    if kind == "missing":
        return missing(param)
    if kind in WANTED:
        return wrong_type(param, WANTED[kind], value)
    if kind == "literal_error":
        return Refusal(
            f"Invalid value: {_shown(value)}. Supported values are: {first['ctx']['expected']}.",
            param=param,
            code="invalid_value",
        )
    if kind in BOUNDS:
        code, sign, key, words = BOUNDS[kind]
        number = "integer" if isinstance(value, int) else "decimal"
        return Refusal(
            f"Invalid '{param}': {number} {words}. Expected a value {sign} {first['ctx'][key]}, "
            f"but got {_shown(value)} instead.",
            param=param,
            code=f"{number}_{code}",
        )
    return Refusal(f"Invalid '{param}': {first['msg']}.", param=param, code="invalid_value")


def path(location: Sequence[str | int]) -> str:
    """Return the path of a value as OpenAI writes it, such as `tools[0].function`.

    Args:
        location: names and indices, the outermost first.
    """
    written = ""
    for step in location:
        if isinstance(step, int):
            written += f"[{step}]"
        else:
            written += f".{step}" if written else step
    return written


def _got(value: object) -> str:
    if value is None:
        return "null"
    kinds = {
        bool: "a boolean",
        str: "a string",
        int: "an integer",
        float: "a decimal",
        list: "an array",
    }
    return kinds.get(type(value), "an object")


def _shown(value: object) -> str:
    return repr(value)[:100]
