"""What surprises in chapter 08, as LangGraph behaves today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import operator
from typing import Annotated

import pytest
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

THREAD = {"configurable": {"thread_id": "one"}}


class Talk(MessagesState):
    tone: str
    asked: Annotated[list[str], operator.add]


def note(state: Talk):
    return {"asked": [state["messages"][-1].text]}


def answer(state: Talk):
    return {"messages": [AIMessage(f"echo: {state['messages'][-1].text}")]}


def talk(*texts):
    builder = StateGraph(Talk).add_sequence([note, answer]).add_edge(START, "note")
    graph = builder.compile(checkpointer=InMemorySaver())
    for number, text in enumerate(texts, 1):
        graph.invoke({"messages": [HumanMessage(text, id=f"q{number}")]}, THREAD)
    return graph


def ends(graph):
    return [each for each in graph.get_state_history(THREAD) if not each.next]


def choosing(state: Talk):
    return Command(update={"tone": "full"}, goto="answer")


def test_an_update_forgets_where_a_command_led_unless_it_is_one_itself():
    builder = StateGraph(Talk).add_edge(START, "choosing").add_node("answer", answer)
    graph = builder.add_node("choosing", choosing, destinations=("answer",))
    graph = graph.compile(checkpointer=InMemorySaver())
    graph.invoke({"messages": [HumanMessage("one")]}, THREAD)
    chosen = next(s for s in graph.get_state_history(THREAD) if s.next == ("answer",))
    for named in ({}, {"as_node": "choosing"}):
        fork = graph.update_state(chosen.config, {"tone": "brief"}, **named)
        assert graph.get_state(fork).next == ()
        again = Command(update={"tone": "brief"}, goto="answer")
        fork = graph.update_state(chosen.config, again, **named)
        assert graph.get_state(fork).next == ("answer",)
        assert graph.invoke(None, fork)["tone"] == "brief"


def test_nodes_that_send_started_are_not_taken_for_the_ones_that_ran_last():
    def plan(state: Talk):
        return {"asked": ["plan"]}

    def work(state):
        return {"asked": ["work"]}

    builder = StateGraph(Talk).add_node("plan", plan).add_node("work", work)
    builder.add_node("sum_up", lambda state: {"asked": ["sum up"]})
    builder.add_edge(START, "plan").add_edge("work", "sum_up")
    builder.add_conditional_edges("plan", lambda state: [Send("work", {})] * 2, ["work"])
    graph = builder.compile(checkpointer=InMemorySaver())
    assert graph.invoke({"messages": []}, THREAD)["asked"] == ["plan", "work", "work", "sum up"]
    worked = next(s for s in graph.get_state_history(THREAD) if s.next == ("sum_up",))
    fork = graph.update_state(worked.config, {"tone": "brief"})
    assert graph.get_state(fork).next == ("work", "work")
    fork = graph.update_state(worked.config, {"tone": "brief"}, as_node="work")
    assert graph.get_state(fork).next == ("sum_up",)


def test_a_removed_message_leaves_the_other_fields_as_they_are():
    graph = talk("one", "two")
    gone = [RemoveMessage(id=m.id) for m in graph.get_state(THREAD).values["messages"][-2:]]
    graph.update_state(THREAD, {"messages": gone}, as_node="answer")
    values = graph.get_state(THREAD).values
    assert [m.text for m in values["messages"]] == ["one", "echo: one"]
    assert values["asked"] == ["one", "two"]


def test_a_copy_of_the_end_of_the_turn_before_takes_a_whole_turn_back():
    graph = talk("one", "two")
    before, end = list(graph.get_state_history(THREAD)), ends(graph)[1]
    config = {**end.config, "metadata": {"branch": "a name"}}
    graph.update_state(config, None, as_node="__copy__")
    copy = graph.get_state(THREAD)
    assert copy.values == end.values and copy.next == ()
    assert copy.parent_config == end.parent_config
    assert copy.metadata["source"] == "fork" and "branch" not in copy.metadata
    assert list(graph.get_state_history(THREAD))[1:] == before
    state = graph.invoke({"messages": [HumanMessage("three")]}, THREAD)
    assert state["asked"] == ["one", "three"]


def test_an_update_is_attributed_to_the_node_that_ran_last_and_start_is_one_of_them():
    graph = talk("one", "two")
    second = list(graph.get_state_history(THREAD))[:3]
    assert [each.next for each in second] == [(), ("answer",), ("note",)]
    for snapshot in second:
        config = graph.update_state(snapshot.config, {"tone": "brief"})
        assert graph.get_state(config).next == snapshot.next


def test_an_update_as_the_last_node_ends_the_turn():
    graph = talk("one")
    waiting = next(s for s in graph.get_state_history(THREAD) if s.next == ("note",))
    config = graph.update_state(waiting.config, {"tone": "brief"}, as_node="answer")
    assert graph.get_state(config).next == ()


def test_an_update_after_two_nodes_of_one_super_step_needs_as_node():
    builder = StateGraph(Talk)
    builder.add_node("left", lambda state: {"tone": "full"})
    builder.add_node("right", lambda state: {"asked": ["one"]})
    builder.add_edge(START, "left")
    builder.add_edge(START, "right")
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"messages": []}, THREAD)
    with pytest.raises(InvalidUpdateError, match="specify as_node"):
        graph.update_state(THREAD, {"tone": "brief"})


def test_an_edit_after_the_node_that_noted_the_text_leaves_the_old_note():
    graph = talk("one")
    noted = next(s for s in graph.get_state_history(THREAD) if s.next == ("answer",))
    config = graph.update_state(noted.config, {"messages": [HumanMessage("uno", id="q1")]})
    state = graph.invoke(None, config)
    assert state["messages"][-1].text == "echo: uno" and state["asked"] == ["one"]


def test_a_checkpoint_that_does_not_exist_is_empty_and_a_run_from_it_takes_the_thread_over():
    graph = talk("one")
    lost = {"configurable": {"thread_id": "one", "checkpoint_id": "1f000000-lost"}}
    assert graph.get_state(lost).values == {}
    graph.invoke({"messages": [HumanMessage("two")]}, lost)
    texts = [m.text for m in graph.get_state(THREAD).values["messages"]]
    assert texts == ["two", "echo: two"]


class Booking(TypedDict):
    answer: str


def booking(ran):
    def look_up(state: Booking):
        ran.append("look_up")

    def ask(state: Booking):
        ran.append("ask")
        return {"answer": interrupt("Book?")}

    return StateGraph(Booking).add_sequence([look_up, ask]).add_edge(START, "look_up")


def test_a_replay_from_before_an_answered_interrupt_asks_again():
    ran = []
    graph = booking(ran).compile(checkpointer=InMemorySaver())
    graph.invoke({"answer": ""}, THREAD)
    assert graph.invoke(Command(resume="yes"), THREAD) == {"answer": "yes"}
    asking = next(s for s in graph.get_state_history(THREAD) if s.next == ("ask",))
    ran.clear()
    assert graph.invoke(None, asking.config)["__interrupt__"][0].value == "Book?"
    assert ran == ["ask"]


@pytest.mark.parametrize(("own_history", "again"), [(None, ["look_up", "ask"]), (True, ["ask"])])
def test_a_replay_inside_a_subgraph_runs_all_of_it_unless_it_keeps_a_history(own_history, again):
    ran = []
    outer = StateGraph(Booking).add_edge(START, "inner")
    outer.add_node("inner", booking(ran).compile(checkpointer=own_history))
    graph = outer.compile(checkpointer=InMemorySaver())
    graph.invoke({"answer": ""}, THREAD)
    inside = graph.get_state(THREAD, subgraphs=True).tasks[0].state
    assert inside.next == ("ask",)
    ran.clear()
    graph.invoke(None, inside.config)
    assert ran == again
