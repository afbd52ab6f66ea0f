"""Endpoints about conversations: the list, the state, the history, deletion; and the health."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from langgraph.types import StateSnapshot

from course_lib.persistence import Thread, UnknownThread, unfinished_step

from .auth import CurrentPerson
from .chat_routes import TheService
from .event_data import storable
from .problems import DATABASE_AWAY, unknown_thread
from .schemas import (
    CheckpointEntry,
    CheckpointId,
    Health,
    NewThread,
    ThreadEntry,
    ThreadState,
)
from .service import Service
from .turns import conversation_of, questions_of

router = APIRouter(tags=["conversations"])

MAX_ROWS = 100
"""How many rows a list gives at once."""

Limit = Annotated[int, Query(ge=1, le=MAX_ROWS)]


@router.get("/health")
async def health(service: TheService) -> Health:
    """Whether this worker reaches its database."""
    try:
        async with asyncio.timeout(3), service.database.pool.connection() as connection:
            await connection.execute("SELECT 1")
    except Exception:  # noqa: BLE001  # whatever it is, this worker cannot serve
        raise DATABASE_AWAY.copy() from None
    return Health(status="ok", running=len(service.runs))


@router.get("/threads")
async def threads(
    service: TheService,
    person: CurrentPerson,
    limit: Limit = 20,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> list[ThreadEntry]:
    """List your conversations, newest activity first."""
    directory = service.directory(person)
    found = await asyncio.to_thread(directory.list, person.user, limit=limit, offset=offset)
    return [_entry(thread) for thread in found]


@router.post("/threads", status_code=201)
async def create_thread(service: TheService, person: CurrentPerson, body: NewThread) -> ThreadEntry:
    """Begin a conversation."""
    directory = service.directory(person)
    return _entry(await asyncio.to_thread(directory.create, person.user, title=body.title))


@router.delete("/threads/{thread_id}", status_code=204)
async def delete_thread(service: TheService, person: CurrentPerson, thread_id: UUID) -> None:
    """Delete a conversation: its entry, its checkpoints, and what its runs told."""
    thread = await service.thread(person, thread_id)
    await service.runs.stop(thread.id)
    async with service.locks.hold(thread.id, service.settings.wait_seconds):
        with service.graphs.borrow() as graph:
            await graph.checkpointer.adelete_thread(thread.id)
        await service.event_log.forget_thread(thread.id)
        directory = service.directory(person)
        try:
            await asyncio.to_thread(directory.delete, person.user, thread.id)
        except UnknownThread:  # somebody else deleted it while this request waited
            raise unknown_thread(thread_id) from None


@router.get("/state")
async def state(service: TheService, person: CurrentPerson, thread_id: UUID) -> ThreadState:
    """A conversation as it stands."""
    thread = await service.thread(person, thread_id)
    with service.graphs.borrow() as graph:
        found = await graph.aget_state(thread.config)
    values = found.values if isinstance(found.values, dict) else vars(found.values)
    return ThreadState(
        thread_id=thread.id,
        checkpoint_id=_checkpoint_id(found),
        messages=conversation_of(found),
        values=storable({key: each for key, each in values.items() if key != "messages"}),
        questions=questions_of(found),
        unfinished=await _is_unfinished(service, thread, found),
    )


@router.get("/history")
async def history(
    service: TheService,
    person: CurrentPerson,
    thread_id: UUID,
    limit: Limit = 20,
    before: CheckpointId | None = None,
) -> list[CheckpointEntry]:
    """The checkpoints of a conversation, newest first; `before` continues an earlier page."""
    thread = await service.thread(person, thread_id)
    earlier = None if before is None else {"configurable": {"checkpoint_id": before}}
    with service.graphs.borrow() as graph:
        found = graph.aget_state_history(thread.config, limit=limit, before=earlier)
        return [_checkpoint(each) async for each in found]


def _entry(thread: Thread) -> ThreadEntry:
    return ThreadEntry(
        id=thread.id,
        title=thread.title,
        created_at=thread.created_at,
        active_at=thread.active_at,
    )


def _checkpoint(state: StateSnapshot) -> CheckpointEntry:
    said, metadata = conversation_of(state), state.metadata or {}
    parent = state.parent_config
    return CheckpointEntry(
        checkpoint_id=_checkpoint_id(state) or "",
        parent_id=parent["configurable"]["checkpoint_id"] if parent else None,
        created_at=state.created_at,
        source=metadata.get("source"),
        step=metadata.get("step"),
        next=list(state.next),
        messages=len(said),
        last=said[-1] if said else None,
    )


def _checkpoint_id(state: StateSnapshot) -> str | None:
    return state.config["configurable"].get("checkpoint_id")


async def _is_unfinished(service: Service, thread: Thread, state: StateSnapshot) -> bool:
    """Whether a turn broke off, and is not being worked on either."""
    return bool(unfinished_step(state)) and await service.locks.is_free(thread.id)
