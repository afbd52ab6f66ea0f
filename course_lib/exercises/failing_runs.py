"""Runs that fail, or do not, for the exercises of appendix A1."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command
from pydantic import BaseModel
from typing_extensions import TypedDict

from course_lib.exercises.quiet_log import quiet_log


class Wish(TypedDict, total=False):
    """The state of these runs.

    Args:
        note: any text.
        price: a level from 1 to 4.
        seen: the ids that were shown; writes are appended.
    """

    note: str
    price: int
    seen: Annotated[list[str], operator.add]


class Area(BaseModel):
    """What a parser is asked for.

    Args:
        district: the English name of a district of Seoul.
    """

    district: str


def _one_node(node: Callable[..., Any], value: Any, schema: Any = Wish, **options: Any) -> Any:
    builder = StateGraph(schema).add_node("node", node).add_edge(START, "node")
    return builder.compile(**options).invoke(value)


def _writers(field: str, *, at_once: bool) -> Any:
    value = ["cafe-12"] if field == "seen" else "cheap"
    builder = StateGraph(Wish)
    for name in ("first", "second"):
        builder.add_node(name, lambda state: {field: value})
    builder.add_edge(START, "first").add_edge(START if at_once else "first", "second")
    return builder.compile().invoke({"price": 1})


def _three_nodes(limit: int) -> Any:
    names = ("one", "two", "three")
    builder = StateGraph(Wish).add_sequence([(name, lambda state: {}) for name in names])
    graph = builder.add_edge(START, "one").compile()
    return graph.invoke({"price": 1}, {"recursion_limit": limit})


def _robot() -> Any:
    robot = {"role": "robot", "content": "hello"}
    return _one_node(lambda state: {}, {"messages": [robot]}, MessagesState)


def _template(text: str, **values: str) -> Any:
    return ChatPromptTemplate.from_messages([("user", text)]).invoke(values)


@dataclass(frozen=True)
class Run:
    """A run of exercise 1.

    Args:
        start: runs it.
        reason: why it ends as it does, one or two sentences.
    """

    start: Callable[[], Any]
    reason: str


CASES = {
    "a node returns a text": Run(
        lambda: _one_node(lambda state: "cheap", {"price": 1}),
        "A node returns a dictionary of fields, or None.",
    ),
    "a node returns a field that the schema does not declare": Run(
        lambda: _one_node(lambda state: {"nota": "cheap"}, {"price": 1}),
        "LangGraph drops the field without an error.",
    ),
    "two nodes of one super-step write a plain field": Run(
        lambda: _writers("note", at_once=True), "There is no last write in one super-step."
    ),
    "two nodes, one after the other, write a plain field": Run(
        lambda: _writers("note", at_once=False), "The later write wins."
    ),
    "two nodes of one super-step write a field with a reducer": Run(
        lambda: _writers("seen", at_once=True), "The reducer says how two writes become one."
    ),
    "three nodes in a row, with recursion_limit 3": Run(
        lambda: _three_nodes(3), "A run must end in fewer super-steps than the limit."
    ),
    "three nodes in a row, with recursion_limit 4": Run(
        lambda: _three_nodes(4), "Three super-steps are fewer than 4."
    ),
    "Command(goto=...) names a node that is not there": Run(
        lambda: _one_node(lambda state: Command(goto="nowhere"), {"price": 1}),
        "LangGraph writes a line into its log, and the run ends there.",
    ),
    "a message has the role robot": Run(_robot, "LangChain knows a fixed list of roles."),
    "a template with {district} gets no district": Run(
        lambda: _template("A cafe in {district}"), "A template needs a value for every variable."
    ),
}
"""The cases of exercise 1."""


def error_of(start: Callable[[], Any]) -> Exception | None:
    """The exception that a call raises, or None."""
    try:
        with quiet_log():
            start()
    except Exception as error:  # noqa: BLE001 - whichever it is, it is the finding
        return error
    return None


def code_in(error: Exception | None) -> str | None:
    """The error code in a message of LangGraph or LangChain, or None where it has none."""
    found = re.search(r"/oss/python/\w+/errors/([A-Z_]+)", str(error))
    return found[1] if found else None


def coded_errors() -> dict[str, Exception]:
    """Exceptions of LangGraph and LangChain that carry a code, as raised, by a short name."""
    runs = {
        "a node that returns a text": CASES["a node returns a text"].start,
        "a loop": lambda: _three_nodes(2),
        "a prompt": lambda: _template('Answer as {"name": 1}'),
        "a message": _robot,
        "a parser": lambda: JsonOutputParser().invoke(AIMessage("{name")),
        "a Pydantic parser": lambda: PydanticOutputParser(pydantic_object=Area).invoke(
            AIMessage('{"city": "Seoul"}')
        ),
    }
    return {name: error for name, start in runs.items() if (error := error_of(start))}


def plain_errors() -> dict[str, Exception]:
    """Exceptions that carry no code, by a short name."""
    saver = InMemorySaver()
    runs = {
        "no thread": lambda: _one_node(lambda state: {}, {"price": 1}, checkpointer=saver),
        "Pydantic's own": lambda: Area.model_validate({"city": "Seoul"}),
        "a field that is missing": lambda: _one_node(lambda state: state["price"], {"note": "a"}),
    }
    found = {name: error for name, start in runs.items() if (error := error_of(start))}
    found["a link that is no code's"] = ValueError(
        "Read https://example.org/errors/DISK_FULL first."
    )
    found["a text in capitals"] = OSError("DISK_FULL")
    found["no message"] = NotImplementedError()
    assert not any(isinstance(each, OutputParserException) for each in found.values())
    return found
