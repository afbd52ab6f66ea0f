"""Endpoints of long work: put a plan for a day into the queue, and follow how far it is."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import Mount

from course_lib.fastapi_app.auth import CurrentPerson
from course_lib.fastapi_app.problems import Problem
from course_lib.fastapi_app.schemas import MessageText
from course_lib.operations.job_log import JobEvent, JobLog
from course_lib.operations.jobs import defer_day_plan, job_app, make_job_tables
from course_lib.operations.service_app import make_app as make_service

NAMESPACE = UUID("5bd5b0f9-3c6c-4a57-9c7f-3d8ad7a3a3e5")
"""Job ids are made of this, the person and the id of the request."""

MAX_WISHES = 12

MAX_LETTERS = 400
"""The longest wish, in characters. All wishes together fit into the service's limit of a
request's body, in any alphabet and however they are encoded."""

QUEUE_CONNECTIONS = 2
"""How many connections a worker of the API takes to put jobs into the queue, at most."""


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    """Connect to the queue while the application runs."""
    service = app.state.service
    url = service.settings.database_url
    await asyncio.to_thread(make_job_tables, url)
    queue, job_log = job_app(url, QUEUE_CONNECTIONS), JobLog(service.database.pool)
    listening = asyncio.create_task(job_log.listen(url))
    async with queue.open_async():
        app.state.queue, app.state.job_log = queue, job_log
        try:
            yield
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


router = APIRouter(prefix="/jobs", tags=["jobs"], lifespan=connected)


class PlanRequest(BaseModel):
    """A plan for a day. A request that is sent again with the same id is the same plan."""

    model_config = ConfigDict(extra="forbid")

    request_id: UUID
    wishes: Annotated[list[MessageText], Field(min_length=1, max_length=MAX_WISHES)]


class PlannedJob(BaseModel):
    """A job in the queue."""

    job_id: UUID
    events: str


@router.post("/day-plan", status_code=202)
async def day_plan(request: Request, person: CurrentPerson, body: PlanRequest) -> PlannedJob:
    """Put a plan for a day into the queue; `events` is where to follow it.

    It counts as a turn for the rate limits.
    """
    service = request.app.state.service
    for number, wish in enumerate(body.wishes, 1):
        if len(wish) > MAX_LETTERS:
            raise Problem(
                422,
                "message-too-long",
                f"Wish {number} has {len(wish)} characters and may have {MAX_LETTERS}. Shorten it.",
            )
    await service.hooks.admit(service, person)
    job_id = uuid5(NAMESPACE, f"{person.tenant}\n{person.user}\n{body.request_id}")
    await request.app.state.job_log.begin(job_id, person.tenant, person.user, "day_plan")
    await defer_day_plan(request.app.state.queue, job_id, list(body.wishes))
    return PlannedJob(job_id=job_id, events=f"/jobs/{job_id}/events")


async def followed(
    request: Request,
    person: CurrentPerson,
    job_id: UUID,
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[JobEvent]:
    """The events of a job behind the last one that the client has; a dependency.

    Raises:
        Problem: 404; there is no such job of this person.
    """
    job_log: JobLog = request.app.state.job_log
    if not await job_log.belongs_to(job_id, person.tenant, person.user):
        raise Problem(404, "job-unknown", f"There is no job '{job_id}' of yours.")
    number = last_event_id or "0"
    return job_log.follow(job_id, int(number) if number.isascii() and number.isdigit() else 0)


@router.get("/{job_id}/events", response_class=EventSourceResponse)
async def events(
    events: Annotated[AsyncIterator[JobEvent], Depends(followed)],
) -> AsyncIterable[ServerSentEvent]:
    """Follow a job, behind the header `Last-Event-ID`; it goes on when its worker is killed."""
    async for event in events:
        yield ServerSentEvent(data=event.data, event=event.name, id=str(event.number))


def add_job_routes(app: FastAPI) -> FastAPI:
    """Add these endpoints to the chat service, and return it.

    Args:
        app: of `course_lib.fastapi_app.create_app`.
    """
    app.include_router(router)
    # Routes are tried in order, and the mounted page takes everything that comes before it.
    app.router.routes.sort(key=lambda route: isinstance(route, Mount))
    return app


def make_app() -> FastAPI:
    """The service with Namu, everything of `service_app`, and the job queue; for uvicorn."""
    return add_job_routes(make_service())
