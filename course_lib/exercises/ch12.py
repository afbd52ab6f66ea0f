"""Checks of chapter 12, Run a LangGraph server."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from langgraph_sdk.schema import StreamPart

from course_lib.exercises.access_rules import CREATED, NOT_FOUND, RuledThreads
from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync

CHAPTER = "12"
quiz = quiz_of(CHAPTER)


class _Stored(NamedTuple):
    """How many messages a thread holds in the end, and why."""

    messages: int
    reason: str


STORED = {
    "A runs, B with enqueue": _Stored(4, "B waits, so both are answered."),
    "A runs, B with interrupt": _Stored(3, "A's message stays, and only B is answered."),
    "A runs, B with rollback": _Stored(2, "A is deleted with its message."),
    "A runs, B with reject": _Stored(2, "B is refused, and A is answered."),
    "A still waits in the queue, B with interrupt": _Stored(
        2, "Nothing of A had been stored when B stopped it."
    ),
    "A runs, is cancelled with interrupt, then a run with input None": _Stored(
        2, "The thread waited at think, and the second run goes on from there."
    ),
    "A runs, and its stream with on_disconnect cancel is closed": _Stored(
        1, "The run stops, and A's message is stored already."
    ),
}
"""What exercise 1 asks for. `tests/test_langgraph_server.py` runs each case on the server."""


def _check_prediction(prediction: Any) -> None:
    found = {case: stored.messages for case, stored in STORED.items()}
    compare(prediction, found, {case: stored.reason for case, stored in STORED.items()})


def _check_rule(rule: Any) -> None:
    threads = RuledThreads(rule)
    for user, name, metadata in (
        ("ann", "ann-1", {"title": "Parks"}),
        ("bo", "bo-1", None),
        ("ann", "ann-2", {"owner": "bo", "user": "bo"}),
        ("cho", "cho-1", {"owner": "ann"}),
    ):
        answer = threads.create(user, name, metadata)
        expect(f"the answer when {user} creates a thread", CREATED, answer, "Everybody may.")
    for user, own in (("ann", ["ann-1", "ann-2"]), ("bo", ["bo-1"]), ("cho", ["cho-1"])):
        look = "Return a filter for every action, and write the owner into value['metadata']."
        expect(f"what {user} finds by search", own, threads.search(user), look)
        for name in ("ann-1", "ann-2", "bo-1", "cho-1"):
            right = "200" if name in own else NOT_FOUND
            owner = name.partition("-")[0]
            expect(
                f"what {user} gets for a thread that {owner} created",
                right,
                threads.get(user, name),
                "The server keeps the dictionary that it had: change it, and do not replace it. "
                "A user may have written another owner into it.",
            )
    expect(
        "what bo gets when he deletes a thread of ann",
        NOT_FOUND,
        threads.delete("bo", "ann-1"),
        "A rule that returns None allows everything.",
    )
    expect(
        "what ann gets when she deletes it", "200", threads.delete("ann", "ann-1"), "It is hers."
    )


class _Stream:
    """A stream of a run that loses its connection after given numbers of parts."""

    def __init__(self, numbers: list[int], losses: list[int]) -> None:
        self._parts = [StreamPart("metadata", {"run_id": "r"}, "70-0")]
        self._parts += [StreamPart("custom", {"step": n}, f"7{i}-1") for i, n in enumerate(numbers)]
        self._parts.insert(2, StreamPart("updates", {"think": None}, "705-0"))
        self._losses = list(losses)
        self.calls = 0

    def join(self, last_event_id: str | None = None) -> Iterator[StreamPart]:
        """Yield the parts behind the one with this id, as `runs.join_stream` does."""
        self.calls += 1
        require(self.calls <= 50, "join was called 50 times. Stop when a stream ends by itself.")
        ids = [part.id for part in self._parts]
        if last_event_id == "-1":
            begin = 0
        elif last_event_id in ids:
            begin = ids.index(last_event_id) + 1
        else:  # the server sends what comes from now on: nothing of a run that has ended
            begin = len(ids)
        loss = self._losses.pop(0) if self._losses else None
        return self._parts_from(begin, loss)

    def _parts_from(self, begin: int, loss: int | None) -> Iterator[StreamPart]:
        for count, part in enumerate(self._parts[begin:]):
            if count == loss:
                raise ConnectionError("the connection is lost")
            yield part
        if loss is not None and loss >= len(self._parts) - begin:
            raise ConnectionError("the connection is lost")


def _check_follow(follow: Any) -> None:
    cases: list[tuple[str, list[int], list[int]]] = [
        ("a stream without a loss", [1, 2, 3], []),
        ("a stream that is lost after three parts", [1, 2, 3], [3]),
        ("a stream that is lost after two parts, and again before the first", [1, 2, 3], [2, 0]),
        ("a stream that is lost before its first part", [7, 7, 8], [0, 0, 1, 1, 2]),
        ("a stream that is lost behind its last part", [4, 4], [9]),
        ("a stream without custom parts", [], [1]),
    ]
    for what, numbers, losses in cases:
        stream = _Stream(numbers, losses)
        try:
            got = as_sync(follow)(stream.join)
        except ConnectionError:
            raise IncorrectAnswer(
                f"follow raised ConnectionError for {what}. Catch it, and join again."
            ) from None
        require(got is not None, f"follow returned None for {what}. Return a list.")
        expect(
            f"what follow returned for {what}",
            [{"step": n} for n in numbers],
            list(got),
            "Begin with join('-1'). After a loss, hand over the id of the last part that came, "
            "whatever its event is.",
        )


def _check_config(config: Any) -> None:
    from langgraph_cli.config import config_to_docker, validate_config

    try:
        settings = json.loads(config) if isinstance(config, str) else config
    except ValueError as error:
        raise IncorrectAnswer(f"This is no JSON: {error}. JSON has no comments.") from None
    require(isinstance(settings, Mapping), f"check got {config!r}. Hand over a dictionary.")
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        project.mkdir()
        for file in ("chat.py", "login.py", "saver.py"):
            (project / file).touch()
        path = project / "langgraph.json"
        path.write_text(json.dumps(settings))
        try:
            valid = validate_config(json.loads(path.read_text()))
            text, _ = config_to_docker(path, valid, base_image="langchain/langgraph-api")
        except Exception as error:  # noqa: BLE001 - langgraph_cli's own words are the best
            reason = str(error).splitlines()[0].replace(str(project), "project")
            require(False, f"langgraph refuses it: {reason}")
    graph = _variable(text, "LANGSERVE_GRAPHS").get("namu", "")
    path = graph.get("path", "") if isinstance(graph, Mapping) else graph
    login, saver = _path(text, "AUTH"), _path(text, "CHECKPOINTER")
    copied = re.search(r"^ADD \S+ /deps/", text, re.MULTILINE) is not None
    for what, holds, key in (
        ("serves chat_graph of chat.py as namu", path.endswith("/chat.py:chat_graph"), "graphs"),
        ("asks login.py who is there", login.endswith("/login.py:auth"), "auth"),
        ("keeps threads by saver.py", saver.endswith("/saver.py:saver"), "checkpointer"),
        ("runs on Python 3.12", "langgraph-api:3.12" in text, "python_version"),
        ("copies the project", copied, "dependencies"),
    ):
        require(holds, f"The Dockerfile of your project never {what}. Look at {key!r}.")


def _variable(dockerfile: str, name: str) -> dict[str, Any]:
    """The value of an environment variable that a Dockerfile sets to JSON; empty without it."""
    found = re.search(rf"^ENV {name}='(.*)'$", dockerfile, re.MULTILINE)
    return json.loads(found[1]) if found else {}


def _path(dockerfile: str, name: str) -> str:
    return _variable(dockerfile, f"LANGGRAPH_{name}").get("path", "")


class _Wishes(TypedDict, total=False):
    a: Any
    b: Any
    c: Any


def _asking(*wishes: Mapping[str, Any]) -> Any:
    """A graph whose nodes ask about one booking each, in the same super-step."""
    builder = StateGraph(_Wishes)
    for name, wish in zip("abc", wishes, strict=False):

        def node(state: _Wishes, name: str = name, wish: Mapping[str, Any] = wish) -> Any:
            return {name: interrupt(dict(wish))}

        builder.add_node(f"ask_{name}", node).add_edge(START, f"ask_{name}")
    return builder.compile(checkpointer=InMemorySaver())


def _check_answers(command_for: Any) -> None:
    cases = [
        [{"place": "Cafe", "people": 2}],
        [{"place": "Cafe", "people": 9}, {"place": "Park", "people": 4}],
        [{"place": "A", "people": 8}, {"place": "B", "people": 1}, {"place": "C", "people": 12}],
    ]
    config = {"configurable": {"thread_id": "ann"}}
    for wishes in cases:
        graph = _asking(*wishes)
        graph.invoke({}, config)
        tasks = graph.get_state(config).tasks
        open_questions = {
            task.id: [{"id": each.id, "value": each.value} for each in task.interrupts]
            for task in tasks
        }
        thread = {"thread_id": "ann", "status": "interrupted", "interrupts": open_questions}
        command = as_sync(command_for)(thread)
        good = isinstance(command, Mapping) and isinstance(command.get("resume"), Mapping)
        if len(wishes) > 1 or not isinstance(command, Mapping):
            require(good, f"command_for returned {command!r}. Return a dictionary with 'resume'.")
        try:
            ended = graph.invoke(Command(**command), config)
        except Exception as error:  # noqa: BLE001
            require(False, f"The graph refused your command: {type(error).__name__}: {error}")
        right = {n: {"approve": w["people"] <= 8} for n, w in zip("abc", wishes, strict=False)}
        people = [wish["people"] for wish in wishes]
        look = "The keys of 'resume' are the ids of the interrupts, not those of the tasks."
        expect(f"the answers for bookings of {people} people", right, dict(ended), look)


def _exercise(number: int, title: str, checker: Callable[[Any], None], **more: Any) -> Exercise:
    return Exercise(CHAPTER, number, title, checker, **more)


e1 = _exercise(
    1,
    "predict what a thread holds",
    _check_prediction,
    hints=(
        "Ask for each run: had it begun, does its message stay, and is it answered?",
        "A run that was cancelled with interrupt waits at its node, and can go on.",
    ),
    success_text="You know what a second message, a cancel and a closed tab leave behind.",
    answer_kind="value",
)
e2 = _exercise(
    2,
    "find the bug: whose thread is it?",
    _check_rule,
    hints=(
        "Which dictionary does the server store: yours, or the one that it had?",
        "What does a rule that returns None allow?",
        "value.setdefault('metadata', {}).update(...) changes the dictionary in place.",
    ),
    success_text="Each person finds their own threads, whatever they write into the metadata.",
)
e3 = _exercise(
    3,
    "follow a stream that breaks",
    _check_follow,
    hints=(
        "Keep the id of the last part in a variable that outlives the loss.",
        "while True: try to read the stream to its end; return then, go on after an error.",
    ),
    success_text="Every part arrives once, however often the connection is lost.",
)
e4 = _exercise(
    4,
    "write a langgraph.json",
    _check_config,
    hints=(
        "graphs maps a name to './file.py:variable'.",
        "auth and checkpointer are dictionaries with the key path.",
    ),
    success_text="langgraph accepts your file, and its Dockerfile says what you meant.",
    answer_kind="value",
)
e5 = _exercise(
    5,
    "answer all open questions",
    _check_answers,
    hints=(
        "thread['interrupts'] maps the id of a task to a list of its interrupts.",
        "{'resume': {interrupt['id']: answer}} answers several at once.",
    ),
    success_text="Each question got its own answer, in one run.",
)
