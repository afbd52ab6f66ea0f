"""What people sent and what a database holds of it, for exercise 4 of chapter 18."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

ANSWER = "ok"
"""Stands for an answer below; `call` for a call of a tool with its result; else an id."""


@dataclass(frozen=True)
class TurnCase:
    """One case.

    Args:
        what: what happened.
        sent: for each thread, the ids of the messages in the order in which they were sent.
        kept: for each thread what is stored, as words.
        expected: what is lost, doubled and out of order; what is left out is empty.
        look: where to look, one sentence.
    """

    what: str
    sent: dict[str, list[str]]
    kept: dict[str, str]
    expected: dict[str, list[str]]
    look: str

    def stored(self) -> dict[str, list[BaseMessage]]:
        """The messages of each thread."""
        return {thread: _messages(words) for thread, words in self.kept.items()}


def _messages(words: str) -> list[BaseMessage]:
    found: list[BaseMessage] = []
    for word in words.split():
        if word == ANSWER:
            found.append(AIMessage("Here is one."))
        elif word == "call":
            call = {"name": "search", "args": {}, "id": f"call-{len(found)}"}
            found.append(AIMessage("Let me look.", tool_calls=[call]))
            found.append(ToolMessage("two places", tool_call_id=call["id"]))
        elif word == "silent":
            found.append(AIMessage(""))
        else:
            found.append(HumanMessage("thanks", id=word))
    return found


TURN_CASES = (
    TurnCase(
        "everything is there",
        {"ann": ["a1", "a2"], "bo": ["b1"]},
        {"ann": "a1 call ok a2 ok", "bo": "b1 ok"},
        {},
        "A message with the same text and another id is another turn.",
    ),
    TurnCase(
        "a thread and a message are missing",
        {"ann": ["a1", "a2"], "bo": ["b1", "b2", "b3"]},
        {"bo": "b1 ok b3 ok"},
        {"lost": ["a1", "a2", "b2"]},
        "A thread that is not stored has lost all its messages. Lost ones are not out of order.",
    ),
    TurnCase(
        "answers are missing",
        {"ann": ["a1", "a2"], "bo": ["b1"], "cy": ["c1"]},
        {"ann": "a1 a2 ok", "bo": "b1 call", "cy": "c1 silent"},
        {"lost": ["a1", "b1", "c1"]},
        "An answer is an AIMessage with a text and without tool calls.",
    ),
    TurnCase(
        "messages are there twice",
        {"ann": ["a1", "a2", "a3"], "bo": ["b1", "b2"]},
        {"ann": "a1 ok a2 ok a2 ok a3 ok", "bo": "b1 b1 ok b2 ok"},
        {"doubled": ["a2", "b1"]},
        "A message is doubled when its id is there twice, whether each has an answer or not.",
    ),
    TurnCase(
        "answers are there twice",
        {"ann": ["a1", "a2"]},
        {"ann": "a1 call ok call ok a2 call call ok"},
        {"doubled": ["a1"]},
        "A turn with two answers is doubled. Calls of tools are no answers.",
    ),
    TurnCase(
        "messages have changed places",
        {"ann": ["a1", "a2", "a3"], "bo": ["b2", "b1"]},
        {"ann": "a1 ok a3 ok a2 ok", "bo": "b2 ok b1 ok"},
        {"out of order": ["ann"]},
        "The order in which they were sent counts, and not the order of the ids as text.",
    ),
    TurnCase(
        "a message comes once more at the end",
        {"ann": ["a1", "a2"], "bo": ["b1", "b2"]},
        {"ann": "a1 ok a2 ok a1 ok", "bo": "b2 ok b1 ok b2 ok"},
        {"doubled": ["a1", "b2"], "out of order": ["bo"]},
        "Of a message that is there twice, its first place counts for the order.",
    ),
    TurnCase(
        "a message is stored in the thread of another person",
        {"ann": ["a1"], "bo": ["b1"]},
        {"ann": "a1 ok b1 ok", "bo": ""},
        {"lost": ["b1"]},
        "Look for each message in its own thread.",
    ),
    TurnCase("nobody has sent anything", {}, {}, {}, "Three empty lists are a verdict, too."),
)
"""The cases: each has something that a shorter rule would miss."""
