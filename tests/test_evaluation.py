"""The tools of chapter 19: scripts, recordings, trajectories, dialogues, comparisons, agreement."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from course_lib.evaluation import (
    RecordedChatModel,
    RecordingError,
    ScriptedChatModel,
    ScriptError,
    ToolUse,
    cohen_kappa,
    compare_paired,
    complaints,
    confusion_table,
    hold_dialogue,
    load_dialogues,
    right_turns,
    tool_uses,
    trajectory_matches,
)
from course_lib.models import OfflineChatModel, chat_model
from course_lib.namu import book_place, build_namu
from course_lib.settings import DATA


@tool
def look(place: str) -> str:
    """Look a place up."""
    return place


def call(name, i="c1", **args):
    return {"name": name, "args": args, "id": i, "type": "tool_call"}


def ask(model, text="a cafe in Mapo-gu", **options):
    return build_namu(model=model, **options).invoke({"messages": [HumanMessage(text)]})


# Scripted models


def test_a_script_gives_its_replies_in_order_and_keeps_what_it_was_asked():
    model = ScriptedChatModel(replies=[AIMessage("one"), AIMessage("two")])
    assert model.invoke("first").text == "one" and len(model.unused) == 1
    assert model.invoke("second").text == "two" and not model.unused
    assert [request[-1].text for request in model.requests] == ["first", "second"]


def test_a_call_beyond_the_script_is_an_error_that_names_the_request():
    model = ScriptedChatModel(replies=[AIMessage("one")])
    model.invoke("first")
    with pytest.raises(ScriptError, match=r"has 1 replies.*'once more'"):
        model.invoke("once more")
    assert len(model.requests) == 1


def test_a_script_drives_a_whole_agent_with_structured_output():
    replies = [
        AIMessage("", tool_calls=[call("Route", intent="NEW_SEARCH")]),
        AIMessage("", tool_calls=[call("search_places", category="park")]),
        AIMessage("There."),
    ]
    model = ScriptedChatModel(replies=replies)
    state = ask(model)
    assert state["intent"] == "NEW_SEARCH" and state["messages"][-1].text == "There."
    assert {place["category"] for place in state["last_recommended_places"]} == {"park"}
    assert not model.unused


def test_a_reply_that_is_used_twice_is_not_the_same_message():
    model = ScriptedChatModel(replies=[AIMessage("one")] * 2)
    first, second = model.invoke("a"), model.invoke("b")
    assert first.id != second.id


# Recorded models


@pytest.fixture
def path(tmp_path):
    return tmp_path / "recording.jsonl"


def counted(calls):
    """A model that notes every call in a list."""

    class Counted(OfflineChatModel):
        def _generate(self, *given, **named):
            calls.append(1)
            return super()._generate(*given, **named)

    return Counted()


def test_a_recorded_run_is_replayed_without_the_model(path):
    count = []
    first = ask(RecordedChatModel(path=path, model=counted(count)))
    assert len(count) == len(path.read_text(encoding="utf-8").splitlines()) == 3
    again = ask(RecordedChatModel(path=path))
    assert [m.content for m in again["messages"]] == [m.content for m in first["messages"]]
    assert again["last_recommended_places"] == first["last_recommended_places"]
    assert len(count) == 3


def test_what_is_recorded_already_is_not_asked_again(path):
    count = []
    ask(RecordedChatModel(path=path, model=counted(count)))
    model = RecordedChatModel(path=path, model=counted(count))
    ask(model)
    assert len(count) == 3
    ask(model, "a park in Mapo-gu")
    assert len(count) == 6
    assert len(path.read_text(encoding="utf-8").splitlines()) == 6


def test_ids_do_not_belong_to_a_request(path):
    def history(i):
        return [
            HumanMessage("hello", id=f"h{i}"),
            AIMessage("", tool_calls=[call("look", i=f"call-{i}", place="a")], id=f"a{i}"),
            ToolMessage("a", tool_call_id=f"call-{i}", id=f"t{i}"),
            HumanMessage("and now?", id=f"n{i}"),
        ]

    said = RecordedChatModel(path=path, model=chat_model()).invoke(history(1))
    assert RecordedChatModel(path=path).invoke(history(2)).content == said.content


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ([SystemMessage("You are Nam."), HumanMessage("hello")], "message 1 (system)"),
        ([SystemMessage("You are Namu."), HumanMessage("hello!")], "message 2 (human)"),
        ([SystemMessage("You are Namu."), HumanMessage("hello"), AIMessage("x")], "number of"),
        ([SystemMessage("You are Namu."), AIMessage("hello")], "message 2 (human)"),
    ],
)
def test_a_changed_request_is_an_error_that_shows_the_difference(path, changed, named):
    messages = [SystemMessage("You are Namu."), HumanMessage("hello")]
    recorder = RecordedChatModel(path=path, model=chat_model())
    recorder.invoke(messages)
    recorder.invoke("something quite different")
    with pytest.raises(RecordingError) as caught:
        RecordedChatModel(path=path).invoke(changed)
    assert named in str(caught.value) and "Record it again" in str(caught.value)


def test_tools_and_options_belong_to_a_request(path):
    recorder = RecordedChatModel(path=path, model=chat_model())
    recorder.invoke("hello")
    replay = RecordedChatModel(path=path)
    with pytest.raises(RecordingError, match="the names of the tools: recorded '', asked 'look'"):
        replay.bind_tools([look]).invoke("hello")
    with pytest.raises(RecordingError, match="the options"):
        replay.invoke("hello", stop=["x"])
    ask(recorder)
    with pytest.raises(RecordingError, match="asked 'search_places, book_place"):
        ask(replay_of(path), tools=[book_place])


def replay_of(path):
    return RecordedChatModel(path=path)


def test_without_a_recording_the_error_says_how_to_make_one(path):
    with pytest.raises(RecordingError, match="There is no recording"):
        RecordedChatModel(path=path).invoke("hello")
    path.write_text("", encoding="utf-8")
    with pytest.raises(RecordingError, match="no reply at all"):
        RecordedChatModel(path=path).invoke("hello")


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"request": {}, "reply": {"type": "x"}}'])
def test_a_line_that_is_no_recording_is_named(path, line):
    RecordedChatModel(path=path, model=chat_model()).invoke("hello")
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(RecordingError, match=r"Line 2 of recording\.jsonl"):
        RecordedChatModel(path=path).invoke("hello")


async def test_a_replay_streams_and_runs_asynchronously(path):
    said = RecordedChatModel(path=path, model=chat_model()).invoke("hello").text
    replay = RecordedChatModel(path=path)
    assert "".join([chunk.text async for chunk in replay.astream("hello")]) == said
    assert (await replay.ainvoke("hello")).text == said


def test_a_model_that_fails_leaves_nothing_in_the_file(path):
    model = RecordedChatModel(path=path, model=OfflineChatModel(fail_times=1))
    with pytest.raises(RuntimeError):
        model.invoke("hello")
    assert not path.exists()
    model.invoke("hello")
    assert len(path.read_text(encoding="utf-8").splitlines()) == 1


def test_structured_output_is_recorded_too(path):
    class People(BaseModel):
        """How many people come."""

        people: int

    recorder = RecordedChatModel(path=path, model=chat_model()).with_structured_output(People)
    assert recorder.invoke("for 4 people").people == 4
    replay = RecordedChatModel(path=path).with_structured_output(People)
    assert replay.invoke("for 4 people").people == 4


# Trajectories

SEARCH, BOOK = ToolUse("search", {"kind": "cafe"}), ToolUse("book", {"people": 2})
ANY = ToolUse("search")


@pytest.mark.parametrize(
    ("found", "expected", "modes"),
    [
        ([], [], {"strict", "unordered", "subset", "superset"}),
        ([SEARCH, BOOK], [SEARCH, BOOK], {"strict", "unordered", "subset", "superset"}),
        ([SEARCH, BOOK], [ANY, BOOK], {"strict", "unordered", "subset", "superset"}),
        ([SEARCH, BOOK], [BOOK, SEARCH], {"unordered", "subset", "superset"}),
        ([SEARCH], [SEARCH, BOOK], {"subset"}),
        ([SEARCH, BOOK], [SEARCH], {"superset"}),
        ([SEARCH, SEARCH], [SEARCH], {"superset"}),
        ([SEARCH], [SEARCH, SEARCH], {"subset"}),
        ([], [SEARCH], {"subset"}),
        ([SEARCH], [], {"superset"}),
        ([SEARCH], [ToolUse("search", {"kind": "park"})], set()),
        ([ToolUse("search", {"kind": "park"}), SEARCH], [ANY, SEARCH], {"strict", "unordered"}),
        ([SEARCH, ToolUse("search", {})], [ANY, SEARCH], {"unordered"}),
    ],
)
def test_each_mode_matches_what_it_says(found, expected, modes):
    for mode in ("strict", "unordered", "subset", "superset"):
        right = mode in modes or (mode in ("subset", "superset") and "unordered" in modes)
        assert trajectory_matches(found, expected, mode) is right, mode


def test_a_mode_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="strict, unordered, subset, superset"):
        trajectory_matches([], [], "sorted")


uses = st.lists(st.sampled_from([SEARCH, BOOK, ToolUse("search", {})]), max_size=4)


@settings(deadline=None, max_examples=150)
@given(uses, uses)
def test_the_modes_follow_from_each_other(found, expected):
    strict, unordered, subset, superset = (
        trajectory_matches(found, expected, mode)
        for mode in ("strict", "unordered", "subset", "superset")
    )
    assert unordered == (subset and superset)
    assert unordered or not strict
    assert subset == trajectory_matches(expected, found, "superset")
    assert unordered == trajectory_matches(found[::-1], expected, "unordered")


def test_the_tool_calls_of_a_conversation_come_in_order():
    both = AIMessage("", tool_calls=[call("search", kind="cafe"), call("book", i="c2", people=2)])
    assert tool_uses([HumanMessage("a"), both, AIMessage("done")]) == [SEARCH, BOOK]


# Dialogues and the judge

DIALOGUES = load_dialogues(DATA / "dialogues_long.jsonl")


@pytest.fixture(scope="module")
def held():
    namu = build_namu(checkpointer=InMemorySaver())
    return [turn for dialogue in DIALOGUES for turn in hold_dialogue(namu, dialogue)]


@pytest.mark.soak
def test_held_dialogues_carry_what_the_judge_needs(held):
    assert len(held) == 80 and sum(turn.is_right for turn in held) == 77
    assert [len(turn.past) for turn in held[:8]] == list(range(8))
    assert held[0].user == held[0].state["messages"][0].text
    namu = build_namu(checkpointer=InMemorySaver())
    assert sum(right_turns(namu, DIALOGUES[:3])) == sum(turn.is_right for turn in held[:24])


MUTATIONS = {
    "intent": lambda turn: {"intent": "NONSENSE"},
    "category": lambda turn: places_with(turn, category="none"),
    "district": lambda turn: places_with(turn, district="none"),
    "at_least": lambda turn: {"last_recommended_places": []},
    "none_from": lambda turn: {"last_recommended_places": turn.past[turn.expect["none_from"]]},
    "same_as": lambda turn: {"last_recommended_places": []},
    "cheaper_than": lambda turn: places_with(turn, price_level=9),
    "max_price": lambda turn: places_with(turn, price_level=turn.expect["max_price"] + 1),
    "tag": lambda turn: places_with(turn, tags=[]),
    "about": lambda turn: {"messages": [AIMessage("Nothing.")]},
    "lang": lambda turn: {
        "messages": [AIMessage("없어요." if turn.expect["lang"] == "en" else "Nothing.")]
    },
}


def places_with(turn, **fields):
    places = turn.state["last_recommended_places"]
    return {"last_recommended_places": [{**place, **fields} for place in places]}


@pytest.mark.parametrize("key", MUTATIONS)
def test_the_judge_catches_a_mutated_state_wherever_something_is_expected(held, key):
    right = [turn for turn in held if turn.is_right and key in turn.expect]
    assert right
    for turn in right:
        wrong = complaints(turn.expect, {**turn.state, **MUTATIONS[key](turn)}, turn.past)
        assert any(each.startswith(key) for each in wrong), (turn.user, wrong)


def test_every_key_of_the_dialogues_has_a_mutation(held):
    assert {key for turn in held for key in turn.expect} - set(MUTATIONS) <= {
        "indoor",
        "admits",
    }


def test_the_judge_refuses_a_key_that_it_does_not_know(held):
    with pytest.raises(ValueError, match=r"does not know \['categori'\].*category"):
        complaints({"categori": ["cafe"]}, held[0].state, [])


@pytest.mark.parametrize("line", ["no json", "[]", '{"name": "a"}', '{"turns": [{}]}'])
def test_a_line_that_is_no_dialogue_is_named(tmp_path, line):
    path = tmp_path / "dialogues.jsonl"
    path.write_text(json.dumps(DIALOGUES[0]) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"Line 2 of dialogues\.jsonl"):
        load_dialogues(path)


def test_a_dialogue_without_a_turn_is_refused(tmp_path):
    path = tmp_path / "dialogues.jsonl"
    path.write_text('{"name": "a", "turns": []}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="has no turn"):
        load_dialogues(path)


# Comparisons


def test_a_constant_difference_leaves_no_doubt():
    old = [0.0, 7.0, 3.0, 20.0]
    found = compare_paired(old, [score + 1 for score in old])
    assert (found.difference, found.low, found.high) == (1, 1, 1) and found.is_clear
    same = compare_paired(old, old)
    assert (same.difference, same.low, same.high) == (0, 0, 0) and not same.is_clear


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says():
    draw = np.random.default_rng(1)
    covered = 0
    for seed in range(200):
        hard = draw.uniform(0, 8, 30)
        found = compare_paired(hard, hard + draw.normal(0.5, 1, 30), seed=seed)
        covered += found.low <= 0.5 <= found.high
    assert 180 <= covered <= 200  # 95 % of 200 are 190


def test_a_wider_level_gives_a_wider_interval_and_a_seed_the_same_one():
    draw = random.Random(0)
    old = [draw.random() for _ in range(20)]
    new = [draw.random() for _ in range(20)]
    narrow, wide = compare_paired(old, new, level=0.5), compare_paired(old, new, level=0.99)
    assert wide.low < narrow.low < narrow.difference < narrow.high < wide.high
    assert compare_paired(old, new) == compare_paired(old, new)


@pytest.mark.parametrize(("old", "new"), [([], []), ([1], [1]), ([1, 2], [1]), ([1], [1, 2])])
def test_scores_that_cannot_be_paired_are_refused(old, new):
    with pytest.raises(ValueError, match=f"{len(old)} old scores and {len(new)} new"):
        compare_paired(old, new)


@pytest.mark.parametrize("level", [0, 1, -1, 95])
def test_a_level_that_is_no_share_is_refused(level):
    with pytest.raises(ValueError, match=r"0\.95"):
        compare_paired([1, 2], [1, 2], level=level)


# Agreement


@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [
        ("yyyn", "yyyn", 1),
        ("yn", "ny", -1),
        ("yynn", "ynyn", 0),
        ("yyyy", "yyyy", 1),
        ("y" * 90 + "n" * 10, "y" * 100, 0),
        # The example of Wikipedia's article on kappa: 20 yes-yes, 5, 10, 15 no-no.
        ("y" * 25 + "n" * 25, "y" * 20 + "n" * 5 + "y" * 10 + "n" * 15, 0.4),
    ],
)
def test_kappa_is_what_its_definition_gives(first, second, kappa):
    assert cohen_kappa(list(first), list(second)) == pytest.approx(kappa)
    assert cohen_kappa(list(second), list(first)) == pytest.approx(kappa)


def test_a_confusion_table_counts_every_pair_also_those_that_never_come():
    table = confusion_table(["a", "a", "b"], ["a", "c", "a"])
    assert table["a", "a"] == table["a", "c"] == table["b", "a"] == 1
    assert len(table) == 9 and sum(table.values()) == 3


@pytest.mark.parametrize("judge", [cohen_kappa, confusion_table])
def test_labels_that_do_not_belong_to_the_same_items_are_refused(judge):
    for first, second in ((["a"], []), ([], [])):
        with pytest.raises(ValueError, match="Give one of each judge"):
            judge(first, second)


def test_the_labelled_pairs_are_balanced_as_their_card_says():
    lines = (DATA / "answer_pairs.jsonl").read_text(encoding="utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    assert len({pair["name"] for pair in pairs}) == len(pairs) == 24
    kinds = []
    for pair in pairs:
        other = "second" if pair["better"] == "first" else "first"
        is_longer = len(pair[pair["better"]]) > len(pair[other])
        assert is_longer == ("long" in pair["name"])
        kinds.append((pair["better"], is_longer, pair["name"][:2]))
    assert all(kinds.count(kind) == 3 for kind in set(kinds)) and len(set(kinds)) == 8
