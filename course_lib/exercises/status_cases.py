"""What a client of a FastAPI application gets: the cases that exercise 1 of chapter 13 predicts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, HTTPException
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict


class _Table(BaseModel):
    people: int


class _StrictTable(_Table):
    model_config = ConfigDict(strict=True)


def _nobody() -> None:
    raise HTTPException(404, "no such thread")


def _app() -> FastAPI:
    app = FastAPI()

    @app.post("/inside", response_class=EventSourceResponse)
    async def inside() -> AsyncIterator[ServerSentEvent]:
        _nobody()
        yield ServerSentEvent(data="hello")

    @app.post("/before", response_class=EventSourceResponse)
    async def before(_: Annotated[None, Depends(_nobody)]) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="hello")

    @app.post("/table")
    async def table(body: _Table) -> dict[str, int]:
        return {"people": body.people}

    @app.post("/strict")
    async def strict(body: _StrictTable) -> dict[str, int]:
        return {"people": body.people}

    @app.post("/fails")
    async def fails() -> None:
        raise ValueError("no table is free")

    return app


CASES: dict[str, tuple[str, str, dict[str, Any] | None, str]] = {
    "a stream raises HTTPException(404) before its first event": (
        "POST",
        "/inside",
        None,
        "The status of a stream is sent before its function runs.",
    ),
    "a dependency of a stream raises HTTPException(404)": (
        "POST",
        "/before",
        None,
        "A dependency runs before the status is sent.",
    ),
    "the field people: int is missing": (
        "POST",
        "/table",
        {},
        "FastAPI refuses a body that does not fit with 422.",
    ),
    "people is the text '4'": (
        "POST",
        "/table",
        {"people": "4"},
        "Pydantic turns the text '4' into the number 4, unless the model is strict.",
    ),
    "people is the text '4', and the model is strict": (
        "POST",
        "/strict",
        {"people": "4"},
        "A strict model takes a number and nothing else.",
    ),
    "the body has an unknown field beside people": (
        "POST",
        "/table",
        {"people": 4, "day": "Monday"},
        "An unknown field is ignored, unless the model has extra='forbid'.",
    ),
    "the endpoint raises ValueError": (
        "POST",
        "/fails",
        None,
        "An error that nobody handles is an error of the server: 500.",
    ),
    "GET asks for a path that has POST only": (
        "GET",
        "/table",
        None,
        "The path exists and the method does not: 405, 'method not allowed'.",
    ),
}
"""For each case the method, the path, the body, and why it ends as it does."""


async def statuses() -> dict[str, int]:
    """Send every case to an application, and return the status that came back."""
    transport = httpx.ASGITransport(_app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return {
            case: (await client.request(method, path, json=body)).status_code
            for case, (method, path, body, _) in CASES.items()
        }
