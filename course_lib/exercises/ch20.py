"""Checks of chapter 20, Put it all in one chat: features that extend the studio."""

from __future__ import annotations

import re
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from course_lib.chat import Transcript
from course_lib.chat.run_context import RunContext
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require, run_coroutine
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.run_bills import check_bill, heard_chat
from course_lib.exercises.running import as_sync, yes_or_no
from course_lib.namu import NamuState, build_namu
from course_lib.persistence import namespace_label
from course_lib.places import load_places

CHAPTER = "20"
quiz = quiz_of(CHAPTER)


def _thread(user: str = "ann") -> dict[str, Any]:
    return {"configurable": {"thread_id": user}, "metadata": {"user": user}}


def _as_tool(function: Any) -> BaseTool:
    if isinstance(function, BaseTool):
        return function
    function = as_sync(function)
    name = getattr(function, "__name__", "answer").strip("<>")
    try:
        return StructuredTool.from_function(
            function, name=name, description=function.__doc__ or name, parse_docstring=False
        )
    except Exception as error:
        raise IncorrectAnswer(
            f"No tool could be made of your function: {error}. Keep its first line as it was."
        ) from error


def _calling(function: Any, args: dict[str, Any], store: Any = None) -> CompiledStateGraph:
    """A graph that calls a tool once, over Namu's state."""
    made = _as_tool(function)

    def ask(state: NamuState) -> dict[str, Any]:
        call = {"name": made.name, "args": args, "id": "call-1"}
        return {"messages": [AIMessage("", tool_calls=[call])]}

    builder = StateGraph(NamuState)
    builder.add_node(ask)
    builder.add_node("tools", ToolNode([made], handle_tool_errors=False))
    builder.add_edge(START, "ask")
    builder.add_edge("ask", "tools")
    builder.add_edge("tools", END)
    return builder.compile(checkpointer=InMemorySaver(), store=store)


def _given(places: int = 3, **fields: Any) -> dict[str, Any]:
    table = [place.as_dict() for place in load_places()[:places]]
    return {"messages": [("user", "go")], "last_recommended_places": table, **fields}


def _check_reporting(look_around: Any) -> None:
    for count in (3, 1, 0):
        graph = _calling(look_around, {})
        value, reports = _given(count), []
        for part in graph.stream(value, _thread(), stream_mode="custom", version="v2"):
            reports.append(part["data"])
        names = [place["name_en"] for place in value["last_recommended_places"]]
        wanted = [{"label": n, "done": i, "total": count} for i, n in enumerate(names, 1)]
        look = "Call runtime.stream_writer({...}) once for each place, with name_en as the label."
        expect(f"the reports of look_around on {count} places", wanted, reports, look)
        said = str(graph.get_state(_thread()).values["messages"][-1].text)
        expect(
            f"what look_around returned for {count} places",
            ", ".join(names),
            said,
            "Return the English names, joined by a comma and a space.",
        )


REJECTED = ["cafe-11", "museum-4", "park-27"]
COUNTED = {3: "3|three", 2: "2|two"}
"""How a question may say how many places are meant."""


def _check_asking(forget: Any) -> None:
    for count, answer in ((3, True), (2, True), (3, False), (3, "no")):
        rejected = REJECTED[:count]
        graph = _calling(forget, {})
        graph.invoke(_given(excluded_place_ids=rejected), _thread())
        snapshot = graph.get_state(_thread())
        require(
            len(snapshot.interrupts) == 1,
            "forget_rejected did not ask. Call interrupt(...) before anything changes.",
        )
        (question,) = snapshot.interrupts
        require(
            bool(re.search(rf"(?<![\w-])({COUNTED[count]})(?![\w-])", str(question.value).lower())),
            f"With {count} places turned down, the question is {question.value!r}. Let it say "
            f"how many they are: {count}.",
        )
        if answer == "no" and getattr(question, "response_schema", None):
            continue  # a schema lets no word through
        resume = answer if answer == "no" else yes_or_no(question, answer)
        graph.invoke(Command(resume=resume), _thread())
        state = graph.get_state(_thread()).values
        look = (
            "The reducer of excluded_place_ids only adds. Overwrite([]) replaces the list."
            if answer is True
            else "Only True is a yes. Any other answer changes nothing."
        )
        shown = f"excluded_place_ids after the answer {answer!r}"
        wanted = [] if answer is True else rejected
        expect(shown, wanted, state["excluded_place_ids"], look)
        require(
            state["messages"][-1].type == "tool" and bool(state["messages"][-1].text),
            "The tool call got no answer with a text. If you return a Command, put a ToolMessage "
            "with runtime.tool_call_id into the messages.",
        )


def _check_keeping(keep_place: Any) -> None:
    store = InMemoryStore()
    value = _given()
    places = value["last_recommended_places"]
    for user, number in (("ann", 2), ("bo.jr", 2), ("ann", 2), ("ann", 3)):
        _calling(keep_place, {"number": number}, store).invoke(value, _thread(user))
    for user, numbers in (("ann", (2, 3)), ("bo.jr", (2,))):
        items = store.search(("favourites", namespace_label(user)))
        kept = sorted((item.value for item in items), key=str)
        look = (
            'Call runtime.store.put(("favourites", namespace_label(user)), place["id"], '
            '{"place": ...}), with the user from runtime.config["metadata"].'
        )
        wanted = sorted(({"place": places[n - 1]["name_en"]} for n in numbers), key=str)
        expect(f"{user}'s favourites", wanted, kept, look)
    total = len(store.search(()))
    look = "A place that is kept twice is one entry, two places are two: use the id as the key."
    expect("entries in the whole store", 3, total, look)
    for number in (9, 0, -1):
        beyond = _calling(keep_place, {"number": number}, store)
        beyond.invoke(value, _thread(f"nobody{number}"))
        said = str(beyond.get_state(_thread(f"nobody{number}")).values["messages"][-1].text)
        left = len(store.search(()))
        look = "There are the numbers 1 to 3. Keep nothing for any other number."
        expect(f"entries after asking for place {number}", 3, left, look)
        require(
            str(number) in said,
            f"For a number that is not there, it returned {said!r}. Name the number: {number}.",
        )


def _check_feature(feature: Any) -> None:
    saver = InMemorySaver()
    got = feature(saver)
    require(
        isinstance(got, tuple) and len(got) == 2 and isinstance(got[1], str),
        f"feature(saver) returned {got!r}. Return a pair: the graph, and a text for it.",
    )
    graph, text = got
    require(
        isinstance(graph, CompiledStateGraph),
        f"The first of the pair is a {type(graph).__name__}. Return a compiled graph.",
    )
    before = ["a cafe in Mapo", text]
    _, plain = run_coroutine(heard_chat(build_namu(checkpointer=InMemorySaver()), *before))
    _, seen = run_coroutine(heard_chat(graph, *before))
    problems = [entry["text"] for entry in seen.entries if entry["kind"] == "problem"]
    require(
        not problems,
        f"The chat shows a problem: {problems[:1]}. Open the graph in a ChatPanel to find it.",
    )
    require(
        any(saver.list(None)),
        "The saver that check passed to feature holds nothing. Compile the graph with that one.",
    )
    own = set(RunContext(graph.context_schema).choices)  # drop-downs beside the chat
    new = (_chips(seen) - _chips(plain)) | own
    require(
        bool(new),
        f"After {before} the screen shows nothing that Namu would not show without your feature: "
        "no other tool, node, progress, question or setting. Does your text start the feature?",
    )


def _chips(transcript: Transcript) -> set[str]:
    named = {c["name"] for e in transcript.entries for c in e.get("chips", ())}
    asked = {"(a question)" for entry in transcript.entries if entry["kind"] == "approval"}
    return named | asked


e1 = Exercise(
    CHAPTER,
    1,
    "a tool that reports",
    _check_reporting,
    answer_kind="tool",
    hints=(
        'The places are runtime.state["last_recommended_places"]; each has a name_en.',
        'runtime.stream_writer({"label": ..., "done": n, "total": ...}) sends one report; n begins '
        "at 1.",
    ),
    success_text="The panel draws a bar from these reports, without new code.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a tool that asks",
    _check_asking,
    answer_kind="tool",
    hints=(
        "Call interrupt(...) first. Then look at what it returned: is it True?",
        "A tool changes the state by returning Command(update={...}).",
        'Command(update={"excluded_place_ids": Overwrite([]), "messages": [ToolMessage(text, '
        "tool_call_id=runtime.tool_call_id)]})",
    ),
    success_text="Overwrite discards what the reducer had collected, so it is right to ask first.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "a tool that keeps",
    _check_keeping,
    answer_kind="tool",
    hints=(
        'The user is runtime.config["metadata"]["user"]; namespace_label(user) makes a label of '
        "it.",
        "Use the id of the place as the key: a second put under one key replaces the first.",
        "Check the number before you use it, and name it in the text if it is missing.",
    ),
    success_text="The entry outlives the thread, and no other user sees it. Memory shows it.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: a bill that is too small",
    check_bill,
    edition=2,
    hints=(
        "Which runs does bill_with_a_bug leave out? What does it count as tokens?",
        "[event.cost for event in events if isinstance(event, RunEnded) and event.cost is not "
        "None] are the costs.",
        "None if any(cost.tokens is None for cost in costs) else sum(...)",
    ),
    success_text="Any function that listens to the events can be a part of a user interface.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "a feature of your own",
    _check_feature,
    hints=(
        "The shortest way is build_namu(checkpointer=saver, tools=[your_tool]).",
        "The offline model calls a tool if the message has the words of its name: plan_route "
        "for 'plan a route'.",
        "You may use a tool of the exercises above.",
    ),
    success_text="Your studio has a feature of its own. Open it in a ChatPanel and try it.",
)
