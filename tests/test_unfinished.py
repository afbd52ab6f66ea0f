"""A run that broke off is told from one that ended, wherever the process was killed."""

from __future__ import annotations

import copy
import functools
import operator
import os
import shutil
import sqlite3
from contextlib import closing
from typing import Annotated

import pytest
from chat_graphs import chat_on
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.chat.graph_view import GraphView
from course_lib.display import NODE_LABELS
from course_lib.persistence import open_checkpointer, unfinished_step
from course_lib.serving import kill_this_process, run_child

THREAD = {"configurable": {"thread_id": "one"}}
STEPS = {-1: ["START"], 0: ["first"], 1: ["left", "right"], 2: ["answer"]}
"""The nodes that run behind each checkpoint, by the step in its metadata."""
ENDED = 10
"""How many times a whole run stores something: five checkpoints, and the writes of five nodes."""


class Seen(MessagesState):
    seen: Annotated[list[str], operator.add]


def four_nodes(saver, ledger):
    def node(name, update):
        def run(state):
            with open(ledger, "a", encoding="utf-8") as file:
                print(name, file=file)
            return {"seen": [name], **copy.deepcopy(update)}

        builder.add_node(name, run)

    builder = StateGraph(Seen)
    for name in ("first", "left", "right"):
        node(name, {})
    node("answer", {"messages": [AIMessage("hello to you")]})
    builder.add_edge(START, "first")
    builder.add_edge("first", "left")
    builder.add_edge("first", "right")
    builder.add_edge(["left", "right"], "answer")
    return builder.compile(checkpointer=saver)


def run_and_die(url, ledger, stored):
    """Run the graph in a process that is killed once it has stored so much."""
    left = [stored]

    def dying(method):
        def store(self, *arguments, **options):
            if left[0] == 0:
                kill_this_process()
            left[0] -= 1
            return method(self, *arguments, **options)

        return store

    SqliteSaver.put = dying(SqliteSaver.put)
    SqliteSaver.put_writes = dying(SqliteSaver.put_writes)
    with open_checkpointer(url) as saver:
        question = {"messages": [HumanMessage("hello", id="m")]}
        four_nodes(saver, ledger).invoke(
            question, {**THREAD, "max_concurrency": 1}, durability="sync"
        )


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Makes the database of a run that is killed at a place, with the ledger of its nodes."""
    folder = tmp_path_factory.mktemp("killed")
    by_signal = "killed by SIGKILL" if os.name != "nt" else "killed by SIGTERM"

    @functools.cache
    def killed_at(stored):
        place = f"sqlite:///{folder / f'{stored}.db'}", folder / f"{stored}.txt"
        ended = run_child(run_and_die, *place, stored, seconds=240).ended
        assert ended == ("normally" if stored == ENDED else by_signal)
        return place

    return killed_at


def nodes_in(ledger):
    """The nodes that ran, in this order."""
    return ledger.read_text().split() if ledger.exists() else []


@pytest.fixture
def place(killed, stored, tmp_path):
    """A copy of what a killed run left behind."""
    url, ledger = killed(stored)
    path = tmp_path / "copy.db"
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("VACUUM INTO ?", (str(path),))
    if ledger.exists():
        shutil.copy(ledger, tmp_path / "ledger.txt")
    return f"sqlite:///{path}", tmp_path / "ledger.txt"


EACH_PLACE = pytest.mark.parametrize(
    "stored",
    [
        each if each == 5 else pytest.param(each, marks=pytest.mark.soak)
        for each in range(ENDED + 1)
    ],
)


@pytest.mark.slow
@EACH_PLACE
async def test_the_chat_offers_to_go_on_wherever_the_run_was_killed(place, stored):
    url, ledger = place
    with open_checkpointer(url) as saver:
        graph = four_nodes(saver, ledger)
        in_the_middle = 0 < stored < ENDED
        assert bool(unfinished_step(graph.get_state(THREAD))) == in_the_middle
        chat, transcript = chat_on(graph, thread_id="one")
        view = GraphView(graph)
        chat.on_event = lambda event: (transcript.handle(event), view.handle(event))
        await chat.load()
        offers = [entry for entry in transcript.entries if entry["kind"] == "unfinished"]
        if not in_the_middle:
            assert not offers and not view.states
            return
        newest = saver.get_tuple(THREAD)
        at, ran = newest.metadata["step"], len(nodes_in(ledger))
        nodes = STEPS[at]
        written = len({task for task, *_ in newest.pending_writes})
        done = {NODE_LABELS.get(n, n) for n, state in view.states.items() if state == "done"}
        left = [name for name in nodes if name not in done]
        where = f"Next: {', '.join(left)}."
        if written == len(nodes):
            where = f"It broke off behind {', '.join(nodes)}."
        [offer] = offers
        assert offer["button"] == "Continue"
        assert offer["text"] == f"The run has not reached its end. {where}"
        assert len(done) == written and done <= {*nodes}
        await chat.continue_run()
        assert transcript.kept() == [("you", "hello"), ("answer", "hello to you")]
        assert transcript.entries[-1]["kind"] == "answer"
        later = [name for step, names in STEPS.items() if step > at for name in names]
        assert sorted(nodes_in(ledger)[ran:]) == sorted({*left, *later} - {"START"})


@pytest.mark.slow
@EACH_PLACE
async def test_another_message_is_taken_wherever_the_run_was_killed(place, stored):
    url, ledger = place
    with open_checkpointer(url) as saver:
        graph = four_nodes(saver, ledger)
        chat, transcript = chat_on(graph, thread_id="one")
        await chat.load()
        await chat.send("and again")
        assert transcript.kept()[-2:] == [("you", "and again"), ("answer", "hello to you")]
        assert not unfinished_step(graph.get_state(THREAD))
