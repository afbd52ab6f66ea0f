"""Endpoints that run the graph: a whole answer, a stream, an answer to a question, a fork."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from .auth import CurrentPerson, Person
from .problems import Problem
from .run_events import Event
from .runs import Run
from .schemas import (
    ChatAnswer,
    ChatRequest,
    ForkRequest,
    Message,
    Question,
    ResumeRequest,
    StopRequest,
)
from .service import Service
from .turns import Turn

router = APIRouter(tags=["chat"])


def service_of(request: Request) -> Service:
    """The worker's service; a dependency."""
    return request.app.state.service


TheService = Annotated[Service, Depends(service_of)]


async def begin_message(service: Service, person: Person, body: ChatRequest) -> Run:
    """Begin the turn of a message, or find the one that it has begun already.

    Raises:
        Problem: 404; the thread is not this person's. 422; the message is too long. Whatever the
            hook `admit` raises, such as 429.
    """
    longest = service.settings.max_letters
    if len(body.text) > longest:
        raise Problem(
            422,
            "message-too-long",
            f"The message has {len(body.text)} characters and may have {longest}. Shorten it.",
        )
    await service.hooks.admit(service, person)
    thread = await service.thread_or_new(person, body.thread_id, body.message_id, body.text)
    checkpoint_id = body.checkpoint_id if isinstance(body, ForkRequest) else None
    turn = Turn(message_id=str(body.message_id), text=body.text, checkpoint_id=checkpoint_id)
    return service.runs.start(person, thread, turn)


async def begin_answer(service: Service, person: Person, body: ResumeRequest) -> Run:
    """Begin the run that a person's answer to a question resumes."""
    await service.hooks.admit(service, person)
    thread = await service.thread(person, body.thread_id)
    turn = Turn(question_id=body.question_id, answer=body.answer)
    return service.runs.start(person, thread, turn)


# The checks are dependencies: an error inside of a generator would come after the status 200.
async def message_run(service: TheService, person: CurrentPerson, body: ChatRequest) -> Run:
    """The run of a message; a dependency."""
    return await begin_message(service, person, body)


async def answer_run(service: TheService, person: CurrentPerson, body: ResumeRequest) -> Run:
    """The run of an answer; a dependency."""
    return await begin_answer(service, person, body)


async def fork_run(service: TheService, person: CurrentPerson, body: ForkRequest) -> Run:
    """The run of a message at an earlier checkpoint; a dependency."""
    return await begin_message(service, person, body)


MessageRun = Annotated[Run, Depends(message_run)]
AnswerRun = Annotated[Run, Depends(answer_run)]
ForkRun = Annotated[Run, Depends(fork_run)]


@router.post("/chat")
async def chat(run: MessageRun) -> ChatAnswer:
    """Send a message, and get the whole answer when it is there."""
    return await whole_answer(run)


@router.post("/chat/stream", response_class=EventSourceResponse)
async def chat_stream(run: MessageRun) -> AsyncIterable[ServerSentEvent]:
    """Send a message, and get the answer token by token as server-sent events."""
    async for event in run.follow():
        yield as_sse(run.id, event)


@router.post("/resume")
async def resume(run: AnswerRun) -> ChatAnswer:
    """Answer a question that the assistant asked, and get what it says then."""
    return await whole_answer(run)


@router.post("/resume/stream", response_class=EventSourceResponse)
async def resume_stream(run: AnswerRun) -> AsyncIterable[ServerSentEvent]:
    """Answer a question, and get what the assistant says as a stream."""
    async for event in run.follow():
        yield as_sse(run.id, event)


@router.post("/fork")
async def fork(run: ForkRun) -> ChatAnswer:
    """Continue from an earlier checkpoint with another message.

    What came after that checkpoint stays in the history, and the conversation goes on from here.
    """
    return await whole_answer(run)


@router.post("/stop", status_code=202)
async def stop(service: TheService, person: CurrentPerson, body: StopRequest) -> dict[str, bool]:
    """Stop what runs on a conversation. `stopping` says whether anything was running."""
    thread = await service.thread(person, body.thread_id)
    return {"stopping": await service.runs.stop(thread.id)}


async def joined_run(
    service: TheService,
    person: CurrentPerson,
    run_id: UUID,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[Event]:
    """The events of a run behind the last one that the client has; a dependency.

    Raises:
        Problem: 404; there is no such run on a thread of this person.
    """
    unknown = Problem(404, "run-unknown", f"There is no run '{run_id}' of yours.")
    thread_id = await service.event_log.thread_of(run_id)
    if thread_id is None:
        raise unknown
    try:
        await service.thread(person, thread_id)
    except Problem:
        raise unknown from None
    return service.runs.follow(run_id, thread_id, _number(last_event_id))


@router.get("/runs/{run_id}/events", response_class=EventSourceResponse)
async def join(
    run_id: UUID, events: Annotated[AsyncIterator[Event], Depends(joined_run)]
) -> AsyncIterable[ServerSentEvent]:
    """Follow a run again after the connection was lost, behind the header `Last-Event-ID`."""
    async for event in events:
        yield as_sse(run_id, event)


async def whole_answer(run: Run) -> ChatAnswer:
    """Wait until a run is over.

    Raises:
        Problem: whatever the run could not do.
    """
    async for _ in run.follow():
        pass
    if run.refusal is not None:
        raise run.refusal.copy()  # several requests may wait for one run
    answers = run.data_of("answer")
    return ChatAnswer(
        thread_id=run.thread.id,
        run_id=str(run.id),
        status=run.status,
        answer=Message(**answers[-1]) if answers else None,
        questions=[Question(**each) for each in run.data_of("question")],
    )


def as_sse(run_id: UUID, event: Event) -> ServerSentEvent:
    """An event as it goes over the wire; its id names the run and the event's number."""
    return ServerSentEvent(data=event.data, event=event.name, id=f"{run_id}:{event.number}")


def _number(last_event_id: str | None) -> int:
    """The number in `RUN:7`, or in `7`; 0 where there is none."""
    text = (last_event_id or "").rpartition(":")[2]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
