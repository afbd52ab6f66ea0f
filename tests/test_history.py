"""The checkpoint tree, on all three savers: what came from what, however often it was forked."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.pregel.remote import RemoteGraph

from course_lib.persistence import (
    CheckpointTree,
    as_async_saver,
    diff_states,
    fork_point,
    open_async_checkpointer,
    open_checkpointer,
)

CONFIG = {"configurable": {"thread_id": "t"}}


class Talk(MessagesState):
    turns: int


def count(state):
    return {"turns": state.get("turns", 0) + 1}


def answer(state):
    return {"messages": [AIMessage(f"answer {state['turns']}")]}


def talk(saver):
    builder = StateGraph(Talk)
    builder.add_sequence([count, answer])
    builder.add_edge(START, "count")
    return builder.compile(checkpointer=saver)


def say(graph, text, config=CONFIG):
    return graph.invoke({"messages": [HumanMessage(text)]}, config)


@pytest.fixture
def graph(url):
    with open_checkpointer(url) as saver:
        yield talk(saver)


def test_a_thread_that_was_never_forked_is_one_branch_in_order(graph):
    say(graph, "one")
    say(graph, "two")
    tree = CheckpointTree.from_graph(graph, CONFIG)
    each = list(tree.checkpoints.values())
    assert [c.step for c in each] == list(range(-1, 7))
    assert [c.source for c in each] == ["input", *["loop"] * 3] * 2
    assert [c.parent for c in each[1:]] == [c.id for c in each[:-1]]
    assert tree.branches == {"main": each[-1].id} and tree.newest == each[-1]
    assert [c.nodes for c in each[:4]] == [(), (), ("count",), ("answer",)]
    assert [c.changed for c in each[1:4]] == [("messages",), ("turns",), ("messages",)]


def test_a_fork_is_a_branch_of_its_own_and_leaves_its_origin_as_it_was(graph):
    say(graph, "one")
    say(graph, "two")
    before = CheckpointTree.from_graph(graph, CONFIG)
    origin = next(c for c in before.checkpoints.values() if c.step == 2)
    states = {c: graph.get_state(x.config).values for c, x in before.checkpoints.items()}
    forked = graph.update_state(origin.config, {"turns": 10})
    graph.invoke({"messages": [HumanMessage("another two")]}, forked)
    tree = CheckpointTree.from_graph(graph, CONFIG)
    assert list(tree.branches) == ["main", "branch-1"]
    assert tree.newest.branch == "branch-1"
    assert [c.branch for c in tree.children(origin.id)] == ["main", "branch-1"]
    for checkpoint_id, values in states.items():
        assert tree.checkpoints[checkpoint_id] == before.checkpoints[checkpoint_id]
        assert graph.get_state(tree.checkpoints[checkpoint_id].config).values == values


def test_branches_are_named_by_their_metadata(graph):
    say(graph, "one")
    origin = CheckpointTree.from_graph(graph, CONFIG).newest
    say(graph, "two")
    for _ in range(2):
        named = {**origin.config, "metadata": {"branch": "politely"}}
        graph.update_state(named, {"turns": 5})
    tree = CheckpointTree.from_graph(graph, CONFIG)
    assert list(tree.branches) == ["main", "politely", "politely-2"]
    say(graph, "on", {**tree.newest.config, "metadata": {"branch": "politely"}})
    assert list(CheckpointTree.from_graph(graph, CONFIG).branches) == list(tree.branches)
    end = CheckpointTree.from_graph(graph, CONFIG).newest
    graph.update_state({**end.config, "metadata": {"branch": "renamed"}}, {"turns": 1})
    assert CheckpointTree.from_graph(graph, CONFIG).newest.branch == "renamed"


def test_the_path_goes_up_to_where_two_ways_part_and_down_again(graph):
    say(graph, "one")
    origin = CheckpointTree.from_graph(graph, CONFIG).newest
    say(graph, "two")
    main = CheckpointTree.from_graph(graph, CONFIG).newest
    graph.update_state(origin.config, {"turns": 5})
    tree = CheckpointTree.from_graph(graph, CONFIG)
    path = tree.path(main.id, tree.newest.id)
    assert path[0] == main.id and path[-2:] == [origin.id, tree.newest.id]
    assert tree.path(tree.newest.id, main.id) == path[::-1]
    assert tree.path(main.id, main.id) == [main.id]
    with pytest.raises(KeyError):
        tree.path(main.id, "nowhere")


def test_a_tree_whose_root_was_deleted_is_still_read(url):
    if not url.startswith("sqlite"):
        pytest.skip("one saver is enough for this")
    with open_checkpointer(url) as saver:
        graph = talk(saver)
        say(graph, "one")
        saver.conn.execute(
            "DELETE FROM checkpoints WHERE checkpoint_id = (SELECT min(checkpoint_id) FROM "
            "checkpoints)"
        )
        tree = CheckpointTree.from_graph(graph, CONFIG)
        assert len(tree) == 3 and list(tree.branches) == ["main"]


def test_a_thread_pruned_in_the_middle_claims_nothing_it_cannot_know(graph):
    say(graph, "one")
    say(graph, "two")
    listed = list(graph.checkpointer.list(CONFIG))
    tree = CheckpointTree([found for found in listed if found.metadata["step"] != 2])
    orphan = next(c for c in tree.checkpoints.values() if c.step == 3)
    assert (orphan.parent, orphan.nodes, orphan.changed) == (None, (), ())
    assert len(tree) == 7


def test_a_child_that_a_slow_clock_dated_before_its_parent_still_comes_after_it(graph):
    say(graph, "one")
    listed = list(graph.checkpointer.list(CONFIG))
    newest = listed[0]
    early = newest._replace(checkpoint={**newest.checkpoint, "id": "00" + newest.checkpoint["id"]})
    tree = CheckpointTree([early, *listed[1:]])
    assert list(tree.checkpoints)[-1].startswith("00") and list(tree.branches) == ["main"]


@pytest.mark.parametrize("name", ["main", "", 7])
def test_odd_names_in_the_metadata_open_no_branch_of_their_own(graph, name):
    graph.invoke({"messages": [HumanMessage("one")]}, {**CONFIG, "metadata": {"branch": name}})
    assert list(CheckpointTree.from_graph(graph, CONFIG).branches) == ["main"]


def copied(saver):
    """The thread again, as a script copies it that hands each checkpoint its own config."""
    copy = {"configurable": {"thread_id": "copy"}}
    for found in reversed(list(saver.list(CONFIG))):
        own = {**found.config["configurable"], "thread_id": "copy"}
        versions = found.checkpoint["channel_versions"]
        saver.put({"configurable": own}, found.checkpoint, found.metadata, versions)
    return copy


async def test_a_copy_in_which_each_checkpoint_is_its_own_parent_is_read(url):
    with open_checkpointer(url) as saver:
        graph = talk(saver)
        say(graph, "one")
        say(graph, "two")
        copy = copied(saver)
        newest = saver.get_tuple(copy)
        assert newest.parent_config["configurable"]["checkpoint_id"] == newest.checkpoint["id"]

        tree = CheckpointTree.from_graph(graph, copy)
        assert len(tree.checkpoints) == len(list(saver.list(CONFIG)))
        assert all(each.parent is None for each in tree.checkpoints.values())
        assert say(graph, "three", copy)["turns"] == 3

        two = next(m for m in graph.get_state(copy).values["messages"] if m.content == "two")
        waiting = talk(await as_async_saver(saver, "copy"))
        with pytest.raises(LookupError, match="nothing to fork from"):
            await fork_point(waiting, copy, two.id)


def test_an_empty_thread_is_an_empty_tree(graph):
    tree = CheckpointTree.from_graph(graph, CONFIG)
    assert len(tree) == 0 and tree.branches == {}
    with pytest.raises(LookupError, match="no checkpoints"):
        _ = tree.newest


async def test_an_asynchronous_saver_gives_the_same_tree(url):
    if url == "memory:":
        pytest.skip("memory is not shared between two savers")
    with open_checkpointer(url) as saver:
        graph = talk(saver)
        say(graph, "one")
        wanted = CheckpointTree.from_graph(graph, CONFIG).checkpoints
    async with open_async_checkpointer(url) as saver:
        tree = await CheckpointTree.from_async_graph(talk(saver), CONFIG)
    assert {c.id: (c.branch, c.nodes, c.changed) for c in tree.checkpoints.values()} == {
        c.id: (c.branch, c.nodes, c.changed) for c in wanted.values()
    }


def test_states_are_compared_message_by_message_and_field_by_field():
    kept, old, gone = (HumanMessage(text, id=text) for text in ("kept", "old", "gone"))
    new, edited = AIMessage("new", id="new"), HumanMessage("edited", id="old")
    diff = diff_states(
        {"messages": [kept, old, gone], "turns": 1, "same": 0},
        {"messages": [kept, edited, new], "turns": 2, "same": 0, "more": True},
    )
    assert (diff.added, diff.replaced, diff.removed) == ([new], [(old, edited)], [gone])
    assert diff.fields == {"turns": (1, 2), "more": (None, True)}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["invoke", "update", "fork", "replay", "delete"]), st.integers(0, 50)
    ),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_tree_and_history_agree_after_any_sequence_of_steps(graph, steps):
    config = {"configurable": {"thread_id": str(uuid4())}}
    say(graph, "begin", config)
    for what, where in steps:
        take_step(graph, config, what, where)
    tree = CheckpointTree.from_graph(graph, config)
    history = list(graph.get_state_history(config))
    ids = [snapshot.config["configurable"]["checkpoint_id"] for snapshot in history]
    assert sorted(ids) == list(tree.checkpoints)
    for snapshot in history:
        each = tree.checkpoints[snapshot.config["configurable"]["checkpoint_id"]]
        parent = snapshot.parent_config
        assert each.parent == (parent["configurable"]["checkpoint_id"] if parent else None)
        assert each.id in {c.id for c in tree.children(each.parent)}
    first = next(iter(tree.checkpoints))
    assert all(tree.path(first, leaf)[0] == first for leaf in tree.branches.values())


def take_step(graph, config, what, where):
    tree = CheckpointTree.from_graph(graph, config)
    settled = [c for c in tree.checkpoints.values() if not graph.get_state(c.config).next]
    chosen = settled[where % len(settled)].config
    messages = graph.get_state(config).values.get("messages", [])
    match what:
        case "invoke":
            say(graph, f"m{where}", config)
        case "update":
            graph.update_state(config, {"turns": where}, as_node="answer")
        case "fork":
            say(graph, f"f{where}", chosen)
        case "replay":
            graph.invoke(None, chosen)
        case "delete" if messages:
            gone = RemoveMessage(id=messages[where % len(messages)].id)
            graph.update_state(config, {"messages": [gone]}, as_node="answer")


BUILDER = StateGraph(Talk).add_node(count).add_edge(START, "count")


@pytest.mark.parametrize(
    ("thing", "kind", "told"),
    [
        (BUILDER, TypeError, "StateGraph was not compiled. Hand over"),
        (RemoteGraph("namu", url="http://127.0.0.1:9"), TypeError, "graph.get_state_history"),
        ("graph", TypeError, "this is a str. Hand over"),
        (BUILDER.compile(), ValueError, "no checkpointer"),
        (BUILDER.compile(checkpointer=True), ValueError, "no checkpointer"),
    ],
)
async def test_what_has_no_saver_is_refused_with_the_remedy(thing, kind, told):
    with pytest.raises(kind, match=told) as refused:
        CheckpointTree.from_graph(thing, CONFIG)
    assert "from_graph" in str(refused.value)
    with pytest.raises(kind, match=told):
        await CheckpointTree.from_async_graph(thing, CONFIG)
    with pytest.raises(kind, match=told):
        await fork_point(thing, CONFIG, "m-1")
