"""What surprises in chapter 19, as LangChain, LangGraph and nbval behave today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from langchain_core.language_models.fake_chat_models import (
    FakeMessagesListChatModel,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from nbformat import v4


def test_a_list_of_replies_begins_again_after_its_end():
    model = FakeMessagesListChatModel(responses=[AIMessage("one"), AIMessage("two")])
    assert [model.invoke("x").text for _ in range(3)] == ["one", "two", "one"]


@pytest.mark.parametrize(
    "model",
    [
        FakeMessagesListChatModel(responses=[AIMessage("one")]),
        GenericFakeChatModel(messages=iter([AIMessage("one")])),
    ],
)
def test_langchains_scripted_models_cannot_be_given_tools(model):
    with pytest.raises(NotImplementedError):
        model.bind_tools([])


def answer(state: MessagesState):
    return {"messages": [AIMessage("Yes.")]}


def test_a_node_that_is_called_alone_returns_its_update_and_saves_nothing():
    graph = StateGraph(MessagesState).add_node(answer).add_edge(START, "answer")
    compiled = graph.compile(InMemorySaver())
    update = compiled.nodes["answer"].invoke({"messages": [HumanMessage("a")]})
    assert [message.text for message in update["messages"]] == ["Yes."]
    assert not list(compiled.checkpointer.list(None))


def test_a_stopped_turn_makes_fewer_checkpoints_than_a_whole_one():
    def read(state: MessagesState):
        return {}

    graph = StateGraph(MessagesState).add_sequence([read, answer]).add_edge(START, "read")
    compiled = graph.compile(InMemorySaver())

    def count(thread):
        return len(list(compiled.get_state_history(thread)))

    whole, stopped = ({"configurable": {"thread_id": name}} for name in ("whole", "stopped"))
    compiled.invoke({"messages": [HumanMessage("a")]}, whole)
    parts = compiled.stream({"messages": [HumanMessage("a")]}, stopped)
    next(parts)
    parts.close()
    assert count(whole) == 4 and count(stopped) < 4


@pytest.mark.soak
@pytest.mark.slow
def test_nbval_passes_a_cell_that_was_never_run_whatever_it_prints(tmp_path):
    cells = [
        v4.new_code_cell("print(1)"),
        v4.new_code_cell("print(1)", execution_count=1),
        v4.new_code_cell("undefined_function()"),
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, tmp_path / "small.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "-rA", "-q", "--color=no"]
    run = subprocess.run([*command, "small.ipynb"], cwd=tmp_path, capture_output=True, text=True)
    assert "PASSED small.ipynb::Cell 0" in run.stdout
    assert "FAILED small.ipynb::Cell 1" in run.stdout
    assert "FAILED small.ipynb::Cell 2" in run.stdout


def test_vcr_does_not_compare_the_body_of_a_request_by_default():
    vcr = pytest.importorskip("vcr")  # comes with langchain-tests
    assert "body" not in vcr.VCR().match_on
