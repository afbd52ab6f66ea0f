"""Namu understands what people type: particles, slang, neighbourhoods, refusals and bookings."""

import json
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from course_lib.evaluation import complaints
from course_lib.namu import book_place, build_namu

DIALOGUES = [
    json.loads(line)
    for line in (Path(__file__).parent / "dialogues_typed.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
NAMU = build_namu(checkpointer=InMemorySaver(), store=InMemoryStore(), tools=[book_place])


@pytest.mark.one_in(12)
@pytest.mark.parametrize("dialogue", DIALOGUES, ids=lambda each: each["name"])
def test_every_turn_of_the_dialogue_is_right(dialogue):
    name, past = dialogue["name"], []
    config = {"configurable": {"thread_id": name}, "metadata": {"user": name}}
    for turn in dialogue["turns"]:
        given = (
            {"messages": [{"role": "user", "content": turn["user"]}]}
            if "user" in turn
            else Command(resume=turn["resume"])
        )
        state = NAMU.invoke(given, config)
        assert not complaints(turn.get("expect", {}), state, past), turn
        past.append(state.get("last_recommended_places") or [])
