"""The page: the person's conversations, and the one that is open, rendered by a template."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from langgraph_sdk.errors import NotFoundError

from . import mapping
from .conversation import Conversation, read_conversation
from .models import UserThread
from .problems import SERVER_ERRORS, Problem, problem_of
from .words import all_words, say

if TYPE_CHECKING:
    from .models import User

MAX_ROWS = 50
"""How many conversations the list shows."""


@require_safe
@ensure_csrf_cookie
@login_required
async def home(request: HttpRequest) -> HttpResponse:
    """The conversation that this browser showed last, or an empty one."""
    user = await request.auser()
    try:
        row, notice, status = await mapping.open_thread(request, user), None, 200
    except SERVER_ERRORS as error:
        problem = problem_of(error)
        row, notice, status = None, problem.text, problem.status
    return await _page(request, user, row, notice, status)


@require_safe
@ensure_csrf_cookie
@login_required
async def thread(request: HttpRequest, thread_id: UUID) -> HttpResponse:
    """One conversation. Somebody else's is answered like one that does not exist."""
    user = await request.auser()
    try:
        row = await mapping.owned(user, thread_id)
    except Problem:
        raise Http404 from None
    await mapping.show_in(request, user, row)
    return await _page(request, user, row)


@require_safe
async def health(request: HttpRequest) -> JsonResponse:
    """Whether this process reaches its database. The LangGraph server has a health of its own."""
    await UserThread.objects.aexists()
    return JsonResponse({"status": "ok"})


async def _page(
    request: HttpRequest,
    user: User,
    row: UserThread | None,
    notice: str | None = None,
    status: int = 200,
) -> HttpResponse:
    conversation = None
    if row is not None:
        try:
            conversation = await read_conversation(row.thread_id)
        except NotFoundError:
            # The server has lost the thread: the row leads nowhere any more.
            await row.adelete()
            row, notice = None, say("thread-lost")
        except SERVER_ERRORS as error:
            problem = problem_of(error)
            notice, status = problem.text, problem.status
    context = {
        "person": user.get_username(),
        "threads": [each async for each in user.threads.all()[:MAX_ROWS]],
        "row": row,
        "messages": conversation.messages if conversation else [],
        "notice": notice,
        "page_data": _page_data(row, conversation),
    }
    return render(request, "chat/page.html", context, status=status)


def _page_data(row: UserThread | None, conversation: Conversation | None) -> dict[str, Any]:
    """What the script begins with. The template writes it with `json_script`, which escapes it."""
    return {
        "base": reverse("chat:home"),
        "thread_id": str(row.thread_id) if row else None,
        "checkpoint_id": conversation.checkpoint_id if conversation else None,
        "questions": [asdict(each) for each in conversation.questions] if conversation else [],
        "run_id": conversation.run_id if conversation else None,
        "limit": settings.CHAT_MAX_LETTERS,
        "words": all_words(),
    }
