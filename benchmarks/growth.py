"""The numbers of `run.py growth`, printed as one line of JSON. Run by that, not by hand."""

from __future__ import annotations

import json
import random
import statistics
import string
import tempfile
import time
from typing import Annotated, Any

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.channels import DeltaChannel
from langgraph.graph import START, StateGraph, add_messages
from typing_extensions import TypedDict

from course_lib.persistence import export, open_checkpointer, postgres

TURNS = (10, 50, 100, 200)
LETTERS = 500
"""The length of a message. The letters are random, so that no database can compress them."""


def fold(messages: list[Any], updates: list[Any]) -> list[Any]:
    """Apply updates one by one, as `add_messages` does."""
    for update in updates:
        messages = add_messages(messages, update)
    return messages


class Full(TypedDict):
    """Every checkpoint holds all messages."""

    messages: Annotated[list[Any], add_messages]


class Delta(TypedDict):
    """A checkpoint holds what was added, and every hundredth update all messages."""

    messages: Annotated[list[Any], DeltaChannel(fold, snapshot_frequency=100)]


def measure(schema: type, url: str) -> dict[str, list[float]]:
    """Bytes, and the median milliseconds of the last ten turns, after each number of turns."""
    chance = random.Random(11)
    thread = {"configurable": {"thread_id": "long"}}
    found: dict[str, list[float]] = {"bytes": [], "ms": []}
    taken: list[float] = []

    def letters() -> str:
        return "".join(chance.choices(string.ascii_letters, k=LETTERS))

    with open_checkpointer(url) as saver:
        builder = StateGraph(schema)
        builder.add_node("answer", lambda state: {"messages": [AIMessage(letters())]})
        graph = builder.add_edge(START, "answer").compile(checkpointer=saver)
        for turn in range(1, max(TURNS) + 1):
            began = time.perf_counter()
            graph.invoke({"messages": [HumanMessage(letters())]}, thread)
            taken.append(1000 * (time.perf_counter() - began))
            if turn in TURNS:
                found["bytes"].append(export(url, "long", dry_run=True).bytes)
                found["ms"].append(statistics.median(taken[-10:]))
    return found


def main() -> None:
    """Measure everything and print it."""
    measured: dict[str, dict[str, dict[str, list[float]]]] = {"SQLite": {}, "PostgreSQL": {}}
    for schema in (Full, Delta):
        name = schema.__name__.lower()
        with tempfile.TemporaryDirectory() as folder:
            measured["SQLite"][name] = measure(schema, f"sqlite:///{folder}/growth.db")
        with postgres("growth", scratch=True) as server:
            measured["PostgreSQL"][name] = measure(schema, server.url)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
