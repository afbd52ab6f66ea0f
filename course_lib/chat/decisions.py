"""What a person decided on a card: the line that stays, and a yes or no that is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.chat.approval import Approval, Button
from course_lib.chat.markup import exact
from course_lib.chat.ui_words import words_for, yes_or_no
from course_lib.display import shorten, summary_line

MAX_PART_LENGTH = 100
"""Longest part of the line that stays of a card, in characters."""


def decided_line(approval: Approval, values: Mapping[str, Any]) -> tuple[str, str]:
    """Return how a question was decided, and the line that says so.

    Args:
        approval: the card.
        values: what was sent from it, by field.

    Returns:
        `yes`, `no` or `sent`; and a text such as `Approved: Dawon, 3, Friday`.
    """
    pressed = _button(approval, values)
    agrees = None if pressed is None else _agrees(pressed)
    outcome = "sent" if agrees is None else "yes" if agrees else "no"
    words = words_for(approval.question)
    said = words[outcome] if outcome != "sent" or pressed is None else pressed.label
    filled = [values.get(field.name, field.text) for field in approval.fields]
    texts = [part if isinstance(part, str) else summary_line(part) for part in filled]
    parts = [approval.question, *(text for text in texts if text and outcome != "no")]
    short = [exact(shorten(part, MAX_PART_LENGTH)) for part in parts]
    return outcome, f"{said}: {', '.join(short)}"


def typed_answer(approval: Approval, text: str, filled: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a typed yes or no sends from a card, None where the text is neither.

    Args:
        approval: the card; one whose first button agrees and whose last does not.
        text: as it was typed.
        filled: what is filled in on the card, by field; what the card began with when left out.
    """
    said = yes_or_no(text)
    wanted = [b for b in approval.buttons if said is not None and _agrees(b) is said]
    if len(wanted) != 1:
        return None
    shown = {f.name: bool(f.value) if f.kind == "boolean" else f.text for f in approval.fields}
    return {**shown, **filled, **wanted[0].values}


def _button(approval: Approval, values: Mapping[str, Any]) -> Button | None:
    """The button whose values were sent."""
    for button in approval.buttons:
        if button.values and all(values.get(k) == v for k, v in button.values.items()):
            return button
    return None


def _agrees(button: Button) -> bool | None:
    """Whether a button says yes or no; None where it says something else."""
    sent = list(button.values.values())
    if len(sent) != 1:
        return None
    if isinstance(sent[0], bool):
        return sent[0]
    return {"accept": True, "approve": True, "reject": False, "ignore": False}.get(str(sent[0]))
