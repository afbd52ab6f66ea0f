"""Checks of chapter 17, Put it all in one chat: features that extend the studio."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool, StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.prebuilt import ToolNode
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from course_lib.chat import ChatController, Event, Transcript
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require, run_coroutine
from course_lib.namu import NamuState, build_namu
from course_lib.persistence import namespace_label
from course_lib.places import load_places

CHAPTER = "17"


def _thread(user: str = "ann") -> dict[str, Any]:
    return {"configurable": {"thread_id": user}, "metadata": {"user": user}}


def _as_tool(function: Any) -> BaseTool:
    if isinstance(function, BaseTool):
        return function
    name = getattr(function, "__name__", "answer").strip("<>")
    try:
        return StructuredTool.from_function(
            function, name=name, description=function.__doc__ or name, parse_docstring=False
        )
    except Exception as error:
        raise IncorrectAnswer(
            f"No tool could be made of your function: {error}. Leave its first line as it was."
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
        value, told = _given(count), []
        for part in graph.stream(value, _thread(), stream_mode="custom", version="v2"):
            told.append(part["data"])
        names = [place["name_en"] for place in value["last_recommended_places"]]
        wanted = [{"label": n, "done": i, "total": count} for i, n in enumerate(names, 1)]
        look = "runtime.stream_writer({...}) once for each place, with its name_en as the label."
        expect(f"what look_around told about {count} places", wanted, told, look)
        said = str(graph.get_state(_thread()).values["messages"][-1].text)
        expect(
            f"what it returned for {count} places",
            ", ".join(names),
            said,
            "The English names, joined by a comma and a space.",
        )


def _check_asking(forget: Any) -> None:
    for answer, wanted in ((True, []), (False, ["cafe-1", "cafe-2"])):
        graph = _calling(forget, {})
        graph.invoke(_given(excluded_place_ids=["cafe-1", "cafe-2"]), _thread())
        snapshot = graph.get_state(_thread())
        require(
            len(snapshot.interrupts) == 1,
            "forget_rejected did not ask. Call interrupt(...) before anything changes.",
        )
        require(
            "2" in str(snapshot.interrupts[0].value),
            f"The question is {snapshot.interrupts[0].value!r}. Say how many places are meant: 2.",
        )
        graph.invoke(Command(resume=answer), _thread())
        state = graph.get_state(_thread()).values
        look = (
            "excluded_place_ids has a reducer that only adds: Overwrite([]) goes past it."
            if answer
            else "A person who says no wants nothing changed."
        )
        shown = f"excluded_place_ids after the answer {answer}"
        expect(shown, wanted, state["excluded_place_ids"], look)
        require(
            state["messages"][-1].type == "tool" and bool(state["messages"][-1].text),
            "The tool call got no answer. With a Command, put a ToolMessage with "
            "runtime.tool_call_id into the messages.",
        )


def _check_keeping(keep_place: Any) -> None:
    store = InMemoryStore()
    graph = _calling(keep_place, {"number": 2}, store)
    value = _given()
    for user in ("ann", "bo.jr", "ann"):
        graph.invoke(value, _thread(user))
    place = value["last_recommended_places"][1]
    for user in ("ann", "bo.jr"):
        kept = [i.value for i in store.search(("favourites", namespace_label(user)))]
        look = (
            'runtime.store.put(("favourites", namespace_label(user)), place["id"], {"place": ...}),'
            ' with the user from runtime.config["metadata"].'
        )
        expect(f"{user}'s favourites", [{"place": place["name_en"]}], kept, look)
    total = len(store.search(()))
    expect("entries in the whole store", 2, total, "Kept twice is kept once: use the place's id.")
    beyond = _calling(keep_place, {"number": 9}, store)
    beyond.invoke(value, _thread())
    said = str(beyond.get_state(_thread()).values["messages"][-1].text)
    expect("entries after asking for a ninth place", 2, len(store.search(())), "There is none.")
    require("9" in said, f"For a place that is not there it said {said!r}. Name the number: 9.")


async def _events(graph: CompiledStateGraph, *texts: str) -> tuple[list[Event], Transcript]:
    events: list[Event] = []
    transcript = Transcript()

    def listen(event: Event) -> None:
        events.append(event)
        transcript.handle(event)

    chat = ChatController(graph, thread_id="exercise", metadata={"user": "ann"}, on_event=listen)
    for text in texts:
        await chat.send(text)
    return events, transcript


def _check_meter(meter: Any) -> None:
    graph = build_namu(checkpointer=InMemorySaver())
    for texts in (["a cafe in Mapo"], ["hello", "a park in Songpa-gu", "not the first one"]):
        events, _ = run_coroutine(_events(graph, *texts))
        kinds = [type(event).__name__ for event in events]
        wanted = {
            "runs": kinds.count("RunStarted"),
            "tokens": kinds.count("Token"),
            "tools": [event.name for event in events if type(event).__name__ == "ToolCalled"],
        }
        look = "Every event is an object of its own class; isinstance(event, Token) tells."
        expect(f"meter(the events of {texts})", wanted, meter(events), look)


def _check_feature(feature: Any) -> None:
    got = feature(InMemorySaver())
    require(
        isinstance(got, tuple) and len(got) == 2 and isinstance(got[1], str),
        f"feature(saver) returned {got!r}. Return a pair: the graph, and a text to say to it.",
    )
    graph, text = got
    require(
        isinstance(graph, CompiledStateGraph),
        f"The first of the pair is a {type(graph).__name__}. Compile the graph with the saver.",
    )
    before = ["a cafe in Mapo", text]
    _, plain = run_coroutine(_events(build_namu(checkpointer=InMemorySaver()), *before))
    _, seen = run_coroutine(_events(graph, *before))
    problems = [entry["text"] for entry in seen.entries if entry["kind"] == "problem"]
    require(not problems, f"The chat shows a problem: {problems[:1]}. Try it in the panel.")
    new = _chips(seen) - _chips(plain)
    require(
        bool(new),
        f"After {before} the panel shows nothing that plain Namu would not: no other tool, node, "
        "progress or question. Say in the text what sets your feature off.",
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
    hints=(
        'runtime.state["last_recommended_places"] is the table; each place has name_en.',
        'runtime.stream_writer({"label": ..., "done": n, "total": ...}), n counted from 1.',
    ),
    success_text="The panel draws a bar from it, and you wrote no line of interface.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "a tool that asks",
    _check_asking,
    hints=(
        "First interrupt(...); only then look at what it returned.",
        "A tool changes the state by returning Command(update={...}).",
        'Command(update={"excluded_place_ids": Overwrite([]), "messages": [ToolMessage(text, '
        "tool_call_id=runtime.tool_call_id)]})",
    ),
    success_text="A reducer keeps promises, Overwrite breaks them: worth a question first.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "a tool that keeps",
    _check_keeping,
    hints=(
        'The user is in runtime.config["metadata"]["user"]; namespace_label(user) makes a '
        "label of it.",
        "The place's id as the key: putting the same thing twice leaves one entry.",
        "Check the number before you use it, and say in the answer which one is missing.",
    ),
    success_text="It outlives the thread, and nobody else sees it. Memory shows it at once.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "a listener of your own",
    _check_meter,
    hints=(
        "from course_lib.chat.events import RunStarted, Token, ToolCalled",
        "sum(isinstance(event, Token) for event in events) counts them.",
    ),
    success_text=(
        "Whatever listens to the events is a user interface; this one shows what a chat costs."
    ),
)
e5 = Exercise(
    CHAPTER,
    5,
    "a feature of your own",
    _check_feature,
    hints=(
        "The shortest way: build_namu(checkpointer=saver, tools=[your_tool]).",
        "The offline model calls a tool when the message says the words of its name: plan_route "
        "on 'plan a route'.",
        "A tool of the exercises above will do, and so will one nobody has thought of yet.",
    ),
    success_text=(
        "That is a feature nobody had before. Open it in a ChatPanel and show it to somebody."
    ),
)
