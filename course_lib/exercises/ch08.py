"""Checks of chapter 08, Travel in time."""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage

from course_lib.exercises.branch_runs import ACTIONS, THREAD, conversation
from course_lib.exercises.branch_runs import talk_graph as talk_graph  # learners import it here
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync

CHAPTER = "08"
quiz = quiz_of(CHAPTER)


def _texts(graph: Any, config: Any = THREAD) -> list[str]:
    return [str(m.text) for m in graph.get_state(config).values.get("messages", [])]


def _ids(graph: Any) -> list[str]:
    return [message.id for message in graph.get_state(THREAD).values.get("messages", [])]


def _all(graph: Any) -> dict[str, list[str]]:
    """The texts of every checkpoint of the thread, by its id."""
    return {
        snapshot.config["configurable"]["checkpoint_id"]: [
            str(m.text) for m in snapshot.values.get("messages", [])
        ]
        for snapshot in graph.get_state_history(THREAD)
    }


def _way_to(graph: Any, snapshot: Any) -> list[Any]:
    """The configs of a checkpoint's ancestors."""
    way = []
    while snapshot.parent_config:
        way.append(snapshot.parent_config)
        snapshot = graph.get_state(snapshot.parent_config)
    return way


def _require_kept(before: dict[str, list[str]], graph: Any, name: str) -> None:
    after = _all(graph)
    lost = [each for each, texts in before.items() if after.get(each) != texts]
    require(
        not lost,
        f"{len(lost)} of the old checkpoints are gone or changed. {name} must only add: fork with "
        "update_state from an old config.",
    )


def _check_prediction(prediction: Any) -> None:
    found = {
        case: action(conversation("one", "two", "three", graph=talk_graph()))
        for case, (action, _) in ACTIONS.items()
    }
    compare(prediction, found, {case: reason for case, (_, reason) in ACTIONS.items()})


def _check_by_hand(answer_by_hand: Any) -> None:
    questions = ["one", "two", "three"]
    for n in (2, 3, 1):
        answered: list[str] = []
        graph = conversation(*questions, graph=talk_graph(answered))
        before, ran = _all(graph), len(answered)
        newest, ids = graph.get_state(THREAD).config, _ids(graph)
        by_hand = f"by hand {n}"
        called = f"answer_by_hand(graph, thread, 'q{n}', {by_hand!r})"
        as_sync(answer_by_hand)(graph, THREAD, f"q{n}", by_hand)
        kept = [text for each in questions[: n - 1] for text in (each, f"echo: {each}")]
        wanted = [*kept, questions[n - 1], by_hand]
        got = _texts(graph)
        look = "Which node does LangGraph take for the writer of your update? What comes after it?"
        if got[: len(wanted)] != wanted or "three" in got[len(wanted) :]:
            look = "Fork from a checkpoint of the turn in which this question was asked."
        expect(f"the thread after {called}", wanted, got, look)
        snapshot = graph.get_state(THREAD)
        kinds = [message.type for message in snapshot.values["messages"]]
        expect(
            f"the messages after {called}",
            ["human", "ai"] * n,
            kinds,
            "The answer is an AIMessage, and the question stays a HumanMessage.",
        )
        expect(
            f"the ids of the messages up to the question after {called}",
            ids[: 2 * n - 1],
            _ids(graph)[:-1],
            "The branch goes on from the messages as they were, so their ids stay.",
        )
        expect(
            f"the field asked after {called}",
            questions[:n],
            snapshot.values.get("asked"),
            "Fork after note has noted this question, and before the next question is noted.",
        )
        require(
            not snapshot.next,
            f"After {called}, {snapshot.next} would still run. Name the node that the update "
            "stands for.",
        )
        expect(
            f"the messages that answer ran for during {called}",
            [],
            answered[ran:],
            "The person has written the answer, so the node answer does not run.",
        )
        _require_kept(before, graph, "answer_by_hand")
        require(
            n == len(questions) or newest not in _way_to(graph, graph.get_state(THREAD)),
            f"After {called} the thread continues from the turns that came after this question. "
            "Fork from a checkpoint of the turn in which it was asked.",
        )
        graph.invoke({"messages": [HumanMessage("four", id="q4")]}, THREAD)
        expect(
            f"the thread after {called} and one more question",
            [*wanted, "four", "echo: four"],
            _texts(graph),
            "The branch has ended, so the next question is a new turn on it.",
        )


def _check_take_back(take_back: Any) -> None:
    for asked in (["one", "two", "three"], ["one", "two"], ["one", "two", "three", "four"]):
        graph = conversation(*asked, graph=talk_graph())
        before, ids = _all(graph), _ids(graph)
        as_sync(take_back)(graph, THREAD)
        turns = f"a thread of {len(asked)} turns"
        kept = [text for question in asked[:-1] for text in (question, f"echo: {question}")]
        expect(
            f"{turns} after take_back(graph, thread)",
            kept,
            _texts(graph),
            "Go back to the end of the turn before the last one.",
        )
        state = graph.get_state(THREAD).values
        expect(
            f"the messages of {turns} after take_back(graph, thread): type and id",
            [*zip(["human", "ai"] * (len(asked) - 1), ids, strict=False)],
            [(message.type, message.id) for message in state["messages"]],
            "The messages must be those that were there, and not new ones with the same texts.",
        )
        expect(
            f"the field asked of {turns} after take_back(graph, thread)",
            asked[:-1],
            state.get("asked"),
            "The last question is noted in asked too, and RemoveMessage changes messages only. "
            "Fork from the end of the turn before it.",
        )
        _require_kept(before, graph, "take_back")
        require(
            not graph.get_state(THREAD).next,
            "After take_back the graph still has something to run. Fork from a checkpoint whose "
            "next is empty.",
        )
        graph.invoke({"messages": [HumanMessage("more", id="q9")]}, THREAD)
        expect(
            f"{turns} after take_back(graph, thread) and one more question",
            [*kept, "more", "echo: more"],
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
    graph = conversation("one", "two")
    first = list(graph.get_state_history(THREAD))
    expect(
        "ends_of_branches of a thread that was never forked",
        [["one", "echo: one", "two", "echo: two"]],
        _lists(as_sync(ends_of_branches)(graph, THREAD)),
        "One branch has one end: the texts of its newest checkpoint.",
    )
    middle = next(s for s in first if not s.next and len(s.values["messages"]) == 2)
    asked = next(s for s in first if s.next and len(s.values["messages"]) == 1)
    graph.invoke(None, asked.config)  # a branch whose texts are the beginning of another one's
    graph.invoke({"messages": [HumanMessage("other", id="q9")]}, middle.config)
    other = graph.get_state(THREAD)
    named = {**first[0].config, "metadata": {"branch": "more"}}  # a name makes no end
    graph.invoke({"messages": [HumanMessage("more", id="q10")]}, named)
    graph.invoke({"messages": [HumanMessage("again", id="q11")]}, other.config)
    graph.update_state(middle.config, None, as_node="__copy__")  # with the texts of the first one
    graph.update_state(asked.config, {"messages": [HumanMessage("ONE", id="q1")]})
    got = sorted(_lists(as_sync(ends_of_branches)(graph, THREAD)))
    wanted = [
        ["ONE"],
        ["one", "echo: one"],
        ["one", "echo: one"],
        ["one", "echo: one", "other", "echo: other", "again", "echo: again"],
        ["one", "echo: one", "two", "echo: two", "more", "echo: more"],
    ]
    expect(
        "ends_of_branches after several forks (in any order)",
        wanted,
        got,
        "An end is a checkpoint that is nobody's parent: compare config and parent_config.",
    )


e1 = Exercise(
    CHAPTER,
    1,
    "predict what a branch holds",
    _check_prediction,
    (
        "Which state does the action begin with, and which nodes run after it?",
        "A node that ran before the checkpoint does not run again. LangGraph guesses the last "
        "node.",
        "An update changes only the fields it names. A message and its note are two fields.",
    ),
    "You know what a branch begins with, and which nodes run on it.",
    answer_kind="value",
    edition=2,
)
e2 = Exercise(
    CHAPTER,
    2,
    "find the bug: an answer that is answered",
    _check_by_hand,
    (
        "Print graph.get_state(config).next after the update. Why is answer still to run?",
        "The last node before that checkpoint was note, so LangGraph takes the update for note's.",
        "update_state(..., as_node='answer') says that answer has done its work. Then nothing is "
        "left to run, so no invoke is needed.",
    ),
    "The update stands for the work of answer, and nothing comes after answer.",
    edition=2,
)
e3 = Exercise(
    CHAPTER,
    3,
    "take the last turn back",
    _check_take_back,
    (
        "The end of the turn before is a checkpoint with an empty next and one question less.",
        "update_state(end.config, None, as_node='__copy__') copies it and changes nothing.",
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
