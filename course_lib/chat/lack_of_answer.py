"""Whether a run has answered, and what to say where it has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from course_lib.chat.answer_endings import ending_of
from course_lib.chat.message_keys import message_keys, position_of

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from course_lib.chat.events import ThreadLoaded

NO_ANSWER = "The graph ended and wrote no answer. Its state may have changed: see State."
ABOVE = "The answer stands above, in the place of an earlier one."


def lack_of_answer(thread: ThreadLoaded, before: Sequence[BaseMessage], asked: str) -> str:
    """Return what to say of a run that wrote nothing to read behind what it was asked.

    Args:
        thread: after the run.
        before: the messages from before the run. Where none was added, the last one counts too: a
            run that goes on may only end what has been answered.
        asked: key of the person's message that it answers; empty where it only went on.

    Returns:
        A sentence; empty where there is an answer.
    """
    messages = thread.messages
    # By what it says, as a node that returns copies of all messages gives them other ids.
    known = Counter((message.type, str(message.text)) for message in before)
    known.subtract((message.type, str(message.text)) for message in messages)
    keyed = list(zip(message_keys(messages), messages, strict=True))
    written = [(key, each) for key, each in keyed if known[each.type, str(each.text)] < 0]
    if len(messages) <= len(before):
        written += keyed[-1:]
    answers = [
        key
        for key, message in written
        if (message.type not in ("human", "tool") or _is_said_by_graph(thread, key))
        and (str(message.text) or ending_of(message))
    ]
    if not answers:
        return NO_ANSWER
    place = position_of(messages, asked)
    places = [position_of(messages, key) or 0 for key in answers]
    return ABOVE if place is not None and max(places) < place else ""


def _is_said_by_graph(thread: ThreadLoaded, key: str) -> bool:
    """Whether a message of a person's role is the graph's: agents answer one another so."""
    return key in thread.graph_written and key not in thread.answers
