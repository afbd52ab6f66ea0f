"""Editing, trying again and going back fork the thread, and the old branch stays."""

import pytest
from chat_graphs import chat_on, moody, one_node, stored
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.chat import (
    ChatError,
)
from course_lib.chat.authorship import path_to


async def test_editing_a_message_forks_and_the_old_branch_stays():
    graph = moody()
    chat, transcript = chat_on(graph)
    for text in ("one", "two", "three"):
        await chat.send(text)
    keys = [entry["key"] for entry in transcript.entries if entry["kind"] == "you"]
    await chat.edit(keys[1], "zwei")
    assert transcript.kept() == [
        ("you", "one"),
        ("answer", "heard one"),
        ("you", "zwei"),
        ("answer", "heard zwei"),
    ]
    tree = await chat.tree()
    assert len(tree.branches) == 2
    old = graph.get_state(dict(tree.checkpoints[tree.branches["main"]].config))
    assert str(old.values["messages"][-1].text) == "heard three"


async def test_trying_again_asks_the_same_on_a_new_branch():
    chat, transcript = chat_on(moody())
    await chat.send("one")
    before = transcript.kept()
    await chat.try_again(transcript.entries[-1]["key"])
    assert transcript.kept() == before
    assert len((await chat.tree()).branches) == 2


async def test_a_message_nobody_knows_cannot_be_edited():
    chat, transcript = chat_on(moody())
    await chat.send("one")
    before = transcript.kept()
    with pytest.raises(ChatError, match="nothing to fork from"):
        await chat.edit("no such id", "two")
    with pytest.raises(ChatError, match="nothing to ask again"):
        await chat.try_again("no such id")
    await chat.send("two")
    assert transcript.kept()[:2] == before


async def test_going_back_shows_the_past_and_sending_there_begins_a_branch():
    graph = moody()
    chat, transcript = chat_on(graph)
    await chat.send("one")
    after_one = (await chat.tree()).newest.id
    await chat.send("two")
    await chat.go_to(after_one)
    assert transcript.kept() == [("you", "one"), ("answer", "heard one")]
    assert transcript.entries[-1]["kind"] == "past"
    await chat.send("other two")
    assert transcript.kept()[-1] == ("answer", "heard other two")
    assert len((await chat.tree()).branches) == 2
    await chat.go_to(after_one)
    await chat.go_to(None)
    assert transcript.kept() == stored(graph, chat)
    assert transcript.entries[-1]["kind"] == "answer"


async def test_a_question_of_the_past_can_be_answered_otherwise():
    chat, transcript = chat_on(moody())
    await chat.send("ask")
    asked = (await chat.tree()).newest.id
    question = transcript.entries[-1]["id"]
    await chat.resume({question: {"approve": True}})
    await chat.go_to(asked)
    await chat.resume({transcript.entries[-1]["id"]: {"approve": False}})
    assert ("answer", "decided False 1") in transcript.kept()
    with pytest.raises(ChatError, match="not open here"):
        await chat.resume({question: {"approve": True}})


async def test_a_fork_runs_with_the_configuration_of_the_chat():
    def node(state, config):
        return {"messages": [AIMessage(f"for {config['configurable']['customer']}")]}

    chat, transcript = chat_on(one_node(node), configurable={"customer": "c-7"})
    await chat.send("one")
    await chat.edit(transcript.person_keys()[0], "two")
    assert transcript.kept() == [("you", "two"), ("answer", "for c-7")]
    await chat.try_again(transcript.entries[-1]["key"])
    assert transcript.kept() == [("you", "two"), ("answer", "for c-7")]


async def test_what_the_graph_said_as_a_person_is_not_asked_again_where_the_history_is_too_long(
    monkeypatch,
):
    monkeypatch.setattr("course_lib.chat.thread_reader.MAX_CHECKPOINTS", 1)

    def node(state):
        heard = state["messages"][-1].text
        return {"messages": [HumanMessage("too long"), AIMessage(f"heard {heard}")]}

    chat, transcript = chat_on(one_node(node))
    await chat.send("one")
    await chat.try_again([e["key"] for e in transcript.entries if e["kind"] == "answer"][-1])
    assert ("you", "one") in transcript.kept()
    assert transcript.kept()[-1] == ("answer", "heard one")


async def test_going_to_the_newest_point_by_its_name_is_no_going_back():
    chat, transcript = chat_on(moody())
    await chat.send("one")
    first = (await chat.tree()).newest.id
    await chat.send("two")
    newest = (await chat.tree()).newest.id
    await chat.go_to(first)
    await chat.go_to(newest)
    assert transcript.entries[-1]["kind"] == "answer"
    assert "checkpoint_id" not in chat.config["configurable"]


def test_a_checkpoint_that_is_its_own_parent_ends_the_path():
    graph = one_node(lambda state: {"messages": [AIMessage("hello")]})
    config = {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [("user", "hello")]}, config)
    newest = next(graph.checkpointer.list(config))
    copied = newest._replace(parent_config=newest.config)
    assert path_to([copied], newest.checkpoint["id"]) == [copied]


async def test_what_somebody_adds_by_hand_makes_no_question_of_what_the_graph_said():
    def criticise(state):
        return {"messages": [HumanMessage("too long")]}

    def answer(state):
        return {"messages": [AIMessage("the answer")]}

    builder = StateGraph(MessagesState).add_sequence([criticise, answer])
    graph = builder.add_edge(START, "criticise").compile(
        InMemorySaver(), interrupt_before=["answer"]
    )
    chat, transcript = chat_on(graph)
    await chat.send("one")
    await graph.aupdate_state(chat.config, {"messages": [AIMessage("a note")]})
    await chat.load()
    await chat.continue_run()
    await chat.try_again([e["key"] for e in transcript.entries if e["kind"] == "answer"][-1])
    assert [text for who, text in transcript.kept() if who == "you"] == ["one"]
