"""A run goes on while another thread is looked at, and everything it shows is there afterwards."""

import asyncio

import pytest
from chat_graphs import moody, settled
from langchain_core.language_models import FakeListChatModel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from course_lib.chat import ChatPanel
from course_lib.chat.events import Unqueued


async def left_while_running(text, graph=None):
    """A panel that has begun a run on its first thread, and has turned to a new one."""
    panel = ChatPanel(graph or moody())
    await panel.load()
    first = panel.controller.thread_id
    job = asyncio.create_task(panel.send(text))
    while not panel.controller.running:
        await asyncio.sleep(0)
    await panel.new_thread()
    assert panel.controller.thread_id != first and not panel.view.running
    return panel, first, job


def texts(panel, kind):
    return [entry["text"] for entry in panel.transcript.entries if entry["kind"] == kind]


def row(panel, thread_id):
    return next(row for row in panel.threads.widget.rows if row["id"] == thread_id)


async def test_a_run_goes_on_while_another_thread_is_looked_at():
    panel, first, job = await left_while_running("slow one")
    assert panel.transcript.entries == [] and row(panel, first)["running"]
    await panel.send("two")
    await job
    await settled(panel)
    assert texts(panel, "answer") == ["heard two"]
    await panel.open(first)
    assert panel.transcript.kept() == [("you", "slow one"), ("answer", "heard slow one")]
    assert (row(panel, first)["title"], row(panel, first)["turns"]) == ("slow one", 1)


async def test_who_comes_back_sees_the_answer_grow():
    gate = asyncio.Event()

    class Gated(FakeListChatModel):
        async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
            async for chunk in super()._astream(messages, stop, run_manager, **kwargs):
                if chunk.text == "5":
                    await gate.wait()
                yield chunk

    async def speak(state):
        return {"messages": [await Gated(responses=["123456789"]).ainvoke("say it")]}

    graph = StateGraph(MessagesState)
    graph.add_node(speak)
    graph.add_edge(START, "speak")
    graph.add_edge("speak", END)
    panel, first, job = await left_while_running("go", graph.compile(InMemorySaver()))
    for _ in range(50):
        await asyncio.sleep(0)
    sent = []
    panel.view.send = sent.append
    await panel.open(first)
    panel.view.flush()
    assert texts(panel, "you") == ["go"] and texts(panel, "answer") == ["1234"]
    assert sent[-1]["changes"][-1]["entries"][-1]["text"] == "1234"
    assert panel.view.running and panel.view.status == "running"
    gate.set()
    await job
    await settled(panel)
    assert panel.transcript.kept() == [("you", "go"), ("answer", "123456789")]
    assert not panel.view.running


async def test_a_question_of_a_thread_that_was_left_is_open_there_and_nowhere_else():
    panel, first, job = await left_while_running("slow ask")
    await job
    await settled(panel)
    assert panel.transcript.only_question() is None
    await panel.send("yes")  # is no answer to what another thread asks
    assert texts(panel, "answer") == ["heard yes"]
    await panel.open(first)
    card = panel.transcript.only_question()
    await panel.answer(card.id, {"approve": True, "count": "2"})
    assert texts(panel, "answer")[0] == "decided True 2"


async def test_what_failed_in_a_thread_that_was_left_is_told_there():
    panel, first, job = await left_while_running("slow boom")
    await job
    await settled(panel)
    assert texts(panel, "problem") == []
    await panel.open(first)
    assert "boom, as asked" in texts(panel, "problem")[0]
    assert texts(panel, "you") == ["slow boom"]


async def test_a_text_that_came_back_unsent_is_in_the_box_of_its_thread():
    panel, first, job = await left_while_running("slow one")
    (left,) = panel._conversations._left.values()
    panel._on_event(left, Unqueued("lost words", sent=False))
    await job
    given = []
    panel.view.give_back = given.append
    await panel.open(first)
    assert given == ["lost words"]


async def _sent_to(panel, thread_id, text):
    await panel._conversations._left[thread_id].controller.send(text)


async def test_a_message_that_waits_in_a_thread_that_was_left_is_sent():
    panel, first, job = await left_while_running("slow one")
    await _sent_to(panel, first, "next")
    await job
    await panel.open(first)
    await settled(panel)
    assert [text for _, text in panel.transcript.kept()] == [
        "slow one",
        "heard slow one",
        "next",
        "heard next",
    ]


async def test_stop_stops_the_run_on_screen_only():
    panel, first, job = await left_while_running("slow one")
    second = asyncio.create_task(panel.send("slow two"))
    while not panel.controller.running:
        await asyncio.sleep(0)
    panel.controller.stop()
    await asyncio.gather(job, second)
    await settled(panel)
    assert "heard slow two" not in texts(panel, "answer")
    await panel.open(first)
    assert texts(panel, "answer") == ["heard slow one"]


async def test_the_thread_on_screen_chosen_again_keeps_its_run():
    panel = ChatPanel(moody())
    await panel.load()
    job = asyncio.create_task(panel.send("slow one"))
    while not panel.controller.running:
        await asyncio.sleep(0)
    await panel.open(panel.controller.thread_id)
    await job
    assert texts(panel, "answer") == ["heard slow one"]


@pytest.mark.parametrize("view", ["State", "Tree", "Graph"])
async def test_what_stands_beside_the_chat_is_of_the_thread_in_front(view):
    panel, first, job = await left_while_running("slow one")
    panel.inspector.view_selector.value = view
    assert panel.inspector.controller is panel.controller
    await job
    await settled(panel)
    await panel.open(first)
    await settled(panel)
    assert panel.inspector.controller is panel.controller
    assert panel.inspector._thread.thread_id == first


@pytest.mark.parametrize("returns", ["while it runs", "after it ended"])
async def test_the_graph_shows_the_whole_way_of_a_run_that_was_left(returns):
    stayed = ChatPanel(moody())
    await stayed.load()
    await stayed.send("slow one")
    panel, first, job = await left_while_running("slow one")
    if returns == "after it ended":
        await job
    await panel.open(first)
    await job
    await settled(panel)
    graph, whole = panel.inspector.graph, stayed.inspector.graph
    assert (graph.taken, graph.states) == (whole.taken, whole.states) and graph.taken
