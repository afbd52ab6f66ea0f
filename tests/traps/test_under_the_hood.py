"""What surprises in appendix A2, as LangGraph behaves today, and how its toy compares with it.

A release that changes one of these changes what the appendix says.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import logging
import operator
import time
from typing import Annotated

import pytest
from langgraph.channels import (
    BinaryOperatorAggregate,
    DeltaChannel,
    EphemeralValue,
    LastValue,
    Topic,
    UntrackedValue,
)
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import START, StateGraph
from langgraph.managed import RemainingSteps
from langgraph.pregel import NodeBuilder, Pregel
from langgraph.types import StateUpdate
from typing_extensions import TypedDict

from course_lib.exercises import toy_engine
from course_lib.settings import ROOT

ANN = {"configurable": {"thread_id": "ann"}}
NOTEBOOK = ROOT / "notebooks" / "A2_under_the_hood.ipynb"


class Text(TypedDict):
    text: str


def add_a(state):
    return {"text": state["text"] + "a"}


def add_b(state):
    return {"text": state["text"] + "b"}


def two_nodes(saver=None):
    builder = StateGraph(Text).add_sequence([add_a, add_b]).add_edge(START, "add_a")
    return builder.compile(checkpointer=saver)


def extended(value, writes):
    return [*value, *(item for write in writes for item in write)]


def by_hand(nodes, *fields, input_channels="start", saver=None, **channels):
    channels = {"start": EphemeralValue(str)} | {f: LastValue(str) for f in fields} | channels
    outputs = list(channels)[1:]
    return Pregel(
        nodes=nodes,
        channels=channels,
        input_channels=input_channels,
        output_channels=outputs,
        checkpointer=saver,
    )


def test_the_same_value_written_again_starts_the_subscriber_again():
    runs = []
    nodes = {
        "write": NodeBuilder().subscribe_only("start").write_to("field"),
        "other": NodeBuilder().subscribe_only("field").do(runs.append),
    }
    graph = by_hand(nodes, "field", saver=InMemorySaver())
    for _ in range(3):
        graph.invoke("x", ANN)
    assert runs == ["x"] * 3


def test_two_subscriptions_start_a_node_once_in_each_super_step_that_writes_one():
    runs = []

    def noted(name):
        return lambda _: runs.append(name)

    nodes = {
        "one": NodeBuilder().subscribe_only("start").write_to("left", "middle"),
        "two": NodeBuilder().subscribe_only("middle").write_to("right"),
        "either": NodeBuilder().subscribe_to("left", "right").do(noted("either")),
        "both": NodeBuilder().subscribe_to("left", "middle").do(noted("both")),
        "reader": NodeBuilder().subscribe_to("right").read_from("left").do(noted("reader")),
    }
    by_hand(nodes, "left", "middle", "right").invoke("x")
    assert sorted(runs) == ["both", "either", "either", "reader"]


def test_an_empty_channel_with_a_new_version_starts_nobody():
    saver = InMemorySaver()
    graph = two_nodes(saver)
    graph.invoke({"text": ""}, ANN)
    checkpoint, edge = saver.get_tuple(ANN).checkpoint, "branch:to:add_b"
    assert checkpoint["channel_versions"][edge] > checkpoint["versions_seen"]["add_b"][edge]
    assert edge not in checkpoint["channel_values"]
    assert graph.get_state(ANN).next == ()


def test_none_is_a_write_and_starts_the_node():
    runs = []
    nodes = {
        "write": NodeBuilder().subscribe_only("start").do(lambda _: None).write_to("edge"),
        "next": NodeBuilder().subscribe_only("edge").do(runs.append),
    }
    by_hand(nodes, edge=EphemeralValue(str)).invoke("x")
    assert runs == [None]


def test_an_empty_list_written_to_a_topic_starts_nobody():
    runs = []
    nodes = {
        "write": NodeBuilder().subscribe_only("start").write_to(edge=lambda _: []),
        "next": NodeBuilder().subscribe_only("edge").do(runs.append),
    }
    by_hand(nodes, edge=Topic(str)).invoke("x")
    assert runs == []


def test_a_write_to_a_channel_that_does_not_exist_is_only_logged(caplog):
    nodes = {"write": NodeBuilder().subscribe_only("start").write_to("field", "feild")}
    with caplog.at_level(logging.WARNING):
        assert by_hand(nodes, "field").invoke("x") == {"field": "x"}
    assert "unknown channel feild" in caplog.text


def test_subscribe_only_cannot_read_a_second_channel():
    only = NodeBuilder().subscribe_only("start")
    with pytest.raises(ValueError, match="single channel"):
        only.subscribe_to("other")
    with pytest.raises(AssertionError, match="single channel"):
        only.read_from("other")


def test_the_drawing_follows_the_writes_with_none_and_runs_no_node():
    runs, mapped = [], []
    nodes = {
        "one": NodeBuilder().subscribe_only("start").do(runs.append).write_to(edge=mapped.append),
        "two": NodeBuilder().subscribe_only("edge").do(runs.append),
    }
    edges = by_hand(nodes, "edge").get_graph().edges
    assert {(edge.source, edge.target) for edge in edges} >= {("one", "two")}
    assert (runs, mapped) == ([], [None])


def test_a_drawing_fails_where_a_function_of_write_to_cannot_take_none():
    nodes = {"one": NodeBuilder().subscribe_only("start").write_to(field=len)}
    graph = by_hand(nodes, "field")
    assert graph.invoke("x") == {"field": 1}
    with pytest.raises(TypeError, match="NoneType"):
        graph.get_graph()


def test_a_drawing_fails_where_the_input_channels_are_a_list():
    nodes = {"one": NodeBuilder().subscribe_only("start").write_to("field")}
    graph = by_hand(nodes, "field", input_channels=["start"])
    assert graph.invoke({"start": "x"}) == {"field": "x"}
    with pytest.raises(UnboundLocalError, match="deferred_nodes"):
        graph.get_graph()


def slow_graph(node):
    graph = StateGraph(Text).add_node("slow", node).add_edge(START, "slow").compile(InMemorySaver())
    graph.step_timeout = 0.1
    return graph


def test_a_node_that_missed_the_step_timeout_ends_and_its_writes_are_kept():
    runs = []

    def slow(state):
        runs.append("slow")
        time.sleep(1)
        return {"text": "late"}

    graph = slow_graph(slow)
    with pytest.raises(TimeoutError):
        graph.invoke({"text": ""}, ANN)
    assert graph.get_state(ANN).next == () and graph.get_state(ANN).values == {"text": "late"}
    graph.step_timeout = None
    assert graph.invoke(None, ANN) == {"text": "late"}
    assert runs == ["slow"]


def test_an_async_node_that_missed_the_step_timeout_is_cancelled_and_runs_again():
    runs = []

    async def slow(state):
        runs.append("slow")
        if len(runs) == 1:
            await asyncio.sleep(60)
        return {"text": "late"}

    async def both_runs():
        graph = slow_graph(slow)
        with pytest.raises(TimeoutError):
            await graph.ainvoke({"text": ""}, ANN)
        assert graph.get_state(ANN).next == ("slow",)
        graph.step_timeout = None
        return await graph.ainvoke(None, ANN)

    assert asyncio.run(both_runs()) == {"text": "late"}
    assert runs == ["slow", "slow"]


def test_untracked_and_delta_channels_leave_no_value_in_the_checkpoint():
    class State(TypedDict):
        lost: Annotated[str, UntrackedValue]
        long: Annotated[list[str], DeltaChannel(extended)]

    builder = StateGraph(State)
    builder.add_node("write", lambda state: {"lost": "a", "long": ["a"]})
    saver = InMemorySaver()
    graph = builder.add_edge(START, "write").compile(checkpointer=saver)
    for turn in (1, 2):
        assert graph.invoke({"long": []}, ANN) == {"lost": "a", "long": ["a"] * turn}
        assert not {"lost", "long"} & set(saver.get_tuple(ANN).checkpoint["channel_values"])
        assert graph.get_state(ANN).values == {"long": ["a"] * turn}


def test_a_delta_channel_stores_its_whole_value_at_every_hundredth_update():
    class State(TypedDict):
        long: Annotated[list[str], DeltaChannel(extended)]

    saver = InMemorySaver()
    builder = StateGraph(State).add_node("write", lambda state: {"long": ["a"]})
    graph, stored = builder.add_edge(START, "write").compile(saver), []
    for turn in range(1, 51):  # the input and the node write, so this is 100 updates
        graph.invoke({"long": []}, ANN)
        if "long" in saver.get_tuple(ANN).checkpoint["channel_values"]:
            stored.append(turn)
    assert stored == [50]


def test_bulk_update_state_writes_a_checkpoint_for_each_super_step():
    graph = two_nodes(InMemorySaver())
    steps = [[StateUpdate({"text": "A"}, START)], [StateUpdate({"text": "Aa"}, "add_a")]]
    graph.bulk_update_state(ANN, steps)
    found = [(s.metadata["source"], s.next, s.values) for s in graph.get_state_history(ANN)]
    assert found == [
        ("update", ("add_b",), {"text": "Aa"}),
        ("update", ("add_a",), {"text": "A"}),
    ]
    assert graph.invoke(None, ANN) == {"text": "Aab"}


def test_a_managed_value_is_computed_and_neither_stored_nor_written():
    class Limited(Text):
        left: RemainingSteps

    def graph_of(node):
        builder = StateGraph(Limited).add_node("look", node).add_edge(START, "look")
        return builder.compile(checkpointer=InMemorySaver())

    graph = graph_of(lambda state: {"text": f"{state['left']} left"})
    assert graph.invoke({"text": ""}, {**ANN, "recursion_limit": 5}) == {"text": "4 left"}
    assert graph.get_state(ANN).values == {"text": "4 left"}
    wrote = graph_of(lambda state: {"left": 9, "text": "x"}).invoke({"text": ""}, ANN)
    assert wrote == {"text": "x"}


def plain(node: ast.AST) -> str:
    """The code of a function or class without docstrings and annotations of functions."""
    for each in ast.walk(node):
        if isinstance(each, ast.FunctionDef):
            each.returns = None
            for arg in each.args.args:
                arg.annotation = None
        body = getattr(each, "body", None)
        first = body[0] if isinstance(body, list) else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            del body[0]
    return ast.dump(node)


def definitions(source: str) -> dict[str, str]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {n.name: plain(n) for n in ast.parse(source).body if isinstance(n, kinds)}


def cells_of_the_appendix(*ids):
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    kept = [c for c in cells if c["id"] in ids or (c["cell_type"] == "code" and not ids)]
    return {cell["id"]: "".join(cell["source"]) for cell in kept}


def test_the_toy_of_the_exercises_is_the_toy_of_the_appendix():
    cells = cells_of_the_appendix()
    source = "\n\n".join(text for text in cells.values() if text.startswith(("def ", "@dataclass")))
    in_notebook = definitions(source)
    in_module = definitions(inspect.getsource(toy_engine))
    assert set(in_module) == {"Channel", "Node", "with_edges", "plan", "update", "execute"}
    assert in_module == {name: in_notebook[name] for name in in_module}


def run_toy(nodes, channels, given):
    toy_engine.update(channels, given.items())
    while tasks := toy_engine.plan(nodes, channels):
        toy_engine.update(channels, toy_engine.execute(nodes, channels, tasks))


@pytest.mark.parametrize("reducer", [None, operator.add])
def test_the_toy_and_langgraph_refuse_and_accept_the_same_parallel_writes(reducer):
    def write(name):
        return lambda state: {"found": [name]}

    field = Annotated[list[str], reducer] if reducer else list[str]
    builder = StateGraph(TypedDict("State", {"found": field}))
    nodes = {name: toy_engine.Node(["go"], [], write(name)) for name in "ab"}
    for name in "ab":
        builder.add_node(name, write(name)).add_edge(START, name)
    start = [] if reducer else None
    channels = {"go": toy_engine.Channel(), "found": toy_engine.Channel(reducer, start)}
    if reducer is None:
        with pytest.raises(ValueError, match="2 writes"):
            run_toy(nodes, channels, {"go": True})
        with pytest.raises(InvalidUpdateError):
            builder.compile().invoke({"found": []})
    else:
        run_toy(nodes, channels, {"go": True})
        assert channels["found"].value == builder.compile().invoke({"found": []})["found"]


def test_after_an_error_the_toy_runs_all_nodes_again_and_langgraph_only_the_failed_one():
    runs = {"toy": [], "langgraph": []}

    def nodes_of(engine):
        def steady(state):
            runs[engine].append("steady")
            return {"found": ["steady"]}

        def shaky(state):
            runs[engine].append("shaky")
            if runs[engine].count("shaky") == 1:
                time.sleep(0.5)  # steady finishes first
                raise ConnectionError
            return {"found": ["shaky"]}

        return {"steady": steady, "shaky": shaky}

    toy = {name: toy_engine.Node(["go"], [], f) for name, f in nodes_of("toy").items()}
    found = toy_engine.Channel(operator.add, [])
    channels = {"go": toy_engine.Channel(), "found": found}
    with pytest.raises(ConnectionError):
        run_toy(toy, channels, {"go": True})
    run_toy(toy, channels, {})

    nodes = {name: NodeBuilder().subscribe_only("start") for name in toy}
    for name, function in nodes_of("langgraph").items():
        nodes[name].do(function).write_to(found=lambda update: update["found"])
    adding = BinaryOperatorAggregate(list, operator.add)
    graph = by_hand(nodes, saver=InMemorySaver(), found=adding)
    with pytest.raises(ConnectionError):
        graph.invoke("go", ANN)
    assert sorted(graph.invoke(None, ANN)["found"]) == ["shaky", "steady"] == sorted(found.value)
    assert sorted(runs["toy"]) == ["shaky", "shaky", "steady", "steady"]
    assert sorted(runs["langgraph"]) == ["shaky", "shaky", "steady"]


def test_the_hand_made_namu_talks_and_stores_as_build_namu_does():
    cells = cells_of_the_appendix(
        "imports", "steps-of-namu", "nodes-and-channels-of-namu", "compare-the-two-namus"
    )
    scope = {"thread": {"configurable": {"thread_id": "notebook"}}}
    for source in cells.values():
        exec(compile(source, "A2", "exec"), scope)
    mine, usual, shown = scope["hand_made"], scope["namu"], scope["shown"]
    texts = ("마포구 카페", "첫 번째는 빼 줘", "더 싼 곳", "a park in Jongno-gu", "고마워")
    for text in texts:
        message = {"messages": [{"role": "user", "content": text}]}
        assert shown(mine.invoke(text, ANN)) == shown(usual.invoke(message, ANN)), text
    stored = [len(list(graph.get_state_history(ANN))) for graph in (mine, usual)]
    assert stored[0] == stored[1] > 4 * len(texts)
