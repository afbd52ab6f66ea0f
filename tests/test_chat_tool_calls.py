"""Tool calls as models really make them: the thread takes every next message."""

import asyncio
import operator
from typing import Annotated

import pytest
from chat_graphs import chat_on, kinds, one_node, texts
from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from openai_server import call_delta, openai_server
from typing_extensions import TypedDict

from course_lib.chat.chips import stored_tool_chips
from course_lib.chat.events import NodeEnded
from course_lib.chat.stream_events import StreamReader
from course_lib.models import OfflineChatModel, RemoteChatModel


@tool
def book(city: str) -> str:
    """Book."""
    return "booked" if city == "a" else str(interrupt("Really?"))


SCRIPTS = {
    "no id": [[call_delta("book", '{"city": "a"}')]],
    "no id, open": [[call_delta("book", '{"city": "b"}')]],
    "an id used before": [
        [call_delta("book", '{"city": "a"}', "0")],
        [{"content": "done"}],
        [call_delta("book", '{"city": "b"}', "0")],
    ],
    "no JSON": [[call_delta("book", "{city: a}", "call_0")]],
    "two calls with one id": [
        [
            call_delta("book", '{"city": "a"}', "0", 0),
            call_delta("book", '{"city": "b"}', "0", 1),
        ]
    ],
    "one call answered, one open": [
        [
            call_delta("book", '{"city": "a"}', "0", 0),
            call_delta("book", '{"city": "b"}', "1", 1),
        ]
    ],
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", SCRIPTS)
async def test_the_thread_always_takes_the_next_message(name):
    with openai_server() as server:
        server.script[:] = list(SCRIPTS[name])
        model = RemoteChatModel(
            base_url=server.url, model=server.model, api_key="none", max_retries=0
        )
        agent = create_agent(model, [book], checkpointer=InMemorySaver())
        chat, transcript = chat_on(agent)
        for text in ("book a", "book b", "never mind", "hello"):
            await chat.send(text)
        assert texts(transcript, "you") == ["book a", "book b", "never mind", "hello"]
        assert not texts(transcript, "problem") and transcript.kept()[-1][0] == "answer"
        states = {
            chip["state"]
            for entry in transcript.entries
            if entry["kind"] == "work"
            for chip in entry["chips"]
        }
        assert "running" not in states


def test_calls_and_answers_are_paired_by_their_place():
    calls = [{"name": "look", "args": {"n": n}, "id": "0"} for n in range(2)]
    turn = [
        HumanMessage("go"),
        AIMessage("", tool_calls=calls),
        ToolMessage("first", tool_call_id="0", name="look"),
        ToolMessage("second", tool_call_id="0", name="look", status="error"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": None}]),
        ToolMessage("third", tool_call_id="", name="look"),
        AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "0"}]),
    ]
    chips = stored_tool_chips(turn, "waiting")
    assert [chip.state for chip in chips] == ["done", "failed", "done", "waiting"]
    assert ["first" in chips[0].detail, "second" in chips[1].detail] == [True, True]
    assert "third" in chips[2].detail


async def test_two_calls_of_one_message_answered_by_commands_are_two_chips():
    def node(state: MessagesState):
        calls = [{"name": "look", "args": {"n": n}, "id": str(n)} for n in range(2)]
        return {"messages": [AIMessage("", tool_calls=calls)]}

    def tools(state: MessagesState):
        return [
            Command(update={"messages": [ToolMessage(f"found {n}", tool_call_id=str(n))]})
            for n in range(2)
        ]

    graph = StateGraph(MessagesState).add_sequence([node, tools]).add_edge(START, "node")
    chat, transcript = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    again, reread = chat_on(chat.graph, thread_id=chat.thread_id)
    await again.load()
    for shown in (transcript, reread):
        (work,) = [entry for entry in shown.entries if entry["kind"] == "work"]
        found = [chip for chip in work["chips"] if chip["kind"] == "tool"]
        assert [chip["state"] for chip in found] == ["done", "done"]
        assert all(f"found {n}" in chip["detail"] for n, chip in enumerate(found))


def test_a_message_that_gets_its_id_between_two_parts_is_reported_once():
    def part(*messages):
        data = {"id": "1", "name": "n", "error": None, "interrupts": (), "result": {}}
        return {"type": "tasks", "ns": (), "data": {**data, "result": {"messages": [*messages]}}}

    def told(reader, *messages):
        events = reader.events_from_part(part(*messages))
        return [type(event).__name__ for event in events if not isinstance(event, NodeEnded)]

    call = {"name": "look", "args": {"a": 1}, "id": "c", "type": "tool_call"}
    asks, says = AIMessage("", tool_calls=[call]), ToolMessage("it", tool_call_id="c")
    reader = StreamReader([])
    assert told(reader, asks, says) == ["ToolCalled", "ToolReturned"]
    with_ids = [m.model_copy(update={"id": str(n)}) for n, m in enumerate([asks, says])]
    assert told(reader, *with_ids) == []
    others = [m.model_copy(update={"id": str(n)}) for n, m in enumerate([asks, says], 2)]
    assert told(reader, *others) == ["ToolCalled", "ToolReturned"]  # the id of a call, used twice
    assert told(StreamReader([asks, says]), *with_ids) == ["ToolCalled", "ToolReturned"]


def tool_chips(transcript):
    """Name, state and what was called and answered, of each tool chip."""
    work = [entry for entry in transcript.entries if entry["kind"] == "work"]
    return [
        (chip["name"], chip["state"], chip["detail"])
        for entry in work
        for chip in entry["chips"]
        if chip["kind"] == "tool"
    ]


def asking_below(saver):
    """An agent in a graph, whose tool asks."""
    agent = create_agent(Asks(), [book], name="agent")
    return StateGraph(MessagesState).add_node(agent).add_edge(START, "agent").compile(saver)


def reviewed_below(saver):
    """An agent in a graph, with a review of its tool."""
    review = HumanInTheLoopMiddleware(interrupt_on={"look": True})
    agent = create_agent(Asks(tool="look"), [look], middleware=[review], name="agent")
    return StateGraph(MessagesState).add_node(agent).add_edge(START, "agent").compile(saver)


@tool
async def look(city: str) -> str:
    """Look."""
    await asyncio.sleep(0)
    return f"seen {city}"


class Asks(OfflineChatModel):
    """Calls one tool, and then says what it answered."""

    tool: str = "book"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        said = AIMessage("", tool_calls=[{"name": self.tool, "args": {"city": "b"}, "id": "call"}])
        if isinstance(messages[-1], ToolMessage):
            said = AIMessage(f"told {messages[-1].text}")
        return ChatResult(generations=[ChatGeneration(message=said)])

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        said = self._generate(messages).generations[0].message
        yield ChatGenerationChunk(message=AIMessageChunk(said.content, tool_calls=said.tool_calls))


ANSWERS = {
    "asked": (asking_below, "no", "done", "no"),
    "approved": (reviewed_below, {"decisions": [{"type": "approve"}]}, "done", "seen b"),
    "rejected": (
        *(reviewed_below, {"decisions": [{"type": "reject", "message": "no"}]}),
        *("failed", "rejected"),
    ),
}


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("name", ANSWERS)
async def test_a_call_of_an_agent_in_a_graph_is_one_chip_before_and_after_the_answer(
    name, reopened
):
    build, answer, state, returned = ANSWERS[name]
    graph = build(InMemorySaver())
    chat, transcript = chat_on(graph)
    await chat.send("go")
    if reopened:
        chat, transcript = chat_on(graph, thread_id=chat.thread_id)
        await chat.load()
    await chat.resume({transcript.only_question().id: answer})
    ((_, shown, detail),) = tool_chips(transcript)
    assert shown == state and '"city": "b"' in detail and returned in detail.lower()
    again, reread = chat_on(graph, thread_id=chat.thread_id)
    await again.load()
    assert tool_chips(reread) == tool_chips(transcript)


@pytest.mark.parametrize("ticks", range(5, 60, 5))
async def test_a_call_that_was_stopped_and_goes_on_is_one_chip(ticks):
    graph = create_agent(Asks(tool="look"), [look], checkpointer=InMemorySaver())
    chat, transcript = chat_on(graph)
    run = asyncio.create_task(chat.send("go"))
    for _ in range(ticks):
        await asyncio.sleep(0)
    chat.stop()
    await run
    if "unfinished" in kinds(transcript):
        await chat.continue_run()
    if transcript.kept() and transcript.kept()[-1] == ("answer", "told seen b"):
        ((_, state, detail),) = tool_chips(transcript)
        assert state == "done" and '"city": "b"' in detail and "seen b" in detail


@pytest.mark.parametrize("given", ["", "0"])
async def test_calls_that_are_closed_under_other_ids_are_the_chips_they_were(given):
    calls = [{"name": "look", "args": {"city": city}, "id": given} for city in "ab"]

    def node(state: MessagesState):
        if len(state["messages"]) > 1:
            return {"messages": [AIMessage("hello")]}
        return {"messages": [AIMessage("", tool_calls=calls)]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("go")
    await chat.send("never mind")
    found = tool_chips(transcript)
    assert [(name, state) for name, state, _ in found] == [("look", "stopped")] * 2
    again, reread = chat_on(chat.graph, thread_id=chat.thread_id)
    await again.load()
    assert tool_chips(reread) == found


async def test_a_call_that_got_no_answer_is_not_done():
    def node(state: MessagesState):
        call = {"name": "look", "args": "{city: a}", "id": "x", "error": "no JSON"}
        return {"messages": [AIMessage("", invalid_tool_calls=[call])]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("go")
    assert [state for _, state, _ in tool_chips(transcript)] == ["stopped"]
    await chat.send("and now")
    assert {state for _, state, _ in tool_chips(transcript)} == {"stopped"}


async def test_a_list_that_only_grows_gets_no_second_copy_of_a_repaired_answer():
    class Growing(TypedDict):
        messages: Annotated[list, operator.add]

    def node(state):
        if len(state["messages"]) > 1:
            return {"messages": [AIMessage("done", id="last")]}
        call = {"name": "look", "args": {}, "id": ""}
        found = ToolMessage("found", tool_call_id="", id="found")
        return {"messages": [AIMessage("", tool_calls=[call], id="asks"), found]}

    graph = StateGraph(Growing).add_node(node).add_edge(START, "node")
    chat, _ = chat_on(graph.compile(checkpointer=InMemorySaver()))
    await chat.send("one")
    await chat.send("two")
    held = (await chat.graph.aget_state(chat.config)).values["messages"]
    assert [message.type for message in held] == ["human", "ai", "tool", "human", "ai"]
