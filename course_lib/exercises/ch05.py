"""Checks of chapter 05, Map users to threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from langgraph.checkpoint.memory import InMemorySaver

from course_lib.exercises import run_pairs
from course_lib.exercises.conversations import echo_graph as echo_graph  # learners import it here
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import answers_elsewhere, as_sync, shipped

CHAPTER = "05"
quiz = quiz_of(CHAPTER)


def _check_derived(thread_of: Any) -> None:
    first = thread_of("school", "ann")
    require(
        isinstance(first, str),
        f"thread_of gave a {type(first).__name__}; a str is wanted. Wrap it in str().",
    )
    try:
        UUID(first)
    except ValueError:
        raise IncorrectAnswer(
            f"thread_of('school', 'ann') gave {first!r}, which is no UUID. A LangGraph server "
            "takes nothing else."
        ) from None
    expect(
        "thread_of('school', 'ann') asked for a second time",
        first,
        thread_of("school", "ann"),
        "Derive the id from the names (uuid5); a random one is another each time.",
    )
    pairs = [(("school", "ann"), other) for other in (("shop", "ann"), ("school", "bo"))]
    pairs += [(("school", "ann"), ("School", "ann")), (("ann", "bo"), ("bo", "ann"))]
    pairs += [((f"a{mark}b", "c"), ("a", f"b{mark}c")) for mark in MARKS]
    for one, other in pairs:
        require(
            thread_of(*one) != thread_of(*other),
            f"thread_of{one!r} and thread_of{other!r} gave the same id. Keep the two names apart: "
            "any mark that you join them with may be in a name.",
        )
    _require_same_elsewhere(thread_of)


MARKS = ["", *map(chr, range(0x250)), *(a + b for a in " -/:|_.,;+#" for b in " -/:|_.,;+#")]
MARKS += [" - ", " / ", " | ", "---", "___", "\u2028", "\ue000", "\uffff", "\U0010ffff"]
"""What people put between two names: each may be in a name as well."""


def _require_same_elsewhere(thread_of: Any) -> None:
    """The id must be the same in another process: a server has several, and they restart."""
    names = [(f"tenant-{uuid4().hex[:6]}", f"user-{uuid4().hex[:6]}") for _ in range(3)]
    cargo = shipped(thread_of, names[::-1])  # before any of these names was asked for here
    here = [thread_of(*each) for each in names]
    there = answers_elsewhere(cargo) if cargo else None
    require(
        there is None or here == there[::-1],
        f"thread_of{names[0]!r} gave {here[0]!r}, and another id in a second process. hash(), "
        "random ids and whatever is remembered differ between processes: derive the id from the "
        "two names alone.",
    )


def _check_refuse(open_thread: Any) -> None:
    me, other = f"user-{uuid4().hex[:4]}", f"user-{uuid4().hex[:4]}"
    mine, hers_id, none = (f"t-{uuid4().hex[:6]}" for _ in range(3))
    owners = {mine: me, hers_id: other}
    expect(
        f"open_thread(owners, {me!r}, {mine!r})",
        mine,
        open_thread(dict(owners), me, mine),
        "A thread of one's own is opened: return its id.",
    )
    answers = []
    for thread_id, what in ((hers_id, "somebody else's thread"), (none, "one that is not there")):
        shown = f"open_thread(owners, {me!r}, {thread_id!r})"
        try:
            got = open_thread(dict(owners), me, thread_id)
        except LookupError as error:
            clues = f"{error} {vars(error)} {type(error.__cause__).__name__}"
            answers.append((type(error), clues.replace(thread_id, "...")))
        except Exception as error:
            raise IncorrectAnswer(
                f"{shown} raised {type(error).__name__}: {error}. Raise a LookupError."
            ) from error
        else:
            raise IncorrectAnswer(f"{shown} returned {got!r} for {what}. Raise a LookupError.")
    try:
        got = open_thread(dict(owners), None, none)
    except LookupError:
        pass
    else:
        raise IncorrectAnswer(
            f"open_thread(owners, None, {none!r}) returned {got!r}. Nobody is signed in, and there "
            "is no such thread: owners.get gives None for it, which equals the user None. Look "
            "whether the thread is there."
        )
    hers, nobodys = answers
    require(
        hers == nobodys,
        "The answer for somebody else's thread differs from the one for a thread that is not there "
        f"({hers[0].__name__}: {hers[1].split(' {')[0]!r} and {nobodys[0].__name__}: "
        f"{nobodys[1].split(' {')[0]!r}). The difference tells which ids exist.",
    )


def _check_prediction(prediction: Any) -> None:
    compare(prediction, run_pairs.found(), run_pairs.REASONS)


def _check_ask(ask: Any) -> None:
    saver = InMemorySaver()
    threads: dict[str, Any] = {"ann": 1, "dae": "2", "eun": "bo", "gil": "5"}
    # The threads of Ann, Dae, Eun and Gil, and those of people who are no longer in `threads`.
    said = {name: [name, f"echo: {name}"] for name in ("1", "2", "bo", "5", "3", "4", "6", "cho")}
    for name in said:
        echo_graph(saver).invoke({"messages": [("user", name)]}, _config(name))
    before = {user: str(thread) for user, thread in threads.items()}
    for user, text in (("bo", "hi"), ("cho", "hi"), ("ann", "yes"), ("bo", "so"), ("gil", "oh")):
        known = dict(threads)
        got = as_sync(ask)(echo_graph(saver), threads, user, text)
        called = f"ask(graph, {known}, {user!r}, {text!r})"
        earlier = said.setdefault(before.get(user, f"new: {user}"), [])
        earlier += [text, f"echo: {text}"]
        require(user in threads, f"After {called}, threads has no entry for {user!r}. Add the id.")
        require(
            threads[user] is not None,
            f"After {called}, threads[{user!r}] is None. Everybody without a thread shares this "
            "one: make an id that is in use nowhere.",
        )
        kept = {name: str(thread) for name, thread in threads.items() if name in before}
        expect(f"the other entries of threads after {called}", before, kept, "Keep the old ids.")
        look = "Somebody else has written in this thread. Is its id in use, as a number or a text?"
        require(isinstance(got, Mapping), f"{called} returned {got!r}. Return what invoke returns.")
        texts = [str(message.text) for message in got.get("messages", [])]
        if len(texts) < len(earlier):
            look = "What this user said before is missing. Use the id that threads holds."
        expect(f"the texts that {called} returned", earlier, texts, look)
        stored = echo_graph(saver).get_state(_config(threads[user])).values.get("messages", [])
        expect(
            f"the texts in the thread that threads names for {user!r}",
            earlier,
            [str(message.text) for message in stored],
            "The turn ran in another thread than the one in threads.",
        )
        threads = dict(threads)  # as it would be after a restart, when it is read again


def _config(thread_id: Any) -> Any:
    return {"configurable": {"thread_id": thread_id}}


e1 = Exercise(
    CHAPTER,
    1,
    "one id for one user",
    _check_derived,
    (
        "uuid5(namespace, name) gives the same UUID for the same name, every time.",
        "Joining the names as they are makes ('a', 'bc') and ('ab', 'c') one. Put something "
        "between them that no name holds, or use uuid5 twice.",
        "str(uuid5(uuid5(OURS, tenant), user))",
    ),
    "The same people, the same thread, and nothing to store.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "two refusals, one answer",
    _check_refuse,
    (
        "owners.get(thread_id) is None for a thread that is not there.",
        "One `if` covers both cases: thread_id not in owners or owners[thread_id] != user.",
    ),
    "Nobody learns which ids exist by asking.",
)
e3 = Exercise(
    CHAPTER,
    3,
    "predict what the second run finds",
    _check_prediction,
    (
        "Ask for each case what the checkpointer uses to find a thread, and what it stores.",
        "A checkpoint holds the state and the metadata of the run that wrote it. The context is in "
        "no checkpoint.",
        "A run of one node writes three checkpoints, and the next run does not change them.",
    ),
    "The thread id alone decides who shares a history, and each run has its own metadata.",
    answer_kind="value",
    edition=2,
)
e4 = Exercise(
    CHAPTER,
    4,
    "find the bug: strangers in one thread",
    _check_ask,
    (
        "Which thread id does the cell above use for Bo, and which one for Cho?",
        "threads.get(user) is None for both, and None is a thread id like any other here.",
        "If user is not in threads, set threads[user] = str(uuid4()). A name or a count may be the "
        "id of another thread already.",
    ),
    "Each user has a thread of their own, because a new UUID is in use nowhere.",
    edition=2,
)
