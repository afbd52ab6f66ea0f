"""Checks of chapter 08, Travel in time."""

from __future__ import annotations

import operator
from typing import Annotated, Any

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.exercises.ch04 import echo_graph
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync

CHAPTER = "08"
quiz = quiz_of(CHAPTER)
THREAD = {"configurable": {"thread_id": "ann"}}


class _Noting(MessagesState):
    asked: Annotated[list[str], operator.add]


def _noting_graph() -> Any:
    """An echo graph whose node also appends each question to the field `asked`."""

    def echo(state: _Noting) -> dict[str, Any]:
        text = state["messages"][-1].text
        return {"messages": [{"role": "ai", "content": f"echo: {text}"}], "asked": [text]}

    builder = StateGraph(_Noting)
    builder.add_node("echo", echo)
    builder.add_edge(START, "echo")
    return builder.compile(checkpointer=InMemorySaver())


def _conversation(*texts: str, graph: Any = None) -> Any:
    """A graph whose thread holds these questions, with the ids q1, q2 ..., and their echoes."""
    graph = graph or echo_graph(InMemorySaver())
    for n, text in enumerate(texts, 1):
        graph.invoke({"messages": [HumanMessage(text, id=f"q{n}")]}, THREAD)
    return graph


def _texts(graph: Any, config: Any = THREAD) -> list[str]:
    return [str(m.text) for m in graph.get_state(config).values.get("messages", [])]


def _all(graph: Any) -> dict[str, list[str]]:
    """The texts of every checkpoint of the thread, by its id."""
    return {
        snapshot.config["configurable"]["checkpoint_id"]: [
            str(m.text) for m in snapshot.values.get("messages", [])
        ]
        for snapshot in graph.get_state_history(THREAD)
    }


def _require_kept(before: dict[str, list[str]], graph: Any, name: str) -> None:
    after = _all(graph)
    lost = [each for each, texts in before.items() if after.get(each) != texts]
    require(
        not lost,
        f"{len(lost)} of the old checkpoints are gone or changed. {name} must only add: fork with "
        "update_state from an old config.",
    )


def _config_of(got: Any, name: str) -> Any:
    config = getattr(got, "config", got)
    require(
        isinstance(config, dict) and "configurable" in config,
        f"{name} returned {got!r}. Return the config of a checkpoint.",
    )
    return config


def _check_end_of_turn(end_of_turn: Any) -> None:
    graph = _conversation("one", "two", "three")
    before = _all(graph)
    for n in (1, 2, 3):
        wanted = ["one", "echo: one", "two", "echo: two", "three", "echo: three"][: 2 * n]
        shown = f"the texts at end_of_turn(graph, thread, {n})"
        config = _config_of(as_sync(end_of_turn)(graph, THREAD, n), "end_of_turn")
        expect(shown, wanted, _texts(graph, config), "The answer belongs to the turn: next is ().")
        snapshot = graph.get_state(config)
        require(
            not snapshot.next,
            f"At that checkpoint {snapshot.next} would still run: it is the input of turn {n + 1}. "
            "At the end of a turn next is empty.",
        )
    _require_kept(before, graph, "end_of_turn")
    require(len(_all(graph)) == len(before), "end_of_turn wrote to the thread. Only read it.")


def _check_edit(edit: Any) -> None:
    graph = _conversation("one", "two", "three")
    before = _all(graph)
    as_sync(edit)(graph, THREAD, "q2", "TWO")
    look = "Fork where q2 was asked and not yet answered, write a message with its id, run on."
    got = _texts(graph)
    if "q2" not in [m.id for m in graph.get_state(THREAD).values.get("messages", [])]:
        look = "No message has the id q2 any more. Keep the id: that is what makes it an edit."
    elif len(got) > 4:
        look = "What came after the edited question belongs to the old branch: " + look
    expect(
        "the thread after edit(graph, thread, 'q2', 'TWO')",
        ["one", "echo: one", "TWO", "echo: TWO"],
        got,
        look,
    )
    _require_kept(before, graph, "edit")
    ids = [m.id for m in graph.get_state(THREAD).values["messages"]]
    require(
        ids[2] == "q2",
        f"The edited question has the id {ids[2]!r}. Keep its id, q2: that is what makes it an "
        "edit.",
    )


def _check_take_back(take_back: Any) -> None:
    graph = _conversation("one", "two", "three", graph=_noting_graph())
    before = _all(graph)
    as_sync(take_back)(graph, THREAD)
    expect(
        "the thread after take_back(graph, thread)",
        ["one", "echo: one", "two", "echo: two"],
        _texts(graph),
        "Go back to the end of the turn before the last one.",
    )
    expect(
        "the field asked after take_back(graph, thread)",
        ["one", "two"],
        graph.get_state(THREAD).values.get("asked"),
        "The last question is noted in asked too, and RemoveMessage changes messages only. Fork "
        "from the end of the turn before it.",
    )
    _require_kept(before, graph, "take_back")
    require(
        not graph.get_state(THREAD).next,
        "After take_back the graph still has something to run. Fork from a checkpoint whose next "
        "is empty.",
    )
    graph.invoke({"messages": [HumanMessage("four", id="q4")]}, THREAD)
    expect(
        "the thread after one more question",
        ["one", "echo: one", "two", "echo: two", "four", "echo: four"],
        _texts(graph),
        "The thread must go on from where you took it back to.",
    )


def _lists(got: Any) -> list[list[str]]:
    """The learner's answer as lists of texts, whichever sequences it is made of."""
    try:
        lists = [list(branch) for branch in got]
    except TypeError:
        raise IncorrectAnswer(
            f"ends_of_branches gave a {type(got).__name__}. Return a list of lists."
        ) from None
    odd = next((item for branch in lists for item in branch if not isinstance(item, str)), None)
    require(odd is None, f"One item is a {type(odd).__name__}. Return texts: message.text.")
    return lists


def _check_branches(ends_of_branches: Any) -> None:
    graph = _conversation("one", "two")
    first = list(graph.get_state_history(THREAD))
    expect(
        "ends_of_branches of a thread that was never forked",
        [["one", "echo: one", "two", "echo: two"]],
        _lists(as_sync(ends_of_branches)(graph, THREAD)),
        "One branch has one end: the texts of its newest checkpoint.",
    )
    middle = next(s for s in first if not s.next and len(s.values["messages"]) == 2)
    graph.invoke({"messages": [HumanMessage("other", id="q9")]}, middle.config)
    graph.invoke({"messages": [HumanMessage("more", id="q10")]}, THREAD)
    got = sorted(_lists(as_sync(ends_of_branches)(graph, THREAD)))
    wanted = [
        ["one", "echo: one", "other", "echo: other", "more", "echo: more"],
        ["one", "echo: one", "two", "echo: two"],
    ]
    expect(
        "ends_of_branches after a fork (in any order)",
        wanted,
        got,
        "An end is a checkpoint that is nobody's parent: compare config and parent_config.",
    )


e1 = Exercise(
    CHAPTER,
    1,
    "the end of a turn",
    _check_end_of_turn,
    (
        "Walk through graph.get_state_history(thread) and stop at the right snapshot.",
        "It has n human messages, and its next is empty.",
        "Return snapshot.config.",
    ),
    "You can now name any moment of a conversation.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "edit a question of the past",
    _check_edit,
    (
        "Find the snapshot whose last message has that id and whose next is not empty.",
        "update_state(snapshot.config, {'messages': [HumanMessage(text, id=message_id)]}) forks.",
        "Then graph.invoke(None, the_config_it_returned).",
    ),
    "The old question is still there, on its own branch.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "take the last turn back",
    _check_take_back,
    (
        "The end of the turn before is a checkpoint with an empty next and one question less.",
        "update_state(end.config, None, as_node='__copy__') forks from it and changes nothing.",
    ),
    "The whole turn is taken back, and its checkpoints are still in the history.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "all branches to their ends",
    _check_branches,
    (
        "Every snapshot has a config and a parent_config, each with a checkpoint_id.",
        "Collect all parents' ids; an end is a snapshot whose own id is not among them.",
    ),
    "A thread is a tree, and you have found its leaves.",
)
