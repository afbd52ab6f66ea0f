"""What a person decided on a card: the line that stays, and a yes or no that is typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from course_lib.chat.approval import Approval, Button
from course_lib.chat.exact_json import shown_text
from course_lib.chat.json_form import Field
from course_lib.chat.markup import exact
from course_lib.chat.ui_words import words_for, yes_or_no
from course_lib.display import shorten, summary_line

if TYPE_CHECKING:
    from langgraph.types import Interrupt

MAX_PART_LENGTH = 100
"""Longest part of the line that stays of a card, in characters."""

ANSWER = Field("answer", "answer", "text", "")
"""Stands for what is filled in where an answer is of another form than its card."""


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
    asked = approval.question
    added = [text for text in texts if text and outcome != "no" and not _is_said(text, asked)]
    parts = [asked.rstrip("?？ ") if added else asked, *added]
    short = [exact(shorten(part, MAX_PART_LENGTH)) for part in parts]
    return outcome, f"{said}: {', '.join(short)}"


def _is_said(text: str, question: str) -> bool:
    """Whether a question already holds what was filled in, as a word of its own."""
    return bool(re.search(rf"(?<!\w){re.escape(text)}(?![^\W가-힣])", question))


def stored_line(interrupt: Interrupt, answer: Any) -> tuple[str, str]:
    """Return the same of an answer that was given earlier, as the checkpoints hold it.

    Args:
        interrupt: the question.
        answer: what the graph was resumed with.
    """
    approval = Approval.of(interrupt)
    try:
        return decided_line(approval, _sent_values(approval, answer))
    except (AttributeError, KeyError, TypeError):  # code may resume with anything
        return decided_line(replace(approval, fields=(ANSWER,)), {"answer": shown_text(answer)})


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


def _sent_values(approval: Approval, answer: Any) -> dict[str, Any]:
    """What the fields of a card held when an answer was sent from it."""
    match approval.shape:
        case "object":
            return {**{field.name: "" for field in approval.fields}, **answer}
        case "bare":
            return {"answer": answer}
        case "words":
            return {"answer": answer} if isinstance(answer, bool) else {"text": shown_text(answer)}
        case "decisions" | "decision":
            given = answer["decisions"] if approval.shape == "decisions" else [answer]
            return {
                f"{n}.{name}": value
                for n, each in enumerate(given)
                for name, value in _reviewed(each).items()
            }
    given = answer if approval.shape == "inbox list" else [answer]
    number = "{}." if len(given) > 1 else ""
    return {
        number.format(n) + name: value
        for n, each in enumerate(given)
        for name, value in _answered(each).items()
    }


def _reviewed(decision: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one decision on a tool call."""
    edited = decision.get("edited_action")
    args = {} if edited is None else {"args": shown_text(edited["args"])}
    return {"decision": decision["type"], "message": decision.get("message", ""), **args}


def _answered(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one answer of Agent Inbox."""
    kind, args = answer["type"], answer["args"]
    words = {"response": args} if kind == "response" else {}
    return {"type": kind, **words, **({"args": shown_text(args["args"])} if kind == "edit" else {})}


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
