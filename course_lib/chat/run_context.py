"""The context of a run: what was given for it, the defaults of its schema, and the choices."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, Union

import ipywidgets as widgets

MISSING = object()
"""The default of a field that has none."""

LEFT = object()
"""The default of a field that is left to the schema, which may make a value for each run."""


class _Field(NamedTuple):
    """A field of a schema.

    Args:
        options: the values that it allows, where they are few.
        default: its value, `LEFT` or `MISSING`.
        keys: the names by which the schema takes it; it prefers the first.
        make: makes the value that a choice begins with, where the default is `LEFT`.
    """

    options: list[Any]
    default: Any
    keys: tuple[str, ...]
    make: Callable[[], Any] | None = None


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
            name: _drop_down(name, field.options, self._value_of(name))
            for name, field in self._fields.items()
            if field.options
        }

    def value(self) -> Any:
        """Return the context for the next run, None where there is nothing to give."""
        chosen = {name: choice.value for name, choice in self.choices.items()}
        if self._given is not None and not isinstance(self._given, Mapping):
            return _with_fields(self._given, chosen)
        values = dict(self._given or {})
        for name, value in chosen.items():
            for key in self._fields[name].keys:
                values.pop(key, None)
            values[self._fields[name].keys[0]] = value
        defaults = {
            name: field.default
            for name, field in self._fields.items()
            if not any(field.default is each for each in (MISSING, LEFT))
            and values.keys().isdisjoint(field.keys)
        }
        is_missing = [field.default is MISSING for field in self._fields.values()]
        if values or not all(is_missing) or not is_missing:
            # LangGraph builds the schema from a mapping, and the schema names what is missing.
            return {**defaults, **values} if self._fields or values else None
        return None

    def _value_of(self, name: str) -> Any:
        field = self._fields[name]
        if isinstance(self._given, Mapping):
            value = next((self._given[key] for key in field.keys if key in self._given), MISSING)
        else:
            value = getattr(self._given, name, MISSING)
        if value is not MISSING or field.default is not LEFT or field.make is None:
            return field.default if value is MISSING else value
        try:
            return field.make()
        except Exception:  # noqa: BLE001  it may need what is there only when the graph runs
            return MISSING


def _fields_of(schema: type | None) -> dict[str, _Field]:
    """The fields that a schema is given when it is made, by name."""
    if schema is None:
        return {}
    try:
        hints = typing.get_type_hints(schema)
    except Exception:  # noqa: BLE001  hints that name what is not there raise anything
        hints = dict.fromkeys(getattr(schema, "__annotations__", {}), Any)
    if models := getattr(schema, "__pydantic_fields__", None):
        config = getattr(schema, "model_config", None) or getattr(schema, "__pydantic_config__", {})
        return {
            name: _of_model(name, field, hints.get(name), config)
            for name, field in models.items()
            if field.init is not False
        }
    if dataclasses.is_dataclass(schema):
        stored = {field.name: field for field in dataclasses.fields(schema) if field.init}
        stored |= {  # what only the constructor is given is not among the fields
            name: schema.__dataclass_fields__[name]
            for name, hint in hints.items()
            if isinstance(hint, dataclasses.InitVar)
        }
        return {name: _of_dataclass(field, hints.get(name)) for name, field in stored.items()}
    return {
        name: _Field(_options(hint), MISSING, (name,))
        for name, hint in hints.items()
        if typing.get_origin(hint) is not ClassVar
    }


def _of_dataclass(field: dataclasses.Field[Any], hint: Any) -> _Field:
    options = _options(hint.type if isinstance(hint, dataclasses.InitVar) else hint)
    if field.default_factory is not dataclasses.MISSING:
        return _Field(options, LEFT, (field.name,), field.default_factory)
    default = MISSING if field.default is dataclasses.MISSING else field.default
    return _Field(options, default, (field.name,))


def _of_model(name: str, field: Any, hint: Any, config: Mapping[str, Any]) -> _Field:
    """A field of a Pydantic schema.

    Its default is left to the schema, which does not check it: `city: str = None` is allowed.
    """
    alias = field.validation_alias
    aliases = [each for each in getattr(alias, "choices", [alias]) if isinstance(each, str)]
    keys = aliases if config.get("validate_by_alias", True) else []
    if alias is None or config.get("validate_by_name") or config.get("populate_by_name"):
        keys = [*keys, name]
    default = MISSING if field.is_required() else LEFT
    # A field that is only found inside another value cannot be chosen alone.
    options = _options(hint) if keys else []
    make = partial(field.get_default, call_default_factory=True)
    return _Field(options, default, tuple(keys) or (name,), make)


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
