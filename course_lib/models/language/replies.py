"""The answers of the offline model: sentences from `data/replies.json` with the facts filled in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langchain_core.messages import ToolMessage

from course_lib.models.language.agreement import about_agreement
from course_lib.models.language.booking_wish import MAX_PEOPLE
from course_lib.models.language.choosing import about_choice
from course_lib.models.language.conversation_context import ConversationContext, places_in
from course_lib.models.language.guide_questions import passages_of, quoted
from course_lib.models.language.headlines import headline
from course_lib.models.language.intents import place_is_unclear
from course_lib.models.language.jamo import with_particle
from course_lib.models.language.likes import turns_down_a_kind
from course_lib.models.language.memory_words import about_memory
from course_lib.models.language.message_parser import ids_of, unknown_booking
from course_lib.models.language.place_names import places_by_id
from course_lib.models.language.place_words import (
    about_place,
    count_word,
    facts_of,
    kind_word,
    kinds_in_words,
    name_of,
    numbered_names,
    phrases,
    summary_of,
    where_words,
)
from course_lib.models.language.unknown_topics import admissions, nowhere

SMALL_TALK = (
    "curse",
    "accept",
    "who",
    "thanks",
    "bye",
    "greet",
    "sorry",
    "sad",
    "mood",
    "laugh",
    "yes",
    "go",
    "unsure",
    "no",
    "restart",
)
"""Signals that have a sentence of their own, the most telling first."""


def reply(
    context: ConversationContext, *, searches: Collection[str] = (), tools: Collection[str] = ()
) -> str:
    """Compose the answer to the last message.

    Args:
        context: the conversation.
        searches: names of the bound tools that search places.
        tools: names of all bound tools.

    Returns:
        Text in the person's language, never empty.
    """
    passages = passages_of(context.results)
    if passages is not None:
        return quoted(passages, context.text, context.language)
    if context.results:
        # A result whose call is not in the history was no search of ours: its text is told.
        return _from_results(context, searches if context.calls else ())
    remembered = _of_memory(context)
    if remembered is not None:
        return remembered
    say = phrases()[context.language]
    parsed, signals = context.parsed, context.parsed.signals
    if "no_booking" in signals:
        return say["no_booking"]
    told = _about_booking(context, books=any("bookings" in name for name in tools))
    if told is not None:
        return told
    if parsed.topics and context.intent in ("FOLLOW_UP", "CONVERSATION"):
        return admissions(context, alone=True)
    if context.intent == "FOLLOW_UP" and context.meant:
        above, describes = about_choice(parsed, context.recommended, context.language)
        told = [about_place(each, context.language) for each in context.meant if describes]
        return "\n".join([above, *told] if above else told)
    if context.intent != "CONVERSATION" and not searches:
        return say["no_tool"].format(wish=_wish_in_words(context))
    agreed = about_agreement(context, books="book_place" in tools)
    if agreed is not None:
        return agreed
    if context.intent == "CONVERSATION" and (parsed.positions or parsed.refused_positions):
        return _beyond(context)
    if turns_down_a_kind(parsed):
        return _left_out(context, "noted")
    if "like_it" in signals and not context.recommended:
        return say["no_table"]
    for signal in SMALL_TALK:
        if signal in signals:
            return say[signal]
    return say["greet"] if "called" in signals else say["unknown"]


def _of_memory(context: ConversationContext) -> str | None:
    """Return what is said of the memory; None without one, or where there is nothing to say."""
    if context.memory is None or context.intent not in ("CONVERSATION", "REFINE_EXCLUDE"):
        return None
    greets = "greet" in context.parsed.signals
    return about_memory(context.memory, context.parsed, context.language, greets=greets)


def _filled(fields: Mapping[str, Any]) -> set[str]:
    return {name for name, value in fields.items() if value}


def _about_booking(context: ConversationContext, *, books: bool) -> str | None:
    """Return what stands in the way of a booking, or asks back; None if nothing does."""
    say, parsed, act = phrases()[context.language], context.parsed, context.act
    if act is None:
        return None
    if act in ("cancel", "change", "list"):
        return None if books else say["no_bookings_tool"]
    people = context.booking.get("people", 0)
    if people > MAX_PEOPLE:
        return say["too_many"].format(people=people)
    unknown = unknown_booking(parsed)
    if unknown is not None:
        name = with_particle(unknown, "이라는/라는") if context.language == "ko" else unknown
        return say["unknown_place"].format(name=name)
    if parsed.positions and not context.positions:
        return _beyond(context)
    if not context.recommended and not parsed.names and not context.focus:
        return say["no_table"]
    if place_is_unclear(parsed, context.recommended, context.focus):
        several: Sequence[Mapping[str, Any]] = context.recommended
        if parsed.names:
            several = [places_by_id()[i].as_dict() for i in ids_of(parsed.names[0])]
        return say["unclear_place"].format(names=numbered_names(several, context.language))
    return None


def _beyond(context: ConversationContext) -> str:
    say = phrases()[context.language]
    if not context.recommended:
        return say["no_table"]
    size = len(context.recommended)
    return say["beyond"].format(
        size=count_word(size, context.language),
        places="place" if size == 1 else "places",
        names=", ".join(name_of(place, context.language) for place in context.recommended),
    )


def _from_results(context: ConversationContext, searches: Collection[str]) -> str:
    last = context.results[-1]
    found = places_in(last.text)
    say = phrases()[context.language]
    if found is None or (not found and last.name not in searches):
        return "\n".join(_tool_line(message, say) for message in context.results)
    lines = [admissions(context)] if context.parsed.topics else []
    if context.memory is not None and _filled(context.memory) & {"kept", "forgotten"}:
        changed = about_memory(context.memory, context.parsed, context.language, greets=False)
        lines = [*([changed] if changed else []), *lines]
    if context.parsed.disliked:
        lines.append(_left_out(context, "left_out"))
    elif "spicy" in (*context.parsed.tags, *context.parsed.without):
        lines.append(say["spicy"])
    if "location" not in context.parsed.topics and (unknown := nowhere(context)):
        lines.append(unknown)
    if not found:
        return "\n".join([*lines, _nothing(context)])
    if len(found) == 1 and context.calls[-1]["args"].get("name"):
        return "\n".join([*lines, about_place(found[0], context.language)])
    lines.append(headline(found, context))
    lines += [
        say["line"].format(
            n=n, summary=summary_of(place, context.language), **facts_of(place, context.language)
        )
        for n, place in enumerate(found, 1)
    ]
    return "\n".join([*lines, "", _second_wish(context) or say["next"]])


def _left_out(context: ConversationContext, key: str) -> str:
    """Return the sentence that says which kinds of places will not come again."""
    say, kinds = phrases()[context.language], context.parsed.disliked
    told = say[key].format(kinds=kinds_in_words(kinds, context.language))
    return f"{told} {say['spicy']}" if "spicy" in kinds else told


def _second_wish(context: ConversationContext) -> str | None:
    """Return the offer to look for the second wish of a message, None if it has only one."""
    second, language = context.parsed.second, context.language
    if second is None:
        return None
    what = kind_word(second.category or "place", 2, language)
    return phrases()[language]["second"].format(
        where=where_words(second.district, language),
        wish=what,
        object=with_particle(what, "을/를"),
    )


def _tool_line(message: ToolMessage, say: Mapping[str, str]) -> str:
    content = str(message.text)
    if message.status != "error" and content.endswith((".", "?", "!")):
        return content  # a tool that speaks in sentences speaks for itself
    key = "tool_error" if message.status == "error" else "tool"
    return say[key].format(name=message.name or "tool", content=content)


def _nothing(context: ConversationContext) -> str:
    say, language = phrases()[context.language], context.language
    last = context.calls[-1]["args"]
    what = kind_word(last.get("category") or "place", 2, language)
    if context.parsed.signals & {"more", "like_it"} and context.seen:
        district = context.calls[0]["args"].get("district")
        return say["all_shown"].format(
            wish=what,
            topic=with_particle(what, "은/는"),
            where=where_words(district, language),
        )
    if context.parsed.price != "cheaper" or not context.recommended:
        return say["nothing"]
    wish = with_particle(what, "이/가") if language == "ko" else what
    return say["nothing_cheaper"].format(wish=wish)


def _wish_in_words(context: ConversationContext) -> str:
    said = {"intent": context.intent, **context.parsed.slots}
    return ", ".join(f"{name} {value}" for name, value in said.items())
