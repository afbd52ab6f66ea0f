"""`jsonschema`, without the second and more that its import takes.

`jsonschema` imports `rfc3987_syntax` where it is installed, and JupyterLab brings it. That package
compiles a grammar of internationalized addresses as soon as it is imported, for the two formats
`iri` and `iri-reference`. Here the grammar is compiled when the first value of such a format is
checked, and most programs never check one.

    from course_lib.json_validation import Draft202012Validator
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType

_GRAMMAR = "rfc3987_syntax"


def _is_valid_syntax(term: str, value: str) -> bool:
    """What `rfc3987_syntax.is_valid_syntax` says, with the import at the first call."""
    return importlib.import_module(_GRAMMAR).is_valid_syntax(term, value)


def _import_jsonschema() -> None:
    if {"jsonschema", _GRAMMAR} & set(sys.modules) or importlib.util.find_spec(_GRAMMAR) is None:
        return  # it is there already, or there is nothing to put off
    sys.modules[_GRAMMAR] = ModuleType(_GRAMMAR)
    sys.modules[_GRAMMAR].is_valid_syntax = _is_valid_syntax
    try:
        importlib.import_module("jsonschema")
    finally:
        del sys.modules[_GRAMMAR]


_import_jsonschema()

from jsonschema import Draft202012Validator, FormatChecker  # noqa: E402 - not before the line above
from jsonschema.exceptions import UnknownType  # noqa: E402
from jsonschema.validators import validator_for  # noqa: E402

__all__ = ["Draft202012Validator", "FormatChecker", "UnknownType", "validator_for"]
