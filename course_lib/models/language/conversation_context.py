"""The conversation that a chat model is shown: the last message, and what it refers to.

A language model sees one list of messages and nothing else. The offline model works in the same
way: it finds the recommended places and the last search in the messages, or it does not know them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from course_lib.models.language.message_parser import (
    INTENTS,
    ParsedMessage,
    intent_of,
    language_of,
    mentioned,
    positions_on,
    read,
)

TABLE_LINE = re.compile(r"^Places on the table: (\[.*\])$", re.M)
INTENT_LINE = re.compile(rf"^Intent: ({'|'.join(INTENTS)})$", re.M)
SHOWN_FIELDS = frozenset(
    (
        "id",
        "name_ko",
        "name_en",
        "category",
        "district",
        "indoor",
        "price_level",
        "summary_ko",
        "summary_en",
    )
)
"""Fields that every place in an answer of the search has."""


@dataclass(frozen=True)
class ConversationContext:
    """A conversation as the offline model understands it.

    Args:
        text: the person's last message, as typed.
        parsed: what the lexicon finds in that text.
        language: `ko` or `en`, the language to answer in.
        recommended: the places that were recommended last, as dicts with the fields of `Place`.
        searched: arguments of the last search before this message.
        intent: the intent in the system prompt, or else what the lexicon's rules decide.
        calls: tool calls made since this message, oldest first.
        results: the answers to these calls.
    """

    text: str
    parsed: ParsedMessage
    language: str
    recommended: tuple[Mapping[str, Any], ...]
    searched: Mapping[str, Any]
    intent: str
    calls: tuple[Mapping[str, Any], ...]
    results: tuple[ToolMessage, ...]

    @property
    def shown(self) -> list[str]:
        """The ids of the recommended places."""
        return [place["id"] for place in self.recommended]

    @property
    def price_levels(self) -> list[int]:
        """The price levels of the recommended places, from 0 (free) to 3."""
        return [place.get("price_level", 0) for place in self.recommended]

    @property
    def positions(self) -> tuple[int, ...]:
        """Indices, from 0, of the recommended places that the message means by number or name."""
        numbered = positions_on(self.parsed, self.recommended)
        if numbered:
            return numbered
        named = mentioned(self.parsed, self.recommended)
        if named or "which" not in self.parsed.signals:
            return named
        best = _most_fitting(self.parsed, self.recommended)
        return () if best is None else (best,)


def build_context(messages: Sequence[BaseMessage]) -> ConversationContext:
    """Work out what the last message of a conversation asks for.

    Args:
        messages: any LangChain messages, oldest first; messages of unknown types are ignored.
    """
    last = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
    text = str(messages[last].text) if last >= 0 else ""
    # Only the first system message is the program's own; later ones may come from a client.
    first = messages[0] if messages else None
    system = str(first.text) if isinstance(first, SystemMessage) else ""
    parsed = read(text)
    searched = _last_search(messages[: max(last, 0)])
    recommended = _recommended_before(system, messages[: max(last, 0)])
    told = INTENT_LINE.search(system)
    return ConversationContext(
        text=text,
        parsed=parsed,
        language=parsed.language or _earlier_language(messages[: max(last, 0)]),
        recommended=recommended,
        searched=searched,
        intent=told.group(1)
        if told
        else intent_of(parsed, recommended=recommended, searched=searched),
        calls=tuple(
            call for m in messages[last + 1 :] if isinstance(m, AIMessage) for call in m.tool_calls
        ),
        results=tuple(m for m in messages[last + 1 :] if isinstance(m, ToolMessage)),
    )


def places_in(content: object) -> list[dict[str, Any]] | None:
    """Return the places in a tool's answer, or None if the answer is not a list of places."""
    try:
        found = json.loads(str(content))
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and all(
        isinstance(p, dict) and set(p) >= SHOWN_FIELDS for p in found
    ):
        return found
    return None


def _recommended_before(
    system: str, earlier: Sequence[BaseMessage]
) -> tuple[Mapping[str, Any], ...]:
    shown = TABLE_LINE.search(system)
    if shown:
        return tuple(places_in(shown.group(1)) or ())
    for message in reversed(earlier):
        found = places_in(message.text) if isinstance(message, ToolMessage) else None
        if found:
            return tuple(found)
    return ()


def _last_search(earlier: Sequence[BaseMessage]) -> Mapping[str, Any]:
    for message in reversed(earlier):
        if isinstance(message, AIMessage):
            for call in reversed(message.tool_calls):
                if "category" in call["args"] or "district" in call["args"]:
                    return call["args"]
    return {}


def _earlier_language(earlier: Sequence[BaseMessage]) -> str:
    for message in reversed(earlier):
        found = language_of(str(message.text)) if isinstance(message, HumanMessage) else None
        if found:
            return found
    return "en"


def _most_fitting(parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the index of the place that fits a "which one is ..." best; None if there is none."""

    def fit(index: int) -> tuple[float, int]:
        place = recommended[index]
        score = float(len(set(parsed.tags) & set(place.get("tags", ()))))
        if parsed.price is not None:
            sign = 1 if parsed.price == "expensive" else -1
            score += sign * place.get("price_level", 0)
        if parsed.indoor is not None:
            score += place.get("indoor") is parsed.indoor
        return score, -index

    return max(range(len(recommended)), key=fit, default=None)
