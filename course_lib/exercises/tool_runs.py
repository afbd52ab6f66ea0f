"""The runs that a learner predicts in chapter 03: tools that fail in different ways."""

from __future__ import annotations

from typing import Any, NamedTuple

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition


@tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool
def ask_server(number: int) -> str:
    """Ask a server that does not answer."""
    raise ConnectionError(f"the server did not answer for {number}")


def _explain_value_error(error: ValueError) -> str:
    return f"Wrong value: {error}"


class Case(NamedTuple):
    """A run: the tool call of the model, the options of `ToolNode`, and why it ends as it does."""

    call: dict[str, Any]
    options: dict[str, Any]
    reason: str


TO_SERVER = {"name": "ask_server", "args": {"number": 1}}
CASES = {
    "bad arguments": Case(
        {"name": "double", "args": {"number": "many"}},
        {},
        "ToolNode turns arguments that do not fit the schema into a ToolMessage.",
    ),
    "unknown tool": Case(
        {"name": "triple", "args": {"number": 1}},
        {},
        "ToolNode writes a ToolMessage that names the tools that exist.",
    ),
    "tool raises": Case(TO_SERVER, {}, "By default an exception of a tool ends the run."),
    "tool raises, handled": Case(
        TO_SERVER,
        {"handle_tool_errors": True},
        "handle_tool_errors=True turns every exception into a ToolMessage.",
    ),
    "tool raises, other exception handled": Case(
        TO_SERVER,
        {"handle_tool_errors": _explain_value_error},
        "The handler's type hint is ValueError, so a ConnectionError still ends the run.",
    ),
}


def goes_on(case: str) -> bool:
    """Run one case and return whether the run reached its end."""
    call, options, _ = CASES[case]
    replies = [AIMessage("", tool_calls=[{**call, "id": "call_1"}]), AIMessage("Done.")]
    model = GenericFakeChatModel(messages=iter(replies))
    builder = StateGraph(MessagesState)
    builder.add_node("agent", lambda state: {"messages": [model.invoke(state["messages"])]})
    builder.add_node("tools", ToolNode([double, ask_server], **options))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition)
    builder.add_edge("tools", "agent")
    try:
        builder.compile().invoke({"messages": [HumanMessage("Help me.")]})
    except ConnectionError:
        return False
    return True
