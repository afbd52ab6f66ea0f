"""Tool calls as models really make them: the thread takes every next message."""

import pytest
from chat_graphs import chat_on, texts
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from openai_server import call_delta, openai_server

from course_lib.chat.chips import stored_tool_chips
from course_lib.chat.events import NodeEnded
from course_lib.chat.stream_events import StreamReader
from course_lib.models import RemoteChatModel


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
