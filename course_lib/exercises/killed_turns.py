"""What becomes of a turn when a part dies: the cases that exercise 1 of chapter 18 predicts.

Each case is run: the graph, the saver and the process that dies are small, and the service's own
`plan_turn` decides what a message comes to that is sent again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.exercises.dying_saver import ProcessDied
from course_lib.fastapi_app.turns import Turn, plan_turn

THREAD = {"configurable": {"thread_id": "ann"}}
TEXT = "a quiet cafe"

Fate = Literal["once", "lost", "doubled"]


class _Database(InMemorySaver):
    """The database of a worker: it gets nothing more from a process that was killed."""

    standby: _Database | None = None
    worker_lives = True

    def _write(self, name: str, *given: Any) -> Any:
        if not self.worker_lives:
            raise ProcessDied
        if self.standby is not None:
            getattr(self.standby, name)(*given)
        return getattr(InMemorySaver, name)(self, *given)

    def put(self, *given: Any) -> Any:
        """Store a checkpoint, on the standby first where there is a synchronous one."""
        return self._write("put", *given)

    def put_writes(self, *given: Any) -> Any:
        """Store the writes of a node in the same way."""
        return self._write("put_writes", *given)


class Chat:
    """A service with one thread, whose parts can die.

    Args:
        durability: when its runs are stored.
    """

    def __init__(self, durability: Literal["sync", "exit"] = "sync") -> None:
        self.database = _Database()
        self.worker_dies = False
        self._durability = durability

    def send(self, message_id: str) -> None:
        """Do what a request with this message comes to; the worker may die in the middle."""
        graph = self._graph()
        plan = plan_turn(Turn(message_id, TEXT), graph.get_state(THREAD))
        if plan.action == "run":
            with suppress(ProcessDied):
                graph.invoke(plan.value, THREAD, durability=self._durability)
        self.database.worker_lives, self.worker_dies = True, False  # another worker is there

    @property
    def fate(self) -> Fate:
        """What became of the message, as the database tells it."""
        messages = self._graph().get_state(THREAD).values.get("messages", [])
        asked = sum(isinstance(message, HumanMessage) for message in messages)
        answers = len(messages) - asked
        if not asked or not answers:
            return "lost"
        return "once" if asked == answers == 1 else "doubled"

    def _graph(self) -> Any:
        def search(state: MessagesState) -> dict[str, Any]:
            return {}

        def answer(state: MessagesState) -> dict[str, Any]:
            if self.worker_dies:
                self.database.worker_lives = False
                raise ProcessDied
            return {"messages": [AIMessage("Here is one.")]}

        builder = StateGraph(MessagesState).add_sequence([search, answer])
        return builder.add_edge(START, "search").compile(checkpointer=self.database)


def _worker_dies(*ids: str, durability: Literal["sync", "exit"] = "sync") -> Fate:
    chat = Chat(durability)
    chat.worker_dies = True
    for message_id in ids:
        chat.send(message_id)
    return chat.fate


def _answer_is_lost(*ids: str) -> Fate:
    chat = Chat()
    for message_id in ids:  # each request is served to its end; who hears of it makes no difference
        chat.send(message_id)
    return chat.fate


def _primary_dies(*, synchronous: bool) -> Fate:
    chat = Chat()
    standby = _Database()
    if synchronous:
        chat.database.standby = standby
    chat.send("a")  # an asynchronous standby would get this turn later, and the primary dies now
    chat.database = standby
    return chat.fate


class Case(NamedTuple):
    """What happens, and why the turn ends as it does."""

    run: Callable[[], Fate]
    reason: str


CASES = {
    "the worker dies, the same id": Case(
        lambda: _worker_dies("a", "a"),
        "The thread has the message, so another worker continues behind the last checkpoint.",
    ),
    "the worker dies, a new id": Case(
        lambda: _worker_dies("a", "b"),
        "The thread has the message already. With a new id, it is another message.",
    ),
    "the worker dies, not sent again": Case(
        lambda: _worker_dies("a"),
        "The message is stored, and no worker continues the run until the message comes again.",
    ),
    "the worker dies with durability exit, the same id": Case(
        lambda: _worker_dies("a", "a", durability="exit"),
        "Nothing was stored before the kill, so the message is new and its run begins again.",
    ),
    "the worker dies with durability exit, not sent again": Case(
        lambda: _worker_dies("a", durability="exit"),
        "Nothing was stored before the kill, not even the message.",
    ),
    "the answer does not arrive, the same id": Case(
        lambda: _answer_is_lost("a", "a"),
        "The thread has the message and its answer, so the answer is only read again.",
    ),
    "the answer does not arrive, a new id": Case(
        lambda: _answer_is_lost("a", "b"),
        "Nothing tells the service that this is the same message.",
    ),
    "the answer does not arrive, not sent again": Case(
        lambda: _answer_is_lost("a"),
        "The run had ended and was stored. The person sees the answer when the page loads again.",
    ),
    "the primary dies, synchronous standby": Case(
        lambda: _primary_dies(synchronous=True),
        "Each write was confirmed only when the standby had it too.",
    ),
    "the primary dies, asynchronous standby": Case(
        lambda: _primary_dies(synchronous=False),
        "The client has its answer and sends nothing again, and the new primary lacks the turn.",
    ),
}
"""What exercise 1 asks for, by the name of the case."""


def fates() -> dict[str, Fate]:
    """Run all cases, and return what became of the turn in each."""
    return {name: case.run() for name, case in CASES.items()}
