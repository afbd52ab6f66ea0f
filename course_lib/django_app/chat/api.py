"""What the page's script asks of the site. Every view is asynchronous, down to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from langgraph_sdk.errors import NotFoundError

from . import edits, mapping, runs
from .body_fields import answer_in, short_text_in, text_in, uuid_in
from .conversation import read_conversation
from .events import follow
from .problems import Problem, endpoint
from .stream_place import EVENT_ID, FROM_THE_START
from .words import language

if TYPE_CHECKING:
    from .models import User

Body = dict[str, Any]


@endpoint("POST")
async def send(request: HttpRequest, user: User, body: Body) -> StreamingHttpResponse:
    """Send a message and stream the answer. Without a `thread_id` a new conversation begins."""
    text, request_id = text_in(body), uuid_in(body, "request_id")
    notice = None
    if body.get("thread_id") is None:
        row = await mapping.create(user, request_id, text)
    else:
        row = await mapping.owned(user, UUID(uuid_in(body, "thread_id")))
    try:
        run_id = await runs.start_turn(row.thread_id, request_id, text)
    except runs.ThreadLost:
        await row.adelete()
        row, notice = await mapping.create(user, request_id, text), "thread-lost"
        run_id = await runs.start_turn(row.thread_id, request_id, text)
    await mapping.show_in(request, user, row)
    await mapping.used(row)
    return _stream(row.thread_id, run_id, notice=notice)


@endpoint("POST")
async def answer(
    request: HttpRequest, user: User, body: Body, thread_id: UUID
) -> StreamingHttpResponse:
    """Answer a question of the graph, and stream what follows."""
    row = await mapping.owned(user, thread_id)
    request_id, key = uuid_in(body, "request_id"), short_text_in(body, "key")
    try:
        run_id = await runs.start_answer(thread_id, request_id, key, answer_in(body))
    except runs.ThreadLost:
        raise Problem(409, "question-closed") from None
    await mapping.used(row)
    return _stream(thread_id, run_id)


@endpoint("GET")
async def events(
    request: HttpRequest, user: User, body: Body, thread_id: UUID, run_id: UUID
) -> StreamingHttpResponse:
    """The events of a run after the one that the header `Last-Event-ID` names, or all of them."""
    await mapping.owned(user, thread_id)
    last = request.headers.get("Last-Event-ID", FROM_THE_START)
    if not EVENT_ID.fullmatch(last):
        raise Problem(400, "bad-request")
    return _stream(thread_id, run_id, last_event_id=last)


@endpoint("GET")
async def state(request: HttpRequest, user: User, body: Body, thread_id: UUID) -> JsonResponse:
    """The conversation as it stands."""
    await mapping.owned(user, thread_id)
    try:
        return JsonResponse((await read_conversation(thread_id)).as_json)
    except NotFoundError:  # it is this person's, and the next message begins a new one
        raise Problem(404, "thread-lost") from None


@endpoint("POST")
async def stop(request: HttpRequest, user: User, body: Body, thread_id: UUID) -> HttpResponse:
    """Stop the run that goes on."""
    await mapping.owned(user, thread_id)
    await runs.stop(thread_id)
    return HttpResponse(status=204)


@endpoint("POST")
async def new(request: HttpRequest, user: User, body: Body) -> HttpResponse:
    """Let this browser show a new conversation."""
    await mapping.show_in(request, user, None)
    return HttpResponse(status=204)


@endpoint("POST")
async def delete(request: HttpRequest, user: User, body: Body, thread_id: UUID) -> HttpResponse:
    """Delete a conversation."""
    await mapping.delete(await mapping.owned(user, thread_id))
    return HttpResponse(status=204)


@endpoint("POST")
async def edit_message(
    request: HttpRequest, user: User, body: Body, thread_id: UUID
) -> HttpResponse:
    """Replace the text of a message."""
    await mapping.owned(user, thread_id)
    await edits.edit_message(thread_id, short_text_in(body, "message_id"), text_in(body))
    return HttpResponse(status=204)


@endpoint("POST")
async def delete_message(
    request: HttpRequest, user: User, body: Body, thread_id: UUID
) -> HttpResponse:
    """Remove a message."""
    await mapping.owned(user, thread_id)
    await edits.delete_message(thread_id, short_text_in(body, "message_id"))
    return HttpResponse(status=204)


@endpoint("POST")
async def add_instruction(
    request: HttpRequest, user: User, body: Body, thread_id: UUID
) -> HttpResponse:
    """Add a system message."""
    await mapping.owned(user, thread_id)
    await edits.inject_system_message(thread_id, text_in(body))
    return HttpResponse(status=204)


@endpoint("POST")
async def shorten(request: HttpRequest, user: User, body: Body, thread_id: UUID) -> HttpResponse:
    """Replace everything before the last turn by a summary."""
    await mapping.owned(user, thread_id)
    await edits.replace_by_summary(thread_id, language())
    return HttpResponse(status=204)


def _stream(
    thread_id: UUID, run_id: UUID, *, last_event_id: str = FROM_THE_START, notice: str | None = None
) -> StreamingHttpResponse:
    # An asynchronous generator is sent piece by piece. A synchronous one would be collected first.
    events = follow(
        thread_id, run_id, last_event_id=last_event_id, spoken=language(), notice=notice
    )
    return StreamingHttpResponse(
        events,
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )
