"""The threads of a LangGraph server, to be searched: exercise 2 of chapter 14.

It answers `client.threads.search` as the server does. The search of a real server needs seconds for
a thousand threads, and a check should not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

import httpx
from langgraph_sdk.errors import UnprocessableEntityError

ORDERS = ("thread_id", "status", "created_at", "updated_at", "state_updated_at")
MOST = 1000
"""How many threads the server returns at most."""


class SearchedThreads:
    """Threads of several people; after the first search, Ann uses her oldest one.

    Args:
        count: how many Ann has on the site `chat`.
    """

    def __init__(self, count: int) -> None:
        self.asked = 0
        self._made: list[dict[str, Any]] = []
        for number in range(count):
            self._add(number, site="chat", user="ann")
            if number % 50 == 0:
                self._add(number, site="chat", user="bo")
                self._add(number, site="batch", user="ann")
                self._add(number, user="ann")
        self.right = {t["thread_id"] for t in self._made if self._is_hers(t)}

    @staticmethod
    def _is_hers(thread: Mapping[str, Any]) -> bool:
        return {"site": "chat", "user": "ann"}.items() <= thread["metadata"].items()

    def _add(self, number: int, **metadata: str) -> None:
        thread_id = str(uuid5(NAMESPACE_URL, f"{number} {sorted(metadata.items())}"))
        # Made and used in different orders.
        made = {"thread_id": thread_id, "metadata": {**metadata, "title": f"number {number}"}}
        times = {"created_at": number, "updated_at": number * 7 % 5003, "status": "idle"}
        self._made.append({**made, **times})

    async def search(
        self,
        *,
        metadata: Mapping[str, Any] | None = None,
        limit: int = 10,
        offset: int = 0,
        sort_by: str | None = None,
        sort_order: Literal["asc", "desc"] | None = None,
        **more: Any,
    ) -> list[dict[str, Any]]:
        """Return a page of threads; without `sort_by`, the one that was used last comes first.

        Args:
            metadata: what the metadata of a thread must have.
            limit: how many threads, from 1 to 1,000.
            offset: how many to leave out first.
            sort_by: a field, one of `ORDERS`.
            sort_order: `asc` or `desc`, the default.
            more: `select` and other options, which change nothing here.

        Raises:
            UnprocessableEntityError: a value that the server does not take.
        """
        if not 1 <= limit <= MOST or offset < 0 or sort_by not in (None, *ORDERS):
            request = httpx.Request("POST", "http://127.0.0.1/threads/search")
            response = httpx.Response(422, request=request)
            raise UnprocessableEntityError(
                f"limit={limit}, offset={offset}, sort_by={sort_by!r} is not valid",
                response=response,
                body=None,
            )
        needed = (metadata or {}).items()
        found = [each for each in self._made if needed <= each["metadata"].items()]
        field = "updated_at" if sort_by in (None, "state_updated_at") else sort_by
        found.sort(key=lambda each: each[field], reverse=sort_order != "asc")
        page = [dict(each) for each in found[offset : offset + limit]]
        self.asked += 1
        self._use_the_oldest()
        return page

    def _use_the_oldest(self) -> None:
        hers = [each for each in self._made if self._is_hers(each)]
        for oldest in sorted(hers, key=lambda each: each["updated_at"])[:1]:
            oldest["updated_at"] = 10_000 + self.asked


class SearchClient:
    """What a client of the SDK is for a search: it has `threads`."""

    def __init__(self, threads: SearchedThreads) -> None:
        self.threads = threads
