"""The client of the LangGraph server: one for each process and event loop, used by all requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from django.conf import settings
from langgraph_sdk import get_client

if TYPE_CHECKING:
    from langgraph_sdk.client import LangGraphClient

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[str, LangGraphClient]]
_clients = WeakKeyDictionary()


def client() -> LangGraphClient:
    """Return the client of the running event loop.

    A client keeps connections open, which belong to the loop that opened them: in another loop they
    fail with "Event loop is closed". A client for each request would open new connections each
    time.
    """
    loop = asyncio.get_running_loop()
    url = settings.CHAT_LANGGRAPH_URL
    known = _clients.get(loop)
    if known is None or known[0] != url:
        for ended in [each for each in _clients if each.is_closed()]:
            del _clients[ended]
        known = _clients[loop] = (url, get_client(url=url))
    return known[1]


async def close_client() -> None:
    """Close the connections of the running event loop, where it ends before the process does."""
    known = _clients.pop(asyncio.get_running_loop(), None)
    if known is not None:
        await known[1].aclose()
