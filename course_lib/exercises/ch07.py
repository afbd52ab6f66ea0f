"""Checks of chapter 07, Ask a human: interrupts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from typing_extensions import TypedDict

from course_lib.exercises.exercise import Exercise, IncorrectAnswer, expect, require
from course_lib.exercises.quiz_view import quiz_of
from course_lib.exercises.running import as_sync, yes_or_no

CHAPTER = "07"
quiz = quiz_of(CHAPTER)
THREAD = {"configurable": {"thread_id": "ann"}}


class _Booking(TypedDict, total=False):
    place: str
    people: int
    approved: bool
    receipt: str


def _graph(node: Any, schema: Any = _Booking) -> Any:
    builder = StateGraph(schema)
    builder.add_node("node", as_sync(node))
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return builder.compile(checkpointer=InMemorySaver())


def _asked(graph: Any, value: Any, name: str) -> Any:
    """Run a graph, and return the one interrupt it stops at."""
    graph.invoke(value, THREAD)
    interrupts = graph.get_state(THREAD).interrupts
    require(
        len(interrupts) == 1,
        f"{name} asked {len(interrupts)} questions at once. It should stop at one interrupt(...), "
        "outside of any wide except.",
    )
    return interrupts[0]


def _check_approve(approve: Any) -> None:
    for answer in (True, False):
        graph = _graph(approve)
        question = _asked(graph, {"place": "Dawon", "people": 4}, "approve")
        require(
            "Dawon" in str(question.value)
            and bool(re.search(r"\b(4|four)\b", str(question.value))),
            f"The question is {question.value!r}. A person should read the place and how many.",
        )
        end = graph.invoke(Command(resume=yes_or_no(question, answer)), THREAD)
        look = "Return what interrupt(...) returned, as the field approved."
        expect(f"approved after the answer {answer}", answer, end.get("approved"), look)


def _check_once(book_once: Any) -> None:
    for answer, wanted in ((True, ["Dawon"]), (False, [])):
        written: list[str] = []

        def write(place: str, written: list[str] = written) -> str:
            written.append(place)
            return f"receipt {len(written)}"

        def node(state: _Booking, write: Callable[[str], str] = write) -> Any:
            return as_sync(book_once)(state, write)

        graph = _graph(node)
        question = _asked(graph, {"place": "Dawon"}, "book_once")
        require(
            not written,
            "Something was written before anybody agreed. Call write after the interrupt.",
        )
        end = graph.invoke(Command(resume=yes_or_no(question, answer)), THREAD)
        left = graph.get_state(THREAD).interrupts
        require(not left, f"After the answer {answer} it asks again: {left!r}. Ask once.")
        look = "The answer is True or False. What stands before interrupt(...) runs again."
        expect(f"what was written after the answer {answer}", wanted, written, look)
        receipt = "receipt 1" if answer else None
        expect(
            f"receipt after {answer}", receipt, end.get("receipt"), "Return what write returned."
        )


def _check_people(ask_people: Any) -> None:
    graph = _graph(ask_people)
    first = _asked(graph, {"place": "Dawon"}, "ask_people").value
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


def _calling(args: dict[str, Any]) -> Any:
    """A graph that stands before its tools, with one call made."""

    def agent(state: MessagesState) -> dict[str, Any]:
        if state["messages"][-1].type == "tool":
            return {"messages": [AIMessage(f"done: {state['messages'][-1].text}", id="end")]}
        call = {"name": "pay", "args": args, "id": "call-1"}
        return {"messages": [AIMessage("", tool_calls=[call], id="asked")]}

    def tools(state: MessagesState) -> dict[str, Any]:
        call = state["messages"][-1].tool_calls[0]
        said = f"paid {call['args'].get('amount')} to {call['args'].get('to')}"
        return {"messages": [ToolMessage(said, tool_call_id=call["id"], name="pay")]}

    builder = StateGraph(MessagesState)
    builder.add_node(agent)
    builder.add_node(tools)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges(
        "agent", lambda state: "tools" if state["messages"][-1].tool_calls else END, ["tools", END]
    )
    builder.add_edge("tools", "agent")
    graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["tools"])
    graph.invoke({"messages": [("user", "pay")]}, THREAD)
    return graph


def _check_turn(turn_around: Any) -> None:
    graph = _calling({"amount": 90, "to": "Bo"})
    as_sync(turn_around)(graph, THREAD, {"amount": 9})
    messages = graph.get_state(THREAD).values["messages"]
    expect(
        "the answer after turn_around(graph, thread, {'amount': 9})",
        "done: paid 9 to Bo",
        str(messages[-1].text),
        "Only amount changes, the other arguments stay; then let the graph go on.",
    )
    kinds = [message.type for message in messages]
    expect(
        "the messages in the thread",
        ["human", "ai", "tool", "ai"],
        kinds,
        "Write a message with the id of the one that holds the call: it takes its place.",
    )


e1 = Exercise(
    CHAPTER,
    1,
    "yes or no",
    _check_approve,
    hints=(
        'answer = interrupt(\'a question that names state["place"] and state["people"]\')',
        "A node returns a dict: {'approved': answer}.",
    ),
    success_text="The graph waits as long as it takes, and nothing runs meanwhile.",
)
e2 = Exercise(
    CHAPTER,
    2,
    "once, and only when agreed",
    _check_once,
    hints=(
        "After a resume the node runs again from its first line. What may happen only once?",
        "if interrupt(...): return {'receipt': write(state['place'])}",
    ),
    success_text=("A resume does not repeat what comes after the last interrupt of a node."),
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
    "turn a tool call around",
    _check_turn,
    hints=(
        "The graph stands before its tools; the last message holds the call.",
        "AIMessage('', id=last.id, tool_calls=[{**call, 'args': {**call['args'], **changes}}])",
        "graph.update_state(thread, {'messages': [...]}), then graph.invoke(None, thread).",
    ),
    success_text="The graph stopped at a breakpoint, you edited the call, and the run went on.",
)
