"""What a person says in place of an earlier message, and what is written into the thread for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, ToolMessage
from langgraph.constants import START

from course_lib.chat.authorship import new_id, person_message
from course_lib.chat.errors import ChatError
from course_lib.chat.message_keys import message_keys, position_of
from course_lib.models import close_open_tool_calls
from course_lib.persistence import is_equal

if TYPE_CHECKING:
    from course_lib.chat.events import ThreadLoaded
    from course_lib.chat.graph_access import GraphAccess


@dataclass(frozen=True)
class Replacement:
    """What is said in place of a message.

    Args:
        key: of the message that it replaces.
        message: what is said.
        config: names a checkpoint that holds the replaced message, or the thread as it is shown.
    """

    key: str
    message: BaseMessage
    config: Mapping[str, Any]


NOT_RUN = "Not run: the person continued with another message."
"""What a tool call is answered with when nobody answers it before the person's next message."""

NO_RESULT = (
    "No result: the person continued with another message before this step had ended. It is not "
    "known whether the tool ran."
)
"""The same, where the step of the call was begun: a stop or an error of another tool can end a tool
in its middle, and a process that was killed tells nothing."""

NOT_ANSWERED = "Not answered: the person continued with another message."
"""The same, where the call waited for the answer to a question; a reopened thread says so too."""


LOST = (
    " (The tool ran. What it wrote into other fields of the state was lost, because the person "
    "continued with another message.)"
)
"""What is added to the answer of a tool that wrote more than its answer."""


def reworded(thread: ThreadLoaded, key: str, text: str) -> BaseMessage:
    """Return a person's message with another text; its name, images and other contents stay.

    Args:
        thread: as it was read.
        key: of the message.
        text: what to say instead.

    Raises:
        ChatError: there is no such message, or the graph wrote it.
    """
    position = position_of(thread.messages, key)
    if position is None:
        raise ChatError(
            "There is no such message in this thread, so there is nothing to fork from. Look at "
            "the conversation as it is now."
        )
    message = thread.messages[position]
    if key in thread.answers:
        raise ChatError(
            "That was your answer to a question of the graph, and no run began with it. Go back "
            "to the checkpoint of the question, and answer it there once more."
        )
    if message.type != "human" or key in thread.graph_written:
        raise ChatError(
            "The graph wrote that message, so it cannot be said otherwise. Edit one of your own "
            "messages."
        )
    words = person_message(text)
    content: Any = words.content
    if isinstance(message.content, list):
        others = [block for block in message.content if not _is_text(block)]
        content = [{"type": "text", "text": content}, *others] if others else content
    return message.model_copy(update={"content": content, "id": words.id})


def repeated_question(thread: ThreadLoaded, key: str) -> tuple[str, BaseMessage]:
    """Return the person's message that led to an answer, to be said once more.

    Args:
        thread: as it was read.
        key: of the answer.

    Returns:
        The key of the person's message, and a copy of it with an id of its own.

    Raises:
        ChatError: the thread holds no such answer, or no person's message before it.
    """
    question: tuple[str, BaseMessage] | None = None
    for each, message in zip(message_keys(thread.messages), thread.messages, strict=True):
        if message.type == "human" and each not in thread.graph_written:
            question = each, message.model_copy(update={"id": new_id()})
        if each == key and question is not None:
            return question
    raise ChatError(
        "Nobody asked for that answer on this branch, so there is nothing to ask again."
    )


def run_input(
    access: GraphAccess,
    thread: ThreadLoaded,
    message: BaseMessage,
    *,
    shown: ThreadLoaded | None = None,
) -> dict[str, Any]:
    """Return the input that says a message in a thread, in the form that the graph takes.

    Tool calls that nobody answered are closed first: models refuse a history with open ones. A call
    of an unfinished step whose tool has run is closed with what it returned: LangGraph discards
    that with the rest of the step, and the model would take it for a call to make once more. An
    input whose step did not end would be discarded as well, so it is said again.

    Args:
        access: the graph.
        thread: where the message is said.
        message: what is said.
        shown: the same with what the finished nodes of an unfinished step have written.
    """
    stored = thread.values.get("messages")
    stored = list(stored) if isinstance(stored, Sequence) and not isinstance(stored, str) else []
    reason = NOT_ANSWERED if thread.interrupts else NO_RESULT if thread.unfinished else NOT_RUN
    closing: list[Any] = close_open_tool_calls(thread.messages, reason)
    if closing and shown is not None:
        closing = _with_results(closing, thread, shown)
    if not access.replaces_by_id:  # a repaired copy would stand beside the message it replaces
        known = {each.id for each in thread.messages}
        closing = [c for c in closing if isinstance(c, ToolMessage) and c.id not in known]
    dicts = isinstance(stored[-1], Mapping) if stored else access.writes_dicts
    said: list[Any] = [*closing, *_taken_in(thread, shown), message]
    if dicts:
        said = [_as_dict(each) for each in said]
    return {"messages": said if access.keeps_history else [*stored, *said]}


def _taken_in(thread: ThreadLoaded, shown: ThreadLoaded | None) -> list[BaseMessage]:
    """The messages of an input that is shown, and whose step did not end."""
    if shown is None or START not in shown.unfinished:
        return []
    known = set(message_keys(thread.messages))
    keyed = zip(message_keys(shown.messages), shown.messages, strict=True)
    return [m for key, m in keyed if key not in known and not isinstance(m, ToolMessage)]


def _with_results(
    closing: Sequence[Any], thread: ThreadLoaded, shown: ThreadLoaded
) -> list[BaseMessage]:
    """The closing messages, with what the tools of the unfinished step have returned."""
    known = {m.id for m in thread.messages}  # what is closed under one of them is a repaired copy
    results = {
        m.tool_call_id: m
        for m in shown.messages
        if isinstance(m, ToolMessage) and m.id not in known
    }
    if not results:
        return list(closing)
    stored, now = (
        {k: v for k, v in each.values.items() if k != "messages"} for each in (thread, shown)
    )
    if not is_equal(stored, now):
        results = {key: _with_remark(result) for key, result in results.items()}
    return [
        results.get(each.tool_call_id, each)
        if isinstance(each, ToolMessage) and each.id not in known
        else each
        for each in closing
    ]


def _with_remark(result: ToolMessage) -> ToolMessage:
    if not isinstance(result.content, str):
        return result
    return result.model_copy(update={"content": result.content + LOST})


def _is_text(block: Any) -> bool:
    return isinstance(block, str) or (isinstance(block, Mapping) and block.get("type") == "text")


def _as_dict(message: BaseMessage) -> dict[str, Any]:
    named = {"name": message.name} if message.name else {}
    if isinstance(message, ToolMessage):
        answered = {"tool_call_id": message.tool_call_id}
        return {"role": "tool", "content": message.content, **answered, **named}
    return {"role": "user", "content": message.content, **named}
