"""What a check found, as a card below the cell and as plain text.

The card is HTML without a script: hints and solution are folded parts, so they open also after the
kernel has gone, and a stored notebook reads as a live one does.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["right", "wrong", "not attempted", "crashed", "stopped"]
"""What a check can find; `stopped` is code that did not end."""

LONGEST = 600
"""Longest value that is shown, in characters."""


@dataclass(frozen=True)
class Look:
    """How a status looks.

    Args:
        word: what it is called on the card.
        icon: the sign before the word.
        colour: of the edge and behind the word; white on it has a contrast of at least 4.5.
        prefix: what the plain text begins with.
    """

    word: str
    icon: str
    colour: str
    prefix: str


LOOKS: dict[Status, Look] = {
    "right": Look("Right", "✓", "#1a7f37", "Right. "),
    "wrong": Look("Not yet", "✗", "#9a6700", "Not yet: "),
    "not attempted": Look("Not attempted", "○", "#6b727a", "Not attempted yet: "),
    "crashed": Look("Stopped", "■", "#c62828", ""),
    "stopped": Look("Stopped", "■", "#c62828", ""),
}


class IncorrectAnswer(Exception):
    """An answer is not right yet.

    Args:
        message: what was expected, what came and where to look; or, with a comparison, what the
            two values are of.
        comparison: the expected value and the one that came, as text.
        look: where to look, one sentence.
    """

    def __init__(
        self, message: str, comparison: tuple[str, str] | None = None, look: str = ""
    ) -> None:
        super().__init__(message)
        self.comparison, self.look = comparison, look


@dataclass(frozen=True)
class Standing:
    """Where the learner stands after a check.

    Args:
        exercise: id of the exercise.
        right: how many exercises of its chapter are right.
        total: how many there are.
        next_title: the next open exercise in words; empty where there is none.
        next_link: its address, seen from the exercise notebook.
        hints: of this exercise.
        solution: its code.
    """

    exercise: str
    right: int
    total: int
    next_title: str = ""
    next_link: str = ""
    hints: tuple[str, ...] = ()
    solution: str = ""


@dataclass(frozen=True)
class CheckResult:
    """What a check found.

    Args:
        status: one of the five.
        said: what the learner reads first.
        comparison: the expected value and the one that came, as text, where two were compared.
        look: where to look, one sentence.
        standing: how far the learner is; None where nobody asked.
    """

    status: Status
    said: str
    comparison: tuple[str, str] | None = None
    look: str = ""
    standing: Standing | None = None

    @property
    def text(self) -> str:
        """What was found, as plain text, without how far the learner is."""
        lines = [LOOKS[self.status].prefix + self.said]
        if self.comparison:
            lines += [f"  expected  {self.comparison[0]}", f"  got       {self.comparison[1]}"]
        return "\n".join([*lines, *([self.look] if self.look else [])])

    def __repr__(self) -> str:
        return "\n".join([self.text, *_standing_lines(self)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": _card(self), "text/plain": repr(self)}


def shown_value(value: Any) -> str:
    """Return a value as Python writes it, cut to a length, without addresses of objects.

    Args:
        value: anything, also an object whose `__repr__` raises.
    """
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a learner's class may raise anything here
        return f"<{type(value).__name__}, which cannot be shown: {type(error).__name__}>"
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", text)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}... ({len(text):,} characters)"


def _standing_lines(result: CheckResult) -> list[str]:
    at = result.standing
    if at is None:
        return []
    lines = [f"Progress: {at.right} of {at.total}."]
    if result.status == "right" and at.next_title:
        end = "" if at.next_title.endswith("?") else "."
        lines[0] += f" Next: {at.next_title}{end}"
    elif result.status != "right":
        lines[0] += f" {at.exercise}.hint() gives a hint, {at.exercise}.solution() the solution."
    return lines


BUTTON = (
    "display:inline-block;cursor:pointer;padding:1px 10px;border:1px solid "
    "var(--jp-border-color1,#999);border-radius:3px;list-style:none"
)
CODE = (
    "font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px);"
    "white-space:pre-wrap;overflow-wrap:anywhere"
)


def _card(result: CheckResult) -> str:
    look = LOOKS[result.status]
    first, _, rest = result.said.partition("\n")
    parts = [
        f'<div><b style="background:{look.colour};color:#fff;padding:1px 8px;border-radius:3px;'
        f'white-space:nowrap"><span aria-hidden="true">{look.icon}</span> {look.word}</b> '
        f"{html.escape(first)}</div>"
    ]
    parts += [f"<div>{html.escape(line)}</div>" for line in rest.splitlines()]
    if result.comparison:
        cells = "".join(
            f"<span>{name}</span><span>{html.escape(value)}</span>"
            for name, value in zip(("expected", "got"), result.comparison, strict=True)
        )
        parts.append(
            '<div class="course-compared" style="display:grid;grid-template-columns:max-content '
            f'1fr;column-gap:2ch;{CODE}">{cells}</div>'
        )
    if result.look:
        parts.append(f"<div>{html.escape(result.look)}</div>")
    if result.standing:
        parts.append(_standing(result, result.standing))
    return (
        f'<div class="course-outcome" style="border-left:4px solid {look.colour};'
        f'padding:2px 0 2px 12px;display:grid;row-gap:6px">{"".join(parts)}</div>'
    )


def _standing(result: CheckResult, at: Standing) -> str:
    progress = f'<span class="course-progress">Progress: {at.right} of {at.total}</span>'
    if result.status == "right":
        link = f'<a href="{html.escape(at.next_link)}">Next: {html.escape(at.next_title)}</a>'
        return f"<div>{progress}{' &middot; ' + link if at.next_title else ''}</div>"
    # A first attempt comes before the solution.
    solution = "" if result.status == "not attempted" else _solution(at.solution)
    return (
        "<style>.course-help > details[open] { flex-basis: 100% }</style>"
        '<div class="course-help" style="display:flex;flex-wrap:wrap;gap:8px;align-items:center">'
        f"{_hints(at.hints)}{solution}{progress}</div>"
    )


def _hints(hints: tuple[str, ...]) -> str:
    """The hints, each folded away inside the one before it."""
    inner = ""
    for number, hint in reversed(list(enumerate(hints, 1))):
        inner = _folded(f"Hint {number}/{len(hints)}", f"<div>{html.escape(hint)}</div>{inner}")
    return inner


def _solution(code: str) -> str:
    if not code:
        return ""
    shown = _folded("Show it", f'<pre style="{CODE}">{html.escape(code)}</pre>')
    asked = "<div>Sure? Trying a little longer teaches more than reading.</div>"
    return _folded("Solution", asked + shown)


def _folded(title: str, body: str) -> str:
    return f'<details><summary style="{BUTTON}">{title}</summary>{body}</details>'
