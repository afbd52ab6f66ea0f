"""Calling a LangGraph store from the chat, whichever kind it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from langgraph.store.base.batch import AsyncBatchedBaseStore

T = TypeVar("T")


def is_asynchronous(store: Any) -> bool:
    """Return whether a store works on an event loop, and refuses plain calls from that loop.

    Args:
        store: any LangGraph store.
    """
    return isinstance(store, AsyncBatchedBaseStore)


async def call_store(store: Any, call: Callable[..., T], *args: Any, **options: Any) -> T:
    """Make a plain call that uses a store.

    An asynchronous store takes plain calls from other threads only. Every other store is called
    here and now: SQLite's connection must not be used by two threads at a time.

    Args:
        store: the store that is used.
        call: what to call.
        args: its arguments.
        options: its keyword arguments.
    """
    if is_asynchronous(store):
        return await asyncio.to_thread(call, *args, **options)
    return call(*args, **options)
