"""Graphs and connections that the checks of chapter 13 try a learner's code on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph

THREAD = {"configurable": {"thread_id": "ann"}}
MOMENT = 0.02
"""A wait that lets other tasks run, in seconds."""


class Assistant:
    """Answers each message with its number, and fails when it is told to."""

    def __init__(self) -> None:
        self.answered: list[str] = []
        self.fails = False

    def graph(self) -> CompiledStateGraph:
        """A graph of two nodes: the first one does nothing, the second one answers."""

        def note(state: MessagesState) -> None: ...

        def answer(state: MessagesState) -> dict[str, list[AIMessage]]:
            if self.fails:
                raise ConnectionError("the model does not answer")
            text = state["messages"][-1].text
            self.answered.append(text)
            return {"messages": [AIMessage(f"answer {len(self.answered)} to {text}")]}

        builder = StateGraph(MessagesState).add_sequence([note, answer]).add_edge(START, "note")
        return builder.compile(checkpointer=InMemorySaver())


class Speaker:
    """Says three words, and notes how far it came."""

    def __init__(self, fails: bool = False) -> None:
        self.fails, self.said = fails, 0

        async def speak(state: MessagesState) -> dict[str, list[AIMessage]]:
            write = get_stream_writer()
            for word in ("one ", "two ", "three"):
                await asyncio.sleep(MOMENT)
                if self.fails and self.said == 2:
                    raise ConnectionError("the model does not answer")
                self.said += 1
                write(word)
            return {"messages": [AIMessage("one two three")]}

        builder = StateGraph(MessagesState).add_node(speak).add_edge(START, "speak")
        self.graph = builder.compile(checkpointer=InMemorySaver())

    @property
    def stored(self) -> list[str]:
        """The messages of the thread."""
        found = self.graph.get_state(THREAD).values.get("messages", [])
        return [message.text for message in found]


class Line:
    """A connection that breaks; each text is one connection: a letter an event, `!` a break."""

    def __init__(self, *connections: str) -> None:
        self.asked: list[int] = []
        self._connections = list(connections)
        self._sent = 0

    async def connect(self, after: int) -> AsyncIterator[tuple[int, str, str]]:
        """The events behind a number, until the connection ends."""
        self.asked.append(after)
        if len(self.asked) > 20:
            raise AssertionError("read connected 20 times")
        what = self._connections.pop(0) if self._connections else "!"
        for number, letter in enumerate(what, after + 1):
            await asyncio.sleep(0)
            if letter == "!":
                raise ConnectionError("the connection is lost")
            name = {"$": "end", "-": "step"}.get(letter, "token")
            yield number, name, letter if name == "token" else ""
