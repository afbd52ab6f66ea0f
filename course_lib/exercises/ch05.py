"""Checks of chapter 05, Map users to threads."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

from langgraph.checkpoint.memory import InMemorySaver

from course_lib.exercises.ch04 import HOSTILE, echo_graph
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import answers_elsewhere, shipped

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


def _check_list(threads_of: Any) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE threads (thread_id, tenant, user, title, active_at INTEGER)")
        rows = [
            ("t-1", "school", "ann", "Maths", 5),
            ("t-2", "school", "ann", "Art", 9),
            ("t-3", "school", "bo", "Music", 7),
            ("t-4", "shop", "ann", "Shoes", 8),
            ("t-5", "school", "ann", "Sport", 7),
            ("t-6", "school", "ann", "Art", 2),
            ("t-7", "school", "Ann", "Chess", 6),
        ]
        database.executemany("INSERT INTO threads VALUES (?, ?, ?, ?, ?)", rows)
        got = threads_of(database, "school", "ann")
        require(isinstance(got, list), f"threads_of gave a {type(got).__name__}; a list is wanted.")
        look = "Newest activity first, and every thread, even two of one title."
        if got and isinstance(got[0], tuple):
            look = "Take the title out of each row: [title for (title,) in rows]."
        elif not got:
            look = "Nothing was found: are the parameters in the order of the question marks?"
        elif "Chess" in got:
            look = "Ann and ann are two users."
        elif "Shoes" in got:
            look = "That is another tenant's Ann."
        elif "Music" in got:
            look = "That is another user's."
        expect("threads_of(database, 'school', 'ann')", ["Art", "Sport", "Maths", "Art"], got, look)
        expect("threads_of(database, 'shop', 'bo')", [], threads_of(database, "shop", "bo"), look)
        for tenant, user in ((HOSTILE, "ann"), ("school", HOSTILE), ("school", "%")):
            expect(
                f"threads_of(database, {tenant!r}, {user!r})",
                [],
                threads_of(database, tenant, user),
                "Names are parameters (?), never part of the SQL.",
            )


def _check_owner(owner_of: Any) -> None:
    saver = InMemorySaver()
    graph = echo_graph(saver)
    ann, bo = f"ann-{uuid4().hex[:4]}", f"bo-{uuid4().hex[:4]}"
    for thread, user in (("t-1", ann), ("t-2", bo), ("t-3", None)):
        config: dict[str, Any] = {"configurable": {"thread_id": thread}}
        if user:
            config["metadata"] = {"user": user}
        graph.invoke({"messages": [{"role": "user", "content": "I am cho"}]}, config)
    look = "The run's metadata is in every checkpoint: saver.get_tuple(config).metadata."
    for thread, user in (("t-1", ann), ("t-2", bo), ("t-3", None), ("t-9", None)):
        if user is None:
            look = "A thread without an owner, or no thread at all, has nobody: return None."
        got = owner_of(saver, thread)
        if got is not None and not isinstance(got, str):
            raise IncorrectAnswer(
                f"owner_of gave a {type(got).__name__}. Return the user's name, or None."
            )
        expect(f"owner_of(saver, {thread!r})", user, got, look)


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
    "the list on the left",
    _check_list,
    (
        "WHERE tenant = ? AND user = ? ORDER BY active_at DESC",
        "fetchall() gives tuples: [title for (title,) in rows].",
    ),
    "One user, one tenant, newest first.",
)
e4 = Exercise(
    CHAPTER,
    4,
    "whose thread was this",
    _check_owner,
    (
        "saver.get_tuple({'configurable': {'thread_id': thread_id}}) is the newest checkpoint.",
        "It is None where there is no such thread; metadata is a dictionary.",
    ),
    "From a bare id back to a person: that is what metadata is for.",
)
