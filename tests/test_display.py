"""What a cell shows: the same from run to run, in text and in HTML, and safe."""

import asyncio
import json
import operator
import re
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Annotated

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph.runtime import Runtime
from langgraph.store.postgres.aio import AsyncPostgresStore
from langgraph.store.sqlite.aio import AsyncSqliteStore
from langgraph.types import Send
from pydantic import BaseModel
from typing_extensions import TypedDict

from course_lib.display import (
    format_json,
    map_svg,
    show_graph,
    show_map,
    show_messages,
    show_state,
    show_steps,
    show_table,
    show_tree,
    state_table,
    summary_line,
    table,
)
from course_lib.display.graphs import FOR_BOTH_THEMES
from course_lib.display.values import one_line
from course_lib.models import OfflineChatModel
from course_lib.namu import build_namu, union
from course_lib.persistence import (
    CheckpointTree,
    diff_states,
    is_equal,
    open_async_checkpointer,
)
from course_lib.places import load_places


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
    monkeypatch.setattr("IPython.display.display", found.append)
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
    assert source.splitlines()[:2] == [FOR_BOTH_THEMES, "graph TD"] and 'n0(["START"])' in source
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


class Raises:
    """Raises whenever it is looked at."""

    def __repr__(self):
        raise RuntimeError("detached")

    __str__ = __repr__

    def __eq__(self, other):
        raise RuntimeError("detached")

    __hash__ = None


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def cyclic():
    value = {"name": "me"}
    value["self"] = [value]
    return value


class Survey(BaseModel):
    question: str = "How was it?"
    values: dict[str, int] = {"good": 3}


HOSTILE = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=30),
        st.binary(max_size=30),
        st.builds(Raises),
        st.builds(Survey),
        st.builds(lambda: np.arange(3.0)),
        st.builds(lambda: nested(3000)),
        st.builds(cyclic),
        st.builds(lambda: "x" * 1_000_000),
        st.builds(lambda: list(range(100_000))),
        st.builds(lambda: {1, "a", None, (1, 2)}),
        st.builds(lambda: (n for n in range(3))),
        st.builds(lambda: 10**20_000),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.text(max_size=5), st.tuples(st.integers()), st.binary(), st.none()),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=HOSTILE, second=HOSTILE)
def test_any_value_is_shown_and_never_floods(first, second):
    assert len(summary_line(first)) <= 72
    json.loads(format_json(first), parse_constant=pytest.fail) if not isinstance(first, str) else 0
    assert len(format_json(first)) < 3_000_000
    assert is_equal(first, first) and isinstance(is_equal(first, second), bool)
    diff_states({"value": first, "messages": [first]}, {"value": second, "messages": [second]})
    state_table({"value": first}, before={"value": second})
    text = table([[first, second]], ["first", "second"]).text
    assert len(text) < 20_000


def test_a_value_that_did_not_change_is_not_marked_and_one_that_did_is(shown):
    old, new = {"a": np.arange(3.0)}, {"a": np.arange(3.0) + 1}
    assert "*" in shown(show_state, new, before=old)[0]
    assert "*" not in shown(show_state, {"a": np.arange(3.0)}, before=old)[0]


def test_states_with_arrays_and_messages_of_any_form_are_compared():
    old = {"a": np.arange(3.0), "b": 1, "messages": [{"role": "user", "content": "hi"}]}
    new = {"a": np.arange(3.0), "b": 2, "messages": [{"role": "user", "content": "ho"}, ("x", "y")]}
    diff = diff_states(old, new)
    assert diff.fields == {"b": (1, 2)} and diff.added == [("x", "y")]
    assert [new["content"] for _, new in diff.replaced] == ["ho"] and diff.removed == []
    assert list(diff_states(old, {**old, "a": np.arange(4.0)}).fields) == ["a"]


def test_a_field_called_values_is_a_field(shown):
    text, _ = shown(show_state, Survey())
    assert "question" in text and "values" in text


def test_a_long_cell_is_cut_and_its_length_told():
    assert "(1,000,000 characters)" in table([["x" * 1_000_000]], ["long"]).text


def test_many_rows_and_many_lines_are_cut_and_their_number_told():
    rows = table([["a", "b"]] * 5_000, ["one", "two"]).text.splitlines()
    assert len(rows) == 1_003 and rows[-1].startswith("... 4,000 more rows")
    assert "... 99,800 more lines" in table([[["x"] * 100_000]], ["lines"]).text


JOINED = ["👩\u200d👩\u200d👧", "می\u200cخواهم", "שלום\u200f!", "a\u00a0b", "a\u3000b"]
TURNING = ["\u202eevil", "\u2066a", "a\x1b[31m", "a\0", "\\u200d", "\ud83d", "a\nb"]


@pytest.mark.parametrize("text", JOINED)
def test_what_joins_the_parts_of_an_emoji_or_a_word_is_shown_as_it_is(text):
    assert one_line({"a": [text]}) == f"{{a: ['{text}']}}"


@pytest.mark.parametrize("text", TURNING)
def test_what_turns_or_breaks_a_line_is_written_out(text):
    assert one_line(text) == repr(text)


class RaisingList(list):
    def __iter__(self):
        raise RuntimeError("iterated")

    __len__ = __bool__ = __iter__


class RaisingDict(dict):
    def items(self):
        raise RuntimeError("items")


class Pretender:
    @property
    def __class__(self):
        raise RuntimeError("class")


class RaisingText(AIMessage):
    @property
    def text(self):
        raise RuntimeError("text")


def held_often(levels, width):
    """One list that each level holds several times."""
    value = ["x"] * width
    for _ in range(levels):
        value = [value] * width
    return value


@pytest.mark.parametrize(("levels", "width"), [(40, 2), (12, 30), (12, 200)])
def test_one_list_that_is_held_many_times_is_shown_at_once(shown, levels, width):
    value = held_often(levels, width)
    shown(show_state, {"field": value, "other": {"deep": value}})
    assert len(summary_line(value)) <= 72 and len(format_json(value)) < 10_000_000


def test_half_of_an_emoji_can_be_sent_to_a_front_end(shown):
    for show in (show_messages, lambda said: show_state({"messages": said})):
        text, (_, source) = shown(show, [HumanMessage("half \ud83d of it")])
        assert "half \\ud83d of it" in text.encode().decode() and source.encode()


HOSTILE_KINDS = {
    "a list": lambda: RaisingList([1]),
    "a mapping": lambda: RaisingDict(a=1),
    "any class": Pretender,
    "a message": lambda: RaisingText("hello"),
}


@pytest.mark.parametrize("name", HOSTILE_KINDS)
def test_no_display_raises_on_a_class_that_does(shown, name):
    value = HOSTILE_KINDS[name]()
    shown(show_state, {"field": value, "messages": [value]})
    shown(show_state, value)
    shown(show_messages, [value])
    shown(show_table, [[value]], [1])
    assert isinstance(format_json(value), str) and isinstance(format_json([value]), str)


@tool
async def find(words: str) -> str:
    """Find places."""
    return f"found {words}"


async def to_the_end(state):
    return END


async def upper(state):
    return {"text": state["text"].upper()}


def one(node, route=None):
    graph = StateGraph(Words).add_node("node", node).add_edge(START, "node")
    if route is not None:
        graph.add_conditional_edges("node", route)
    return graph.compile()


ASYNCHRONOUS = {
    "a tool of an agent": lambda: create_agent(OfflineChatModel(), [find]),
    "a route": lambda: one(lambda state: {"text": "IN"}, to_the_end),
    "a part of a sequence": lambda: one(RunnableLambda(lambda state: state) | upper),
}


@pytest.mark.parametrize("name", ASYNCHRONOUS)
async def test_steps_are_shown_wherever_a_graph_is_asynchronous(shown, name):
    value = {"messages": [("user", "hello")]} if "agent" in name else {"text": "in"}
    text, _ = shown(show_steps, ASYNCHRONOUS[name](), value)
    assert ("Namu" if "agent" in name else "IN") in text


async def test_steps_of_asynchronous_nodes_are_shown(shown):
    async def node(state):
        await asyncio.sleep(0)
        return {"text": "from an asynchronous node"}

    graph = StateGraph(Words).add_node(node).add_edge(START, "node").compile()
    text, _ = shown(show_steps, graph, {"text": "in"})
    assert "from an asynchronous node" in text


class Words(TypedDict):
    text: str


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (lambda: show_graph(StateGraph(Words)), "was not compiled"),
        (lambda: show_steps(StateGraph(Words), {}), "was not compiled"),
        (lambda: show_tree(CheckpointTree([]), StateGraph(Words)), "was not compiled"),
        (lambda: show_steps(RemoteGraph("namu", url="http://127.0.0.1:9"), {}), "on a server"),
        (lambda: show_steps(RunnableLambda(len), "x"), "this is a RunnableLambda"),
        (lambda: show_graph("graph"), "is a str"),
        (lambda: show_tree("tree"), "takes a CheckpointTree"),
        (lambda: show_messages("hello"), "a list of messages"),
    ],
)
def test_the_wrong_thing_is_refused_with_the_remedy(job, told):
    with pytest.raises(TypeError, match=told):
        job()


def test_rows_may_come_from_an_iterator():
    assert table(zip("ab", [1, 2], strict=True), ["letter", "number"]).text.endswith("b      | 2")


def test_rows_of_another_length_are_refused():
    with pytest.raises(ValueError, match="Row 2 has 1 cells"):
        table([[1, 2], [1]], ["a", "b"])


async def test_a_click_in_a_tree_over_an_asynchronous_saver_shows_the_state(tmp_path):
    async def node(state):
        return {"text": "found"}

    async with open_async_checkpointer(f"sqlite:///{tmp_path / 'chat.db'}") as saver:
        graph = StateGraph(Words).add_node(node).add_edge(START, "node")
        graph = graph.compile(checkpointer=saver)
        config = {"configurable": {"thread_id": "t"}}
        await graph.ainvoke({"text": "in"}, config)
        view = show_tree(await CheckpointTree.from_async_graph(graph, config), graph)
        view.selected = 2
        await asyncio.wait_for(view._lookup, 5)
        assert "found" in view.detail


def counting(store):
    """Two nodes that run in one step, one of them asynchronous, and both use the store."""

    async def awaited(state: Words, runtime: Runtime):
        await runtime.store.aput(("a",), str(len(await runtime.store.asearch(("a",)))), {"n": 1})

    def called(state: Words, runtime: Runtime):
        runtime.store.put(("b",), str(len(runtime.store.search(("b",)))), {"n": 1})

    graph = StateGraph(Words).add_node(awaited).add_node(called)
    return graph.add_edge(START, "awaited").add_edge(START, "called").compile(store=store)


@pytest.mark.parametrize("kind", ["sqlite", "postgres", "postgres pool"])
async def test_the_steps_of_a_graph_with_a_store_of_the_notebooks_loop(
    kind, tmp_path, request, shown
):
    async with AsyncExitStack() as opened:
        if kind == "sqlite":
            path = str(tmp_path / "store.db")
            made = AsyncSqliteStore.from_conn_string(path, ttl={"default_ttl": 60})
        else:
            pool = {"pool_config": {"min_size": 1, "max_size": 2}} if "pool" in kind else {}
            url = request.getfixturevalue("server").url
            made = AsyncPostgresStore.from_conn_string(url, **pool)
        store = await opened.enter_async_context(made)
        await store.setup()
        for space in ("a", "b"):
            for item in await store.asearch((space,)):
                await store.adelete((space,), item.key)
        graph = counting(store)
        for where in ("cell", "cell", "thread"):
            run = partial(shown, show_steps, graph, {"text": "in"})
            text, _ = run() if where == "cell" else await asyncio.to_thread(run)
            assert "awaited" in text and "called" in text
        await store.aput(("a",), "own", {"n": 1})
        found = [len(await store.asearch((space,))) for space in ("a", "b")]
        assert found == [4, 3]


async def test_steps_that_only_call_such_a_store_do_not_wait_for_ever(tmp_path, shown):
    """LangGraph calls nodes of one step in threads, and those would wait for the blocked loop."""

    def called(state: Words, runtime: Runtime):
        runtime.store.put(("b",), "1", {"n": 1})
        return {"text": str(runtime.store.get(("b",), "1").value)}

    async with AsyncSqliteStore.from_conn_string(str(tmp_path / "store.db")) as store:
        await store.setup()
        graph = StateGraph(Words).add_node(called).add_edge(START, "called").compile(store=store)
        text, _ = shown(show_steps, graph, {"text": "in"})
    assert "{'n': 1}" in text


async def test_what_belongs_to_the_notebooks_loop_is_told_with_the_remedy():
    future = asyncio.get_running_loop().create_future()

    async def node(state: Words):
        await future

    graph = StateGraph(Words).add_node(node).add_edge(START, "node").compile()
    with pytest.raises(RuntimeError, match="take the store from"):
        show_steps(graph, {"text": "in"})


def _shared(levels: int) -> list:
    """A list of two parts that are the same list, and so on: 2 ** levels parts in all."""
    value: list = []
    for _ in range(levels):
        value = [value, value]
    return value


def _nested(levels: int, core: object = 0) -> list:
    value: list = [core]
    for _ in range(levels):
        value = [value]
    return value


def _cycle() -> dict:
    value: dict = {"name": "round"}
    value["itself"] = value
    return value


def test_a_value_that_holds_itself_is_shown_once():
    assert summary_line(_cycle()) == "{name: 'round', itself: ...}"


@pytest.mark.parametrize("make", [lambda: _shared(60), lambda: _nested(3000), _cycle])
def test_a_comparison_of_containers_comes_to_an_end(make):
    assert is_equal(make(), make())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2], [1, 3]),
        ([1], [1, 1]),
        ({"a": 1}, {"b": 1}),
        ({"a": [1]}, {"a": [2]}),
        ([1], (1,)),
        (_nested(3000, 1), _nested(3000, 2)),
        ([np.zeros(2)], [np.ones(2)]),
    ],
)
def test_containers_that_differ_are_not_equal(first, second):
    assert not is_equal(first, second)
    assert is_equal(first, first)


def test_a_long_text_in_json_tells_how_much_was_cut():
    assert "... 5,000 more characters" in format_json({"text": "x" * 25_000})
    assert "more characters" not in format_json({"text": "x" * 20_000})


def test_a_map_has_numbered_pins_and_a_text_beside_it(shown):
    places = [p for p in load_places() if p.category == "palace"][:3]
    text, (_, source) = shown(show_map, places)
    assert [line.split(". ")[0] for line in text.splitlines()] == ["1", "2", "3"]
    assert source.count("<circle") == 3 and source.count('<path class="namu-map-here"') >= 1
    assert show_map([p.as_dict() for p in places]) is None  # mappings, as the state holds them


def test_a_map_of_hostile_names_and_of_nothing():
    name = "</title><script>x</script>"
    assert "<script" not in map_svg([(name, (37.5, 127.0))])
    assert map_svg([]).count("<path") == 25


def test_pins_on_one_spot_are_moved_apart():
    spot = (37.57, 126.98)
    drawn = map_svg([(str(n), spot) for n in range(4)])
    across = [float(x) for x in re.findall(r'cx="([\d.]+)"', drawn)]
    assert min(b - a for a, b in pairwise(sorted(across))) >= 16


def label_of(drawn, name):
    """Where a district's name stands on a map, across and down."""
    found = re.search(rf'<text x="(\d+)" y="(\d+)">{name}</text>', drawn)
    return None if found is None else (int(found[1]), int(found[2]))


def test_the_name_of_a_district_stands_beside_its_pins_and_not_in_another_district():
    cheongdam, hwayang = (37.5249, 127.0385), (37.545, 127.08)
    drawn = map_svg([("a", cheongdam), ("b", hwayang)])
    pins = [
        (float(x), float(y)) for x, y in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)
    ]
    gangnam, gwangjin, seocho = (label_of(drawn, n) for n in ("Gangnam", "Gwangjin", "Seocho"))
    assert gangnam[1] > pins[0][1] and gwangjin[0] > gangnam[0]
    assert seocho is None or seocho[0] < pins[0][0] - 30  # to the west of Gangnam
    for x, y in pins:  # no name is under a pin
        assert all(abs(x - a) > 20 or abs(y - b) > 10 for a, b in (gangnam, gwangjin))


def test_a_map_of_korean_places_names_its_districts_in_korean():
    drawn = map_svg([("카페", (37.5249, 127.0385))])
    assert "강남구" in drawn and label_of(drawn, "Gangnam") is None
