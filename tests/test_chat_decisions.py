"""What a person decided on the cards of a graph, as a reopened thread tells it."""

from __future__ import annotations

import asyncio

import pytest
from chat_graphs import asking
from langgraph.types import Interrupt
from pydantic import BaseModel

from course_lib.chat import ChatError, ChatPanel
from course_lib.chat.decisions import stored_line
from course_lib.chat.exact_json import shown_text


def entries_of(panel, kind):
    return [entry for entry in panel.transcript.entries if entry["kind"] == kind]


REVIEW = {
    "action_requests": [{"name": "send", "args": {"to": "ann"}}],
    "review_configs": [{"action_name": "send", "allowed_decisions": ["approve", "edit", "reject"]}],
}
INBOX = {
    "action_request": {"action": "send", "args": {"to": "ann"}},
    "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True},
}


class Visit(BaseModel):
    approve: bool
    people: int | None = None


CHANGED = shown_text({"to": "bo"})  # as the field of a card shows it
ANSWERS = [
    ("Go on?", None, {"answer": True}),
    ("Go on?", None, {"answer": False}),
    ("계속할까요?", None, {"answer": True}),
    ("What else?", None, {"text": "nothing *at all*"}),
    ({"question": "Better?", "text": "a draft"}, None, {"text": "my text"}),
    ({"question": "Sure?"}, bool, {"answer": True}),
    ({"question": "How many?"}, int, {"answer": "3"}),
    ({"question": "Visit?", "people": 2}, Visit, {"approve": True, "people": "4"}),
    ({"question": "Visit?", "people": 2}, Visit, {"approve": False, "people": "4"}),
    (REVIEW, None, {"0.decision": "approve"}),
    (REVIEW, None, {"0.decision": "reject", "0.message": "not today"}),
    (REVIEW, None, {"0.decision": "edit", "0.args": CHANGED}),
    (INBOX, None, {"type": "accept"}),
    (INBOX, None, {"type": "response", "response": "not today"}),
    (INBOX, None, {"type": "edit", "args": CHANGED}),
    ([INBOX, INBOX], None, {"0.type": "accept", "1.type": "response", "1.response": "no"}),
]


@pytest.mark.one_in(3)
@pytest.mark.parametrize(("value", "schema", "sent"), ANSWERS)
async def test_a_reopened_thread_tells_how_a_question_of_a_plain_node_was_answered(
    value, schema, sent
):
    panel = ChatPanel(asking(value, schema))
    await panel.send("hello")
    (card,) = entries_of(panel, "approval")
    filled = {field["name"]: field["text"] for field in card["fields"] if "text" in field}
    await panel._conversations.front.answer(card["id"], {**filled, **sent})
    (told,) = entries_of(panel, "decided")
    chat = panel.controller
    again = ChatPanel(chat.graph, thread_id=chat.thread_id)
    await again.load()
    await again._conversations.front.show_history()
    (reread,) = entries_of(again, "decided")
    assert {**reread, "key": ""} == {**told, "key": ""}
    # On a branch on which the person went on, the answer of the other branch is not told.
    waiting = [e.id for e in (await chat.tree()).checkpoints.values() if e.answers]
    await chat.go_to(waiting[0])
    await panel._conversations.front.show_history()
    await panel.send("something else")
    await panel._conversations.front.show_history()
    assert told["text"] not in [entry["text"] for entry in entries_of(panel, "decided")]


@pytest.mark.parametrize("answer", [None, 7, ["x"], {"no": "type"}, {"decisions": None}, "words"])
@pytest.mark.parametrize("value", ["Go on?", REVIEW, INBOX, [INBOX], {"question": "Visit?"}])
@pytest.mark.parametrize("schema", [None, Visit.model_json_schema()])
def test_an_answer_of_another_form_than_its_card_is_told_as_it_is(value, answer, schema):
    outcome, line = stored_line(Interrupt(value, id="1", response_schema=schema), answer)
    assert outcome == "sent" and line.startswith("Answered: ")
    assert "words" in line or answer != "words"


@pytest.mark.parametrize(
    ("question", "value", "line"),
    [
        ("Book Dawon for 2 tomorrow?", 2, "Approved: Book Dawon for 2 tomorrow?"),
        ("Book Dawon for 2 tomorrow?", 3, "Approved: Book Dawon for 2 tomorrow, 3"),
        ("다원, 내일 2명으로 예약할까요?", 2, "승인함: 다원, 내일 2명으로 예약할까요?"),
        ("Book Dawon for 12?", 2, "Approved: Book Dawon for 12, 2"),
    ],
)
def test_the_line_that_stays_of_a_card_says_nothing_twice(question, value, line):
    class Answer(BaseModel):
        approve: bool
        people: int

    schema = Answer.model_json_schema()
    asked = Interrupt({"question": question}, id="i", response_schema=schema)
    assert stored_line(asked, {"approve": True, "people": value}) == ("yes", line)


async def test_two_buttons_pressed_at_once_leave_the_line_of_the_first():
    panel = ChatPanel(asking("Go on?"))
    await panel.send("hello")
    (question,) = entries_of(panel, "approval")
    yes, no = {"answer": True}, {"answer": False}
    first, double, other = await asyncio.gather(
        *(panel.answer(question["id"], values) for values in (yes, yes, no)),
        return_exceptions=True,
    )
    assert first is None and double is None
    assert isinstance(other, ChatError) and "answered already" in str(other)
    assert [entry["text"] for entry in entries_of(panel, "decided")] == ["Approved: Go on?"]
    assert entries_of(panel, "answer")[-1]["text"] == "told True"
