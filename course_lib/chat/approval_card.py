"""A form as the browser gets it: text only, so that no number and no letter changes on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_lib.chat.approval import Approval
from course_lib.chat.markup import exact, plain
from course_lib.chat.ui_words import words_for

if TYPE_CHECKING:
    from langgraph.types import Interrupt

    from course_lib.chat.json_form import Field

MAX_SHOWN = 20_000
"""Longest text on a card, in characters; a longer one is cut, and its length is added."""

CHOOSE = "choose ..."
"""What a choice shows before anything is chosen."""

NO_CHOICE = "(none)"
"""What a choice shows that may be left empty."""


def cards_of(
    interrupts: Sequence[Interrupt],
    refusals: Mapping[str, Mapping[str, str]],
    *,
    busy: bool,
    refusal_count: int,
) -> list[dict[str, Any]]:
    """Return a card for each open question.

    Args:
        interrupts: the questions.
        refusals: what was wrong with the last answers, by interrupt and field.
        busy: whether a run has not ended, so that nothing can be sent.
        refusal_count: how many answers were refused.
    """
    return [
        card_of(
            Approval.of(interrupt),
            errors=refusals.get(interrupt.id, {}),
            busy=busy,
            refusal_count=refusal_count,
        )
        for interrupt in interrupts
    ]


def card_of(
    approval: Approval, *, errors: Mapping[str, str], busy: bool, refusal_count: int
) -> dict[str, Any]:
    """Return the entry of an open question.

    Args:
        approval: the form.
        errors: what was wrong with the last answer, by field.
        busy: whether a run has not ended, so that nothing can be sent.
        refusal_count: how many answers were refused, so that a second refusal is a change.

    Returns:
        Values that JSON can hold. What a field holds is sent as text; only a box to tick is sent
        as true or false.
    """
    details = [[_shown(name), _shown(text)] for name, text in approval.details]
    for field in approval.fields:
        if exact(field.text) != field.text:
            details.append([f"{_shown(field.label)}, every character", _shown(field.text)])
    words = words_for(approval.question)
    return {
        "kind": "approval",
        "labels": {"asks": words["asks"]},
        "key": f"approval-{approval.id}",
        "id": approval.id,
        "question": _shown(approval.question),
        "details": details,
        "fields": [_field(field) for field in approval.fields],
        "buttons": [
            {"label": words.get(button.label, button.label), "values": dict(button.values)}
            for button in approval.buttons
        ],
        "errors": {plain(name): plain(text) for name, text in errors.items()},
        "busy": busy,
        "refused": refusal_count,
    }


def _field(field: Field) -> dict[str, Any]:
    nothing = CHOOSE if field.empty == "refused" else NO_CHOICE
    is_shown = field.kind == "choice" and (not field.text or nothing == NO_CHOICE)
    return {
        "name": field.name,
        "label": _shown(field.label),
        "kind": field.kind,
        "value": bool(field.value) if field.kind == "boolean" else field.text,
        "choices": list(field.labels),
        "empty": nothing if is_shown else None,
    }


def _shown(text: str) -> str:
    whole = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(text):,} characters)"
    return exact(whole)
