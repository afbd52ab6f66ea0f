"""What a person likes and dislikes: a place that others should resemble, kinds that shall not come.

A dislike such as "I hate museums" holds for the whole conversation, until such a place is asked for
again. It is found in the messages: nothing else keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from course_lib.models.language.message_parser import ParsedMessage, read
from course_lib.models.language.place_names import places_by_id
from course_lib.models.language.references import as_table, mentioned, positions_on

LOOKED_BACK = 50
"""How many of the person's messages are searched for dislikes."""


def turns_down_a_kind(parsed: ParsedMessage) -> bool:
    """Whether a message says that a kind of place is disliked, and wishes for nothing else.

    Args:
        parsed: the message.
    """
    names_one = parsed.positions or parsed.names or parsed.refused_names
    return bool(parsed.disliked and not parsed.slots and not names_one)


def of_disliked_kind(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]
) -> tuple[int, ...]:
    """Return the indices, from 0, of the recommended places of a kind that a message turns down.

    Args:
        parsed: the message.
        recommended: the places on the table.
    """
    if not turns_down_a_kind(parsed):
        return ()
    known = places_by_id()
    return tuple(
        i
        for i, place in enumerate(recommended)
        if set(parsed.without) & {place["category"], place["district"], *place.get("tags", ())}
        or (place["id"] in known and known[place["id"]].is_of_kind(parsed.without))
    )


def disliked_in(messages: Sequence[BaseMessage]) -> tuple[str, ...]:
    """Return the kinds that were turned down in a conversation, without those asked for since.

    Args:
        messages: what came before the message that is read.
    """
    asked = [str(m.text) for m in messages if isinstance(m, HumanMessage)]
    kinds: dict[str, None] = {}
    for parsed in map(read, asked[-LOOKED_BACK:]):
        kinds.update(dict.fromkeys(parsed.disliked))
        for wanted in (parsed.category, parsed.district, *parsed.tags):
            kinds.pop(wanted or "", None)
    return tuple(kinds)


def agreed_on(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Return the one recommended place that a message likes, by its number or its name.

    Args:
        parsed: the message; one that names two places compares them, and likes neither alone.
        recommended: the places on the table.
    """
    if not parsed.signals & {"likes", "accept"}:
        return None
    found = positions_on(parsed, recommended) or mentioned(parsed, recommended)
    return recommended[found[0]] if len(found) == 1 else None


def to_resemble(
    parsed: ParsedMessage, recommended: Sequence[Mapping[str, Any]], focus: str | None
) -> Mapping[str, Any] | None:
    """Return the place that others should be similar to, None if no single one is meant.

    Args:
        parsed: the message.
        recommended: the places on the table.
        focus: id of the place that was last spoken of alone.
    """
    if "like_it" not in parsed.signals:
        return None
    on_table = positions_on(parsed, recommended) or mentioned(parsed, recommended)
    if on_table:
        return recommended[on_table[0]]
    if parsed.names:
        return as_table(parsed.name)
    if focus is None and len(recommended) == 1:
        return recommended[0]
    return as_table(focus)
