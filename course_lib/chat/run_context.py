"""The context of a run: what was given for it, the defaults of its schema, and the choices."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, Union

import ipywidgets as widgets

MISSING = object()


class RunContext:
    """What a graph's context schema is filled with.

    Fields that allow a few fixed values become choices beside the chat.

    Args:
        schema: the graph's context schema, None where it has none.
        given: the context for every run, as the schema or a mapping; a choice overrides its field.
    """

    def __init__(self, schema: type | None, given: Any = None) -> None:
        self._given = given
        self._fields = _fields_of(schema)
        self.choices = {
            name: _drop_down(name, options, self._value_of(name))
            for name, (options, _) in self._fields.items()
            if options
        }

    def value(self) -> Any:
        """Return the context for the next run, None where there is nothing to give."""
        chosen = {name: choice.value for name, choice in self.choices.items()}
        if self._given is not None and not isinstance(self._given, Mapping):
            return _with_fields(self._given, chosen)
        values = {**dict(self._given or {}), **chosen}
        defaults = {
            name: default
            for name, (_, default) in self._fields.items()
            if default is not MISSING and name not in values
        }
        required = [name for name, (_, default) in self._fields.items() if default is MISSING]
        if values or defaults or not required:
            # LangGraph builds the schema from a mapping, and the schema names what is missing.
            return {**defaults, **values} if self._fields or values else None
        return None

    def _value_of(self, name: str) -> Any:
        if isinstance(self._given, Mapping):
            value = self._given.get(name, MISSING)
        else:
            value = getattr(self._given, name, MISSING)
        return self._fields[name][1] if value is MISSING else value


def _fields_of(schema: type | None) -> dict[str, tuple[list[Any], Any]]:
    """The fields of a schema by name: the values that each allows, and its default."""
    if schema is None:
        return {}
    try:
        hints = typing.get_type_hints(schema)
    except Exception:  # noqa: BLE001  hints that name what is not there raise anything
        hints = dict.fromkeys(getattr(schema, "__annotations__", {}), Any)
    defaults = _defaults_of(schema)
    return {name: (_options(hint), defaults.get(name, MISSING)) for name, hint in hints.items()}


def _defaults_of(schema: type) -> dict[str, Any]:
    if dataclasses.is_dataclass(schema):
        return {
            field.name: field.default if made is None else made()
            for field in dataclasses.fields(schema)
            if (made := _factory(field)) is not None or field.default is not dataclasses.MISSING
        }
    fields = getattr(schema, "model_fields", {})
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in fields.items()
        if not field.is_required()
    }


def _factory(field: dataclasses.Field[Any]) -> Any:
    return None if field.default_factory is dataclasses.MISSING else field.default_factory


def _options(hint: Any) -> list[Any]:
    """The values that a type allows, where they are few: a `Literal`, an `Enum`, perhaps None."""
    if typing.get_origin(hint) is Literal:
        return list(typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return list(hint)
    if typing.get_origin(hint) in (Union, types.UnionType):
        parts = [_options(part) for part in typing.get_args(hint) if part is not type(None)]
        if all(parts):
            return [option for part in parts for option in part] + [None]
    return []


def _drop_down(name: str, options: list[Any], value: Any) -> widgets.Dropdown:
    labelled = [(_label(option), option) for option in options]
    return widgets.Dropdown(
        options=labelled,
        value=value if value in options else options[0],
        tooltip=name,  # its name for a screen reader, too
        layout=widgets.Layout(width="auto", min_width="0"),
    )


def _label(option: Any) -> str:
    return str(option.value) if isinstance(option, enum.Enum) else str(option)


def _with_fields(given: Any, chosen: Mapping[str, Any]) -> Any:
    """Return a copy of a context object with other values in some of its fields."""
    if not chosen:
        return given
    if dataclasses.is_dataclass(given):
        return dataclasses.replace(given, **chosen)
    if hasattr(given, "model_copy"):
        return given.model_copy(update=dict(chosen))
    return given
