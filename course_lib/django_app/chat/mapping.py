"""From a person to a thread: which one is open, whose it is, and what to do when it is lost."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from langgraph_sdk.errors import NotFoundError

from .langgraph import client
from .models import User, UserThread
from .problems import Problem
from .runs import stop

SESSION_KEY = "thread_id"
NEW = ""
"""What the session holds when the person asked for a new conversation."""
PAGE = 100
"""How many threads of the server are asked for at once; its own default is 10."""
TITLE_LETTERS = 60


async def owned(user: User, thread_id: UUID) -> UserThread:
    """The row of a conversation of this person.

    Raises:
        Problem: 404, with the same words for a thread of somebody else and for one that nobody has.
    """
    row = await UserThread.objects.filter(user=user, thread_id=thread_id).afirst()
    if row is None:
        raise Problem(404, "thread-unknown")
    return row


async def open_thread(request: HttpRequest, user: User) -> UserThread | None:
    """The conversation to show: the session's, else the one used last, else a recovered one.

    Args:
        request: of the browser.
        user: who asks.

    Returns:
        None where a new conversation is to begin.
    """
    kept = await request.session.aget(SESSION_KEY)
    if kept == NEW:
        return None
    for thread_id in (kept, user.thread_id):
        if thread_id:
            row = await UserThread.objects.filter(user=user, thread_id=thread_id).afirst()
            if row is not None:
                return row
    newest = await user.threads.afirst()
    if newest is None and await recover(user):
        newest = await user.threads.afirst()
    return newest


async def show_in(request: HttpRequest, user: User, row: UserThread | None) -> None:
    """Note which conversation this browser shows, and other devices of the person open.

    Args:
        request: of the browser.
        user: who asks.
        row: the conversation; None for a new one.
    """
    wanted = NEW if row is None else str(row.thread_id)
    if await request.session.aget(SESSION_KEY) != wanted:
        await request.session.aset(SESSION_KEY, wanted)
    if row is not None and user.thread_id != row.thread_id:
        await User.objects.filter(pk=user.pk).aupdate(thread_id=row.thread_id)


async def create(user: User, request_id: str, first_words: str) -> UserThread:
    """Make a thread on the LangGraph server, and the row that says whose it is.

    The metadata comes first: if the row is lost, or was never written, it leads back to the owner.
    The id is computed from the request's, so that a request sent twice makes one conversation.

    Args:
        user: the owner.
        request_id: of the first message.
        first_words: of which the title is made.
    """
    title = " ".join(first_words.split())[:TITLE_LETTERS]
    thread_id = uuid5(user.pk, request_id)
    metadata = {"site": settings.CHAT_SITE, "user": str(user.pk), "title": title}
    await client().threads.create(
        thread_id=str(thread_id), metadata=metadata, if_exists="do_nothing"
    )
    row, _ = await UserThread.objects.aget_or_create(
        thread_id=thread_id, defaults={"user": user, "title": title, "used": timezone.now()}
    )
    return row


async def used(row: UserThread) -> None:
    """Note that a conversation was used just now."""
    await UserThread.objects.filter(pk=row.pk).aupdate(used=timezone.now())


async def delete(row: UserThread) -> None:
    """Delete a conversation: on the server first, because a row can still be found afterwards.

    What goes on on the thread is stopped: the server would let it run to its end.
    """
    with suppress(NotFoundError):  # deleted already
        await stop(row.thread_id)
        await client().threads.delete(str(row.thread_id))
    await User.objects.filter(thread_id=row.thread_id).aupdate(thread_id=None)
    await row.adelete()


async def recover(user: User) -> int:
    """Write the rows of a person again, from the metadata of the threads on the server.

    Args:
        user: whose rows are missing.

    Returns:
        How many rows were missing.
    """
    found = 0
    for thread in await threads_of(user):
        _, is_new = await UserThread.objects.aget_or_create(
            thread_id=UUID(thread["thread_id"]),
            defaults={
                "user": user,
                "title": str(thread["metadata"].get("title") or thread["thread_id"])[:80],
                "used": thread["updated_at"],
            },
        )
        found += is_new
    return found


async def threads_of(user: User | None) -> list[Any]:
    """Every thread of this site on the server whose metadata names a person.

    Args:
        user: the person; None for the threads of all people.
    """
    metadata = {"site": settings.CHAT_SITE, **({"user": str(user.pk)} if user else {})}
    found: list[Any] = []
    while True:
        page = await client().threads.search(
            metadata=metadata,
            select=["thread_id", "metadata", "updated_at"],
            sort_by="created_at",
            sort_order="asc",
            limit=PAGE,
            offset=len(found),
        )
        found += page
        if len(page) < PAGE:
            return [each for each in found if each["metadata"].get("user")]
