"""Checks of chapter 03, Build the agent."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.errors import InvalidUpdateError
from langgraph.graph import START, StateGraph

from course_lib.exercises.exercise import (
    Exercise,
    IncorrectAnswer,
    expect,
    require,
    run_coroutine,
)
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.tool_runs import CASES, goes_on
from course_lib.exercises.turn_down import BROKEN, RIGHT, Node
from course_lib.places import search_places

CHAPTER = "03"
quiz = quiz_of(CHAPTER)


def _check_prediction(prediction: Any) -> None:
    found = {case: goes_on(case) for case in CASES}
    compare(prediction, found, {case: reason for case, (_, _, reason) in CASES.items()})


@tool
def price_of(place: str) -> int:
    """Return the price level of a place."""
    return {"Sajik Park": 0, "Leeum": 2}[place]


@tool
def note_of(place: str) -> str:
    """Return what was noted about a place, or an empty text."""
    return {"Leeum": "closed on Mondays"}.get(place, "")


@tool
def fails(place: str) -> str:
    """Always fail."""
    raise RuntimeError(f"no line to {place}")


TOOLS = [price_of, note_of, fails]


def _call(name: str, place: str, call_id: str) -> dict[str, Any]:
    return {"name": name, "args": {"place": place}, "id": call_id, "type": "tool_call"}


def _check_answer_calls(answer_calls: Any) -> None:
    calls = [
        _call("price_of", "Leeum", "call_9"),
        _call("price_of", "Sajik Park", "call_1"),
        _call("fails", "Leeum", "call_5"),
        _call("note_of", "Sajik Park", "call_7"),
        _call("rating_of", "Leeum", "call_3"),
        _call("note_of", "Leeum", "call_0"),
    ]
    wanted = ["2", "0", "no line to Leeum", "", "rating_of", "closed on Mondays"]
    failing = {"call_5", "call_3"}
    for chosen in ([0], [1, 0], [2, 0], [3, 5], [4, 1], [0, 1, 2, 3, 4, 5], []):
        message = AIMessage("", tool_calls=[calls[n] for n in chosen])
        asked = f"answer_calls for calls of {[calls[n]['name'] for n in chosen]}"
        got = answer_calls(message, list(TOOLS))
        require(
            isinstance(got, list) and all(isinstance(each, ToolMessage) for each in got),
            f"{asked} returned {got!r}. Return a list of ToolMessage objects.",
        )
        expect(
            f"{asked}: the ids that are answered",
            [calls[n]["id"] for n in chosen],
            [each.tool_call_id for each in got],
            "Every call gets one ToolMessage, in the order of the calls.",
        )
        for n, answer in zip(chosen, got, strict=True):
            _check_answer(calls[n], answer, wanted[n], calls[n]["id"] in failing)


def _check_answer(call: dict[str, Any], answer: ToolMessage, text: str, failed: bool) -> None:
    shown = f"the answer to {call['name']}({call['args']['place']!r})"
    look = "Only an unknown tool or an exception is an error; 0 and an empty text are results."
    expect(f"the status of {shown}", "error" if failed else "success", answer.status, look)
    if failed:
        require(
            text in answer.text,
            f"{shown} is {answer.text!r}. Its text must hold {text!r}, so that the model can read "
            "what was wrong.",
        )
    else:
        expect(f"the text of {shown}", text, answer.text, "Write the result of the tool as text.")


def day_graph(schema: type) -> Any:
    """Build the graph of exercise 3 over a schema: a morning, and an afternoon as a subgraph."""
    afternoon = StateGraph(schema)
    afternoon.add_node("lunch", lambda state: {"stops": ["market"]})
    afternoon.add_node("walk", lambda state: {"stops": ["park"]})
    afternoon.add_edge(START, "lunch")
    afternoon.add_edge("lunch", "walk")
    day = StateGraph(schema)
    day.add_node("morning", lambda state: {"stops": ["museum"]})
    day.add_node("afternoon", afternoon.compile())
    day.add_edge(START, "morning")
    day.add_edge("morning", "afternoon")
    return day.compile()


def _check_day(schema: Any) -> None:
    require(isinstance(schema, type), "Hand over the class itself: check(Day).")
    hints = getattr(schema, "__annotations__", {})
    require("stops" in hints, f"Day has the fields {list(hints)}. Keep the field stops.")
    visit = ["museum", "market", "park"]
    for first in (
        [],
        ["hotel"],
        ["hotel", "bakery"],
        ["park", "hotel"],
        ["zoo", "museum", "abbey"],
    ):
        try:
            got = day_graph(schema).invoke({"stops": list(first)})["stops"]
        except InvalidUpdateError as error:
            raise IncorrectAnswer(f"The run failed: {str(error).splitlines()[0]}") from error
        look = "The subgraph returns its whole list, and the reducer joins it with the outer one."
        if not isinstance(got, list):
            look = f"stops is a {type(got).__name__} now. It has to stay a list."
        expect(
            f"stops after a day that begins with {first}",
            list(dict.fromkeys([*first, *visit])),
            got,
            look,
        )


def _check_search(build: Any) -> None:
    graph = build()
    graph = graph.compile() if isinstance(graph, StateGraph) else graph
    require(
        hasattr(graph, "astream"),
        f"build_search returned a {type(graph).__name__}. Return the compiled graph.",
    )
    for category, districts in (
        ("palace", ["Jongno-gu", "Gangnam-gu", "Jung-gu"]),
        ("cafe", ["Yongsan-gu", "Mapo-gu", "Dobong-gu", "Jongno-gu"]),
        ("museum", ["Mapo-gu"]),
        ("palace", ["Gangnam-gu", "Mapo-gu"]),
        ("park", []),
    ):
        found = [search_places(category=category, district=d, limit=1) for d in districts]
        names = [place.name_en for places in found for place in places]
        value = {"category": category, "districts": list(districts)}
        state, most = run_coroutine(_observed(graph, value))
        shown = f"the report for {category} in {districts}"
        look = "Join the English names with ', ', in the order of the districts."
        if not names:
            look = "Without any place the report is 'nothing found'. The node has to run for that."
        expect(shown, ", ".join(names) or "nothing found", state.get("report"), look)
        require(
            most >= len(districts),
            f"For {len(districts)} districts, no node ran more than {most} times in one "
            "super-step. Send one task for each district.",
        )


async def _observed(graph: Any, value: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Run a graph; return its last state, and how often one node ran in one super-step at most."""
    state: dict[str, Any] = {}
    ran: Counter[tuple[int, str]] = Counter()
    async for mode, part in graph.astream(value, stream_mode=["values", "debug"]):
        if mode == "values":
            state = part if isinstance(part, dict) else dict(part)
        elif part["type"] == "task":
            ran[part["step"], part["payload"]["name"]] += 1
    return state, max(ran.values(), default=0)


def _check_test(test: Any) -> None:
    for node in RIGHT:
        failure = _failure(test, node)
        require(
            failure is None,
            f"Your test fails for a node that is right: {failure}. Compare its asserts with the "
            "rules in the task.",
        )
    for fault, node in BROKEN.items():
        require(
            _failure(test, node) is not None,
            f"Your test passes for a node that {fault}. Add an assert that notices this.",
        )


def _failure(test: Any, node: Node) -> str | None:
    """What a test says about a node: None if it passes."""
    try:
        result = test(node)
        if inspect.iscoroutine(result):
            run_coroutine(result)
    except Exception as error:  # noqa: BLE001 - whatever it raises, pytest would call it a failure
        return f"{type(error).__name__} {error}".strip()
    return None


e1 = Exercise(
    CHAPTER,
    1,
    "predict which errors end the run",
    _check_prediction,
    (
        "Whose mistake is it: the model's, or the tool's?",
        "ToolNode turns the model's mistakes into a ToolMessage. A tool's need an option.",
        "A handler handles only the exceptions in the type hint of its parameter.",
    ),
    "You know which errors the model gets to read, and which ones reach your program.",
    answer_kind="value",
)
e2 = Exercise(
    CHAPTER,
    2,
    "answer every tool call",
    _check_answer_calls,
    (
        "Go over message.tool_calls and look each name up in a dictionary of the tools.",
        "tool.invoke(call['args']) runs a tool. Put it in a try block.",
        "ToolMessage(text, tool_call_id=call['id'], status='error') reports a failure.",
    ),
    "No tool call stays open, whatever the tools do.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: stops that come twice",
    _check_day,
    (
        "Which list does the subgraph begin with, and which one does it return?",
        "The outer reducer gets the whole list of the subgraph, so it must not add what is there.",
        "Chapter 02 has a reducer for a list without repeats: union.",
    ),
    "The reducer is idempotent now, so a list that is written again does no harm.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "search every district at once",
    _check_search,
    (
        "A conditional edge from START can return a list of Send objects, or the name of a node.",
        "If there are no districts, return 'write_report' instead of an empty list.",
        "A field with operator.add collects the names in the order of the Send objects.",
    ),
    "Every district was searched in the same super-step, and an empty list gets its report, too.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "write a test that notices",
    _check_test,
    (
        "Call turn_down with a state that you made up, and compare what it returns.",
        "Try a number at each end of the table, and one beyond each end.",
        "Choose numbers that are not in rising order, and a call in which no number fits.",
    ),
    "Your test passes for every right node and fails for each of the broken ones.",
)
