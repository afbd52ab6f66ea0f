"""What the offline model answers: a call of a tool, a JSON object, or words."""

from __future__ import annotations

import json
from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage

from course_lib.models.call_options import CallOptions
from course_lib.models.language.arguments import fill
from course_lib.models.language.conversation_context import build_context
from course_lib.models.language.replies import reply
from course_lib.models.language.search_wish import is_search
from course_lib.models.tool_calls import refuse_open_calls
from course_lib.models.tool_choice import (
    answer_schema,
    call_of,
    checked_choice,
    chosen_function,
    refuse_endless_calls,
)
from course_lib.models.tool_descriptions import functions_of


def answer_to(
    messages: list[BaseMessage], options: CallOptions, *, stop: Sequence[str], is_brief: bool
) -> AIMessage:
    """Return the whole answer to a conversation.

    Args:
        messages: the conversation.
        options: of the call; its tools, its choice among them and its response format count here.
        stop: texts at which the words of an answer end.
        is_brief: whether words are cut to one line.

    Raises:
        InvalidChatHistory: a tool call of the conversation has no answer.
        ValueError: a tool is not described as OpenAI describes them, or its schema has no value.
    """
    refuse_open_calls(messages)
    context = build_context(messages)
    functions = functions_of(options.tools or ())
    choice = checked_choice(options.tool_choice, functions)
    function = chosen_function(functions, choice, context)
    if function is not None:
        call = call_of(function, context, seed=len(messages))
        if choice is not None:
            refuse_endless_calls(call, context)
        return AIMessage(content="", tool_calls=[call])
    schema = answer_schema(options.response_format, context.text)
    if schema is not None:
        return AIMessage(content=json.dumps(fill(schema, context), ensure_ascii=False))
    searches = {f["name"] for f in functions if is_search(f.get("parameters", {}))}
    text = reply(context, searches=searches, tools={f["name"] for f in functions})
    if is_brief:
        text = text.splitlines()[0]
    for ending in stop:
        text = text.split(ending)[0] if ending else text
    return AIMessage(content=text)
