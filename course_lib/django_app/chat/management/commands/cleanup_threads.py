"""Delete conversations that nobody used for a while, and mend what points nowhere."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from langgraph_sdk.errors import NotFoundError

from ... import mapping
from ...langgraph import client, close_client
from ...models import User, UserThread
from ...problems import SERVER_ERRORS


class Command(BaseCommand):
    """Idle conversations, rows without a thread, and threads without a row."""

    help = (
        "Deletes conversations that were not used for some days, rows whose thread the LangGraph "
        "server has lost, and threads whose owner is gone. Rows that are missing are written again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say how old is old, and whether to do it."""
        parser.add_argument("--days", type=float, default=30.0, help="unused for so many days")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be done, and do nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it in an event loop, and close the client of that loop."""
        if options["days"] < 0:
            raise CommandError("--days is below zero. Give a number of days.")
        try:
            asyncio.run(self._clean(timedelta(days=options["days"]), options["dry_run"]))
        except SERVER_ERRORS as error:
            raise CommandError(
                f"The LangGraph server did not do its part ({type(error).__name__}). What was "
                "reported above is done; run the command again."
            ) from error

    async def _clean(self, age: timedelta, dry: bool) -> None:
        try:
            threads = await mapping.threads_of(None)
            on_server = {UUID(each["thread_id"]): each for each in threads}
            await self._idle(timezone.now() - age, on_server, dry)
            await self._lost(on_server, dry)
            await self._unmapped(on_server, dry)
        finally:
            await close_client()

    async def _idle(self, before: Any, on_server: dict[UUID, Any], dry: bool) -> None:
        rows = [row async for row in UserThread.objects.filter(used__lt=before)]
        for row in rows:
            on_server.pop(row.thread_id, None)
            if not dry:
                await mapping.delete(row)
        self._report("idle", len(rows), "deleted", dry)

    async def _lost(self, on_server: dict[UUID, Any], dry: bool) -> None:
        lost = []
        async for row in UserThread.objects.all():
            # A thread that began after the list was made is not in it.
            if row.thread_id not in on_server and not await self._exists(row.thread_id):
                lost.append(row)
        for row in [] if dry else lost:
            await row.adelete()
        self._report("lost by the server", len(lost), "deleted from the table", dry)

    async def _unmapped(self, on_server: dict[UUID, Any], dry: bool) -> None:
        known = {key async for key in UserThread.objects.values_list("thread_id", flat=True)}
        people = {str(person.pk): person async for person in User.objects.all()}
        unmapped = {
            key: str(on_server[key]["metadata"]["user"]) for key in on_server.keys() - known
        }
        orphans = [key for key, owner in unmapped.items() if owner not in people]
        if not dry:
            for thread_id in orphans:
                await client().threads.delete(str(thread_id))
            for owner in people.keys() & set(unmapped.values()):
                await mapping.recover(people[owner])
        self._report("without an owner", len(orphans), "deleted", dry)
        self._report("missing in the table", len(unmapped) - len(orphans), "written again", dry)

    @staticmethod
    async def _exists(thread_id: UUID) -> bool:
        try:
            await client().threads.get(str(thread_id))
        except NotFoundError:
            return False
        return True

    def _report(self, what: str, count: int, done: str, dry: bool) -> None:
        self.stdout.write(f"{what}: {count}, {'would be ' if dry else ''}{done}")
