"""What a person typed and saw survives faults in the step before, between and behind the nodes."""

import asyncio
import json
import time
from typing import Annotated

import pytest
from chat_graphs import chat_on, one_node, texts
from langchain.agents import create_agent
from langchain.tools import tool
from langchain_core.language_models import FakeListChatModel, FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from pydantic import BaseModel

from course_lib.chat import runner
from course_lib.chat.drafts import Draft
from course_lib.chat.forking import NO_RESULT
from course_lib.chat.lack_of_answer import ABOVE
from course_lib.models import OfflineChatModel


class FailsAt(InMemorySaver):
    """A saver whose write number `at` fails; 0 for none."""

    at = 0

    async def aput(self, *given):
        self.at -= 1
        if self.at == 0:
            raise OSError("the disk is full")
        return await super().aput(*given)


def echo(state):
    return {"messages": [AIMessage(f"re {state['messages'][-1].text}")]}


def held(graph, chat):
    return [message.text for message in graph.get_state(chat.config).values["messages"]]


async def test_a_message_whose_input_was_taken_in_and_not_stored_stays_in_the_thread():
    saver = FailsAt()
    graph = one_node(echo, saver)
    chat, transcript = chat_on(graph)
    await chat.send("one")
    saver.at = 2  # the first one takes the input in
    await chat.send("two")
    assert ("you", "two") in transcript.kept() and texts(transcript, "problem")
    await chat.send("three")
    assert held(graph, chat) == ["one", "re one", "two", "three", "re three"]
    assert [text for kind, text in transcript.kept() if kind == "you"] == ["one", "two", "three"]


@pytest.mark.parametrize("first", ["", "one"], ids=["the first message", "a later message"])
async def test_such_a_message_can_be_edited(first):
    saver = FailsAt()
    graph = one_node(echo, saver)
    chat, transcript = chat_on(graph)
    if first:
        await chat.send(first)
    saver.at = 2
    await chat.send("two")
    await chat.edit(transcript.person_keys()[-1], "other")
    assert held(graph, chat)[-2:] == ["other", "re other"] and "two" not in held(graph, chat)


class Counted(BaseModel):
    messages: Annotated[list, add_messages]
    n: int = 0


@pytest.mark.parametrize("inside", [False, True], ids=["the graph", "a graph inside"])
async def test_a_state_that_its_own_class_refuses_is_still_shown_and_can_be_left(inside):
    def count(state):
        bad = "bad" in state.messages[-1].text
        return {"messages": [AIMessage("counted")], "n": "no number" if bad else 1}

    inner = StateGraph(Counted).add_node("count", count).add_node("end", lambda state: {})
    inner = inner.add_edge(START, "count").add_edge("count", "end")
    graph = inner.compile(checkpointer=None if inside else InMemorySaver())
    if inside:
        outer = StateGraph(Counted).add_node("inner", graph).add_edge(START, "inner")
        graph = outer.compile(checkpointer=InMemorySaver())
    chat, transcript = chat_on(graph)
    await chat.send("one")
    await chat.send("bad two")
    shown = transcript.kept()
    assert shown[:3] == [("you", "one"), ("answer", "counted"), ("you", "bad two")]
    assert "ValidationError" in texts(transcript, "problem")[-1]
    reopened, read = chat_on(graph, thread_id=chat.thread_id)
    await reopened.load()
    assert read.kept() == shown and not texts(read, "problem")
    await reopened.edit(read.person_keys()[-1], "good two")
    assert read.kept()[-2:] == [("you", "good two"), ("answer", "counted")]


def looping(steps):
    def step(state):
        return {"messages": [AIMessage(f"step {len(state['messages'])}")]}

    graph = StateGraph(MessagesState).add_node("step", step).add_edge(START, "step")
    ends = {"step": "step", END: END}
    graph.add_conditional_edges(
        "step", lambda state: END if len(state["messages"]) > steps else "step", ends
    )
    return graph


async def test_a_graph_inside_keeps_its_own_limit_of_super_steps():
    inner = looping(150).compile().with_config({"recursion_limit": 300})
    outer = StateGraph(MessagesState).add_node("inner", inner).add_edge(START, "inner")
    chat, transcript = chat_on(outer.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    assert not texts(transcript, "problem") and texts(transcript, "answer")[-1] == "step 150"


async def test_an_agent_inside_keeps_its_own_limit_of_super_steps():
    @tool
    def look(n: int) -> str:
        """Look."""
        return str(n)

    class Model(FakeMessagesListChatModel):
        def bind_tools(self, *given, **named):
            return self

    calls = [[{"name": "look", "args": {"n": n}, "id": str(n)}] for n in range(60)]
    said = [*(AIMessage("", tool_calls=call) for call in calls), AIMessage("looked 60 times")]
    agent = create_agent(Model(responses=said), [look])
    outer = StateGraph(MessagesState).add_node("agent", agent).add_edge(START, "agent")
    chat, transcript = chat_on(outer.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    assert texts(transcript, "answer")[-1] == "looked 60 times"


async def test_an_endless_graph_inside_still_comes_to_an_end():
    outer = StateGraph(MessagesState).add_node("inner", looping(10_000).compile())
    outer.add_edge(START, "inner")
    chat, transcript = chat_on(outer.compile(checkpointer=InMemorySaver()))
    await chat.send("go")
    assert "GRAPH_RECURSION_LIMIT" in texts(transcript, "problem")[-1]


class Unreadable(InMemorySaver):
    """A saver that cannot be read while it is `away`, and goes on writing."""

    away = False

    async def aget_tuple(self, config):
        if self.away:
            raise ConnectionError("the database is away")
        return await super().aget_tuple(config)


async def test_what_could_not_be_read_is_not_called_lost_once_it_can_be_read():
    saver = Unreadable()

    async def node(state):
        saver.away = len(state["messages"]) == 1
        return {"messages": [await FakeListChatModel(responses=["an answer"]).ainvoke("")]}

    chat, transcript = chat_on(one_node(node, saver))
    await chat.send("one")
    marked = [e for e in transcript.entries if e["kind"] in ("you", "answer")]
    assert {e["note"] for e in marked} == {
        "not stored, as far as is known: the thread could not be read"
    }
    assert "only if it is missing" in texts(transcript, "problem")[-1]
    saver.away = False
    await chat.send("two")
    assert transcript.kept() == [
        ("you", "one"),
        ("answer", "an answer"),
        ("you", "two"),
        ("answer", "an answer"),
    ]
    assert len([e for e in transcript.entries if e["kind"] in ("you", "answer")]) == 4


async def test_an_answer_to_a_question_stays_where_the_node_fails_behind_it():
    fails = [True]

    def node(state):
        said = interrupt("Which day?")
        if fails:
            raise ValueError("the calendar is away")
        return {"messages": [AIMessage(f"booked for {said}")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("book")
    card = next(entry for entry in transcript.entries if entry["kind"] == "approval")
    transcript.decide(card["id"], "sent", "Which day: Friday the 13th")
    await chat.resume({card["id"]: "Friday the 13th"})
    assert texts(transcript, "decided") == ["Which day: Friday the 13th"]
    fails.clear()
    await chat.continue_run()
    assert texts(transcript, "decided") == ["Which day: Friday the 13th"]
    assert transcript.kept()[-1] == ("answer", "booked for Friday the 13th")


async def test_an_answer_written_over_an_earlier_one_is_told():
    def node(state):
        return {"messages": [AIMessage(f"re {state['messages'][-1].text}", id="the same")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("one")
    assert not texts(transcript, "note")
    await chat.send("two")
    assert texts(transcript, "note") == [ABOVE]


async def test_what_is_in_a_group_of_errors_is_told():
    def node(state):
        inner = ExceptionGroup("two at once", [KeyError("city"), OSError("no space")])
        raise ExceptionGroup("many", [ValueError("a wrong day"), inner])

    chat, transcript = chat_on(one_node(node))
    await chat.send("one")
    (problem,) = texts(transcript, "problem")
    assert all(each in problem for each in ("ValueError: a wrong day", "KeyError: 'city'", "space"))


class Stuck(InMemorySaver):
    async def aput(self, *given):
        await asyncio.Event().wait()


async def test_a_stop_ends_a_run_whose_database_answers_nothing(monkeypatch):
    monkeypatch.setattr(runner, "STORING_LIMIT", 0.1)
    began = asyncio.Event()

    async def node(state):
        began.set()
        await asyncio.sleep(30)

    chat, transcript = chat_on(one_node(node, Stuck()))
    run = asyncio.ensure_future(chat.send("hello"))
    await began.wait()
    chat.stop()
    await asyncio.wait_for(run, 10)
    assert "you" in [entry["kind"] for entry in transcript.entries]


@pytest.mark.parametrize(
    "lines",
    [
        [f"line {n}" for n in range(4_000)],
        ["```", *(f"{n},a,b" for n in range(4_000)), "```"],
        ["| a | b |", "|---|---|", *(f"| {n} | b |" for n in range(1_500))],
        [f"* item {n}" for n in range(2_000)],
    ],
    ids=["lines", "code", "table", "list"],
)
def test_a_long_block_is_sent_about_once_while_it_grows(lines):
    draft, sent = Draft("k"), 0
    for line in lines:
        sent += len(json.dumps(vars(draft.append(f"{line}\n"))))
    whole = len("\n".join(lines))
    assert sent < 60 * whole  # a table's HTML is four times as long; each line anew sent thousands
    assert draft.text == "\n".join(lines) + "\n"


async def test_a_tool_that_was_running_is_said_to_have_no_result_and_not_to_have_been_left_out():
    @tool
    def pay(amount: str) -> str:
        """Pay."""
        time.sleep(0.5)
        return "paid"

    model = OfflineChatModel()
    graph = create_agent(model, [pay], checkpointer=InMemorySaver())
    chat, _ = chat_on(graph)
    config = chat.config
    asked = AIMessage("", tool_calls=[{"name": "pay", "args": {"amount": "1"}, "id": "c"}])
    graph.update_state(config, {"messages": [HumanMessage("pay"), asked]}, as_node="model")
    await chat.load()
    run = asyncio.ensure_future(chat.continue_run())
    await asyncio.sleep(0.2)
    chat.stop()
    await run
    await chat.send("did you pay?")
    messages = graph.get_state(config).values["messages"]
    assert NO_RESULT in [message.text for message in messages if message.type == "tool"]
