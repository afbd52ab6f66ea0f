"""Answers that were shown and that the thread does not hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.chat.message_keys import message_keys, position_of

if TYPE_CHECKING:
    from course_lib.chat.drafts import Draft
    from course_lib.chat.events import ThreadLoaded


def unstored_drafts(drafts: Sequence[Draft], thread: ThreadLoaded) -> list[tuple[Draft, str]]:
    """Return the answers of a run that its thread does not hold.

    Args:
        drafts: the answers that were written in the run.
        thread: as the run has left it.

    Returns:
        Each with the key of the stored answer that followed it; empty where none did.
    """
    stored, found, following = {m.id for m in thread.messages}, [], ""
    for draft in reversed(drafts):
        if draft.key in stored:
            following = draft.key
        elif not _is_stored(draft.key, draft.text, thread):
            found.append((draft, following))
    return found[::-1]


def discarded_answers(before: ThreadLoaded, after: ThreadLoaded) -> list[str]:
    """Return the answers of an unfinished step that new input has discarded.

    The nodes of a step that have ended are shown with what they wrote. LangGraph stores it when all
    nodes of the step have ended, and forgets it when the person sends another message before that.

    Args:
        before: the thread before that message.
        after: the thread after its run.
    """
    if not (before.interrupts or before.unfinished):
        return []
    messages = before.messages
    asked = position_of(messages, before.last_person_key)
    behind = 0 if asked is None else asked + 1
    keyed = zip(message_keys(messages)[behind:], messages[behind:], strict=True)
    return [
        str(message.text)
        for key, message in keyed
        if message.type in ("ai", "chat") and not _is_stored(key, str(message.text), after)
    ]


def _is_stored(message_id: str, text: str, thread: ThreadLoaded) -> bool:
    """Whether a thread holds what was shown, perhaps as part of another message: a summary, say."""
    shown = text.strip()
    return not shown or any(m.id == message_id or shown in str(m.text) for m in thread.messages)
