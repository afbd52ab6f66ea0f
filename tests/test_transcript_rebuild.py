"""A transcript that looks only at what changed shows the same as one that is made from nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.types import Interrupt

from course_lib.chat.entry_diff import Replaced, TextAppended
from course_lib.chat.events import (
    NodeEnded,
    NodeStarted,
    Progress,
    Queued,
    RunEnded,
    RunStarted,
    ThreadLoaded,
    Token,
    ToolCalled,
    ToolReturned,
    Unqueued,
)
from course_lib.chat.path_history import PathHistory
from course_lib.chat.transcript import Transcript
from course_lib.chat.versions import Versions
from course_lib.display import Card

KEYS = ["one", "two", "three", "four"]
NAMES = st.sampled_from(["a", "b"])
WORDS = st.sampled_from(["hello", "**bold** word", "", "안녕"])
OUTCOMES = ["done", "waiting", "stopped", "failed"]


@st.composite
def threads(draw):
    """A thread with some of a person's messages, and what a graph may have made of them."""
    messages = []
    for key in draw(st.lists(st.sampled_from(KEYS), unique=True)):
        messages.append(HumanMessage(draw(WORDS), id=key))
        if draw(st.booleans()):
            call = {"name": "look", "args": {}, "id": f"call-{key}"}
            messages.append(AIMessage("", id=f"ai-{key}", tool_calls=[call]))
        if draw(st.booleans()):
            messages.append(ToolMessage("found", tool_call_id=f"call-{key}", id=f"tool-{key}"))
        if draw(st.booleans()):
            model = {"model_name": draw(NAMES)}
            words = draw(WORDS)
            messages.append(AIMessage(words, id=f"said-{key}", response_metadata=model))
    interrupts = draw(st.lists(st.sampled_from([Interrupt("Go on?", id=n) for n in "12"])))
    return ThreadLoaded(
        draw(NAMES),
        "checkpoint",
        {"messages": messages, "cards": draw(st.integers(0, 2))},
        interrupts=interrupts[:1],
        next=("node",) if interrupts else (),
        unfinished=() if interrupts else draw(st.sampled_from([(), ("node",)])),
        is_newest=draw(st.booleans()),
        graph_written=frozenset(draw(st.lists(st.sampled_from(KEYS), max_size=1))),
        error=draw(st.sampled_from([None, None, None, ValueError("unreadable")])),
    )


MESSAGES = st.builds(HumanMessage, WORDS, id=st.sampled_from(KEYS))
ENDS = st.builds(
    RunEnded,
    st.sampled_from(OUTCOMES),
    threads(),
    st.sampled_from([None, ValueError("no")]),
    st.none() | MESSAGES,
)
EVENTS = st.one_of(
    threads(),
    st.builds(RunStarted, st.none() | MESSAGES),
    ENDS,
    st.builds(NodeStarted, NAMES, NAMES),
    st.builds(
        NodeEnded,
        NAMES,
        NAMES,
        update=st.just({"x": 1}),
        error=st.sampled_from([None, "broke"]),
        interrupted=st.booleans(),
    ),
    st.builds(Token, st.sampled_from(["said-one", "said-two"]), WORDS, NAMES),
    st.builds(ToolCalled, st.sampled_from(["call-one", "call-two"]), st.just("look"), st.just({})),
    st.builds(ToolReturned, st.sampled_from(["call-one", "call-two"]), st.just("look"), WORDS),
    st.builds(Progress, WORDS),
    st.builds(Queued, NAMES),
    st.builds(Unqueued, NAMES, st.booleans()),
)
HISTORIES = st.builds(
    PathHistory,
    st.dictionaries(st.sampled_from(KEYS), st.just(Versions(("x", "y"), 1))),
    st.dictionaries(st.sampled_from(KEYS), st.integers(1, 2)),
    st.dictionaries(st.sampled_from(KEYS), st.just([("yes", "Approved: it")])),
)
ACTS = st.one_of(
    EVENTS.map(lambda event: ("handle", event)),
    HISTORIES.map(lambda history: ("show_history", history)),
    WORDS.map(lambda text: ("note", text)),
    st.just(("decide", "1", "yes", "Approved: it")),
    st.just(("refuse", "1", {"answer": "no"})),
)


@pytest.mark.soak
@settings(max_examples=150, deadline=None)
@given(st.lists(ACTS, max_size=25))
def test_the_entries_are_those_of_a_transcript_that_is_made_from_nothing(acts):
    shown = []

    def follow(change):
        if isinstance(change, Replaced):
            shown[change.start : change.start + change.removed] = change.entries
        elif isinstance(change, TextAppended):
            n = max(n for n, entry in enumerate(shown) if entry["key"] == change.key)
            shown[n] = transcript.entries[n]

    transcript = Transcript(
        follow, cards=lambda state: [Card(f"{n}") for n in range(state["cards"])]
    )
    for name, *arguments in acts:
        getattr(transcript, name)(*arguments)
        assert transcript.entries == replace(transcript._now, _made={}).entries()
        assert [e["key"] for e in shown] == [e["key"] for e in transcript.entries]


def test_messages_that_are_sent_again_with_their_ids_and_not_kept_end_the_search_for_their_place():
    """A graph may take a message out of the thread, and a page sends it again with its id."""
    transcript = Transcript(lambda change: None)

    def send(key, *kept):
        message = HumanMessage(key, id=key)
        transcript.handle(RunStarted(message))
        thread = ThreadLoaded(
            "t", "c", {"messages": [HumanMessage(each, id=each) for each in kept]}
        )
        transcript.handle(RunEnded("failed", thread, ValueError("no"), None if kept else message))

    send("one", "one")
    send("one")  # behind itself
    assert [e["text"] for e in transcript.entries if e.get("kept") is False] == ["one"]
    send("two", "two")
    send("one", "one")
    send("two")
    send("one")  # each behind the other
    assert {e["text"] for e in transcript.entries if e.get("kept") is False} == {"one", "two"}
