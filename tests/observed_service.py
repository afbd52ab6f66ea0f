"""The observed service in the test's own process, or as workers, around the graph of the tests."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import httpx
import structlog
from api_graphs import build

from course_lib.fastapi_app import create_app, make_token
from course_lib.operations import service_app

KEY = b"0" * 32


def make_app() -> Any:
    """A factory for uvicorn."""
    return service_app.make_app(lambda settings, hooks: create_app(build, settings, hooks))


@dataclass
class Observed:
    """A running service and where it writes to."""

    app: Any
    client: httpx.AsyncClient
    folder: Path

    @property
    def traces(self) -> Path:
        return self.folder / "traces.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def audit(self) -> Path:
        return self.folder / "audit.jsonl"

    async def say(
        self,
        text: str,
        thread: str | None = None,
        user: str = "ann",
        path: str = "/chat",
        **more: Any,
    ) -> httpx.Response:
        """Send a message; `headers` and fields of the body are passed on."""
        headers = {**token_of(user), **more.pop("headers", {})}
        body = {"message_id": str(uuid4()), "text": text, **more}
        if thread is not None:
            body["thread_id"] = thread
        return await self.client.post(path, json=body, headers=headers)


def token_of(user: str, tenant: str = "one") -> dict[str, str]:
    return {"Authorization": f"Bearer {make_token(KEY, user, tenant=tenant)}"}


@asynccontextmanager
async def observed_service(
    folder: Path, database_url: str, build_graph: Any = build, **variables: str
) -> AsyncIterator[Observed]:
    """Run the service until the block ends; afterwards everything is written."""
    key = folder / "token.key"
    key.touch(mode=0o600)
    key.write_bytes(KEY)
    given = {
        "CHAT_DATABASE_URL": database_url,
        "CHAT_TOKEN_KEY_FILE": str(key),
        **{
            f"CHAT_{name}_FILE": f"{folder}/{name.lower()}.jsonl"
            for name in ("TRACES", "LOG", "AUDIT")
        },
        **variables,
    }
    with environment(given), untouched_logging():
        app = service_app.make_app(lambda settings, hooks: create_app(build_graph, settings, hooks))
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as client,
        ):
            yield Observed(app, client, folder)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    with mock.patch.dict(os.environ, variables):
        yield


@contextmanager
def untouched_logging() -> Iterator[None]:
    """Put back what `write_logs` changes for the whole process."""
    names = ["", "chat", "uvicorn", "uvicorn.error", "uvicorn.access"]
    loggers = [logging.getLogger(name) for name in names]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    try:
        yield
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
        for each, (handlers, level, propagate) in zip(loggers, before, strict=True):
            each.handlers[:], each.propagate = handlers, propagate
            each.setLevel(level)
