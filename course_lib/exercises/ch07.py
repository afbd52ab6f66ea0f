"""Checks of chapter 07, Ask a human: interrupts."""

from __future__ import annotations

import re
import time
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.prediction import compare
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.resumed_runs import LINES, counted_lines
from course_lib.exercises.running import as_sync, invoke, yes_or_no

CHAPTER = "07"
quiz = quiz_of(CHAPTER)
THREAD = {"configurable": {"thread_id": "ann"}}


class _Booking(TypedDict, total=False):
    place: str
    people: int


def _graph(node: Any) -> Any:
    builder = StateGraph(_Booking).add_node("node", as_sync(node)).add_edge(START, "node")
    return builder.compile(checkpointer=InMemorySaver())


def _check_prediction(prediction: Any) -> None:
    compare(prediction, counted_lines(), LINES)


def _compiled(graph: Any, name: str, saver: Any) -> Any:
    """A learner's graph with a checkpointer, also where only its builder came."""
    graph = graph.compile(checkpointer=saver) if isinstance(graph, StateGraph) else graph
    require(
        hasattr(graph, "astream") and isinstance(graph.checkpointer, BaseCheckpointSaver),
        f"{name} returned {type(graph).__name__}. Return a graph that is compiled with a saver.",
    )
    return graph


def _check_build(build: Any) -> None:
    held: list[str] = []

    def hold(place: str) -> int:
        held.append(place)
        return 40 + len(held)

    saver = InMemorySaver()
    graph = _compiled(as_sync(build)(hold, saver), "build", saver)
    asked = {}
    for number, (place, _) in enumerate(HOLDS, 41):
        thread = {"configurable": {"thread_id": place}}
        invoke(graph, {"place": place}, thread)
        interrupts = graph.get_state(thread).interrupts
        require(
            len(interrupts) == 1,
            f"The graph asked {len(interrupts)} questions about {place}. It should ask one.",
        )
        asked[place] = question = interrupts[0]
        require(
            bool(re.search(rf"(?<!\d){number}(?!\d)", str(question.value))),
            f"The question about hold {number} is {question.value!r}, after hold was called for "
            f"{held}. Call hold once for each run, and put its number into the question.",
        )
    for number, (place, answer) in enumerate(HOLDS, 41):
        thread = {"configurable": {"thread_id": place}}
        again = _compiled(as_sync(build)(hold, saver), "build", saver)
        require(
            bool(again.get_state(thread).interrupts),
            "A second graph of build does not find the open question. Compile it with the saver.",
        )
        resume = {asked[place].id: yes_or_no(asked[place], answer)}
        invoke(again, Command(resume=resume), thread)
        left = again.get_state(thread).interrupts
        require(not left, f"After the answer {answer} it asks again: {left!r}. Ask once.")
        expect(
            f"the places that were held when {place} was answered with {answer}",
            [each for each, _ in HOLDS],
            list(held),
            "A resume runs the waiting node again from its first line. Which line calls hold?",
        )
        values = dict(again.get_state(thread).values)
        expect(
            f"hold and agreed after the answer {answer}",
            (number, answer),
            (values.get("hold"), values.get("agreed")),
            "hold is the number in the question, and agreed is the answer.",
        )


HOLDS = (("Dawon", True), ("Onion", False))
"""The places that the check of exercise 2 asks for, and what the person answers."""


def _check_people(ask_people: Any) -> None:
    graph = _graph(ask_people)
    graph.invoke({"place": "Dawon"}, THREAD)
    interrupts = graph.get_state(THREAD).interrupts
    require(
        len(interrupts) == 1,
        f"ask_people asked {len(interrupts)} questions at once. It should stop at one "
        "interrupt(...), outside of any wide except.",
    )
    first = interrupts[0].value
    for nonsense in ("many", 0, 9, "4", 2.5, True, [3]):
        try:
            graph.invoke(Command(resume=nonsense), THREAD)
        except Exception as error:
            raise IncorrectAnswer(
                f"The answer {nonsense!r} raised {type(error).__name__}: {error}. Ask again "
                "instead."
            ) from error
        waiting = graph.get_state(THREAD).interrupts
        require(
            bool(waiting),
            f"The answer {nonsense!r} was taken. Accept only a whole number from 1 to 8.",
        )
        asked = str(waiting[0].value)
        require(
            waiting[0].value != first and (str(nonsense) in asked or repr(nonsense) in asked),
            f"After {nonsense!r} the question is {asked!r}. Name the answer in it, so that a "
            "person reads what was wrong.",
        )
    end = graph.invoke(Command(resume=3), THREAD)
    expect("people after the answer 3", 3, end.get("people"), "Return it as the field people.")


class _Trip(TypedDict, total=False):
    when: str
    who: str
    where: str


def _trip() -> Any:
    def asking(field: str, question: str) -> Any:
        return lambda state: {field: interrupt(question)}

    builder = StateGraph(_Trip)
    for field, question in (("when", "When?"), ("who", "Who?"), ("where", "Where?")):
        builder.add_node(f"ask_{field}", asking(field, question))
        builder.add_edge(START, f"ask_{field}")
    return builder.compile(checkpointer=InMemorySaver())


def _check_all(answer_all: Any) -> None:
    graph = _trip()
    graph.invoke({"when": ""}, THREAD)
    as_sync(answer_all)(graph, THREAD, {"Who?": "Bo", "When?": "Friday"})
    left = [each.value for each in graph.get_state(THREAD).interrupts]
    look = "Resume with a dict from each question's id to its answer; leave the others out."
    expect("what is still asked after two answers of three", ["Where?"], left, look)
    as_sync(answer_all)(graph, THREAD, {"Where?": "Mapo", "Why?": "no such question"})
    wanted = {"when": "Friday", "who": "Bo", "where": "Mapo"}
    expect("the state when all are answered", wanted, graph.get_state(THREAD).values, look)


def _check_tools(build_tools: Any) -> None:
    done: list[str] = []

    @tool
    def mail(name: str) -> str:
        """Send a mail."""
        done.append(f"mail to {name}")
        return "sent"

    @tool
    def pay(name: str) -> str:
        """Pay a person who is agreed to."""
        time.sleep(0.1 if name == "Ann" else 0)  # the first call is not the first to ask
        if not interrupt(f"Pay {name}?"):
            return "not paid"
        done.append(f"paid {name}")
        return "paid"

    for calls, agreed in TOOL_RUNS:
        done.clear()
        graph = _compiled(as_sync(build_tools)([mail, pay]), "build_tools", InMemorySaver())
        thread = {"configurable": {"thread_id": agreed}}
        made = [{"name": n, "args": {"name": who}, "id": f"{n} {who}"} for n, who in calls]
        invoke(graph, {"messages": [AIMessage("", tool_calls=made)]}, thread)
        for _ in range(2 * len(calls)):
            asked = graph.get_state(thread).interrupts
            if not asked:
                break
            answer = {asked[0].id: asked[0].value == f"Pay {agreed}?"}
            invoke(graph, Command(resume=answer), thread)
        shown = f"when only the payment of {agreed} is agreed to, of the calls {calls}"
        wanted = [f"{n} to {who}" for n, who in calls if n == "mail"]
        wanted += [f"paid {who}" for n, who in calls if (n, who) == ("pay", agreed)]
        look = "Which calls share a node? A resume runs that whole node again."
        if len(done) < len(wanted):
            look = "A call is missing: each call of the message has to run."
        expect(f"what was done {shown}", sorted(wanted), sorted(done), look)
        messages = graph.get_state(thread).values["messages"]
        expect(
            f"the calls that got a ToolMessage {shown}",
            sorted(call["id"] for call in made),
            sorted(each.tool_call_id for each in messages if each.type == "tool"),
            "Every call gets one ToolMessage, also one that was not agreed to.",
        )


TOOL_RUNS = (
    ((("pay", "Ann"), ("mail", "Cho"), ("pay", "Bo")), "Ann"),
    ((("mail", "Dan"), ("pay", "Ann"), ("pay", "Bo"), ("mail", "Cho")), "Bo"),
    ((("mail", "Cho"),), "nobody"),
)
"""The calls of the messages in the check of exercise 5, and who may be paid."""


e1 = Exercise(
    CHAPTER,
    1,
    "predict what runs again",
    _check_prediction,
    hints=(
        "Which nodes had finished when the run stopped? A resume runs only the others.",
        "Both nodes that wait run again with every resume, whichever question is answered.",
        "There are three calls. How far does each node get in each of them?",
    ),
    success_text="A resume runs every node that waits from its first line, and no finished node.",
    answer_kind="value",
    edition=2,
)
e2 = Exercise(
    CHAPTER,
    2,
    "find the bug: a hold that nobody confirmed",
    _check_build,
    hints=(
        "After a resume the node runs again from its first line. What does hold return then?",
        "The question needs the number, so hold cannot come after interrupt. Use two nodes.",
        "The first node returns {'hold': hold(state['place'])}. The second one asks about "
        "state['hold'] and returns the answer as agreed.",
    ),
    success_text="A finished node does not run again, and what it returned is in the checkpoint.",
    edition=2,
)
e3 = Exercise(
    CHAPTER,
    3,
    "ask until it is right",
    _check_people,
    hints=(
        "while True: answer = interrupt(question); return if it is valid, else a new question.",
        "In Python True is an int as well: type(answer) is int.",
        "Put the answer into the next question: f'{answer!r} is not valid.'",
    ),
    success_text=(
        "interrupt replays the earlier answers in order, so the loop asks its next question."
    ),
)
e4 = Exercise(
    CHAPTER,
    4,
    "answer by name",
    _check_all,
    hints=(
        "graph.get_state(thread).interrupts holds every open question: .value and .id.",
        "Command(resume={each.id: answers[each.value] for each in ... if each.value in answers})",
    ),
    success_text=(
        "Each answer goes to its own question. Read the ids again before each resume, because "
        "an old id can lead to the next question of its node."
    ),
)
e5 = Exercise(
    CHAPTER,
    5,
    "find the bug: a mail that is sent again",
    _check_tools,
    hints=(
        "One node runs all calls. What does a resume do to the calls that have finished?",
        "Give each call a task of its own: a conditional edge returns a list of Send objects.",
        "[Send('tools', [call]) for call in state['messages'][-1].tool_calls]: ToolNode takes a "
        "list of calls, too.",
    ),
    success_text="Each call is a task of its own, so a resume repeats only the one that waits.",
    edition=2,
)
