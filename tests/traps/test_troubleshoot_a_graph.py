"""What surprises in appendix A1, as LangGraph and LangChain behave today.

A release that changes one of these changes what the appendix says.
"""

from __future__ import annotations

import logging
import operator
import warnings
from typing import Annotated

import httpx
import pytest
from langchain_core.exceptions import ErrorCode, ModelError, ModelRateLimitError
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langchain_openai.chat_models.base import OpenAIRateLimitError
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.errors import InvalidUpdateError, ParentCommand, UnknownInterruptError
from langgraph.func import entrypoint, task
from langgraph.graph import END, START, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, Interrupt, Send, interrupt
from openai import RateLimitError
from typing_extensions import TypedDict

from course_lib.models import chat_model

THREAD = {"configurable": {"thread_id": "ann"}}


class Wish(TypedDict, total=False):
    note: str
    seen: Annotated[list[str], operator.add]


def done(state):
    return {"note": "done"}


def one_node(node, saver=None, **options):
    builder = StateGraph(Wish).add_node("node", node, **options).add_edge(START, "node")
    return builder.compile(checkpointer=saver)


# --- branches that lead nowhere


@pytest.mark.parametrize("goto", ["nowhere", [Send("nowhere", {})]])
def test_a_command_to_a_node_that_is_not_there_ends_the_run_with_a_line_in_the_log(goto, caplog):
    graph = one_node(lambda state: Command(update={"note": "paid"}, goto=goto))
    with caplog.at_level(logging.WARNING, logger="langgraph"):
        assert graph.invoke({"note": ""})["note"] == "paid"
    assert "nowhere" in caplog.text


def test_a_path_function_without_a_table_that_names_no_node_ends_the_run_too(caplog):
    builder = StateGraph(Wish).add_node(done).add_edge(START, "done")
    graph = builder.add_conditional_edges("done", lambda state: "nowhere").compile()
    assert graph.invoke({"note": ""})["note"] == "done"
    assert "nowhere" in caplog.text


def test_with_a_table_the_same_value_is_a_key_error_that_names_no_node():
    builder = StateGraph(Wish).add_node(done).add_edge(START, "done")
    graph = builder.add_conditional_edges("done", lambda state: "nowhere", {"end": END}).compile()
    with pytest.raises(KeyError) as caught:
        graph.invoke({"note": ""})
    assert str(caught.value) == "'nowhere'"


def test_a_command_to_the_parent_without_a_parent_raises_the_command_itself():
    graph = one_node(lambda state: Command(goto="done", graph=Command.PARENT))
    with pytest.raises(ParentCommand, match="Command"):
        graph.invoke({"note": ""})


def test_a_node_may_have_the_name_of_a_field():
    builder = StateGraph(Wish).add_node("note", done).add_edge(START, "note")
    assert builder.compile().invoke({"note": ""})["note"] == "done"


# --- inputs and threads


def test_an_empty_command_raises_an_unbound_local_error_and_not_empty_input_error():
    with pytest.raises(UnboundLocalError, match="resume_is_map"):
        one_node(done, InMemorySaver()).invoke(Command(), THREAD)


def test_an_input_that_is_no_dictionary_is_reported_as_a_return_value():
    with pytest.raises(InvalidUpdateError, match="INVALID_GRAPH_NODE_RETURN_VALUE"):
        one_node(done).invoke("cheap")


def test_a_thread_id_outside_configurable_is_taken_by_invoke_and_not_by_get_state():
    graph = one_node(done, InMemorySaver())
    graph.invoke({"note": ""}, {"thread_id": "ann"})
    assert graph.get_state(THREAD).values == {"note": "done", "seen": []}
    with pytest.raises(KeyError, match="configurable"):
        graph.get_state({"thread_id": "ann"})


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_durability_without_a_checkpointer_warns_and_sync_fails(durability):
    graph = one_node(done)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if durability == "sync":
            with pytest.raises(AttributeError, match="_put_checkpoint_fut"):
                graph.invoke({"note": ""}, durability=durability)
        else:
            assert graph.invoke({"note": ""}, durability=durability)["note"] == "done"
    assert any("has no effect" in str(each.message) for each in caught)


def test_a_saver_made_of_a_text_fails_when_it_is_used_first():
    graph = one_node(done, SqliteSaver("file:state.db"))
    with pytest.raises(AttributeError, match="executescript"):
        graph.invoke({"note": ""}, THREAD)


def test_a_key_of_text_fails_at_the_first_write():
    serializer = EncryptedSerializer.from_pycryptodome_aes(key="k" * 32)
    with pytest.raises(TypeError, match="without an encoding"):
        serializer.dumps_typed("hello")


def test_a_namespace_that_is_a_text_is_taken_without_an_error():
    store = InMemoryStore()
    store.put("memories", "home", {"district": "Mapo-gu"})
    assert store.search(("memories",)) == []


# --- answers


def asking_for_a_number():
    graph = one_node(lambda state: {"note": str(int(interrupt("How many?")))}, InMemorySaver())
    graph.invoke({"note": ""}, THREAD)
    return graph


@pytest.mark.parametrize("with_id", [True, False])
def test_an_answer_that_makes_the_node_raise_is_kept_and_the_next_answer_raises_again(with_id):
    graph = asking_for_a_number()
    (question,) = graph.get_state(THREAD).interrupts
    for answer in ("two", "2"):
        with pytest.raises(ValueError, match="'two'"):
            graph.invoke(Command(resume={question.id: answer} if with_id else answer), THREAD)


def test_a_replay_of_the_question_drops_an_answer_that_made_the_node_raise():
    graph = asking_for_a_number()
    question = graph.get_state(THREAD).config
    for answer in ("two", "three"):
        with pytest.raises(ValueError, match=f"'{answer}'"):
            graph.invoke(Command(resume=answer), THREAD)
        assert "__interrupt__" in graph.invoke(None, question)
    assert graph.invoke(Command(resume="2"), THREAD)["note"] == "2"


def test_a_replay_of_the_replay_keeps_the_answer():
    graph = asking_for_a_number()
    for _ in range(2):
        with pytest.raises(ValueError, match="'two'"):
            graph.invoke(Command(resume="two"), THREAD)
        graph.invoke(None, graph.get_state(THREAD).config)
    with pytest.raises(ValueError, match="'two'"):
        graph.invoke(Command(resume="2"), THREAD)


def asking_twice():
    builder = StateGraph(Wish)
    for name in ("first", "second"):
        builder.add_node(name, lambda state: {"seen": [interrupt("Which one?")]})
        builder.add_edge(START, name)
    graph = builder.compile(checkpointer=InMemorySaver())
    graph.invoke({"seen": []}, THREAD)
    return graph


@pytest.mark.parametrize(
    ("resume", "reason"), [("park", "ambiguous"), ({}, "empty_map"), ({"0" * 32: 1}, "not_pending")]
)
def test_an_unknown_answer_is_refused_only_in_the_strict_mode(resume, reason):
    strict = {"configurable": {**THREAD["configurable"], "__pregel_strict_resume": True}}
    with pytest.raises(UnknownInterruptError) as caught:
        asking_twice().invoke(Command(resume=resume), strict)
    assert caught.value.reason == reason and len(caught.value.pending_ids) == 2
    graph = asking_twice()
    if resume == "park":
        with pytest.raises(RuntimeError, match="multiple pending interrupts"):
            graph.invoke(Command(resume=resume), THREAD)
    else:
        assert len(graph.invoke(Command(resume=resume), THREAD)["__interrupt__"]) == 2


def test_two_calls_of_a_subgraph_with_a_memory_run_and_each_keeps_its_own():
    look = StateGraph(Wish).add_node("look", lambda state: {}).add_edge(START, "look")
    inner, found = look.compile(checkpointer=True), []

    def twice(state):
        for value in ("a", "b"):
            found.append(inner.invoke({"seen": [value]})["seen"])

    graph = one_node(twice, InMemorySaver())
    for _ in range(2):
        graph.invoke({"note": ""}, THREAD)
    assert found == [["a"], ["b"], ["a", "a"], ["b", "b"]]


# --- codes


def test_no_error_has_the_attribute_that_the_documentation_names():
    with pytest.raises(InvalidUpdateError) as caught:
        one_node(lambda state: "cheap").invoke({"note": ""})
    assert not hasattr(caught.value, "lc_error_code")


def test_a_provider_s_error_is_openai_s_and_langchain_s_and_has_no_code():
    assert issubclass(OpenAIRateLimitError, (RateLimitError, ModelRateLimitError))
    assert issubclass(ModelRateLimitError, ModelError) and ModelRateLimitError.is_retryable
    request = httpx.Request("POST", "http://127.0.0.1/v1")
    error = OpenAIRateLimitError("slow", response=httpx.Response(429, request=request), body=None)
    assert ErrorCode.MODEL_RATE_LIMIT.value not in str(error)


def test_a_model_that_cannot_bind_tools_raises_an_error_without_a_message():
    with pytest.raises(NotImplementedError) as caught:
        GenericFakeChatModel(messages=iter([])).bind_tools([])
    assert str(caught.value) == ""


@tool
def search_places(category: str) -> str:
    """Find places."""
    return "Sajik Park"


def test_only_the_deprecated_agent_raises_the_code_for_an_open_tool_call():
    from langchain.agents import create_agent
    from langgraph.prebuilt import create_react_agent

    call = {"name": "search_places", "args": {"category": "park"}, "id": "call_1"}
    history = [HumanMessage("a park?"), AIMessage("", tool_calls=[call]), HumanMessage("hello?")]
    with warnings.catch_warnings(action="ignore"):
        older = create_react_agent(chat_model(), [search_places])
    with pytest.raises(ValueError, match="errors/INVALID_CHAT_HISTORY"):
        older.invoke({"messages": history})
    with pytest.raises(ValueError) as caught:  # the model's own refusal
        create_agent(chat_model(), [search_places]).invoke({"messages": history})
    assert "docs.langchain.com" not in str(caught.value)


# --- older text


def test_an_interrupt_takes_its_old_arguments_and_forgets_them():
    old = Interrupt(value="Which one?", resumable=True, ns=["ask"])
    assert not hasattr(old, "resumable") and not hasattr(old, "ns")


class Found(TypedDict):
    name: str


def test_a_task_keeps_a_name_that_it_did_not_declare_and_a_node_drops_it():
    @task
    def look(place) -> Found:
        return {"name": place, "price": 2}

    @entrypoint()
    def plan(place) -> Found:
        return look(place).result()

    assert plan.invoke("Sajik Park") == {"name": "Sajik Park", "price": 2}
    node = StateGraph(Found).add_node("look", lambda state: {"name": "Sajik Park", "price": 2})
    graph = node.add_edge(START, "look").compile()
    assert graph.invoke({"name": ""}) == {"name": "Sajik Park"}
