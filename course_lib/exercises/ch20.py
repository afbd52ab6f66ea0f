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

from course_lib.chat import ChatController, Event, Transcript, events
from course_lib.chat.run_context import RunContext
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require, run_coroutine
from course_lib.exercises.running import as_sync, yes_or_no
from course_lib.namu import NamuState, build_namu
from course_lib.persistence import namespace_label
from course_lib.places import load_places

CHAPTER = "20"


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


REJECTED = ["cafe-11", "museum-4", "park-27"]


def _check_asking(forget: Any) -> None:
    for answer, wanted in ((True, []), (False, REJECTED), ("no", REJECTED)):
        graph = _calling(forget, {})
        graph.invoke(_given(excluded_place_ids=REJECTED), _thread())
        snapshot = graph.get_state(_thread())
        require(
            len(snapshot.interrupts) == 1,
            "forget_rejected did not ask. Call interrupt(...) before anything changes.",
        )
        (question,) = snapshot.interrupts
        require(
            bool(re.search(r"(?<![\w-])(3|three)(?![\w-])", str(question.value).lower())),
            f"The question is {question.value!r}. Say how many places are meant: 3.",
        )
        if answer == "no" and getattr(question, "response_schema", None):
            continue  # a schema lets no word through
        resume = answer if answer == "no" else yes_or_no(question, answer)
        graph.invoke(Command(resume=resume), _thread())
        state = graph.get_state(_thread()).values
        look = (
            "excluded_place_ids has a reducer that only adds: Overwrite([]) goes past it."
            if not wanted
            else "Only True is a yes: whatever else a person says changes nothing."
        )
        shown = f"excluded_place_ids after the answer {answer!r}"
        expect(shown, wanted, state["excluded_place_ids"], look)
        require(
            state["messages"][-1].type == "tool" and bool(state["messages"][-1].text),
            "The tool call got no answer. With a Command, put a ToolMessage with "
            "runtime.tool_call_id into the messages.",
        )


def _check_keeping(keep_place: Any) -> None:
    store = InMemoryStore()
    value = _given()
    table = value["last_recommended_places"]
    for user, number in (("ann", 2), ("bo.jr", 2), ("ann", 2), ("ann", 3)):
        _calling(keep_place, {"number": number}, store).invoke(value, _thread(user))
    for user, numbers in (("ann", (2, 3)), ("bo.jr", (2,))):
        items = store.search(("favourites", namespace_label(user)))
        kept = sorted((item.value for item in items), key=str)
        look = (
            'runtime.store.put(("favourites", namespace_label(user)), place["id"], {"place": ...}),'
            ' with the user from runtime.config["metadata"].'
        )
        wanted = sorted(({"place": table[n - 1]["name_en"]} for n in numbers), key=str)
        expect(f"{user}'s favourites", wanted, kept, look)
    total = len(store.search(()))
    look = "Kept twice is kept once, and two places are two: use the place's id as the key."
    expect("entries in the whole store", 3, total, look)
    for number in (9, 0, -1):
        beyond = _calling(keep_place, {"number": number}, store)
        beyond.invoke(value, _thread(f"nobody{number}"))
        said = str(beyond.get_state(_thread(f"nobody{number}")).values["messages"][-1].text)
        left = len(store.search(()))
        look = "The table has the numbers 1 to 3: what is not among them is not kept."
        expect(f"entries after asking for place {number}", 3, left, look)
        require(
            str(number) in said,
            f"For a place that is not there it said {said!r}. Name the number: {number}.",
        )


async def _chat(graph: CompiledStateGraph, *texts: str) -> tuple[list[Event], Transcript]:
    heard: list[Event] = []
    transcript = Transcript()

    def listen(event: Event) -> None:
        heard.append(event)
        transcript.handle(event)

    chat = ChatController(graph, thread_id="exercise", metadata={"user": "ann"}, on_event=listen)
    for text in texts:
        await chat.send(text)
    return heard, transcript


def _check_meter(meter: Any) -> None:
    graph = build_namu(checkpointer=InMemorySaver())
    for texts in (["a cafe in Mapo"], ["hello", "a park in Songpa-gu", "not the first one"]):
        heard, _ = run_coroutine(_chat(graph, *texts))
        kinds = [type(event).__name__ for event in heard]
        wanted = {
            "runs": kinds.count("RunStarted"),
            "tokens": kinds.count("Token"),
            "tools": [event.name for event in heard if type(event).__name__ == "ToolCalled"],
        }
        look = "Every event is an object of its own class; isinstance(event, Token) tells."
        expect(f"meter(the events of {texts})", wanted, meter(heard), look)
    started, said = events.RunStarted, events.Token
    called, returned = events.ToolCalled, events.ToolReturned
    made = [
        *(started(None), events.NodeStarted("t", "agent"), said("m", "Two or three, ", "agent")),
        *(said("m", "more", "agent"), events.Progress({"done": 1}), called("c", "flip", {})),
        *(called("d", "add", {}), returned("c", "flip", "Heads"), events.Queued("next")),
        *(started(None), called("e", "flip", {}), said("n", "", "agent")),
    ]
    wanted = {"runs": 2, "tokens": 3, "tools": ["flip", "add", "flip"]}
    look = "One token is one event, whatever its text. Tools are counted when they are called."
    expect("meter(some events of other kinds, too)", wanted, meter(made), look)


def _check_feature(feature: Any) -> None:
    saver = InMemorySaver()
    got = feature(saver)
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
    _, plain = run_coroutine(_chat(build_namu(checkpointer=InMemorySaver()), *before))
    _, seen = run_coroutine(_chat(graph, *before))
    problems = [entry["text"] for entry in seen.entries if entry["kind"] == "problem"]
    require(not problems, f"The chat shows a problem: {problems[:1]}. Try it in the panel.")
    require(
        any(saver.list(None)),
        "The saver that feature was handed holds nothing. Compile the graph with that one.",
    )
    own = set(RunContext(graph.context_schema).choices)  # drop-downs beside the chat
    new = (_chips(seen) - _chips(plain)) | own
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
    answer_kind="tool",
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
    answer_kind="tool",
    hints=(
        "First interrupt(...); only then look at what it returned: is it True?",
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
    answer_kind="tool",
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
