"""Matching the questions of a thread with the same questions asked again on a branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from course_lib.chat.errors import ChatError
from course_lib.display import summary_line

if TYPE_CHECKING:
    from langgraph.types import Interrupt


def check_open(answers: Mapping[str, Any], interrupts: Sequence[Interrupt]) -> None:
    """Refuse answers to questions that are not open.

    Raises:
        ChatError: the thread does not wait for one of the answers.
    """
    if unknown := set(answers) - {each.id for each in interrupts}:
        raise ChatError(
            f"{len(unknown)} of these questions are not open here: they were answered already, or "
            "asked at another checkpoint. Look at the conversation as it is now."
        )


def answers_for_copies(
    answers: Mapping[str, Any], before: Sequence[Interrupt], now: Sequence[Interrupt]
) -> dict[str, Any]:
    """Return the answers under the ids of the same questions, asked again.

    Args:
        answers: by the ids of `before`.
        before: the questions at an earlier checkpoint.
        now: the questions after the nodes have run again from there.

    Raises:
        ChatError: the questions are not the same.
    """
    if [interrupt_key(each) for each in before] != [interrupt_key(each) for each in now]:
        raise ChatError(
            "This question comes after another one of the same step, which is open again. "
            "Answer that one first."
        )
    ids = {old.id: new.id for old, new in zip(before, now, strict=True)}
    return {ids[old]: value for old, value in answers.items()}


def interrupt_key(interrupt: Interrupt) -> tuple[str, str]:
    """Return a key that matches an interrupt with its replayed copy, whose id differs."""
    return _text(interrupt.value), _text(interrupt.response_schema)


def _text(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  a __repr__ may raise anything
        return summary_line(value)
