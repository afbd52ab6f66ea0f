"""Fields of a form for values that JSON can hold, from a JSON Schema and back.

A value goes to the browser as text and is read back from text. JavaScript keeps numbers as 64-bit
floats, so a number that went there as a number could come back as another one. A field that nobody
has changed gives the value itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from course_lib.chat.exact_json import (
    as_json,
    json_text,
    read_integer,
    read_json,
    read_number,
)
from course_lib.chat.json_schema import (
    allows_text,
    choices_of,
    followed,
    is_self_contained,
    without_null,
)
from course_lib.chat.markup import exact
from course_lib.json_validation import FormatChecker, PatternSafeValidator
from course_lib.persistence import is_equal, storable

LONG = 60
"""A text of more characters than this is edited in a box of several lines."""

MAX_LABEL_LENGTH = 300

Kind = Literal["text", "long text", "integer", "number", "boolean", "choice", "json"]
Empty = Literal["refused", "null", "left out"]

LEFT_OUT = object()
"""What an empty field gives that the answer may do without."""


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
        titles: what the person reads for each choice; by default the choice itself.
        empty: what an empty field means. An empty text is a text where it is `refused`.
        takes_text: whether a JSON field also takes a text that is no JSON.
    """

    name: str
    label: str
    kind: Kind
    value: Any = None
    choices: tuple[Any, ...] = ()
    titles: tuple[str, ...] = ()
    empty: Empty = "refused"
    takes_text: bool = False

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A label for each choice, no label twice, and none empty."""
        plain = self.titles or tuple(map(_choice_label, self.choices))
        labels: list[str] = []
        for label, choice in zip(plain, self.choices, strict=True):
            unique = exact(label if label and plain.count(label) == 1 else json_text(choice))
            while unique in labels:
                unique += " (again)"
            labels.append(unique)
        return tuple(labels)

    @cached_property
    def text(self) -> str:
        """What the field shows at first; empty where nothing is chosen or known."""
        if self.kind == "choice":
            pairs = zip(self.labels, self.choices, strict=True)
            return next((label for label, choice in pairs if choice is self.value), "")
        if self.value is None:
            return ""
        if isinstance(self.value, str):
            return storable(self.value)
        return json_text(self.value, indent=1 if self.kind == "json" else None)

    def read(self, given: Any) -> Any:
        """Return what the person filled in, as the type that the field asks for.

        Args:
            given: a text from the browser, or a value from code.

        Returns:
            The value; `LEFT_OUT` where the answer shall not hold this field.

        Raises:
            InvalidAnswer: the text cannot be read, or is empty where something is needed.
        """
        if given is not None and not isinstance(given, str):
            return given
        if self.value is not None and given is not None and _lines(given) == _lines(self.text):
            return self.value  # untouched: exactly what was asked about
        if given is None or not given.strip():
            return self._nothing(given)
        try:
            match self.kind:
                case "choice":
                    return self._chosen(given)
                case "integer":
                    return read_integer(given.strip())
                case "number":
                    return read_number(given.strip())
                case "json":
                    return self._json(given)
                case _:
                    return storable(given)
        except ValueError as error:
            raise InvalidAnswer({self.name: f"{error}."}) from None

    def _nothing(self, given: str | None) -> Any:
        """What an empty field gives; spaces in a text are a text."""
        is_text = given is not None and self.kind in ("text", "long text")
        if is_text and (given or self.empty == "refused"):
            return storable(given)
        if self.empty == "refused":
            what = "Nothing is chosen. Choose one." if self.kind == "choice" else None
            raise InvalidAnswer({self.name: what or "This is empty. Fill it in."})
        return None if self.empty == "null" else LEFT_OUT

    def _chosen(self, label: str) -> Any:
        if label in self.labels:
            return self.choices[self.labels.index(label)]
        return storable(label)  # from code: the schema says whether it is one of the choices

    def _json(self, text: str) -> Any:
        may_be_text = self.takes_text and text.strip()[0] not in "[{"
        if may_be_text and isinstance(self.value, str):
            return storable(text)  # it was a text, and stays one
        try:
            return read_json(text)
        except ValueError as error:
            if may_be_text:
                return storable(text)
            raise ValueError(f"This is no JSON that can be sent: {error}") from None


def fields_of(schema: Mapping[str, Any], given: Mapping[Any, Any]) -> Iterator[Field]:
    """Yield a field for each property of an object's schema.

    Args:
        schema: one that asks for an object with `properties`.
        given: values to begin with, by property.
    """
    simple = followed(schema, schema)
    required = simple.get("required")
    required = required if isinstance(required, (list, tuple)) else ()
    for name, part in simple["properties"].items():
        yield field_of(str(name), part, given, schema, required=name in required)


def field_of(
    name: str, part: Any, given: Mapping[Any, Any], schema: Mapping[str, Any], *, required: bool
) -> Field:
    """Return the field for one part of a schema.

    Args:
        name: key of the value, in the answer and in `given`.
        part: the schema of the value; `True` allows anything.
        given: what the question holds, by key. A value that the schema does not allow is not used.
        schema: the whole schema, in which references are looked up.
        required: whether the answer must hold the value.
    """
    part, is_nullable = without_null(part, schema)
    named = part.get("description") or part.get("title") or name.replace("_", " ")
    defined = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    value = _first_value({**defined, **part}, given.get(name))
    empty: Empty = "refused" if required or value is not None else "left out"
    if is_nullable:
        empty = "null" if required or name in given or value is not None else "left out"
    kind, choices, titles = _kind(part, value)
    if kind == "choice":
        value = _chosen_value(choices, value, is_needed=empty == "refused")
    return Field(
        name=storable(name),
        label=storable(str(named)[:MAX_LABEL_LENGTH]),
        kind=kind,
        value=value,
        choices=choices,
        titles=titles,
        empty=empty,
        takes_text=kind == "json" and allows_text(part),
    )


MISSING = "Nothing is filled in. Fill it in, or press another button."


def schema_errors(schema: Mapping[str, Any], answer: Any) -> dict[str, str]:
    """Return what a schema finds wrong with an answer, by field.

    Args:
        schema: any mapping. One that is no JSON Schema, or that refers to another one, finds
            nothing.
        answer: what the person filled in.
    """
    errors: dict[str, str] = {}
    if not is_self_contained(schema):
        return errors  # to follow the reference, the validator would read from the network
    checker = FormatChecker(formats=("date",))  # of the others, Pydantic takes more than this does
    try:
        for error in PatternSafeValidator(schema, format_checker=checker).iter_errors(answer):
            if error.validator == "required" and not error.absolute_path:
                missing = [name for name in error.validator_value if name not in error.instance]
                errors |= {str(name): MISSING for name in missing}
                continue
            name = str(error.absolute_path[0]) if error.absolute_path else "answer"
            message = error.message
            if len(message) > MAX_LABEL_LENGTH:
                message = f"{message[:MAX_LABEL_LENGTH]}..."
            errors.setdefault(name, message)
    except Exception:  # noqa: BLE001  a broken schema raises several types; the graph checks too
        return errors
    return errors


def _first_value(part: Mapping[str, Any], given: Any) -> Any:
    """What a field starts with: what was asked about, or else the schema's default."""
    for value in (given, part.get("default")):
        if value is None:
            continue
        written = as_json(value)
        if not schema_errors(part, written):
            is_text = isinstance(written, str)
            return written if is_text or schema_errors(part, value) else value
        if part.get("type") in ("integer", "number") and isinstance(written, str):
            try:
                return read_number(written.strip())
            except ValueError:
                continue
    return None


def _kind(part: Mapping[str, Any], value: Any) -> tuple[Kind, tuple[Any, ...], tuple[str, ...]]:
    """The kind of a field, with its choices and their titles."""
    choices, titles = choices_of(part)
    if choices:
        return "choice", choices, titles
    match part.get("type"):
        case "boolean" if value is None:
            return "choice", (True, False), ("yes", "no")
        case "boolean" if isinstance(value, bool):
            return "boolean", (), ()
        case "integer" | "number" as kind if _is_number_or_none(value):
            return kind, (), ()
        case "string" if value is None or isinstance(value, str):
            text = value or ""
            is_long = len(text) > LONG or bool({"\n", "\r"} & set(text))
            return "long text" if is_long else "text", (), ()
    return "json", (), ()


def _chosen_value(choices: tuple[Any, ...], value: Any, *, is_needed: bool) -> Any:
    """The choice that a form starts with; a choice is made for nobody unless it is the only one."""
    if value is None:
        return choices[0] if is_needed and len(choices) == 1 else None
    same = [choice for choice in choices if is_equal(choice, value)]
    same_type = [choice for choice in same if type(choice) is type(value)]
    return next(iter(same_type or same), None)


def _choice_label(choice: Any) -> str:
    return choice if isinstance(choice, str) else json_text(choice)


def _lines(text: str) -> str:
    """A text with the line breaks of a browser's text box."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _is_number_or_none(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value is None or (number and (isinstance(value, int) or math.isfinite(value)))
