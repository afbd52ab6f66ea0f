"""Checks of chapter 06, Stream what happens."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.display import summary_line
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require, run_coroutine
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync
from course_lib.models import OfflineChatModel
from course_lib.namu import build_namu

CHAPTER = "06"
quiz = quiz_of(CHAPTER)
THREAD = {"configurable": {"thread_id": "ann"}}
QUESTION = "a quiet cafe in Jongno-gu"


def _answer_of(graph: Any) -> str:
    return str(graph.get_state(THREAD).values["messages"][-1].text)


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


class _SpacedModel(OfflineChatModel):
    """The offline model, with the space before a word as a token of its own."""

    def _stream(self, *given: Any, **options: Any) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(*given, **options):
            yield from _apart(chunk)

    async def _astream(self, *given: Any, **options: Any) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in super()._astream(*given, **options):
            for part in _apart(chunk):
                yield part


def _apart(chunk: ChatGenerationChunk) -> list[ChatGenerationChunk]:
    text = str(chunk.message.text)
    if text == text.lstrip(" ") or not text.strip():
        return [chunk]
    space = AIMessageChunk(text[: -len(text.lstrip(" "))], id=chunk.message.id)
    word = chunk.message.model_copy(update={"content": text.lstrip(" ")})
    return [ChatGenerationChunk(message=space), ChatGenerationChunk(message=word)]


def _check_tokens(answer_tokens: Any) -> None:
    graph = build_namu(model=_SpacedModel(), checkpointer=InMemorySaver())
    got = _collected(as_sync(answer_tokens)(graph, QUESTION, THREAD), "answer_tokens")
    require(
        bool(got), "Nothing came. Look at the stream mode first: LangGraph checks no name of one."
    )
    require(
        all(isinstance(token, str) for token in got),
        "answer_tokens should hold texts. A part's data is (chunk, metadata); take chunk.text.",
    )
    require("" not in got, "Some tokens are empty: a tool call, or an end mark. Leave them out.")
    whole, joined = _answer_of(graph), "".join(got)
    require(
        joined == whole,
        f"The tokens joined are {len(joined)} characters, the answer has {len(whole)}. Only the "
        "words of the node 'agent' belong to it, and all of them: a space may be a token, too.",
    )
    require(
        got == _tokens_of(_SpacedModel(), whole),
        f"The words are right, but they came as {len(got)} piece(s) of another size than the "
        "model's. Take them as the stream brings them.",
    )


def _tokens_of(model: OfflineChatModel, whole: str) -> list[str]:
    """The pieces in which the model says this answer."""
    graph = build_namu(model=model, checkpointer=InMemorySaver())
    given = {"messages": [("user", QUESTION)]}
    chunks = [c for c, _ in graph.stream(given, THREAD, stream_mode="messages")]
    pieces = [str(c.text) for c in chunks if c.type == "AIMessageChunk" and c.text]
    assert "".join(pieces) == whole
    return pieces


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


class _Bag(TypedDict):
    items: list[str]
    found: int


def _check_scan(scan: Any) -> None:
    builder = StateGraph(_Bag)
    builder.add_node("scan", as_sync(scan))
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
    require(
        WHO.startswith(got) and 20 <= len(got) <= 20 + last,
        f"glimpse(graph, text, thread, 20) returned {len(got)} characters of an answer of "
        f"{len(WHO)}. Stop with the token that makes it 20 or more.",
    )
    require(
        closed,
        "The model was still writing when glimpse returned. Close the stream when you leave the "
        "loop: async with aclosing(graph.astream(...)) as stream.",
    )
    expect("next after the stop", ("agent",), after, "Stop inside the agent's answer.")


WHO = str(OfflineChatModel().invoke("who are you?").text)


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
    "the words of the answer",
    _check_tokens,
    hints=(
        'graph.stream({"messages": [("user", text)]}, thread, stream_mode="messages", '
        'version="v2")',
        'part["data"] is (chunk, metadata); metadata["langgraph_node"] names the node.',
        "The tool call is streamed by the same node, as chunks with an empty text.",
    ),
    success_text=(
        "The first of them is there long before the last, and that is all that streaming is."
    ),
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
    "a node that tells how far it is",
    _check_scan,
    hints=(
        "from langgraph.config import get_stream_writer; call it inside the node.",
        'tell({"done": n, "total": len(items)}) after each item; enumerate(items, 1) counts.',
    ),
    success_text="Anything that loops can tell how far it is; the chat panel makes a bar of it.",
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
