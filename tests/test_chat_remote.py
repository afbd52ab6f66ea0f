"""The chat on a graph of a LangGraph server: LangGraph's own `RemoteGraph`."""

import json

import pytest
from chat_graphs import chat_on, texts
from langgraph.pregel.remote import RemoteGraph

from course_lib.chat import ChatPanel
from course_lib.chat.state_before import state_before_turn
from course_lib.chat.turn_tree import turns_of
from course_lib.serving import langgraph_server

pytestmark = pytest.mark.slow

GRAPHS = """
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
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "graphs.py").write_text(GRAPHS)
    config = {"dependencies": ["."], "graphs": {"echo": f"{folder / 'graphs.py'}:graph"}}
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


async def test_a_panel_shows_it(remote):
    panel = ChatPanel(remote)
    await panel.load()
    await panel.send("hello")
    assert panel.transcript.kept()[-1] == ("answer", "heard hello, number 1")
    assert "node" in [node["name"] for node in panel.inspector.graph.nodes]


@pytest.mark.soak  # LangGraph's client tries for a long time
async def test_a_server_that_is_away_is_an_error_on_the_screen_and_not_in_the_cell():
    panel = ChatPanel(RemoteGraph("echo", url="http://127.0.0.1:9"))
    await panel.load()
    await panel.send("hello")
    assert texts(panel.transcript, "you") == ["hello"]
    assert texts(panel.transcript, "problem") and not panel.view.running


async def test_a_thread_can_be_deleted(remote):
    chat, _ = chat_on(remote)
    await chat.send("one")
    before = await state_before_turn(chat.access, chat._reader.last)
    assert before is not None and not before.get("messages")
    await chat.access.delete_thread(chat.thread_id)
    await chat.access.delete_thread(chat.thread_id)
    assert len(await chat.tree()) == 0
