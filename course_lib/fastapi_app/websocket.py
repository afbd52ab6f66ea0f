"""The chat over a WebSocket: one connection, many messages, and the same runs as over HTTP.

The first message signs in, since a browser cannot send headers with a WebSocket:

    {"type": "sign-in", "token": "..."}
    {"type": "chat", "message_id": "...", "text": "...", "thread_id": "..."}
    {"type": "resume", "thread_id": "...", "question_id": "...", "answer": {...}}
    {"type": "stop", "thread_id": "..."}
    {"type": "follow", "run_id": "...", "after": 7}

What comes back: {"event": "token", "run_id": "...", "number": 3, "data": {...}}
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ValidationError
from starlette.websockets import WebSocketState

from .auth import Person, read_token
from .chat_routes import begin_answer, begin_message, joined_run
from .event_data import storable
from .problems import DATABASE_AWAY, UNEXPECTED, Problem, log
from .run_events import Event
from .schemas import ChatRequest, ResumeRequest, StopRequest
from .service import Service

router = APIRouter()

Body = TypeVar("Body", bound=BaseModel)

SIGN_IN_SECONDS = 5.0
"""How long a connection may stay without a token, in seconds."""

MAX_FOLLOWED_RUNS = 20
"""How many runs one connection follows at once; each one of another worker reads the database."""

NOT_SIGNED_IN, WRONG_ORIGIN = 4401, 4403
"""Closing codes: those from 4000 on are an application's own."""


class Follow(BaseModel):
    """A run to follow again."""

    run_id: UUID
    after: int = 0


class _Connection:
    """One WebSocket after it signed in."""

    def __init__(self, socket: WebSocket, service: Service, token: str, person: Person) -> None:
        self._socket = socket
        self._service = service
        self._token = token
        self._person = person
        self._sending = asyncio.Lock()
        self._following: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Take messages until the client leaves; its runs go on."""
        try:
            while True:
                try:
                    message = await receive_object(self._socket, self._service)
                    # A connection outlives its token, which is looked at with every message.
                    read_token(self._service.settings.token_key, self._token)
                    await self._take(message)
                except Problem as problem:
                    await self._send({"event": "problem", "data": problem.body})
                    if problem.status == 401:
                        await self._socket.close(NOT_SIGNED_IN)
                        return
                except WebSocketDisconnect:
                    return
                except Exception as error:  # noqa: BLE001  # the next message may be good
                    if self._socket.client_state is WebSocketState.DISCONNECTED:
                        return
                    await self._send(_told(error))
        except (WebSocketDisconnect, RuntimeError):
            pass  # the client has left while something was sent
        finally:
            for task in self._following:
                task.cancel()

    async def _take(self, message: dict[str, Any]) -> None:
        kind = message.pop("type", None)
        service, person = self._service, self._person
        if kind in ("chat", "resume", "follow"):
            self._check_room()
        if kind == "chat":
            run = await begin_message(service, person, _checked(ChatRequest, message))
            self._follow(run.id, run.follow())
        elif kind == "resume":
            run = await begin_answer(service, person, _checked(ResumeRequest, message))
            self._follow(run.id, run.follow())
        elif kind == "stop":
            thread = await service.thread(person, _checked(StopRequest, message).thread_id)
            await service.runs.stop(thread.id)
        elif kind == "follow":
            asked = _checked(Follow, message)
            events = await joined_run(service, person, asked.run_id, str(asked.after))
            self._follow(asked.run_id, events)
        else:
            raise Problem(
                422, "invalid-request", "A message's type is chat, resume, stop or follow."
            )

    def _check_room(self) -> None:
        if len(self._following) >= MAX_FOLLOWED_RUNS:
            raise Problem(
                429,
                "too-many-runs",
                f"This connection follows {MAX_FOLLOWED_RUNS} runs already. "
                "Wait for the end of one.",
            )

    def _follow(self, run_id: UUID, events: AsyncIterator[Event]) -> None:
        task = asyncio.create_task(self._forward(run_id, events))
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    async def _forward(self, run_id: UUID, events: AsyncIterator[Event]) -> None:
        try:
            async for event in events:
                told = {"event": event.name, "run_id": str(run_id), "number": event.number}
                await self._send({**told, "data": event.data})
        except (WebSocketDisconnect, RuntimeError):
            pass  # the client has left; the run goes on
        except Exception as error:  # noqa: BLE001
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._send({**_told(error), "run_id": str(run_id)})

    async def _send(self, message: dict[str, Any]) -> None:
        async with self._sending:  # two runs at once must not mix their frames
            await self._socket.send_json(message)


@router.websocket("/ws")
async def chat_over_websocket(socket: WebSocket) -> None:
    """Sign in with the first message, then chat."""
    service: Service = socket.app.state.service
    if not _same_origin(socket, service.settings.origins):
        await socket.close(WRONG_ORIGIN)  # the browser's rules on origins do not hold here
        return
    await socket.accept()
    try:
        async with asyncio.timeout(SIGN_IN_SECONDS):
            first = await receive_object(socket, service)
        token = str(first.get("token", ""))
        person = read_token(service.settings.token_key, token)
    except TimeoutError:
        await socket.close(NOT_SIGNED_IN, "no token came in time")
        return
    except Problem as problem:
        await socket.send_json({"event": "problem", "data": problem.body})
        await socket.close(NOT_SIGNED_IN)
        return
    except WebSocketDisconnect:
        return
    await socket.send_json({"event": "signed-in", "data": {"user": person.user}})
    await _Connection(socket, service, token, person).serve()


async def receive_object(socket: WebSocket, service: Service) -> dict[str, Any]:
    """Receive one message that is a JSON object.

    Raises:
        Problem: 422; it is something else. 413; it is too long.
    """
    frame = await socket.receive()
    if frame["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(frame.get("code", 1000))
    text = frame.get("text") or ""
    if len(text.encode("utf-8", "replace")) > service.settings.max_body_bytes:
        longest = service.settings.max_body_bytes
        raise Problem(413, "body-too-long", f"A message may have {longest} bytes. Shorten it.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise Problem(422, "invalid-request", "Send a JSON object with a field 'type'.")
    return message


def _told(error: Exception) -> dict[str, Any]:
    """The event of an error nobody foresaw; the log has the rest of it."""
    away = isinstance(error, psycopg.OperationalError)
    log.error("a message over a WebSocket failed", exc_info=error)
    return {"event": "problem", "data": (DATABASE_AWAY if away else UNEXPECTED).body}


def _checked(model: type[Body], message: dict[str, Any]) -> Body:
    try:
        return model.model_validate(message)
    except ValidationError as error:
        told = "; ".join(
            f"{storable('.'.join(map(str, each['loc'])))[:200]}: {each['msg']}"
            for each in error.errors()[:3]
        )
        raise Problem(422, "invalid-request", f"The message is not valid. {told}") from None


def _same_origin(socket: WebSocket, allowed: tuple[str, ...]) -> bool:
    origin = socket.headers.get("origin")
    if origin is None or origin in allowed:  # a program, and no browser
        return True
    return urlsplit(origin).netloc == socket.headers.get("host")
