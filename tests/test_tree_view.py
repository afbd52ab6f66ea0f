"""The tree on display, without a browser: its text form, its choice, and what it looks up."""

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from test_history import CONFIG, say, talk

from course_lib.display.tree_view import TreeView, tree_text
from course_lib.persistence import CheckpointTree


def forked():
    graph = talk(InMemorySaver())
    say(graph, "one")
    origin = CheckpointTree.from_graph(graph, CONFIG).newest
    say(graph, "two")
    say(graph, "another two", origin.config)
    return graph, CheckpointTree.from_graph(graph, CONFIG)


def test_text_shows_each_checkpoint_once_with_its_branch_and_where_it_came_from():
    lines = tree_text(forked()[1]).splitlines()
    assert lines[0] == "branches: main, branch-1"
    assert lines[1] == "o .   1  step -1: input"
    assert lines[4] == "o .   4  step 2: answer wrote messages"
    assert lines[9].startswith(". o") and lines[9].endswith("(from row 4)")
    assert len(lines) == 1 + 12


def test_text_is_the_same_twice_and_holds_no_ids():
    (_, first), (_, second) = forked(), forked()
    assert tree_text(first) == tree_text(second)
    assert not any(checkpoint_id in tree_text(first) for checkpoint_id in first.checkpoints)


def test_choosing_a_checkpoint_shows_its_state_and_gives_its_config():
    graph, tree = forked()
    view = TreeView(tree, graph)
    assert view.config == dict(tree.newest.config)
    view.selected = 3
    assert "human: one" in view.detail and "turns: 1" in view.detail and "two" not in view.detail
    end = graph.invoke({"messages": [HumanMessage("from here")]}, view.config)
    assert [m.text for m in end["messages"]][::2] == ["one", "from here"]


def test_without_a_graph_it_says_what_to_hand_over():
    view = TreeView(forked()[1])
    view.selected = 0
    assert "show_tree(tree, graph)" in view.detail
    assert repr(view) == tree_text(view.tree)
