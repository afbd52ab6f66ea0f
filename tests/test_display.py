"""What a cell shows: the same from run to run, in text and in HTML, and safe."""

import operator
import time
from dataclasses import dataclass
from typing import Annotated

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from pydantic import BaseModel
from typing_extensions import TypedDict

from course_lib.display import (
    show_graph,
    show_messages,
    show_state,
    show_steps,
    show_table,
    summary_line,
)
from course_lib.namu import build_namu, union


class S(TypedDict):
    xs: Annotated[list[str], union]


def small():
    builder = StateGraph(S)
    builder.add_node("left", lambda s: {"xs": ["l"]})
    builder.add_node("right", lambda s: {"xs": ["r"]})
    builder.add_edge(START, "left")
    builder.add_edge("left", "right")
    builder.add_edge("right", END)
    return builder.compile()


@pytest.fixture(autouse=True)
def things(monkeypatch):
    """Everything the test displays, in order."""
    found = []
    monkeypatch.setattr("course_lib.display.tables._display", found.append)
    return found


@pytest.fixture
def shown(things):
    """Call a show_ function and return its text, and the type and source of its richer form."""

    def call(show, *args, **kwargs):
        show(*args, **kwargs)
        bundle = things[-1]._repr_mimebundle_()
        text = bundle.pop("text/plain")
        assert repr(things[-1]) == text
        return text, bundle.popitem()

    return call


def test_graph_is_drawn_as_mermaid_with_a_text_form(shown):
    text, (mime, source) = shown(show_graph, small())
    assert text == "START --> left\nleft --> right\nright --> END"
    assert mime == "text/vnd.mermaid"
    assert source.splitlines()[0] == "graph TD" and 'n0(["START"])' in source
    assert "#" not in source, "a colour of its own would not follow the reader's theme"


def test_conditional_edges_look_different(shown):
    text, (_, source) = shown(show_graph, build_namu())
    assert "router -?-> refine_exclude | agent" in text
    assert "-.->" in source


def test_state_marks_what_changed_and_only_that(shown):
    before, after = {"a": 1, "b": [1]}, {"a": 1, "b": [1, 2]}
    text, (_, source) = shown(show_state, after, before=before)
    assert "b     | [1, 2] *" in text and "a     | 1\n" in text + "\n"
    assert "<b>[1, 2] *</b>" in source and "<b>1" not in source


def test_state_may_be_any_record(shown):
    @dataclass
    class D:
        a: int

    class P(BaseModel):
        a: int

    texts = {shown(show_state, state)[0] for state in ({"a": 1}, D(1), P(a=1))}
    assert len(texts) == 1


def test_state_shows_each_message_and_marks_the_new_ones(shown):
    old = {"messages": [HumanMessage("hi")]}
    text, _ = shown(show_state, {"messages": [*old["messages"], AIMessage("yo")]}, before=old)
    assert "human: hi\n" in text and "ai: yo *" in text


def test_an_edited_message_is_marked_though_the_list_has_the_same_length(shown):
    old = {"messages": [HumanMessage("hi", id="1"), AIMessage("yo", id="2")]}
    new = {"messages": [HumanMessage("hey", id="1"), old["messages"][1]]}
    text, _ = shown(show_state, new, before=old)
    assert "human: hey *" in text and "ai: yo\n" in text + "\n"


def test_parallel_tasks_of_one_node_are_told_apart(shown):
    class Numbers(TypedDict):
        xs: Annotated[list[int], operator.add]

    def work(given):
        time.sleep(0.05 * (3 - given["n"]))
        return {"xs": [given["n"]]}

    builder = StateGraph(Numbers)
    builder.add_node("work", work)
    sends = [Send("work", {"n": n}) for n in range(3)]
    builder.add_conditional_edges(START, lambda state: sends, ["work"])
    text, _ = shown(show_steps, builder.compile(), {"xs": []})
    for n in range(3):
        assert f"n={n}  | xs=[{n}]" in text


def test_labels_of_roads_are_in_both_forms_and_quoted(shown):
    builder = StateGraph(S)
    builder.add_node("a", lambda s: {})
    builder.add_node('odd "name"', lambda s: {})
    builder.add_edge(START, "a")
    builder.add_conditional_edges("a", lambda s: "yes", {"yes": 'odd "name"', "no": END})
    text, (_, source) = shown(show_graph, builder.compile())
    assert 'odd "name" (yes)' in text and "END (no)" in text
    assert '["odd #quot;name#quot;"]' in source and '|"yes"|' in source


def test_steps_show_what_was_read_run_and_written(shown):
    text, _ = shown(show_steps, small(), {"xs": ["0"]})
    rows = [line.split(" | ") for line in text.splitlines()[2:]]
    stripped = [[cell.strip() for cell in row] for row in rows]
    assert stripped == [
        ["", "input", "", "xs=['0']"],
        ["1", "left", "xs=['0']", "xs=['l']"],
        ["", "= state", "", "xs=['0', 'l'] *"],
        ["2", "right", "xs=['0', 'l']", "xs=['r']"],
        ["", "= state", "", "xs=['0', 'l', 'r'] *"],
    ]


def test_steps_return_the_end_and_show_the_way_to_an_error(things):
    assert show_steps(small(), {"xs": []}) == {"xs": ["l", "r"]}
    builder = StateGraph(S)
    builder.add_node("fine", lambda s: {"xs": ["ok"]})
    builder.add_node("boom", lambda s: 1 / 0)
    builder.add_edge(START, "fine")
    builder.add_edge("fine", "boom")
    with pytest.raises(ZeroDivisionError):
        show_steps(builder.compile(), {"xs": []})
    assert "fine" in repr(things[-1]) and "boom" in repr(things[-1])


def test_text_from_people_is_never_html(shown):
    hostile = "<img src=x onerror=alert(1)>"
    for show, value in (
        (show_messages, [{"role": "user", "content": hostile}]),
        (show_state, {"a": hostile}),
        (lambda v: show_table(v, [hostile]), [[hostile]]),
    ):
        _, (mime, source) = shown(show, value)
        assert mime == "text/html" and "<img" not in source and "&lt;img" in source


def test_the_same_run_is_shown_the_same_twice(shown):
    def once():
        graph = build_namu()
        wish = {"messages": [{"role": "user", "content": "a cafe in Mapo"}]}
        return shown(show_steps, graph, wish)

    assert once() == once()


def test_brief_is_one_short_line_without_addresses():
    assert "\n" not in summary_line("a\nb") and len(summary_line("x" * 500)) <= 72
    assert "0x" not in summary_line(object())
    assert summary_line({"b", "a"}) == "{'a', 'b'}"
