"""A checkpoint tree as turns: what was said, in order, with branches under where they fork."""

import asyncio

from chat_graphs import asking, chat_on, moody
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from test_history import CONFIG, say, talk

from course_lib.chat.turn_tree import step_label, turns_of
from course_lib.chat.turn_tree_view import EMPTY, TurnTreeView
from course_lib.persistence import CheckpointTree


def outline(tree, at=None):
    """The turns as text: indented by depth, the active ones marked."""
    return [
        f"{'  ' * turn.depth}{'* ' if turn.active else ''}{turn.said}"
        + (" (branch)" if turn.branch else "")
        for turn in turns_of(tree, at)
    ]


def read(graph):
    return CheckpointTree.from_graph(graph, CONFIG)


def test_a_turn_is_a_message_and_the_steps_up_to_the_next_one():
    graph = talk(InMemorySaver())
    say(graph, "one")
    say(graph, "two")
    first, second = turns_of(read(graph))
    assert (first.said, second.said) == ("one", "two")
    labels = ["before the message", "the message is in", "count", "answer"]
    assert [step_label(step) for step in first.steps] == labels
    assert first.end.id == second.steps[0].parent
    assert turns_of(CheckpointTree([])) == []


def test_a_branch_stands_under_the_turn_it_forks_from_and_the_line_goes_on_below():
    graph = talk(InMemorySaver())
    say(graph, "one")
    origin = read(graph).newest
    say(graph, "two")
    say(graph, "three")
    end = read(graph).newest
    say(graph, "another two", origin.config)
    say(graph, "and on")
    tree = read(graph)
    wanted = ["* one", "  * another two (branch)", "  * and on", "two", "three"]
    assert outline(tree) == wanted
    assert outline(tree, end.id) == [
        "* one",
        "  another two (branch)",
        "  and on",
        "* two",
        "* three",
    ]
    assert outline(tree, origin.id) == ["* one", *(line.replace("* ", "") for line in wanted[1:])]


def test_a_fork_from_inside_a_turn_stands_under_that_turn():
    graph = talk(InMemorySaver())
    say(graph, "one")
    inside = next(c for c in read(graph).checkpoints.values() if c.step == 1)
    say(graph, "instead", inside.config)
    assert outline(read(graph)) == ["* one", "  * instead (branch)"]


def test_steps_by_code_belong_to_the_turn_they_follow():
    graph = talk(InMemorySaver())
    say(graph, "one")
    graph.update_state(CONFIG, {"turns": 7})
    say(graph, "two")
    first, _ = turns_of(read(graph))
    assert step_label(first.end) == "changed from code"
    graph.update_state(first.steps[1].config, {"turns": 8})
    assert "  * changed from code (branch)" in outline(read(graph))


async def test_a_retry_is_a_sibling_and_a_first_message_can_be_replaced():
    chat, transcript = chat_on(moody())
    await chat.send("one")
    await chat.send("two")
    for _ in range(2):
        await chat.try_again(transcript.entries[-1]["key"])
    assert outline(await chat.tree()) == ["* one", "  two (branch)", "  * two (branch)", "two"]
    await chat.edit(transcript.entries[0]["key"], "uno")
    assert "  * uno (branch)" in outline(await chat.tree())
    assert "one" in outline(await chat.tree())


async def test_an_answered_question_goes_on_with_its_turn_and_one_asked_again_is_a_branch():
    chat, transcript = chat_on(asking("Sure?"))
    await chat.send("hello")
    waiting = (await chat.tree()).newest.id
    (card,) = (e for e in transcript.entries if e["kind"] == "approval")
    await chat.resume({card["id"]: "yes"})
    (turn,) = turns_of(await chat.tree())
    assert len(turn.steps) == 3
    await chat.go_to(waiting)
    (card,) = (e for e in transcript.entries if e["kind"] == "approval")
    await chat.resume({card["id"]: "no"})
    tree = outline(await chat.tree())
    assert tree[0] == "* hello" and len(tree) > 1


async def test_a_stopped_turn_is_followed_by_the_next_message():
    chat, _ = chat_on(moody())
    job = asyncio.create_task(chat.send("slow"))
    while not chat.running:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    chat.stop()
    await job
    await chat.send("hi")
    assert outline(await chat.tree())[-1] == "* hi"


def test_what_is_left_of_a_long_thread_has_a_first_turn_too():
    graph = talk(InMemorySaver())
    for text in ("one", "two", "three"):
        say(graph, text)
    newest = list(graph.checkpointer.list(CONFIG, limit=6))
    tree = CheckpointTree(newest)
    assert outline(tree) == ["* earlier", "* three"]
    assert step_label(turns_of(tree)[0].steps[0]) == "earlier steps are not shown"


def test_a_turn_of_many_steps_is_one_turn():
    graph = talk(InMemorySaver())
    for n in range(200):
        graph.update_state(CONFIG, {"messages": [HumanMessage(str(n))]})
    assert len(turns_of(read(graph))[0].steps) == 200


def test_the_view_marks_where_the_chat_stands_and_reports_a_choice():
    graph = talk(InMemorySaver())
    chosen = []
    view = TurnTreeView(chosen.append)
    assert view.heading == EMPTY
    say(graph, "one")
    tree = read(graph)
    view.show(tree)
    assert view.here == tree.newest.id and view.turns[0]["steps"][3]["wrote"] == "messages"
    assert all("loop" not in step["label"] for step in view.turns[0]["steps"])
    view._on_message(None, {"kind": "go", "id": view.turns[0]["steps"][1]["id"]}, [])
    view._on_message(None, {"kind": "go", "id": 5}, [])
    assert chosen == [view.turns[0]["steps"][1]["id"]]
    view.show(CheckpointTree([]))
    assert (view.turns, view.here, view.heading) == ([], "", EMPTY)
