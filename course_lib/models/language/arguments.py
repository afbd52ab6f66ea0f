"""Filling a tool's arguments from what a message says.

A schema names its fields. A field with a name that the offline model knows (`category`,
`district`, `intent`, ...) gets what the message says about it. Any other field gets what its type
suggests: the numbers of the message in their order, quoted text, or a value of an enumeration
that the message names. Every value fits its schema; if none is found, an error says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from course_lib.models.json_schema.effort import (
    TooMuchWork,
    UnsatisfiableSchema,
    limited_effort,
)
from course_lib.models.json_schema.failures import unsatisfiable
from course_lib.models.json_schema.merging import Schema
from course_lib.models.json_schema.preparation import prepared, too_deep, well_formed
from course_lib.models.json_schema.values import (
    MAX_CANDIDATES,
    Hints,
    first_valid,
    is_valid,
)
from course_lib.models.language.conversation_context import ConversationContext
from course_lib.models.language.search_wish import is_search, search_wish

NUMBER = re.compile(r"(?<!\d)-?\d{1,15}(?:\.\d{1,15})?(?!\d)")
BOOKING_FIELDS = frozenset(("people", "day", "place", "time"))
"""Fields of a booking, which are only filled in with what the message says of a booking."""

MEMORY_FIELDS = frozenset(("home_district", "answer_in"))
"""Fields of a memory, which are only filled in with what the message says about the person."""

OPENING, CLOSING = re.compile(r"['\"“‘「]"), re.compile(r"['\"”’」]")


def fill(schema: Mapping[str, Any], context: ConversationContext) -> dict[str, Any]:
    """Return arguments for a JSON schema of type object.

    Args:
        schema: the tool's parameters.
        context: the conversation.

    Returns:
        Every required field, and those optional fields that the conversation speaks of.

    Raises:
        UnsatisfiableSchema: no value was found that the schema accepts, or the search for one is
            too much work.
    """
    with limited_effort():
        try:
            whole = well_formed(schema)
            arguments = _filled(prepared(whole), context)
            if is_valid(arguments, whole):
                return arguments
        except RecursionError:
            raise too_deep() from None
        raise unsatisfiable(whole, "the arguments")


def _filled(flat: Mapping[str, Any], context: ConversationContext) -> dict[str, Any]:
    hints = _hints(context)
    arguments = _search_fields(flat, context) if is_search(flat) else _known_fields(flat, context)
    required = set(flat.get("required", ()))
    for name, field in flat.get("properties", {}).items():
        if name in arguments:
            continue
        # OpenAI's strict form requires every field: one that was optional may be null instead.
        unsaid = name in BOOKING_FIELDS | MEMORY_FIELDS or is_search(flat)
        if name in required:
            may_be_null = (unsaid and is_valid(None, field)) or _is_unsaid(field, hints)
            arguments[name] = None if may_be_null else _value(name, field, context, hints)
        # A search wish is only what was understood: "a cafe for 4" asks for no price level 4.
        elif unsaid:
            continue
        elif (offered := _offered(field, hints)) is not None:
            arguments[name] = offered
            hints.use(offered)
    in_order = {name: arguments[name] for name in flat.get("properties", {}) if name in arguments}
    return in_order if is_valid(in_order, flat) else _whole(flat, context)


def spoken(context: ConversationContext) -> dict[str, Any]:
    """Return what the last message says, by the field names that tools use for it."""
    return {
        **context.parsed.slots,
        **context.booking,
        **_place_meant(context),
        **context.memory_wish,
        "intent": context.intent,
        "language": context.language,
        "positions": [i + 1 for i in context.positions],
    }


def _place_meant(context: ConversationContext) -> dict[str, Any]:
    """Return the place that the message means, or the one last spoken of if it says "it".

    For a booking that is to be changed or cancelled, that is the one last booked.
    """
    names_one = context.parsed.positions or context.parsed.names
    if context.act in ("cancel", "change") and not names_one:
        return {"place": context.booked} if context.booked else {}
    if context.intent != "FOLLOW_UP" or not context.meant:
        return {}
    if not context.recommended and quoted_texts(context.text):
        return {}  # the text in quotes is the name
    place = context.meant[0]
    return {"place": place[f"name_{context.language}"], "place_id": place["id"]}


def quoted_keys(text: str) -> dict[str, Any]:
    """Return a schema of an object with a text for each key that a message puts in quotes.

    Args:
        text: such as `Answer in JSON with the keys 'setup' and 'punchline'.`
    """
    keys = [key for key in quoted_texts(text) if key.isidentifier()]
    properties = {key: {"type": "string"} for key in keys}
    return {"type": "object", "properties": properties, "required": keys}


def quoted_texts(text: str) -> list[str]:
    """Return what a text puts in quotes, in order.

    A search with one regular expression would go to the end of the text from every opening quote
    again. Here the search ends at the first opening quote that no other one closes.

    Args:
        text: such as `call it 'Seoul trip'`.
    """
    found: list[str] = []
    position = 0
    while opening := OPENING.search(text, position):
        closing = CLOSING.search(text, opening.end())
        if closing is None:
            break
        if closing.start() == opening.end():  # nothing in between, and it may open the next one
            position = opening.end()
            continue
        found.append(text[opening.end() : closing.start()])
        position = closing.end()
    return found


def _hints(context: ConversationContext) -> Hints:
    return Hints(
        text=context.text,
        words=context.parsed.text,
        numbers=[float(number) for number in NUMBER.findall(context.text)],
        quotes=quoted_texts(context.text),
    )


def _search_fields(schema: Mapping[str, Any], context: ConversationContext) -> dict[str, Any]:
    wish = search_wish(context)
    return {
        name: wish[name]
        for name, field in schema["properties"].items()
        if wish.get(name) is not None and is_valid(wish[name], field)
    }


def _known_fields(schema: Mapping[str, Any], context: ConversationContext) -> dict[str, Any]:
    known = spoken(context)
    return {
        name: known[name]
        for name, field in schema.get("properties", {}).items()
        if known.get(name) is not None and is_valid(known[name], field)
    }


def _value(name: str, field: Schema, context: ConversationContext, hints: Hints) -> Any:
    kind = _plain(field)
    if kind.get("type") == "object" and "properties" in kind:
        try:
            value = _filled(kind, context)
            if is_valid(value, field):
                return value
        except TooMuchWork:
            raise
        except UnsatisfiableSchema:
            pass  # of another alternative there may be a value
    return first_valid(field, hints, f"the field {name!r}")


def _whole(flat: Mapping[str, Any], context: ConversationContext) -> dict[str, Any]:
    """Return a value for a schema that asks for more than its fields do one by one."""
    return first_valid(flat, _hints(context), "the arguments")


def _plain(field: Schema) -> Mapping[str, Any]:
    """Return the first alternative of a field that is not null."""
    if isinstance(field, bool):
        return {}
    for key in ("anyOf", "oneOf"):
        for option in field.get(key, ()):
            if isinstance(option, Mapping) and option.get("type") != "null":
                return {**option, **{k: v for k, v in field.items() if k != key}}
    return field


def _is_unsaid(field: Schema, hints: Hints) -> bool:
    """Whether a field is a choice that may be null, and the message names none of its values.

    OpenAI's strict schemas make every field required; one that was optional is null there instead.
    """
    choices = _plain(field).get("enum", ())
    named = any(str(each).casefold() in hints.words for each in choices)
    return bool(choices) and not named and is_valid(None, field)


def _offered(field: Schema, hints: Hints) -> int | float | str | None:
    """Return the first number or quoted text of the message that an optional field can take."""
    kind = _plain(field)
    offers: list[int | float | str] = []
    if kind.get("type") == "integer":
        offers += map(int, hints.numbers)
    elif kind.get("type") == "number":
        offers += hints.numbers
    elif kind.get("type") == "string" and "enum" not in kind:
        offers += hints.quotes
    return next((offer for offer in offers[:MAX_CANDIDATES] if is_valid(offer, field)), None)
