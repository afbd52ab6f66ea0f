"""The chat on a graph of a LangGraph server: LangGraph's own `RemoteGraph`."""

import json

import pytest
from chat_graphs import chat_on, texts
from langgraph.pregel.remote import RemoteGraph

from course_lib.chat import ChatPanel
from course_lib.chat.path_history import read_path_history
from course_lib.chat.state_before import state_before_turn
from course_lib.chat.turn_tree import turns_of
from course_lib.persistence import unfinished_step
from course_lib.serving import langgraph_server

pytestmark = [pytest.mark.slow, pytest.mark.soak]

GRAPHS = """
from typing import Annotated

from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt


def node(state: MessagesState):
    texts = [m.text for m in state["messages"] if m.type == "human"]
    if "boom" in texts[-1]:
        raise RuntimeError("boom, as asked")
    told = f"told {interrupt({'question': 'Sure?'})}, " if "ask" in texts[-1] else ""
    return {"messages": [AIMessage(f"{told}heard {texts[-1]}, number {len(texts)}")]}


graph = StateGraph(MessagesState).add_node(node).add_edge(START, "node").compile()

failures = [ValueError("a reducer that fails once")]


def add_or_fail(left: int, right: int):
    if right and failures:  # the writes of the step are stored, and no checkpoint behind them
        raise failures.pop()
    return left + right


class Counted(MessagesState):
    count: Annotated[int, add_or_fail]


def add(state: Counted):
    return {"count": 1}


breaking = StateGraph(Counted).add_node(add).add_node(node)
breaking = breaking.add_edge(START, "add").add_edge("add", "node").compile()
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "graphs.py").write_text(GRAPHS)
    graphs = {"echo": "graph", "breaking": "breaking"}
    graphs = {name: f"{folder / 'graphs.py'}:{graph}" for name, graph in graphs.items()}
    config = {"dependencies": ["."], "graphs": graphs}
    (folder / "langgraph.json").write_text(json.dumps(config))
    with langgraph_server(folder / "langgraph.json") as server:
        yield server.url


@pytest.fixture
def remote(address):
    return RemoteGraph("echo", url=address)  # its connections belong to one event loop


async def test_send_edit_try_again_and_go_back(remote):
    chat, transcript = chat_on(remote)
    await chat.load()
    assert transcript.entries == []
    await chat.send("one")
    await chat.send("two")
    assert transcript.kept()[-1] == ("answer", "heard two, number 2")
    own = [entry["key"] for entry in transcript.entries if entry["kind"] == "you"]
    await chat.edit(own[0], "uno")
    assert transcript.kept() == [("you", "uno"), ("answer", "heard uno, number 1")]
    await chat.try_again(transcript.entries[-1]["key"])
    assert transcript.kept() == [("you", "uno"), ("answer", "heard uno, number 1")]
    tree = await chat.tree()
    assert len(tree.branches) == 3
    assert [turn.said for turn in turns_of(tree)] == ["one", "uno", "uno", "two"]
    again, reread = chat_on(remote, thread_id=chat.thread_id)
    await again.load()
    assert reread.kept() == transcript.kept()


async def test_a_question_is_answered_and_a_failure_is_shown(remote):
    chat, transcript = chat_on(remote)
    await chat.send("ask")
    card = transcript.entries[-1]
    assert (card["kind"], card["question"]) == ("approval", "Sure?")
    await chat.resume({card["id"]: True})
    assert transcript.kept()[-1] == ("answer", "told True, heard ask, number 1")
    await chat.send("boom")
    assert "boom" in texts(transcript, "problem")[-1] and not chat.running
    await chat.send("three")
    assert "heard three" in transcript.kept()[-1][1]
    await chat.send("ask me once more")
    await chat.send("never mind")
    history = await read_path_history(chat, transcript.person_keys())
    assert history.dropped == {transcript.person_keys()[-2]: 1}


async def test_a_run_that_broke_off_behind_its_writes_can_go_on(address):
    graph = RemoteGraph("breaking", url=address)
    chat, transcript = chat_on(graph)
    await chat.send("hello")
    assert "fails once" in texts(transcript, "problem")[-1]
    state = await graph.aget_state(chat.config)
    assert (state.next, unfinished_step(state)) == ((), ("add",))
    again, reread = chat_on(graph, thread_id=chat.thread_id)
    await again.load()
    offer = reread.entries[-1]
    assert offer["text"] == "The run has not reached its end. It broke off behind add."
    await again.continue_run()
    assert reread.kept() == [("you", "hello"), ("answer", "heard hello, number 1")]


async def test_a_panel_shows_it(remote):
    panel = ChatPanel(remote)
    await panel.load()
    await panel.send("hello")
    assert panel.transcript.kept()[-1] == ("answer", "heard hello, number 1")
    assert "node" in [node["name"] for node in panel.inspector.graph.nodes]


async def test_a_server_that_is_away_is_an_error_on_the_screen_and_not_in_the_cell(caplog):
    panel = ChatPanel(RemoteGraph("echo", url="http://127.0.0.1:9"))
    await panel.load()
    await panel.send("hello")
    assert texts(panel.transcript, "you") == ["hello"]
    assert "Nobody answers at http://127.0.0.1:9." in texts(panel.transcript, "problem")[-1]
    assert not panel.view.running
    assert not any(record.exc_info for record in caplog.records if record.name.startswith("course"))


async def test_a_thread_can_be_deleted(remote):
    chat, _ = chat_on(remote)
    await chat.send("one")
    before = await state_before_turn(chat.access, chat._reader.last)
    assert before is not None and not before.get("messages")
    await chat.access.delete_thread(chat.thread_id)
    await chat.access.delete_thread(chat.thread_id)
    assert len(await chat.tree()) == 0
