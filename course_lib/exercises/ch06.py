"""Checks of chapter 06, Stream what happens."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from course_lib.display import summary_line
from course_lib.exercises import part_counts
from course_lib.exercises.agent_team import scripted_model
from course_lib.exercises.agent_team import team_graph as team_graph  # learners import it here
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require, run_coroutine
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync
from course_lib.models import OfflineChatModel
from course_lib.namu import build_namu

CHAPTER = "06"
quiz = quiz_of(CHAPTER)
THREAD = {"configurable": {"thread_id": "ann"}}
QUESTION = "a quiet cafe in Jongno-gu"


def _collected(got: Any, name: str) -> list[Any]:
    """What a function returned, as a list; told kindly where it is none."""
    if inspect.iscoroutine(got):
        got.close()
        raise IncorrectAnswer(
            f"{name} gave a coroutine. Write `def`, not `async def`: nothing awaits it here."
        )
    require(got is not None, f"{name} returned None. Is there a `return`?")
    require(
        not isinstance(got, (str, bytes)) and hasattr(got, "__iter__"),
        f"{name} returned {summary_line(got)}. Return a list.",
    )
    return list(got)


def _check_prediction(prediction: Any) -> None:
    compare(prediction, part_counts.found(), part_counts.REASONS)


def _check_steps(steps: Any) -> None:
    graph = build_namu(checkpointer=InMemorySaver())
    first = ["router", "agent", "tools", "agent", "update_state"]
    second = ["router", "refine_exclude", "agent", "tools", "agent", "update_state"]
    look = "Each part of the mode updates is a dict whose keys are the nodes that ran."
    for text, wanted in ((QUESTION, first), ("not the first one", second)):
        got = _collected(as_sync(steps)(graph, text, THREAD), "steps")
        expect(f"steps(graph, {text!r}, thread)", wanted, got, look)
    asked = [m.text for m in graph.get_state(THREAD).values["messages"] if m.type == "human"]
    look = "Hand the thread on to the graph."
    expect("what was asked in the thread", [QUESTION, "not the first one"], asked, look)


TEAM = {
    "writer": "Walk along the stream.\nIt is  lit at night.",
    "writer_2": "Take a bus to the river.",
    "critic": "Walk along the stream.",
    "speak": "Say it  again.",
}
"""What the agents say: names that begin alike, one agent named after its node, equal texts."""


def _check_words(words_of: Any) -> None:
    graph = team_graph(**TEAM)
    for agent in ("critic", "writer", "speak", "writer_2"):
        model = scripted_model(TEAM[agent])
        wanted = [str(chunk.text) for chunk in model.stream(QUESTION) if chunk.text]
        got = _collected(as_sync(words_of)(graph, agent, QUESTION), "words_of")
        called = f"words_of(graph, {agent!r}, {QUESTION!r})"
        require(
            all(isinstance(token, str) for token in got),
            f"{called} should hold texts. A part's data is (chunk, metadata); take chunk.text.",
        )
        everybody = len("".join(TEAM.values()))
        look = "Take the tokens as the stream brings them. A space is a token, too."
        if not got:
            look = "Nothing came. Print part['ns'] and metadata['langgraph_node'] of some parts."
        elif "" in got:
            look = "Leave the empty tokens out."
        elif "".join(got) == TEAM[agent] and len(got) == 1:
            look = "This is one whole message. Ask for the parts of the subgraphs."
        elif len("".join(got)) == everybody:
            look = "These are the words of all agents. Which field of a part names the subgraph?"
        elif "".join(got).split() != TEAM[agent].split() and " " in got:
            look = "Some words are missing, or they belong to an agent with another name."
        expect(called, wanted, got, look)


def _check_parse(parse_events: Any) -> None:
    events = [
        ("token", {"text": "Here are 세 곳"}),
        ("done", {"tokens": 3}),
        ("token", {"text": ""}),
    ]
    lines = [f"event: {kind}\ndata: {json.dumps(d, ensure_ascii=False)}\n\n" for kind, d in events]
    wire = "".join(lines).encode()
    for size in (len(wire), 40, 7, 1):
        pieces = [wire[i : i + size] for i in range(0, len(wire), size)]
        got = _events(as_sync(parse_events)(iter(pieces)))
        look = "Collect bytes until a line is whole, and lines until an empty one ends the event."
        expect(f"the events of a stream cut every {size} bytes", events, got, look)
    for rest in (b"event: token\ndata: {", b'event: token\ndata: {"text": "half"}\n'):
        got = _events(as_sync(parse_events)(iter([wire + rest])))
        look = "Only an empty line ends an event. What no empty line follows is no event yet."
        expect(f"the events before the cut-off {rest!r}", events, got, look)


def _events(got: Any) -> list[Any]:
    found = _collected(got, "parse_events")
    for each in found:
        require(
            isinstance(each, (tuple, list)) and len(each) == 2,
            f"parse_events holds {summary_line(each)}. Each event is a pair: its kind and its "
            "data.",
        )
    return [tuple(each) for each in found]


def _check_glimpse(glimpse: Any) -> None:
    got, last, closed, after = run_coroutine(_glimpse(glimpse))
    require(
        isinstance(got, str), f"glimpse returned {summary_line(got)}. Return the text seen so far."
    )
    who = _who()
    require(
        who.startswith(got) and 20 <= len(got) <= 20 + last,
        f"glimpse(graph, text, thread, 20) returned {len(got)} characters of an answer of "
        f"{len(who)}. Stop with the token that makes it 20 or more.",
    )
    require(
        closed,
        "The model was still writing when glimpse returned. Close the stream when you leave the "
        "loop: async with aclosing(graph.astream(...)) as stream.",
    )
    expect("next after the stop", ("agent",), after, "Stop inside the agent's answer.")


@functools.cache
def _who() -> str:
    """What the offline model says of itself."""
    return str(OfflineChatModel().invoke("who are you?").text)


async def _glimpse(glimpse: Any) -> tuple[Any, int, bool, tuple[str, ...]]:
    """What it returned, the longest token, whether the model had been stopped, what is next."""
    sizes: list[int] = []
    closed: list[bool] = []

    class Watched(OfflineChatModel):
        async def _astream(self, *arguments: Any, **options: Any) -> Any:
            try:
                async for chunk in super()._astream(*arguments, **options):
                    sizes.append(len(str(chunk.text)))
                    yield chunk
            except (asyncio.CancelledError, GeneratorExit):
                closed.append(True)
                raise

    model = Watched(tokens_per_second=400)

    async def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    async def closing(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage("closed")]}

    steps = StateGraph(MessagesState).add_sequence([agent, closing])
    steps.add_edge(START, "agent").add_edge("closing", END)
    graph = steps.compile(checkpointer=InMemorySaver())
    running = glimpse(graph, "who are you?", THREAD, 20)
    if not inspect.isawaitable(running):
        raise IncorrectAnswer("glimpse should be a coroutine function: async def glimpse(...).")
    got = await running
    stopped = bool(closed)  # looked at before anything else can run
    return got, max(sizes, default=0), stopped, (await graph.aget_state(THREAD)).next


e1 = Exercise(
    CHAPTER,
    1,
    "predict how many parts come",
    _check_prediction,
    hints=(
        "The picture at the beginning of the chapter shows when each mode sends a part.",
        "Three nodes at once make one super-step. tasks sends a part when a node begins, too.",
        "A stopped run continues after the last node that had finished.",
    ),
    success_text="You know what each mode counts: super-steps, nodes, or messages.",
    answer_kind="value",
    edition=2,
)
e2 = Exercise(
    CHAPTER,
    2,
    "the steps of a turn",
    _check_steps,
    hints=(
        'stream_mode="updates": one part for each node that ran.',
        "next(iter(update)) is the only key of a dict with one key.",
    ),
    success_text="Two questions, two ways through the same graph.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "find the bug: the words of every agent",
    _check_words,
    hints=(
        "Print part['ns'] and metadata['langgraph_node'] for some parts. Which of them differs "
        "between the agents?",
        "The node is called speak in every subgraph. part['ns'] holds the name of the agent and "
        "an id.",
        "part['ns'][0].split(':')[0] is the name. Compare it with agent.",
    ),
    success_text="The name of a node is unique in its own graph only, and ns says which graph.",
    edition=2,
)
e4 = Exercise(
    CHAPTER,
    4,
    "read server-sent events",
    _check_parse,
    hints=(
        "A piece may end anywhere, even inside a letter. Do not decode before a line is whole.",
        "BytesLineDecoder().decode(piece) gives whole lines; SSEDecoder().decode(line) gives an "
        "event, or None while it is not complete.",
        "An event of SSEDecoder has .event and .data, and .data is parsed already.",
    ),
    success_text="It holds wherever the network cuts, and cuts are the only thing sure to come.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "enough is enough",
    _check_glimpse,
    hints=(
        "Collect chunk.text in a loop over graph.astream(..., stream_mode='messages', "
        "version='v2') and break when there is enough.",
        "from contextlib import aclosing: leaving its block closes the stream, which cancels the "
        "run.",
    ),
    success_text=(
        "The reader saw what she wanted, the model stopped working, and the thread can go on."
    ),
)
