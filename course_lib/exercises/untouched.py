"""Whether an answer is still what the exercise notebook came with."""

from __future__ import annotations

import dis
import inspect
from types import CodeType, FunctionType
from typing import Any


def is_untouched(answer: Any) -> bool:
    """Whether an answer is still what the exercise notebook came with: `...` and nothing else."""
    if answer is Ellipsis:
        return True
    if isinstance(answer, tuple):
        return bool(answer) and all(map(is_untouched, answer))
    if isinstance(answer, FunctionType):
        return _is_empty(answer.__code__)
    if isinstance(answer, type):
        return _adds_nothing(answer)
    return False


def _adds_nothing(answer: type) -> bool:
    """Whether a class has no field and no method beyond those of its bases."""
    inherited = [getattr(base, "__annotations__", {}) for base in _bases(answer)]
    fields = set(getattr(answer, "__annotations__", {})) - set().union(*inherited)
    functions = [v for v in vars(answer).values() if isinstance(v, FunctionType)]
    return not fields and not functions


def _bases(answer: type) -> list[Any]:
    return [*getattr(answer, "__orig_bases__", ()), *answer.__mro__[1:]]


def _is_empty(code: CodeType) -> bool:
    """Whether a function's body is only `...` (and perhaps a docstring)."""
    allowed = {"RESUME", "NOP", "LOAD_CONST", "POP_TOP", "RETURN_VALUE", "RETURN_CONST"}
    if code.co_flags & inspect.CO_COROUTINE:  # what Python puts around every `async def`
        allowed |= {"RETURN_GENERATOR", "CALL_INTRINSIC_1", "RERAISE", "STOPITERATION_ERROR"}
    returned = [c for c in code.co_consts if c is not None and c is not Ellipsis]
    docstring = len(returned) == 0 or (len(returned) == 1 and isinstance(returned[0], str))
    last = [i for i in dis.get_instructions(code) if i.opname not in ("RESUME", "NOP")]
    returns_none = any(i.argval is None for i in last if i.opname in ("LOAD_CONST", "RETURN_CONST"))
    return {i.opname for i in last} <= allowed and docstring and returns_none
