"""The agents of the matrix are what they say: each middleware is there, and each tool is used."""

from __future__ import annotations

import agent_shapes
import pytest
from agent_shapes import AGENTS
from chat_graphs import approve, chat_on, texts
from langchain.agents import middleware
from langgraph.checkpoint.memory import InMemorySaver


def test_each_middleware_of_langchain_is_in_the_matrix():
    offered = [getattr(middleware, name) for name in middleware.__all__]
    wanted = {
        kind.__name__
        for kind in offered
        if isinstance(kind, type) and issubclass(kind, middleware.AgentMiddleware)
    } - {"AgentMiddleware"}
    assert wanted == {name for name in wanted if hasattr(agent_shapes, name)}


def chips(transcript, kind="tool"):
    work = [entry for entry in transcript.entries if entry["kind"] == "work"]
    return [chip for entry in work for chip in entry["chips"] if chip["kind"] == kind]


@pytest.mark.parametrize("name", AGENTS)
async def test_each_agent_uses_its_tools_and_the_screen_shows_it(name):
    chat, transcript = chat_on(AGENTS[name](InMemorySaver()))
    await chat.send("use the tool")
    await approve(chat, transcript)
    shown = [(chip["name"], chip["state"]) for chip in chips(transcript)]
    failed = name == "agent, errors of tools caught"
    assert {state for _, state in shown} == ({"failed"} if failed else {"done"})
    again, reread = chat_on(chat.graph, thread_id=chat.thread_id)
    await again.load()
    stored = [each for each in shown if each[0] != "ask_a_person"]  # of the deep agent's helper
    assert [(chip["name"], chip["state"]) for chip in chips(reread)] == stored


async def test_an_answer_that_was_refused_is_not_shown_as_the_stored_one():
    chat, transcript = chat_on(AGENTS["agent, refused by one model"](InMemorySaver()))
    await chat.send("one")
    assert texts(transcript, "answer") == ["heard one, number 1"]


async def test_who_had_the_conversation_last_goes_on_in_a_swarm():
    chat, transcript = chat_on(AGENTS["swarm"](InMemorySaver()))
    authors = []
    for text in ("one", "use the tool", "three", "use the tool"):
        await chat.send(text)
        authors.append(
            next(e["author"] for e in reversed(transcript.entries) if e["kind"] == "answer")
        )
    assert authors == ["alice", "bob", "bob", "alice"]
    own = [entry["key"] for entry in transcript.entries if entry["kind"] == "you"]
    await chat.edit(own[1], "two")
    assert [e["author"] for e in transcript.entries if e["kind"] == "answer"] == ["alice", "alice"]
    assert (await chat.access.snapshot(chat.config)).values.get("active_agent") is None


async def test_a_deep_agent_keeps_its_plan_and_its_files_and_its_helper_may_ask():
    chat, transcript = chat_on(AGENTS["deep agent"](InMemorySaver()))
    await chat.send("ask the tool")
    assert await approve(chat, transcript) == 1
    values = (await chat.access.snapshot(chat.config)).values
    assert values["todos"] == [{"content": "look", "status": "completed"}]
    assert values["files"]["plan.md"] == "ask the tool"
    assert "found" in values["files"]["result.md"]
    own = [entry["key"] for entry in transcript.entries if entry["kind"] == "you"]
    await chat.edit(own[0], "hello")
    values = (await chat.access.snapshot(chat.config)).values
    assert "todos" not in values
    assert not values.get("files")
