"""A budget for the context: what a model is sent of a conversation with Namu, and what it is not.

Every call of a model sends the whole conversation again, so its length is paid for in each call of
each turn. Two things are left out here:

* fields of places that the model does not need: in the table the coordinates, and the summaries
  unless the person asks about a place; in what was just found the summary in the other language;
  of what an earlier turn found, everything but the id and the name;
* earlier turns beyond a number of tokens, the oldest first and whole, so that no tool call is
  separated from its answer.

The thread keeps everything. Only what is sent gets shorter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import (
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    trim_messages,
)

from course_lib.models import count_tokens
from course_lib.models.language.message_parser import language_of

TABLE = re.compile(r"^(Places on the table: )(\[.*\])$", re.M)
FOLLOW_UP = re.compile(r"^Intent: FOLLOW_UP$", re.M)
SHORT = frozenset(("id", "name_ko", "name_en", "category", "district", "indoor", "price_level"))
"""What a model needs of a place to refer to it, refine the search, or turn the place down."""


@dataclass(frozen=True)
class ContextBudget:
    """What of a conversation is sent to a model.

    Args:
        history_tokens: how many tokens the turns before the last message may have together.

    Raises:
        ValueError: a negative number of tokens.
    """

    history_tokens: int = 400

    def __post_init__(self) -> None:
        if not self.history_tokens >= 0:
            raise ValueError(
                f"history_tokens is {self.history_tokens}. Give 0 to send no earlier turn, or more."
            )

    def fit(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Return the messages that are sent.

        The system prompt and everything since the person's last message are always sent.

        Args:
            messages: the whole conversation, oldest first; they are not changed.
        """
        asked = [n for n, message in enumerate(messages) if isinstance(message, HumanMessage)]
        if not asked:
            return list(messages)
        language = _language(messages[: asked[-1] + 1])
        head = 1 if isinstance(messages[0], SystemMessage) else 0
        system = [_slim_table(message, language) for message in messages[:head]]
        earlier = [_slim_result(m, {"id", f"name_{language}"}) for m in messages[head : asked[-1]]]
        other = "en" if language == "ko" else "ko"
        now = [_slim_result(m, without={f"summary_{other}"}) for m in messages[asked[-1] :]]
        return [*system, *self._kept(earlier), *now]

    def _kept(self, earlier: Sequence[BaseMessage]) -> list[BaseMessage]:
        if not self.history_tokens:
            return []
        return trim_messages(
            list(earlier),
            max_tokens=self.history_tokens,
            token_counter=_tokens,
            strategy="last",
            start_on="human",
        )


def _tokens(messages: list[BaseMessage]) -> int:
    """Count the tokens of messages, those of their tool calls included."""
    calls = [getattr(message, "tool_calls", ()) for message in messages]
    written = [json.dumps(call["args"], ensure_ascii=False) for each in calls for call in each]
    return sum(map(count_tokens, [*(message.text for message in messages), *written]))


def _language(messages: Sequence[BaseMessage]) -> str:
    """Return the language of the last message that shows one."""
    for message in reversed(messages):
        found = language_of(message.text) if isinstance(message, HumanMessage) else None
        if found:
            return found
    return "en"


def _slim_table(message: BaseMessage, language: str) -> BaseMessage:
    """Leave out of the table in the system prompt what the model does not need."""
    text = message.text
    fields = SHORT
    if FOLLOW_UP.search(text):
        fields = SHORT | {"tags", f"summary_{language}"}
    table = TABLE.search(text)
    places = _places(table[2]) if table else None
    if not places:
        return message
    written = _written(places, keep=fields)
    changed = TABLE.sub(lambda found: found[1] + written, text, count=1)
    return message.model_copy(update={"content": changed})


def _slim_result(
    message: BaseMessage, keep: Collection[str] | None = None, without: Collection[str] = ()
) -> BaseMessage:
    """Leave out fields of the places in a tool's answer; any other message stays as it is."""
    places = _places(message.text) if isinstance(message, ToolMessage) else None
    if not places:
        return message
    return message.model_copy(update={"content": _written(places, keep, without)})


def _places(text: str) -> list[Mapping[str, Any]] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_places = isinstance(found, list) and all(
        isinstance(place, dict) and {"id", "name_ko", "name_en"} <= set(place) for place in found
    )
    return found if is_places else None


def _written(
    places: Sequence[Mapping[str, Any]],
    keep: Collection[str] | None = None,
    without: Collection[str] = (),
) -> str:
    left = [
        {
            name: value
            for name, value in place.items()
            if name not in without and (keep is None or name in keep)
        }
        for place in places
    ]
    return json.dumps(left, ensure_ascii=False)
