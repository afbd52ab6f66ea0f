"""Conversations with Namu, and what its last answer holds."""

from __future__ import annotations

from langgraph.checkpoint.memory import InMemorySaver

from course_lib.namu import book_place, build_namu
from course_lib.places import load_places

NAMU = build_namu(checkpointer=InMemorySaver(), tools=[book_place])
PLACES = {place.id: place for place in load_places()}


def talk(*messages):
    """Return the state after each message of one conversation."""
    config = {"configurable": {"thread_id": " | ".join(messages)}}
    asked = [{"messages": [{"role": "user", "content": text}]} for text in messages]
    return [NAMU.invoke(each, config) for each in asked]


def table(state):
    """The places of the last list."""
    return [PLACES[place["id"]] for place in state["last_recommended_places"]]


def text(state):
    """The last answer."""
    return state["messages"][-1].text
