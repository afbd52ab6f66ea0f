"""What surprises in chapter 07, as LangGraph behaves today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.runtime import Runtime
from langgraph.types import Command, interrupt
from pydantic import BaseModel, Field, ValidationError
from typing_extensions import TypedDict

THREAD = {"configurable": {"thread_id": "one"}}
NO_SUCH_ID = "0" * 32


class Booking(TypedDict, total=False):
    place: str
    people: int
    note: str


class People(BaseModel):
    people: int = Field(ge=1, le=8)


def asking(node, **options):
    """Run a graph of one node up to its question; return the graph and the question."""
    builder = StateGraph(Booking, **options).add_node("node", node).add_edge(START, "node")
    graph = builder.compile(checkpointer=InMemorySaver())
    context = {"context": Asking("ann")} if options else {}
    (question,) = graph.invoke({"place": "Dawon"}, THREAD, **context)["__interrupt__"]
    return graph, question


def asked(result):
    return [each.value for each in result.get("__interrupt__", [])]


def ask(state: Booking):
    return {"note": interrupt(f"Book {state['place']}?")}


def ask_twice(state: Booking):
    return {"note": f"{interrupt('Book?')}, {interrupt('Pay?')}"}


def test_none_as_the_answer_raises_an_error_that_does_not_say_so():
    graph, question = asking(ask)
    with pytest.raises(UnboundLocalError):
        graph.invoke(Command(resume=None), THREAD)
    assert graph.get_state(THREAD).interrupts == (question,)


@pytest.mark.parametrize("answer", [{}, {NO_SUCH_ID: "yes"}], ids=["empty", "unknown id"])
def test_an_empty_answer_and_an_unknown_id_ask_again(answer):
    graph, question = asking(ask)
    assert asked(graph.invoke(Command(resume=answer), THREAD)) == [question.value]


def test_a_dict_whose_keys_are_no_ids_is_the_answer_itself():
    graph, _ = asking(ask)
    assert graph.invoke(Command(resume={"foo": 1}), THREAD)["note"] == {"foo": 1}


def test_a_second_answer_to_an_answered_question_goes_to_the_next_one_of_its_node():
    graph, first = asking(ask_twice)
    click = Command(resume={first.id: "yes"})
    assert asked(graph.invoke(click, THREAD)) == ["Pay?"]
    assert graph.get_state(THREAD).interrupts[0].id != first.id
    assert graph.invoke(click, THREAD)["note"] == "yes, yes"


def test_a_second_answer_is_ignored_where_another_node_asks_now():
    builder = StateGraph(Booking).add_edge(START, "book").add_edge("book", "pay")
    builder.add_node("book", lambda state: {"place": interrupt("Book?")})
    builder.add_node("pay", lambda state: {"note": interrupt("Pay?")})
    graph = builder.compile(checkpointer=InMemorySaver())
    (first,) = graph.invoke({}, THREAD)["__interrupt__"]
    click = Command(resume={first.id: "yes"})
    assert asked(graph.invoke(click, THREAD)) == asked(graph.invoke(click, THREAD)) == ["Pay?"]
    assert graph.invoke(Command(resume="yes"), THREAD)["note"] == "yes"  # a bare one is taken


def test_a_loop_around_interrupt_replays_the_earlier_answers():
    """langchain-ai/langgraph#7780."""
    received = []

    def loop(state: Booking):
        while True:
            received.append(interrupt("How many?"))
            if received[-1] == 3:
                return {"people": 3}

    graph, _ = asking(loop)
    for answer in ("many", 99, 3):
        graph.invoke(Command(resume=answer), THREAD)
    assert received == ["many", "many", 99, "many", 99, 3]


def test_a_schema_inside_a_loop_loses_the_next_valid_answer():
    def loop(state: Booking):
        question = "How many?"
        while True:
            try:
                return {"people": interrupt(question, response_schema=People).people}
            except ValidationError:
                question = "Not valid."

    graph, question = asking(loop)
    seen = []
    for people in (99, 3, 5):
        result = graph.invoke(Command(resume={question.id: {"people": people}}), THREAD)
        seen.append(asked(result) or result["people"])
        question = result.get("__interrupt__", [None])[0]
    assert seen == [["Not valid."], ["How many?"], 5]


def checked(state: Booking):
    return {"people": interrupt("How many?", response_schema=People).people}


def test_a_bare_answer_that_fails_its_schema_is_kept_and_one_with_an_id_is_not():
    for with_id in (True, False):
        graph, question = asking(checked)
        bad = {"people": 99}
        with pytest.raises(ValidationError):
            graph.invoke(Command(resume={question.id: bad} if with_id else bad), THREAD)
        if with_id:
            assert asked(graph.invoke(None, THREAD)) == ["How many?"]
        else:
            with pytest.raises(ValidationError):
                graph.invoke(None, THREAD)
        assert graph.invoke(Command(resume={question.id: {"people": 3}}), THREAD)["people"] == 3


def test_of_two_calls_to_a_tool_that_asks_the_answer_reaches_the_other_one():
    paid = []

    @tool
    def pay(name: str) -> str:
        """Pay a person."""
        time.sleep(0.3 if name == "Ann" else 0)
        if interrupt(f"Pay {name}?"):
            paid.append(name)
        return name

    calls = [{"name": "pay", "args": {"name": name}, "id": name} for name in ("Ann", "Bo")]
    builder = StateGraph(MessagesState).add_node("tools", ToolNode([pay])).add_edge(START, "tools")
    graph = builder.compile(checkpointer=InMemorySaver())
    result = graph.invoke({"messages": [AIMessage("", tool_calls=calls)]}, THREAD)
    questions = []
    while "__interrupt__" in result:
        (question,) = result["__interrupt__"]
        questions.append(question.value)
        answer = {question.id: question.value == "Pay Ann?"}
        result = graph.invoke(Command(resume=answer), THREAD)
    assert questions == ["Pay Ann?", "Pay Ann?"]
    assert paid == ["Bo", "Bo", "Ann"]


@dataclass
class Asking:
    user: str


@pytest.mark.parametrize("given", [None, Asking("ann"), Asking("bo")])
def test_the_context_of_a_resume_is_the_one_it_is_given_or_none(given):
    def node(state: Booking, runtime: Runtime[Asking]):
        interrupt("Book?")
        return {"note": runtime.context}

    graph, _ = asking(node, context_schema=Asking)
    assert graph.invoke(Command(resume=True), THREAD, context=given)["note"] == given


def test_a_new_input_drops_the_open_question_and_a_bare_answer_reaches_the_new_one():
    graph, old = asking(ask)
    (new,) = graph.invoke({"place": "Onion"}, THREAD)["__interrupt__"]
    assert graph.get_state(THREAD).interrupts == (new,) and new.id != old.id
    assert asked(graph.invoke(Command(resume={old.id: "yes"}), THREAD)) == ["Book Onion?"]
    assert graph.invoke(Command(resume="yes"), THREAD)["note"] == "yes"


def test_one_value_for_two_questions_raises_an_error():
    builder = StateGraph(Booking).add_edge(START, "left").add_edge(START, "right")
    builder.add_node("left", lambda state: {"people": interrupt("How many?")})
    builder.add_node("right", lambda state: {"note": interrupt("Any wish?")})
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({}, THREAD)
    with pytest.raises(RuntimeError, match="multiple pending interrupts"):
        graph.invoke(Command(resume=4), THREAD)


def test_without_a_checkpointer_the_question_comes_out_and_cannot_be_answered():
    graph = StateGraph(Booking).add_node(ask).add_edge(START, "ask").compile()
    assert asked(graph.invoke({"place": "Dawon"})) == ["Book Dawon?"]
    with pytest.raises(RuntimeError):
        graph.invoke(Command(resume=True))
