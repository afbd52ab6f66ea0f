"""The conversation that a chat model is shown: the last message, and what it refers to.

A language model sees one list of messages and nothing else. The offline model works in the same
way: it finds the recommended places and the last search in the messages, or it does not know them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage

from course_lib.models.language.booking_wish import Act, booking_words
from course_lib.models.language.choosing import chosen_on, most_fitting
from course_lib.models.language.earlier_searches import (
    Shown,
    last_search,
    seen_in,
    shown_again,
)
from course_lib.models.language.guide_questions import asks_guides, has_guides
from course_lib.models.language.intents import INTENTS, act_on, intent_of, refused_on
from course_lib.models.language.likes import disliked_in
from course_lib.models.language.memory_words import memory_in, memory_wish, only_memory
from course_lib.models.language.message_parser import ParsedMessage, ids_of, language_of, read
from course_lib.models.language.references import (
    as_table,
    last_booked,
    last_spoken_of,
    mentioned,
    positions_on,
    was_about_booking,
)
from course_lib.models.language.unfinished_wishes import booking_went_on, completed

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
    )
)
"""Fields by which a list of places is known. Others, such as the summaries, may be left out."""

BOOKED = frozenset(("cancel_booking", "change_booking"))
"""Signals of a message about a booking that was made."""


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
        focus: id of the place that was last spoken of alone.
        after_booking: whether the last thing done was about a booking.
        booking: people, day and time of a booking, as far as they were said.
        booked: name of the place that was booked last in this conversation.
        seen: ids of all places that were found before this message.
        shown_again: the earlier search whose places the message wants to see again.
        disliked: kinds that were turned down before this message, see `likes`.
        memory: what the system prompt says is remembered of the person; None without a memory.
        memory_wish: what the message asks to be remembered or forgotten.
        asks_guides: whether there are guides and the message asks what they may answer.
    """

    text: str
    parsed: ParsedMessage
    language: str
    recommended: tuple[Mapping[str, Any], ...]
    searched: Mapping[str, Any]
    intent: str
    calls: tuple[Mapping[str, Any], ...]
    results: tuple[ToolMessage, ...]
    focus: str | None = None
    after_booking: bool = False
    booking: Mapping[str, Any] = field(default_factory=dict)
    booked: str | None = None
    seen: tuple[str, ...] = ()
    shown_again: Shown | None = None
    disliked: tuple[str, ...] = ()
    memory: Mapping[str, Any] | None = None
    memory_wish: Mapping[str, Any] = field(default_factory=dict)
    asks_guides: bool = False

    @property
    def shown(self) -> list[str]:
        """The ids of the recommended places."""
        return [place["id"] for place in self.recommended]

    @property
    def price_levels(self) -> list[int]:
        """The price levels of the recommended places, from 0 (free) to 3."""
        return [place.get("price_level", 0) for place in self.recommended]

    @property
    def act(self) -> Act | None:
        """What the message wants done with a booking."""
        return act_on(self.parsed, after_booking=self.after_booking)

    @property
    def positions(self) -> tuple[int, ...]:
        """Indices, from 0, of the recommended places that the message means by number or name.

        Of a message that turns places down, these are the refused ones.
        """
        if self.intent == "REFINE_EXCLUDE":
            if self.memory is not None and self.memory_wish.get("never_again"):
                return tuple(n - 1 for n in self.memory_wish["never_again"])
            refused = refused_on(self.parsed, self.recommended)
            if refused:
                return refused
        numbered = positions_on(self.parsed, self.recommended)
        if numbered:
            return numbered
        named = mentioned(self.parsed, self.recommended)
        if named:
            return named
        if chosen := chosen_on(self.parsed, self.recommended):
            return chosen
        if "which" in self.parsed.signals and "recall" not in self.parsed.signals:
            if not {"tags", "price", "indoor"} & set(self.parsed.slots):
                return tuple(range(len(self.recommended)))  # nothing says by what to choose
            best = most_fitting(self.parsed, self.recommended)
            return () if best is None else (best,)
        if self.intent == "REFINE_EXCLUDE" and {"other", "more", "all"} & self.parsed.signals:
            return ()
        return tuple(i for i, place in enumerate(self.recommended) if place["id"] == self.focus)

    @property
    def meant(self) -> list[Mapping[str, Any]]:
        """The places that the message means: by number, by name, or as "it"."""
        numbered = positions_on(self.parsed, self.recommended)
        if numbered:
            return [self.recommended[i] for i in numbered]
        if self.parsed.names and not mentioned(self.parsed, self.recommended):
            named = [as_table(i) for name in self.parsed.names for i in ids_of(name)[:1]]
            return [place for place in named if place is not None]
        if self.positions:
            return [self.recommended[i] for i in self.positions]
        spoken_of = as_table(self.focus)
        if spoken_of is not None:
            return [spoken_of]
        return list(self.recommended[:1])


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
    earlier = messages[: max(last, 0)]
    parsed = completed(read(text), earlier)
    parsed, begun = booking_went_on(parsed, earlier)
    searched = last_search(earlier)
    recommended = _recommended_before(system, earlier)
    focus, after_booking = last_spoken_of(earlier), was_about_booking(earlier)
    told = INTENT_LINE.search(system)
    guided = has_guides(system) and asks_guides(parsed)
    memory = memory_in(system)
    wish = {} if memory is None else memory_wish(parsed, recommended, focus)
    known = (memory or {}).get("known") or {}
    again = shown_again(earlier, parsed.signals, parsed.category)
    language = parsed.language or _earlier_language(earlier) or known.get("writes") or "en"
    return ConversationContext(
        text=text,
        parsed=parsed,
        language=known.get("answer_in") or language,
        recommended=recommended,
        searched=searched,
        intent=told.group(1)
        if told
        else _intent_on_memory(parsed, memory, wish)
        or ("CONVERSATION" if guided else None)
        or ("REFINEMENT" if again is not None else None)
        or intent_of(
            parsed,
            recommended=recommended,
            searched=searched,
            focus=focus,
            after_booking=after_booking,
        ),
        calls=tuple(
            call for m in messages[last + 1 :] if isinstance(m, AIMessage) for call in m.tool_calls
        ),
        results=tuple(m for m in messages[last + 1 :] if isinstance(m, ToolMessage)),
        focus=focus,
        after_booking=after_booking,
        booking={**begun, **booking_words(parsed.text)},
        booked=last_booked(earlier) if after_booking or parsed.signals & BOOKED else None,
        shown_again=again,
        seen=seen_in(earlier),
        disliked=disliked_in(earlier),
        memory=memory,
        memory_wish=wish,
        asks_guides=guided,
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


def _intent_on_memory(
    parsed: ParsedMessage, memory: Mapping[str, Any] | None, wish: Mapping[str, Any]
) -> str | None:
    """Return the intent of a message that speaks of the memory only, None for any other."""
    if memory is None or not only_memory(parsed, wish):
        return None
    return "REFINE_EXCLUDE" if wish.get("never_again") else "CONVERSATION"


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


def _earlier_language(earlier: Sequence[BaseMessage]) -> str | None:
    for message in reversed(earlier):
        found = language_of(str(message.text)) if isinstance(message, HumanMessage) else None
        if found:
            return found
    return None
