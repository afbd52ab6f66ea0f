"""What a chat model is shown, read as a whole: the last message and what it refers to.

A language model sees one list of messages and nothing else. So does the offline model: the
places on the table and the last search are found in the messages, or they are not known.
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
    Reading,
    intent_of,
    language_of,
    mentioned,
    positions_on,
    read,
)

TABLE_LINE = re.compile(r"^Places on the table: (\[.*\])$", re.M)
INTENT_LINE = re.compile(rf"^Intent: ({'|'.join(INTENTS)})$", re.M)
SHOWN_FIELDS = {
    *("id", "name_ko", "name_en", "category", "district", "indoor", "price_level"),
    *("summary_ko", "summary_en"),
}


@dataclass(frozen=True)
class Situation:
    """A conversation as the offline model understands it.

    Args:
        text: the person's last message, as typed.
        reading: the same, read by the lexicon.
        language: `ko` or `en`, the language to answer in.
        table: the places recommended last.
        searched: arguments of the last search before this message.
        intent: as the system prompt says, or as the rules of the lexicon decide.
        calls: tool calls already made for this message, oldest first.
        results: their answers.
    """

    text: str
    reading: Reading
    language: str
    table: tuple[Mapping[str, Any], ...]
    searched: Mapping[str, Any]
    intent: str
    calls: tuple[Mapping[str, Any], ...]
    results: tuple[ToolMessage, ...]

    @property
    def shown(self) -> list[str]:
        """The ids of the places on the table."""
        return [place["id"] for place in self.table]

    @property
    def price_levels(self) -> list[int]:
        """Their price levels."""
        return [place.get("price_level", 0) for place in self.table]

    @property
    def positions(self) -> tuple[int, ...]:
        """The 0-based places of the table that the message singles out, by number, name or kind."""
        numbered = positions_on(self.reading, self.table)
        if numbered:
            return numbered
        named = mentioned(self.reading, self.table)
        if named or "which" not in self.reading.signals:
            return named
        best = _most_fitting(self.reading, self.table)
        return () if best is None else (best,)


def understand(messages: Sequence[BaseMessage]) -> Situation:
    """Read a list of messages.

    Args:
        messages: any LangChain messages; those of unknown kinds are passed over.
    """
    last = max((i for i, m in enumerate(messages) if isinstance(m, HumanMessage)), default=-1)
    text = str(messages[last].text) if last >= 0 else ""
    # Only the first system message is the program's own; later ones may come from a client.
    first = messages[0] if messages else None
    system = str(first.text) if isinstance(first, SystemMessage) else ""
    reading = read(text)
    searched = _last_search(messages[: max(last, 0)])
    table = _table(system, messages[: max(last, 0)])
    told = INTENT_LINE.search(system)
    return Situation(
        text=text,
        reading=reading,
        language=reading.language or _earlier_language(messages[: max(last, 0)]),
        table=table,
        searched=searched,
        intent=told.group(1) if told else intent_of(reading, table=table, searched=searched),
        calls=tuple(
            call for m in messages[last + 1 :] if isinstance(m, AIMessage) for call in m.tool_calls
        ),
        results=tuple(m for m in messages[last + 1 :] if isinstance(m, ToolMessage)),
    )


def places_in(content: object) -> list[dict[str, Any]] | None:
    """Return the places in a tool's answer, or None where it is no list of places."""
    try:
        found = json.loads(str(content))
    except (ValueError, RecursionError):
        return None
    if isinstance(found, list) and all(
        isinstance(p, dict) and set(p) >= SHOWN_FIELDS for p in found
    ):
        return found
    return None


def _table(system: str, earlier: Sequence[BaseMessage]) -> tuple[Mapping[str, Any], ...]:
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


def _most_fitting(reading: Reading, table: Sequence[Mapping[str, Any]]) -> int | None:
    """The place of the table that a "which one is ..." means; None if the table is empty."""

    def fit(index: int) -> tuple[float, int]:
        place = table[index]
        score = float(len(set(reading.tags) & set(place.get("tags", ()))))
        if reading.price is not None:
            sign = 1 if reading.price == "dear" else -1
            score += sign * place.get("price_level", 0)
        if reading.indoor is not None:
            score += place.get("indoor") is reading.indoor
        return score, -index

    return max(range(len(table)), key=fit, default=None)
