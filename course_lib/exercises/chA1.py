"""Checks of the appendix A1, Troubleshoot a graph."""

from __future__ import annotations

from typing import Any

from langgraph.errors import InvalidUpdateError
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.failing_runs import (
    CASES,
    code_in,
    coded_errors,
    error_of,
    plain_errors,
)
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiet_log import quiet_log
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync, invoke

CHAPTER = "A1"
quiz = quiz_of(CHAPTER)

CODES = (
    "GRAPH_RECURSION_LIMIT",
    "INVALID_CONCURRENT_GRAPH_UPDATE",
    "INVALID_GRAPH_NODE_RETURN_VALUE",
    "INVALID_PROMPT_INPUT",
    "MESSAGE_COERCION_FAILURE",
)
"""The codes that exercise 1 may name."""


def _check_prediction(prediction: Any) -> None:
    compare(
        prediction,
        {case: code_in(error_of(run.start)) for case, run in CASES.items()},
        {case: run.reason for case, run in CASES.items()},
        choices=(None, *CODES),
        write=f"None where no error is raised, or one of {', '.join(CODES)}",
    )


def _check_code_of(code_of: Any) -> None:
    ask = as_sync(code_of)
    look = "The code is the last word of the link that begins with https://docs.langchain.com."
    for name, error in coded_errors().items():
        expect(f"code_of({name}: {type(error).__name__})", code_in(error), ask(error), look)
    for name, error in plain_errors().items():
        expect(
            f"code_of({name}: {type(error).__name__})",
            None,
            ask(error),
            "This message has no code. Return None.",
        )


def _run(graph: Any, value: dict[str, Any], errors: type[Exception] = Exception) -> dict[str, Any]:
    """Run a graph of the learner's, for whom an error in it is a finding.

    Args:
        graph: a compiled graph.
        value: its input.
        errors: the exceptions that make the answer wrong; any other one is the learner's crash.
    """
    try:
        with quiet_log():
            return invoke(graph, value)
    except errors as error:
        message = str(error).splitlines()[0] if str(error) else ""
        raise IncorrectAnswer(
            f"with the input {value!r} the graph raised {type(error).__name__}: {message}. Look up "
            "this message in appendix A1."
        ) from error


NOTES = {"sunny": "Take a walk.", "rainy": "Read a book."}
FOUND = ["Sajik Park", "Cafe Onion"]


def _check_plan(repaired_plan: Any) -> None:
    graph = as_sync(repaired_plan)()
    require(
        hasattr(graph, "invoke"),
        f"repaired_plan returned a {type(graph).__name__}. Return the compiled graph.",
    )
    for weather in ("sunny", "rainy", "snow", ""):
        result = _run(graph, {"weather": weather})
        when = f"if the weather is {weather!r}"
        expect(
            f"the places, sorted, {when}",
            sorted(FOUND),
            sorted(result.get("places") or []),
            "Both nodes write in one super-step: the field needs a reducer.",
        )
        look = "Each node returns a dictionary. For any other weather the run ends."
        expect(f"the note {when}", NOTES.get(weather), result.get("note"), look)
    before = _run(graph, {"weather": "sunny", "places": ["Namsan"]})
    expect(
        "the places, sorted, if the input has one already",
        sorted([*FOUND, "Namsan"]),
        sorted(before["places"]),
        "What is there already stays.",
    )


class _Call(TypedDict, total=False):
    kind: str
    answer: str


DESKS = {"refund": "refunds", "delivery": "deliveries"}


def _check_triage(triage: Any) -> None:
    builder = StateGraph(_Call).add_node("triage", triage).add_edge(START, "triage")
    for desk in ("refunds", "deliveries", "person"):
        builder.add_node(desk, lambda state, desk=desk: {"answer": f"{desk} at your service"})
    graph = builder.compile()
    for kind in ("refund", "delivery", "person", "complaint", "refunds", "delive", ""):
        desk = DESKS.get(kind, "person")
        answer = _run(graph, {"kind": kind}, InvalidUpdateError).get("answer")
        expect(
            f"the answer to a message of the kind {kind!r}",
            f"{desk} at your service",
            answer,
            "Command(goto=...) must name a node that the graph has, for every kind.",
        )


e1 = Exercise(
    CHAPTER,
    1,
    "predict the code",
    _check_prediction,
    (
        "Three kinds of fault raise nothing: look at the section without errors.",
        "A run must end in fewer super-steps than its limit.",
    ),
    "You know which faults are loud, and which are quiet.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "read the code",
    _check_code_of,
    (
        "Take the text of the error, str(error). Where does the code stand in it?",
        "re.search finds a pattern. The code is made of capitals and underscores, after errors/.",
        "Pydantic and your own programs write links too: look for docs.langchain.com.",
    ),
    "A log can now count the codes.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "repair a graph by its errors",
    _check_plan,
    (
        "Run broken_plan(), and look up the first message. Repair it, and run again.",
        "After it compiles, invoke it for every kind of weather.",
        "There are four faults: the name in an edge, the field places, the path function and a "
        "node that returns a text.",
    ),
    "The graph answers in every weather.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: a message without an answer",
    _check_triage,
    (
        "Print the node that triage names for each kind. Which of them does the graph have?",
        "A dictionary from kind to node, and .get with a default, names a node in every case.",
    ),
    "Every kind leads to a node that is there.",
)
