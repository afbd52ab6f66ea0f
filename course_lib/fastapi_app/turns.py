"""What a request comes to on a thread as it stands: a new turn, the rest of one, or its answer.

A client sends a message again when it heard nothing: the network broke, or the worker was killed.
The message's id tells whether the thread has the message already.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.types import Command, Interrupt, StateSnapshot
from pydantic import BaseModel

from course_lib.persistence import unfinished_step

from .event_data import storable
from .problems import Problem
from .schemas import Message, Question

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from course_lib.persistence import Thread

    from .auth import Person

MESSAGE_KEY = "message_id"
"""The metadata of a turn's checkpoints in which the id of its message stands."""

MAX_CHECKPOINTS_READ = 100
"""How many checkpoints of a turn are looked through for a question."""

ROLES: dict[str, Literal["person", "assistant", "tool", "system"]] = {
    "human": "person",
    "ai": "assistant",
    "tool": "tool",
}


@dataclass(frozen=True)
class Turn:
    """What a client asks for.

    Args:
        message_id: of the person's message; None for an answer to a question.
        text: of the person's message.
        checkpoint_id: where to continue from; None for the newest checkpoint.
        question_id: the question that is answered.
        answer: the answer to it.
    """

    message_id: str | None = None
    text: str = ""
    checkpoint_id: str | None = None
    question_id: str | None = None
    answer: Any = None


@dataclass(frozen=True)
class Plan:
    """What to do.

    Args:
        action: `run` the graph, or `repeat` the answer that the thread holds already.
        value: the input of the run: None continues where an earlier run ended in the middle.
    """

    action: Literal["run", "repeat"]
    value: Any = None


def plan_turn(turn: Turn, state: StateSnapshot, *, answered: bool = False) -> Plan:
    """Decide what a request comes to.

    Args:
        turn: what the client asks for.
        state: the thread as it stands, read while the thread is locked.
        answered: whether the newest turn has asked this question, so that the answer is in it.

    Raises:
        Problem: 422; the answer does not fit the question's schema. 409; the question is not open,
            another one is, or the id of the message was used for another text.
    """
    open_questions = {each.id: each for each in state.interrupts}
    broke_off = bool(unfinished_step(state))
    if turn.question_id is not None:
        if answered and broke_off:
            return Plan("run", None)
        if turn.question_id not in open_questions:
            raise Problem(
                409,
                "question-not-open",
                "This question was answered already, or was never asked. Load the conversation "
                "again to see what is open.",
            )
        _check_answer(turn.answer, open_questions[turn.question_id])
        return Plan("run", Command(resume={turn.question_id: turn.answer}))
    known = _message(state, turn.message_id)
    if known is not None:
        if not isinstance(known, HumanMessage) or known.text != turn.text:
            raise Problem(
                409,
                "message-id-used",
                "This message_id stands for another message of this conversation. Make a new id "
                "for every message.",
            )
        # An older message is answered already: the turn that broke off is the newest one's.
        goes_on = broke_off and _is_newest(known, state)
        return Plan("run", None) if goes_on else Plan("repeat")
    if open_questions and turn.checkpoint_id is None:
        raise Problem(
            409,
            "question-open",
            "The assistant waits for an answer. Answer it with POST /resume, then send the "
            "message.",
            questions=[question.model_dump(by_alias=True) for question in questions_of(state)],
        )
    return Plan("run", {"messages": [HumanMessage(turn.text, id=turn.message_id)]})


async def left_behind(
    graph: CompiledStateGraph, thread: Thread, state: StateSnapshot, message_id: str | None
) -> StateSnapshot | None:
    """Where a message stands that the conversation left behind when it was forked.

    Args:
        graph: of the thread.
        thread: whose checkpoints are looked through.
        state: the thread as it stands.
        message_id: of a message; None for an answer to a question.

    Returns:
        The end of the message's turn; None for a message that is new, or part of the conversation.

    Raises:
        Problem: 409; the turn was left behind before it had ended.
    """
    if message_id is None or _message(state, message_id) is not None:
        return None
    if (state.metadata or {}).get(MESSAGE_KEY) == message_id:
        return None  # its turn is the newest one, and has only just begun
    known = {MESSAGE_KEY: message_id}
    async for found in graph.aget_state_history(thread.config, filter=known, limit=1):
        if not found.tasks:
            return found
        raise Problem(
            409,
            "message-left-behind",
            "The conversation was continued elsewhere before this message was answered. Send its "
            "text again with a new message_id.",
        )
    return None


async def was_asked(graph: CompiledStateGraph, thread: Thread, question_id: str) -> bool:
    """Whether the newest turn of a thread has asked a question, answered by now or not.

    Args:
        graph: of the thread.
        thread: whose checkpoints are looked through.
        question_id: the question.
    """
    async for each in graph.aget_state_history(thread.config, limit=MAX_CHECKPOINTS_READ):
        if any(interrupt.id == question_id for interrupt in each.interrupts):
            return True
        if (each.metadata or {}).get("source") == "input":
            return False  # what is before belongs to an earlier turn
    return False


def context_of(graph: CompiledStateGraph, person: Person) -> dict[str, Any]:
    """Who is asking, as far as the graph's context has fields for it.

    Args:
        graph: with any kind of context schema, or with none.
        person: from the token.
    """
    caller = {"user": person.user, "tenant": person.tenant, "roles": list(person.roles)}
    schema = graph.context_schema
    if is_dataclass(schema):
        names = {each.name for each in fields(schema)}
    elif isinstance(schema, type) and issubclass(schema, BaseModel):
        names = set(schema.model_fields)
    else:
        names = set(caller)
    return {name: value for name, value in caller.items() if name in names}


def answer_of(state: StateSnapshot, message_id: str | None) -> Message | None:
    """The assistant's last message behind a person's message, None where there is none yet.

    Args:
        state: the thread.
        message_id: of the person's message; None for the newest one.
    """
    found: AnyMessage | None = None
    inside = message_id is None
    for message in messages_of(state):
        if isinstance(message, HumanMessage):
            if message_id is None:
                found = None  # only what follows the newest question counts
            elif inside:
                break
            inside = inside or message.id == message_id
        elif inside and isinstance(message, AIMessage) and message.text:
            found = message
    return None if found is None else shown(found)


def questions_of(state: StateSnapshot) -> list[Question]:
    """The questions that are open on a thread."""
    return [_question(each) for each in state.interrupts]


def messages_of(state: StateSnapshot) -> list[AnyMessage]:
    """The messages of a thread, whatever kind of state it has."""
    values = state.values
    found = values.get("messages") if isinstance(values, dict) else getattr(values, "messages", [])
    return list(found or [])


def shown(message: AnyMessage) -> Message:
    """One message as the service gives it out: its text, and who said it."""
    return Message(id=message.id, role=ROLES.get(message.type, "system"), text=str(message.text))


def conversation_of(state: StateSnapshot) -> list[Message]:
    """What the person and the assistant said; the calls of tools and their results are left out."""
    return [
        shown(message)
        for message in messages_of(state)
        if isinstance(message, HumanMessage | AIMessage) and str(message.text)
    ]


def _message(state: StateSnapshot, message_id: str | None) -> AnyMessage | None:
    return next((each for each in messages_of(state) if each.id == message_id), None)


def _is_newest(message: HumanMessage, state: StateSnapshot) -> bool:
    said = [each for each in messages_of(state) if isinstance(each, HumanMessage)]
    return said[-1].id == message.id


def _question(interrupt: Interrupt) -> Question:
    schema = interrupt.response_schema
    return Question(
        id=interrupt.id,
        value=storable(interrupt.value),
        schema=storable(schema) if isinstance(schema, dict) else None,
    )


def _check_answer(answer: Any, interrupt: Interrupt) -> None:
    """Refuse an answer that the node could not use, while the question is still open."""
    schema = interrupt.response_schema
    if not isinstance(schema, dict):
        return
    # A second that no start of a worker needs. Not `jsonschema` itself: a person's text could keep
    # its patterns, and with them every request of this worker, busy for years.
    from course_lib.json_validation import PatternSafeValidator, best_match

    fault = best_match(PatternSafeValidator(schema).iter_errors(answer))
    if fault is not None:
        where = f" (at {fault.json_path})" if fault.absolute_path else ""
        told = storable(fault.message)[:200]
        raise Problem(
            422,
            "answer-does-not-fit",
            f"The answer does not fit the question: {told}{where}. The question stays open; "
            "answer it again.",
        )
