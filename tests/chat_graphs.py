"""Small graphs to chat with, each good at one thing that can happen."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Literal

from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field

from course_lib.chat import ChatController, Transcript


def chat_on(graph, **options):
    """A controller and the transcript that listens to it."""
    transcript = Transcript()
    return ChatController(graph, on_event=transcript.handle, **options), transcript


async def approve(chat, transcript):
    """Press the first button of each card until none is left; return how many there were."""
    count = 0
    while cards := [entry for entry in transcript.entries if entry["kind"] == "approval"]:
        values = {field["name"]: field["value"] for field in cards[0]["fields"]}
        pressed = {**values, **cards[0]["buttons"][0]["values"]}
        answer = transcript.approval(cards[0]["id"]).answer(pressed)
        await chat.resume({cards[0]["id"]: answer})
        count += 1
    return count


def one_node(node, saver=None, name="one"):
    graph = StateGraph(MessagesState)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    graph.add_edge("node", END)
    return graph.compile(checkpointer=saver or InMemorySaver(), name=name)


async def settled(panel):
    """Wait until a panel has no job left."""
    for _ in range(3):
        await asyncio.sleep(0)
        while panel._tasks.tasks:
            await asyncio.gather(*panel._tasks.tasks)
            await asyncio.sleep(0)


def moody(saver=None):
    """Answers in two steps; asks on `ask`, raises when told `boom`, dawdles on `slow`."""

    async def think(state):
        text = str(state["messages"][-1].text)
        for _ in range(20 if "slow" in text else 1):
            await asyncio.sleep(0)
        if "boom" in text:
            raise RuntimeError("boom, as asked")
        if "ask" in text:
            answer = interrupt({"question": "Go on?"}, response_schema=Decision)
            return {"messages": [AIMessage(f"decided {answer.approve} {answer.count}")]}
        return {}

    async def speak(state):
        model = FakeListChatModel(responses=[f"heard {state['messages'][-1].text}"])
        return {"messages": [await model.ainvoke("say it")]}  # streams, letter by letter

    graph = StateGraph(MessagesState)
    graph.add_node(think)
    graph.add_node(speak)
    graph.add_edge(START, "think")
    graph.add_edge("think", "speak")
    graph.add_edge("speak", END)
    return graph.compile(checkpointer=saver or InMemorySaver(), name="moody")


class Decision(BaseModel):
    approve: bool
    count: Annotated[int, Field(ge=1, le=9)] = 1


class Colour(BaseModel):
    colour: Literal["red", "blue"]


def asking(value, schema=None, saver=None):
    """Asks one thing, and says what it was told."""

    def node(state):
        answer = interrupt(value) if schema is None else interrupt(value, response_schema=schema)
        return {"messages": [AIMessage(f"told {answer!r}")]}

    return one_node(node, saver)


def working(steps=4):
    """Tells how far it is."""

    def node(state):
        tell = get_stream_writer()
        for n in range(1, steps + 1):
            tell({"label": "counting", "done": n, "total": steps})
        return {"messages": [AIMessage("counted")]}

    return one_node(node)


def stored(graph, chat):
    """Speaker and words in the thread, read by nobody but the checkpointer."""
    messages = graph.get_state(chat.config).values.get("messages", [])
    who = {"human": "you", "ai": "answer"}
    return [(who[m.type], str(m.text)) for m in messages if m.type in who and str(m.text)]


class Shared(MessagesState):
    topic: str
    seen: Annotated[list, operator.add]


def conflicting(saver=None):
    """Two parallel nodes write one field that has no reducer; hangs nothing, raises always."""
    graph = StateGraph(Shared)
    for name in ("left", "right"):
        graph.add_node(name, lambda state, name=name: {"topic": name})
        graph.add_edge(START, name)
    return graph.compile(checkpointer=saver or InMemorySaver(), name="conflicting")


def reducer_raises(saver=None):
    """A node writes a text where the reducer wants a list."""
    graph = StateGraph(Shared)
    graph.add_node("node", lambda state: {"seen": "x", "messages": [AIMessage("hi")]})
    graph.add_edge(START, "node")
    return graph.compile(checkpointer=saver or InMemorySaver(), name="reducer raises")


def kinds(transcript):
    return [entry["kind"] for entry in transcript.entries]


def texts(transcript, kind):
    return [entry["text"] for entry in transcript.entries if entry["kind"] == kind]
