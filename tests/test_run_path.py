"""Which edges a run took, in which order, as the graph beside the chat shows it."""

import asyncio

from chat_graphs import Shared, asking, moody
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from course_lib.chat import ChatController
from course_lib.chat.graph_view import GraphView
from course_lib.chat.run_path import RunPath


def followed(graph):
    view = GraphView(graph)
    return ChatController(graph, on_event=view.handle), view


def compiled(edges, conditional=(), nodes=None):
    graph = StateGraph(Shared)
    for name in nodes or sorted({each for edge in edges for each in edge} - {START, END}):
        graph.add_node(name, lambda state, name=name: {"seen": [name]})
    for source, target in edges:
        graph.add_edge(source, target)
    for source, choose, targets in conditional:
        graph.add_conditional_edges(source, choose, targets)
    return graph.compile(checkpointer=InMemorySaver())


async def test_the_edges_of_a_run_are_numbered_by_its_steps():
    chat, view = followed(moody())
    await chat.send("hi")
    wanted = [["__start__", "think", 1], ["think", "speak", 2], ["speak", "__end__", 3]]
    assert view.taken == wanted
    await chat.send("again")
    assert view.taken == wanted, "a new run begins at 1"
    await chat.load()
    assert view.taken == []


async def test_what_ran_at_once_has_one_number_and_what_joins_waits_for_all():
    edges = [(START, "a"), (START, "b"), ("a", "c"), ("b", "late"), ("late", "c"), ("c", END)]
    chat, view = followed(compiled(edges))
    await chat.send("go")
    steps = {}
    for source, target, step in view.taken:
        steps.setdefault(step, set()).add((source, target))
    assert steps[1] == {(START, "a"), (START, "b")}
    assert steps[2] == {("a", "c"), ("b", "late")}
    assert ("late", "c") in steps[3]


async def test_a_circle_is_numbered_each_time_round():
    turn = iter(["work", "work", END])
    graph = compiled(
        [(START, "boss"), ("work", "boss")],
        [("boss", lambda state: next(turn), ["work", END])],
        ["boss", "work"],
    )
    chat, view = followed(graph)
    await chat.send("go")
    assert [step for *edge, step in view.taken if edge == ["boss", "work"]] == [2, 4]
    assert view.taken[-1] == ["boss", "__end__", 6]


async def test_an_answer_to_a_question_goes_on_with_the_same_run():
    chat, view = followed(asking("Sure?"))
    await chat.send("hello")
    assert view.taken == [["__start__", "node", 1]] and view.states == {"node": "waiting"}
    view.selected = "node"
    assert view.detail == [["", "waits for an answer"]]
    (question,) = chat._reader.last.interrupts
    await chat.resume({question.id: "yes"})
    assert view.taken == [["__start__", "node", 1], ["node", "__end__", 2]]
    assert view.detail[0][0] == "messages"


async def test_a_stopped_run_goes_on_with_its_numbers():
    chat, view = followed(moody())
    job = asyncio.create_task(chat.send("slow"))
    while "think" not in view.states:
        await asyncio.sleep(0)
    chat.stop()
    await job
    await chat.continue_run()
    assert [step for *_, step in view.taken] == [1, 2, 3]


async def test_a_failure_is_told_with_the_node():
    chat, view = followed(moody())
    await chat.send("boom")
    assert view.states["think"] == "failed" and view.taken[-1][1] == "think"
    view.selected = "think"
    assert "boom, as asked" in view.detail[0][1]
    view.selected = "speak"
    assert "nothing" in view.detail[0][1]
    view.selected = "__start__"
    assert view.detail == [["messages", "human: boom"]]


def test_a_node_that_no_edge_leads_to_is_reached_from_nowhere():
    path = RunPath([("__start__", "a")])
    for node in ("a", "b"):
        path.started(node, node)
        path.ended(node, finished=True)
    path.ended("unknown", finished=True)
    path.finish()
    assert path.taken == [("__start__", "a", 1)]


async def test_a_node_runs_until_its_last_task_has_ended():
    path = RunPath([("__start__", "a")])
    path.started("1", "a")
    path.started("2", "a")
    path.ended("1", finished=True)
    assert path.is_running("a")
    path.ended("2", finished=True)
    assert not path.is_running("a") and path.taken == [("__start__", "a", 1)]
