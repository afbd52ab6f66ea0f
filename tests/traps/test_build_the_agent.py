"""What surprises in chapter 03, as LangGraph behaves today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import operator
import time
from typing import Annotated, Literal

import pytest
from langchain.agents import create_agent
from langchain_core.language_models import FakeMessagesListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.errors import GraphRecursionError
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.managed import RemainingSteps
from langgraph.prebuilt import ToolNode, ToolRuntime, tools_condition
from langgraph.types import Command, Send
from pydantic import BaseModel, ValidationError
from typing_extensions import TypedDict


class ScriptedModel(GenericFakeChatModel):
    def bind_tools(self, tools, **options):
        return self


@tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool
def ask_server(number: int) -> int:
    """Ask a server that is down."""
    raise ConnectionError(f"no answer for {number}")


def call(name, number, call_id="call_1"):
    return {"name": name, "args": {"number": number}, "id": call_id, "type": "tool_call"}


def tool_loop(model, tools, schema=MessagesState, **options):
    def agent(state):
        return {"messages": [model.invoke(state["messages"])]}

    builder = StateGraph(schema)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode(tools, **options))
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition)
    builder.add_edge("tools", "agent")
    return builder.compile()


def run(tools, *calls, **options):
    replies = [AIMessage("", tool_calls=list(calls)), AIMessage("done")]
    graph = tool_loop(GenericFakeChatModel(messages=iter(replies)), tools, **options)
    return graph.invoke({"messages": [HumanMessage("go")]})["messages"]


def test_bad_arguments_are_answered_and_the_run_goes_on():
    messages = run([double], call("double", "many"))
    assert [m.type for m in messages] == ["human", "ai", "tool", "ai"]
    assert messages[2].status == "error" and "valid integer" in messages[2].text


def test_a_tool_that_does_not_exist_is_answered_and_the_run_goes_on():
    answer = run([double], call("triple", 1))[2]
    assert answer.status == "error" and "double" in answer.text


def test_an_exception_of_a_tool_ends_the_run_by_default():
    with pytest.raises(ConnectionError, match="no answer for 3"):
        run([ask_server], call("ask_server", 3))


def test_create_agent_ends_the_run_on_an_exception_of_a_tool_too():
    replies = iter([AIMessage("", tool_calls=[call("ask_server", 3)]), AIMessage("done")])
    agent = create_agent(ScriptedModel(messages=replies), [ask_server])
    with pytest.raises(ConnectionError):
        agent.invoke({"messages": [HumanMessage("go")]})


@pytest.mark.parametrize("setting", [True, "Sorry.", ConnectionError, (ConnectionError, OSError)])
def test_handle_tool_errors_answers_instead(setting):
    answer = run([ask_server], call("ask_server", 3), handle_tool_errors=setting)[2]
    assert answer.status == "error" and (setting != "Sorry." or answer.text == "Sorry.")


def test_a_handler_answers_only_for_the_exceptions_in_its_type_hint():
    def for_connections(error: ConnectionError) -> str:
        return f"failed: {error}"

    def for_values(error: ValueError) -> str:
        return "never"

    answer = run([ask_server], call("ask_server", 3), handle_tool_errors=for_connections)[2]
    assert answer.text == "failed: no answer for 3"
    with pytest.raises(ConnectionError):
        run([ask_server], call("ask_server", 3), handle_tool_errors=for_values)


def test_two_calls_of_one_message_run_at_once_and_are_answered_in_order():
    running = []

    @tool
    def wait(number: int) -> str:
        """Wait until both calls run."""
        running.append(number)
        until = time.monotonic() + 10
        while len(running) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        return f"{number} of {len(running)}"

    messages = run([wait], call("wait", 2, "a"), call("wait", 1, "b"))
    assert [(m.tool_call_id, m.text) for m in messages[2:4]] == [("a", "2 of 2"), ("b", "1 of 2")]


def test_a_model_that_returns_one_object_twice_replaces_its_first_message_and_ends_the_loop():
    again = FakeMessagesListChatModel(responses=[AIMessage("", tool_calls=[call("double", 1)])])
    state = tool_loop(again, [double]).invoke({"messages": [HumanMessage("go")]})
    assert [m.type for m in state["messages"]] == ["human", "ai", "tool"]


def stubborn():
    while True:
        yield AIMessage("", tool_calls=[call("double", 1)])


def test_a_model_that_never_stops_calling_meets_the_recursion_limit():
    graph = tool_loop(GenericFakeChatModel(messages=stubborn()), [double])
    with pytest.raises(GraphRecursionError, match="GRAPH_RECURSION_LIMIT"):
        graph.invoke({"messages": [HumanMessage("go")]}, {"recursion_limit": 6})


class Limited(MessagesState):
    remaining_steps: RemainingSteps


def steps(count, limit):
    """Run a node `count` times in a row and return what `remaining_steps` was each time."""
    seen = []

    def node(state: Limited):
        seen.append(state["remaining_steps"])

    builder = StateGraph(Limited)
    builder.add_node(node)
    builder.add_edge(START, "node")
    builder.add_conditional_edges("node", lambda state: END if len(seen) == count else "node")
    builder.compile().invoke({"messages": []}, {"recursion_limit": limit})
    return seen


def test_a_run_must_end_in_fewer_super_steps_than_the_limit():
    assert steps(count=3, limit=4) == [3, 2, 1]
    for limit in (1, 2, 3):
        with pytest.raises(GraphRecursionError):
            steps(count=limit, limit=limit)


def test_create_agent_has_a_recursion_limit_of_nearly_ten_thousand():
    assert create_agent(ScriptedModel(messages=iter([])), []).config["recursion_limit"] == 9999


def test_create_agent_does_not_store_its_system_prompt():
    model = ScriptedModel(messages=iter([AIMessage("hello")]))
    agent = create_agent(model, [], system_prompt="You are Namu.")
    messages = agent.invoke({"messages": [HumanMessage("hi")]})["messages"]
    assert [m.type for m in messages] == ["human", "ai"]


def test_a_scripted_model_of_langchain_cannot_bind_tools():
    with pytest.raises(NotImplementedError):
        GenericFakeChatModel(messages=iter([])).bind_tools([double])


class Route(BaseModel):
    intent: Literal["NEW_SEARCH", "CONVERSATION"]


def structured(message, **options):
    model = ScriptedModel(messages=iter([message]))
    return model.with_structured_output(Route, **options).invoke("a cafe")


def test_structured_output_is_none_or_an_exception_depending_on_what_is_wrong():
    wrong = {"name": "Route", "args": {"intent": "SPA"}, "id": "call_1"}
    no_call, bad_call = AIMessage("I do not know."), AIMessage("", tool_calls=[wrong])
    assert structured(no_call) is None
    with pytest.raises(ValidationError):
        structured(bad_call)
    for message in (no_call, bad_call):
        assert structured(message, include_raw=True)["parsed"] is None


class Trip(TypedDict):
    districts: list[str]
    found: Annotated[list[str], operator.add]
    summary: str


class Task(TypedDict):
    district: str


class Draft(TypedDict):
    draft: str


def trip(seen):
    def search(task: Task):
        seen.append(dict(task))
        time.sleep(0.2 if task["district"] == "slow" else 0)
        return {"found": [task["district"]]}

    def summarise(state: Trip):
        return {"summary": "/".join(state["found"])}

    def one_each(state: Trip):
        return [Send("search", {"district": district}) for district in state["districts"]]

    builder = StateGraph(Trip)
    builder.add_node(search)
    builder.add_node(summarise)
    builder.add_conditional_edges(START, one_each, ["search"])
    builder.add_edge("search", "summarise")
    return builder.compile()


def test_a_sent_node_sees_only_its_task_and_results_keep_the_order_of_the_sends():
    seen = []
    assert trip(seen).invoke({"districts": ["slow", "b", "a"]})["summary"] == "slow/b/a"
    assert sorted(task["district"] for task in seen) == ["a", "b", "slow"]
    assert all(set(task) == {"district"} for task in seen)


def test_an_empty_list_of_sends_ends_the_run_without_the_node_behind_and_without_an_error():
    assert trip([]).invoke({"districts": []}) == {"districts": [], "found": []}


def test_a_deferred_node_does_not_wait_for_the_nodes_that_are_sent_in_its_super_step():
    builder = StateGraph(Trip)
    builder.add_node("search", lambda task: {"found": [task["district"]]})
    builder.add_node("join", lambda state: {"summary": "/".join(state["found"])}, defer=True)
    builder.add_edge(START, "join")
    builder.add_conditional_edges(
        START, lambda state: [Send("search", {"district": d}) for d in state["districts"]]
    )
    state = builder.compile().invoke({"districts": ["a", "b"]})
    assert (state["found"], state["summary"]) == (["a", "b"], "")


def test_a_subgraph_that_shares_an_appending_field_writes_its_first_items_again():
    builder = StateGraph(Trip)
    builder.add_node("trip", trip([]))
    builder.add_edge(START, "trip")
    state = builder.compile().invoke({"districts": ["a"], "found": ["hotel"]})
    assert state["found"] == ["hotel", "hotel", "a"]


def test_a_private_field_reaches_the_next_node_and_not_the_caller():
    read = []

    def write_draft(state: Trip):
        return {"draft": "a plan"}

    def finish(state: Draft):
        read.append(dict(state))
        return {"summary": state["draft"]}

    builder = StateGraph(Trip)
    builder.add_sequence([write_draft, finish])
    builder.add_edge(START, "write_draft")
    state = builder.compile().invoke({"districts": []})
    assert read == [{"draft": "a plan"}]
    assert "draft" not in state and state["summary"] == "a plan"


def test_an_annotation_that_cannot_be_resolved_is_ignored_and_the_node_reads_the_whole_state():
    class Local(TypedDict):  # under `from __future__ import annotations` only a name, found nowhere
        summary: str

    read = []

    def node(state: Local):
        read.append(dict(state))

    builder = StateGraph(Trip)
    builder.add_node(node)
    builder.add_edge(START, "node")
    builder.compile().invoke({"districts": ["a"], "summary": "b"})
    assert read == [{"districts": ["a"], "found": [], "summary": "b"}]


@pytest.mark.parametrize("with_request", [True, False])
def test_a_hand_off_carries_only_what_its_update_holds_to_the_outer_graph(with_request):
    @tool
    def transfer(runtime: ToolRuntime) -> Command:
        """Hand over."""
        request = runtime.state["messages"][-1:] if with_request else []
        answer = ToolMessage("Handed over.", tool_call_id=runtime.tool_call_id)
        update = {"messages": [*request, answer]}
        return Command(goto="booking", graph=Command.PARENT, update=update)

    asks = {"name": "transfer", "args": {}, "id": "call_1", "type": "tool_call"}
    model = GenericFakeChatModel(messages=iter([AIMessage("", tool_calls=[asks])]))
    builder = StateGraph(MessagesState)
    builder.add_node("guide", tool_loop(model, [transfer]))
    builder.add_node("booking", lambda state: {"messages": [AIMessage("For how many?")]})
    builder.add_edge(START, "guide")
    messages = builder.compile().invoke({"messages": [HumanMessage("book")]})["messages"]
    between = ["ai", "tool"] if with_request else ["tool"]
    assert [m.type for m in messages] == ["human", *between, "ai"]
