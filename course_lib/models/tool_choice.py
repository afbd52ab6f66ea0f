"""Which tool the offline model calls, of those it is offered."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import ToolCall

from course_lib.models.language.arguments import fill, quoted_keys
from course_lib.models.language.booking_wish import MAX_PEOPLE
from course_lib.models.language.conversation_context import ConversationContext, places_in
from course_lib.models.language.guide_questions import TOOL as GUIDES
from course_lib.models.language.intents import place_is_unclear
from course_lib.models.language.search_wish import is_search, may_loosen

MAX_SAME_CALLS = 3
"""Identical forced calls since the person's last message after which the model gives up."""


ACT_WORDS = {"cancel": "cancel", "change": "change", "list": "bookings"}
"""The word in the name of a tool that cancels, changes or lists bookings."""


class EndlessToolCalls(ValueError):
    """A tool is forced again and again although the same call was answered before."""


def checked_choice(
    tool_choice: str | bool | Mapping[str, Any] | None, functions: Sequence[Mapping[str, Any]]
) -> str | None:
    """Return a `tool_choice` in its short form: a tool's name, `any`, `none`, or None for `auto`.

    Args:
        tool_choice: in the form of OpenAI or Anthropic.
        functions: the functions that can be called.

    Raises:
        ValueError: it names a tool that is not offered.
    """
    if isinstance(tool_choice, Mapping):
        named = tool_choice.get("function") or tool_choice
        tool_choice = named.get("name") or named.get("type")
    if tool_choice is True or tool_choice == "required":
        return "any"
    if tool_choice in (None, False, "auto"):
        return None
    names = [function["name"] for function in functions]
    if tool_choice not in ("any", "none", *names):
        raise ValueError(
            f"tool_choice is {tool_choice!r}, but the tools are {names}. "
            "Name one of them, or 'any'."
        )
    return str(tool_choice)


def chosen_function(
    functions: Sequence[dict[str, Any]], choice: str | None, context: ConversationContext
) -> dict[str, Any] | None:
    """Return the function to call now, or None to answer in words.

    Args:
        functions: the functions that can be called.
        choice: as from `checked_choice`.
        context: the conversation.
    """
    if not functions or choice == "none":
        return None
    if choice not in (None, "any"):
        return next(function for function in functions if function["name"] == choice)
    best = max(functions, key=lambda function: _relevance(function, context))
    if choice == "any":
        return _forced(functions, best, context)
    if context.results:
        return best if _is_worth_a_retry(best, context) else None
    return best if _relevance(best, context) > 0 else None


def call_of(function: Mapping[str, Any], context: ConversationContext, *, seed: int) -> ToolCall:
    """Make a call of a function, with arguments from the conversation.

    Args:
        function: the function in OpenAI's format.
        context: the conversation.
        seed: what tells calls with the same arguments apart; equal seeds give equal ids.
    """
    asked = {"question": context.text} if function["name"] == GUIDES else None
    arguments = asked or fill(function.get("parameters", {}), context)
    facts = [seed, context.text, function["name"], arguments]
    written = json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace")
    call_id = f"call_{hashlib.sha256(written).hexdigest()[:12]}"
    return ToolCall(name=function["name"], args=arguments, id=call_id, type="tool_call")


def answer_schema(response_format: Any, text: str) -> dict[str, Any] | None:
    """Return the JSON schema that an answer in words must have, or None for free text.

    Args:
        response_format: as OpenAI's protocol gives it: `json_schema`, `json_object` or `text`.
        text: the message. For `json_object`, its quoted words are the keys.

    Raises:
        ValueError: it has another form.
    """
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if response_format is None or kind == "text":
        return None
    if kind == "json_object":
        return quoted_keys(text)
    described = response_format.get("json_schema") if kind == "json_schema" else None
    schema = described.get("schema") if isinstance(described, Mapping) else None
    if isinstance(schema, Mapping):
        return dict(schema)
    raise ValueError(
        f"response_format is {repr(response_format)[:100]}. Write {{'type': 'json_schema', "
        "'json_schema': {'name': ..., 'schema': ...}}, or use with_structured_output."
    )


def refuse_endless_calls(call: ToolCall, context: ConversationContext) -> None:
    """Raise if a forced call repeats one that was made again and again for this message.

    Args:
        call: the call that is about to be made.
        context: the conversation.

    Raises:
        EndlessToolCalls: the same call was made `MAX_SAME_CALLS` times since the last message.
    """
    name, arguments = call["name"], call["args"]
    same = [each for each in context.calls if (each["name"], each["args"]) == (name, arguments)]
    if len(same) >= MAX_SAME_CALLS:
        last = context.results[-1].text if context.results else ""
        raise EndlessToolCalls(
            f"tool_choice forces the offline model to call {name}({arguments}), which it has done "
            f"{len(same)} times for this message; the last answer was: {last[:200]!r}. It knows no "
            "other arguments. Loosen the checks of the tool, or set tool_choice to 'auto' once "
            "the tool has answered."
        )


def _forced(
    functions: Sequence[dict[str, Any]], best: dict[str, Any], context: ConversationContext
) -> dict[str, Any]:
    """Return the function to call where one must be called.

    A tool that has answered since the person's message is not called again while another one is
    left. So a loop of forced calls reaches the last tool, where `create_agent` puts the schema of
    its `response_format`, and ends there.
    """
    if context.results and _is_worth_a_retry(best, context):
        return best
    called = {call["name"] for call in context.calls}
    left = [function for function in functions if function["name"] not in called]
    relevant = [function for function in left if _relevance(function, context) > 0]
    if relevant:
        return max(relevant, key=lambda function: _relevance(function, context))
    return left[-1] if left else functions[-1]


def _is_worth_a_retry(function: Mapping[str, Any], context: ConversationContext) -> bool:
    found = places_in(context.results[-1].text)
    return found == [] and is_search(function.get("parameters", {})) and may_loosen(context)


def _may_book(context: ConversationContext) -> bool:
    """Whether the message says which place to book, and the booking is one that can be made."""
    if context.act != "book" or context.intent != "FOLLOW_UP" or not context.meant:
        return False
    is_too_many = context.booking.get("people", 0) > MAX_PEOPLE
    return not is_too_many and not place_is_unclear(
        context.parsed, context.recommended, context.focus
    )


def _relevance(function: Mapping[str, Any], context: ConversationContext) -> int:
    if function["name"] == GUIDES:
        return 20 * context.asks_guides
    if is_search(function.get("parameters", {})):
        wanted = context.intent in ("NEW_SEARCH", "REFINEMENT", "REFINE_EXCLUDE")
        return 10 if wanted else 0
    parts = set(function["name"].lower().split("_"))
    if context.act in ACT_WORDS:
        return 2 * (ACT_WORDS[context.act] in parts)
    if parts & {"booking", "bookings"} or ("book" in parts and context.act != "book"):
        return 0  # what is done with bookings is done only when it is asked for
    if context.act == "book" and (context.recommended or context.focus):
        return 2 * ("book" in parts and _may_book(context))
    said = set(re.findall(r"[a-z]{3,}", context.parsed.text)) - {"book"}
    if _may_book(context):
        said.add("book")  # the verb, in either language, once there is something to book
    name = parts & said
    described = set(re.findall(r"[a-z]{5,}", (function.get("description") or "").lower())) & said
    return 2 * len(name) + (len(described) if len(described) > 1 else 0)
