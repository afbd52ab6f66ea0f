"""Editing, trying again and going back fork the thread, and the old branch stays."""

import pytest
from chat_graphs import chat_on, moody, stored

from course_lib.chat import (
    ChatError,
)


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
