"""Fields of a form for values that JSON can hold, from a JSON Schema and back.

A value goes to the browser as text and is read back from text. JavaScript keeps numbers as 64-bit
floats, so a number that went there as a number could come back as another one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jsonschema import Draft202012Validator
from langchain_core.utils.json_schema import dereference_refs

from course_lib.display import format_json, summary_line
from course_lib.persistence import is_equal

LONG = 60
"""A text of more characters than this is edited in a box of several lines."""

MAX_LABEL_LENGTH = 300

Kind = Literal["text", "long text", "integer", "number", "boolean", "choice", "json"]


class InvalidAnswer(ValueError):
    """An answer that does not fit; `errors` says what is wrong, by field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {text}" for name, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True)
class Field:
    """One thing to fill in.

    Args:
        name: its key in the answer.
        label: what the person reads.
        kind: what it holds.
        value: what it starts with.
        choices: the values to choose from, for a choice.
    """

    name: str
    label: str
    kind: Kind
    value: Any = None
    choices: tuple[Any, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """A label for each choice, no label twice."""
        plain = [each if isinstance(each, str) else _json_text(each) for each in self.choices]
        return tuple(
            label if plain.count(label) == 1 else _json_text(choice)
            for label, choice in zip(plain, self.choices, strict=True)
        )

    @property
    def text(self) -> str:
        """What the field shows at first."""
        if self.kind == "choice":
            found = (
                label
                for label, choice in zip(self.labels, self.choices, strict=True)
                if choice is self.value
                or (type(choice) is type(self.value) and choice == self.value)
            )
            return next(found, "")
        if self.value is None:
            return ""
        if isinstance(self.value, str):
            return self.value
        return _json_text(self.value) if self.kind != "json" else format_json(self.value)

    def read(self, given: Any) -> Any:
        """Return what the person filled in, as the type that the field asks for.

        Args:
            given: a text from the browser, or a value from code.

        Raises:
            InvalidAnswer: the text cannot be read.
        """
        if not isinstance(given, str):
            return given
        if self.kind == "choice":
            return self._chosen(given)
        if given == self.text and self.value not in (None, ""):
            return self.value  # untouched: exactly what was asked about
        match self.kind:
            case "integer" | "number":
                return self._number(given.strip())
            case "json":
                return self._json(given)
            case _:
                return _storable(given)

    def _chosen(self, label: str) -> Any:
        if label in self.labels:
            return self.choices[self.labels.index(label)]
        return label  # the schema says that it is none of the choices

    def _number(self, text: str) -> int | float | None:
        if not text:
            return None
        if re.fullmatch(r"[+-]?[0-9]{1,4000}", text):
            return int(text)
        if self.kind == "number":
            try:
                number = float(text)
            except ValueError:
                number = math.nan
            if math.isfinite(number):
                return number
        whole = "whole " if self.kind == "integer" else ""
        raise InvalidAnswer({self.name: f"{summary_line(text)} is no {whole}number."})

    def _json(self, text: str) -> Any:
        if not text.strip():
            return None
        try:
            return read_json(text)
        except ValueError as error:
            if self.value in (None, "") and text.strip()[0] not in "[{":
                return _storable(text)  # a field of several types; the schema decides
            raise InvalidAnswer({self.name: f"This is no JSON: {error}."}) from None


def read_json(text: str) -> Any:
    """Read JSON.

    Raises:
        ValueError: it is none, or holds what JSON cannot hold (NaN, Infinity), or is nested too
            deeply to be read.
    """

    def refuse(constant: str) -> Any:
        raise ValueError(f"JSON has no {constant}")

    try:
        return json.loads(_storable(text), parse_constant=refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def fields_of(schema: Mapping[str, Any], given: Mapping[Any, Any]) -> Iterator[Field]:
    """Yield a field for each property of an object's schema.

    Args:
        schema: with `properties`; references in it have been followed.
        given: values to begin with, by property.
    """
    for name, part in schema["properties"].items():
        yield field_of(str(name), part, given.get(name))


def field_of(name: str, part: Any, given: Any) -> Field:
    """Return the field for one part of a schema.

    Args:
        name: key of the value.
        part: its schema; `True` allows anything.
        given: the value to begin with, None for the schema's default.
    """
    part = _without_null(part) if isinstance(part, Mapping) else {}
    named = part.get("description") or part.get("title") or name.replace("_", " ")
    label = str(named)[:MAX_LABEL_LENGTH]
    value = given if given is not None else part.get("default")
    choices = part.get("enum")
    if isinstance(choices, (list, tuple)) and choices:
        known = any(choice is value or is_equal(choice, value) for choice in choices)
        return Field(name, label, "choice", value if known else choices[0], tuple(choices))
    kind = part.get("type")
    if kind in ("integer", "number") and _is_number_or_none(value):
        return Field(name, label, kind, value)
    if kind == "boolean" and (value is None or isinstance(value, bool)):
        return Field(name, label, "boolean", value)
    if kind == "string" and (value is None or isinstance(value, str)):
        text = value or ""
        return Field(name, label, "long text" if len(text) > LONG else "text", text)
    return Field(name, label, "json", value)


def followed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with its references followed; as it is where they cannot be."""
    try:
        return dereference_refs(dict(schema))
    except Exception:  # noqa: BLE001  a broken schema raises KeyError, TypeError, RecursionError
        return schema


def schema_errors(schema: Mapping[str, Any], answer: Any) -> dict[str, str]:
    """Return what a schema finds wrong with an answer, by field.

    Args:
        schema: any mapping. One that is no JSON Schema finds nothing.
        answer: what the person filled in.
    """
    errors: dict[str, str] = {}
    try:
        for error in Draft202012Validator(schema).iter_errors(answer):
            name = str(error.absolute_path[0]) if error.absolute_path else "answer"
            errors.setdefault(name, error.message)
    except Exception:  # noqa: BLE001  a broken schema raises several types; the graph checks too
        return errors
    return errors


def _without_null(part: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema with the null of an optional field left out."""
    options = part.get("anyOf")
    if isinstance(options, list):
        some = [o for o in options if isinstance(o, Mapping) and o.get("type") != "null"]
        if len(some) == 1 and len(some) < len(options):
            rest = {k: v for k, v in part.items() if k != "anyOf"}
            return {**_without_null(some[0]), **rest}
    if "const" in part:
        return {**part, "enum": [part["const"]]}
    return part


def _is_number_or_none(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value is None or (number and math.isfinite(value))


def _json_text(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return summary_line(value)


def _storable(text: str) -> str:
    """A text without half of a surrogate pair, which cannot be written as UTF-8."""
    return text.encode("utf-8", "replace").decode()
