"""Answers to the exercises as source text, in modules by chapter; test_answers.py reads them."""

from __future__ import annotations

import importlib
import linecache
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answers:
    """Answers to one exercise, beside the reference in `solutions/`.

    Args:
        right: other answers that are right.
        wrong: plausible answers that are wrong.
    """

    right: tuple[str, ...]
    wrong: tuple[str, ...]


def chapters() -> dict[str, dict[int, tuple[Answers, str]]]:
    """The answers and the code that runs before them, by chapter and number of the exercise."""
    found: dict[str, dict[int, tuple[Answers, str]]] = {}
    for path in sorted(Path(__file__).parent.glob("ch*.py")):
        module = importlib.import_module(f"{__package__}.{path.stem}")
        chapter = found.setdefault(module.CHAPTER, {})
        for number, answers in module.ANSWERS.items():
            assert number not in chapter, f"two modules have exercise {number} of {path.stem}"
            chapter[number] = (answers, module.SETUP)
    return found


def answer_of(source: str, setup: str = "") -> Any:
    """Run an answer's source: an expression, or statements that define `answer`."""
    scope: dict[str, Any] = {"__name__": "answers"}
    exec(compile(setup, "<setup>", "exec", dont_inherit=True), scope)
    text = textwrap.dedent(source).strip() + "\n"
    name = f"<answer {abs(hash(text))}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    try:
        code = compile(text, name, "eval", dont_inherit=True)
    except SyntaxError:
        exec(compile(text, name, "exec", dont_inherit=True), scope)
        return scope["answer"]
    return eval(code, scope)
