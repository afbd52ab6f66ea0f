"""Checks of chapter 05, Stream what happens."""

from __future__ import annotations

import asyncio
import inspect
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.exercises.exercise import Exercise, Wrong, expect, require
from course_lib.namu import build_namu
from course_lib.offline import OfflineChatModel

CHAPTER = "05"
THREAD = {"configurable": {"thread_id": "ann"}}
QUESTION = "a quiet cafe in Jongno-gu"


def _answer_of(graph: Any) -> str:
    return str(graph.get_state(THREAD).values["messages"][-1].text)


def _judge_tokens(answer_tokens: Any) -> None:
    graph = build_namu(checkpointer=InMemorySaver())
    got = list(answer_tokens(graph, QUESTION, THREAD))
    require(
        all(isinstance(token, str) for token in got),
        "answer_tokens should hold texts. A part's data is (chunk, metadata); take chunk.text.",
    )
    expect(
        "the tokens joined",
        _answer_of(graph),
        "".join(got),
        "Only the words of the node 'agent' belong to the answer.",
    )
    require(
        len(got) > 50,
        f"The answer came in {len(got)} piece(s). Which stream mode gives it token by token?",
    )
    require("" not in got, "Some tokens are empty: those of the tool call. Leave them out.")


def _judge_steps(steps: Any) -> None:
    graph = build_namu(checkpointer=InMemorySaver())
    first = ["router", "agent", "tools", "agent", "update_state"]
    second = ["router", "refine_exclude", "agent", "tools", "agent", "update_state"]
    look = "Each part of the mode updates is a dict whose keys are the nodes that ran."
    for text, wanted in ((QUESTION, first), ("not the first one", second)):
        expect(f"steps(graph, {text!r}, thread)", wanted, steps(graph, text, THREAD), look)


class _Bag(TypedDict):
    items: list[str]
    found: int


def _judge_scan(scan: Any) -> None:
    builder = StateGraph(_Bag)
    builder.add_node("scan", scan)
    builder.add_edge(START, "scan")
    graph = builder.compile()
    for items in (["a", "b", "c"], ["one"], []):
        told, end = [], {}
        given = {"items": items}
        for mode, data in graph.stream(given, stream_mode=["custom", "values"]):
            if mode == "custom":
                told.append(data)
            else:
                end = data
        wanted = [{"done": n, "total": len(items)} for n in range(1, len(items) + 1)]
        look = "Write one dict for each item, as it is done, with get_stream_writer()."
        expect(f"the custom parts for {items}", wanted, told, look)
        expect(f"found for {items}", len(items), end.get("found"), "Return what was found, too.")


def _judge_parse(parse_events: Any) -> None:
    events = [("token", {"text": "Here are 세 곳"}), ("done", {"tokens": 3}), ("token", {"text": ""})]
    lines = [f"event: {kind}\ndata: {json.dumps(d, ensure_ascii=False)}\n\n" for kind, d in events]
    wire = "".join(lines).encode()
    for size in (len(wire), 40, 7, 1):
        pieces = [wire[i : i + size] for i in range(0, len(wire), size)]
        got = [tuple(each) for each in parse_events(iter(pieces))]
        look = "Collect bytes until a line is whole, and lines until an empty one ends the event."
        expect(f"the events of a stream cut every {size} bytes", events, got, look)
    got = [tuple(each) for each in parse_events(iter([wire + b"event: token\ndata: {"]))]
    expect("the events before a cut-off one", events, got, "An unfinished event is none.")


def _judge_glimpse(glimpse: Any) -> None:
    with ThreadPoolExecutor(1) as thread:  # the notebook's own loop is running already
        got, after, ended, whole = thread.submit(asyncio.run, _glimpse(glimpse)).result()
    require(isinstance(got, str), f"glimpse returned {got!r}. Return the text seen so far.")
    require(
        whole.startswith(got) and 20 <= len(got) < len(whole),
        f"glimpse(graph, text, thread, 20) returned {len(got)} characters of an answer of "
        f"{len(whole)}. Stop as soon as there are 20 or more.",
    )
    require(
        not ended,
        "The run went on to its end behind your back. Close the stream when you leave the loop: "
        "async with aclosing(graph.astream(...)) as stream.",
    )
    expect("next after the stop", ("agent",), after, "Stop inside the agent's answer.")


async def _glimpse(glimpse: Any) -> tuple[Any, tuple[str, ...], bool, str]:
    """What it returned, where the thread stood, whether the run had gone on, the whole answer."""
    ended = []

    class Watched(OfflineChatModel):
        async def _astream(self, *arguments: Any, **options: Any) -> Any:
            async for chunk in super()._astream(*arguments, **options):
                yield chunk
            ended.append(True)

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
        raise Wrong("glimpse should be a coroutine function: async def glimpse(...).")
    got = await running
    await asyncio.sleep(0.6)
    after = (await graph.aget_state(THREAD)).next
    whole = str((await OfflineChatModel().ainvoke("who are you?")).text)
    return got, after, bool(ended), whole


e1 = Exercise(
    CHAPTER,
    1,
    "the words of the answer",
    _judge_tokens,
    hints=(
        'graph.stream({"messages": [("user", text)]}, thread, stream_mode="messages", '
        'version="v2")',
        'part["data"] is (chunk, metadata); metadata["langgraph_node"] names the node.',
        "The tool call is streamed by the same node, as chunks with an empty text.",
    ),
    right="The first of them is there long before the last, and that is all that streaming is.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "the steps of a turn",
    _judge_steps,
    hints=(
        'stream_mode="updates": one part for each node that ran.',
        "next(iter(update)) is the only key of a dict with one key.",
    ),
    right="Two questions, two ways through the same graph.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "a node that tells how far it is",
    _judge_scan,
    hints=(
        "from langgraph.config import get_stream_writer; call it inside the node.",
        'tell({"done": n, "total": len(items)}) after each item; enumerate(items, 1) counts.',
    ),
    right="Anything that loops can tell how far it is; the chat panel makes a bar of it.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "read server-sent events",
    _judge_parse,
    hints=(
        "A piece may end anywhere, even inside a letter. Do not decode before a line is whole.",
        "BytesLineDecoder().decode(piece) gives whole lines; SSEDecoder().decode(line) gives an "
        "event, or None while it is not complete.",
        "An event of SSEDecoder has .event and .data, and .data is parsed already.",
    ),
    right="It holds wherever the network cuts, and cuts are the only thing sure to come.",
)
e5 = Exercise(
    CHAPTER,
    5,
    "enough is enough",
    _judge_glimpse,
    hints=(
        "Collect chunk.text in a loop over graph.astream(..., stream_mode='messages', "
        "version='v2') and break when there is enough.",
        "from contextlib import aclosing: leaving its block closes the stream, which cancels the "
        "run.",
    ),
    right="The reader saw what she wanted, the model stopped working, and the thread can go on.",
)
