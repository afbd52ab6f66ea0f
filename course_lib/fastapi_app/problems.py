"""Errors as bodies that a program can read: `application/problem+json`, RFC 9457."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from .event_data import storable

log = logging.getLogger("chat")

MEDIA_TYPE = "application/problem+json"

PROBLEM_RESPONSE: dict[str, Any] = {
    "description": "A problem: what was wrong, and the one thing to do next (RFC 9457)",
    "content": {
        MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "detail"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                },
            }
        }
    },
}
"""What the OpenAPI document says of every answer that is an error."""


class Problem(Exception):
    """A request that cannot be answered, with the status and the text that the client gets.

    Args:
        status: the HTTP status.
        kind: a short name that a program can compare, such as `thread-unknown`.
        detail: what was wrong, and the one thing to do next.
        headers: to send with it.
        more: further fields of the body.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.headers = dict(headers or {})
        self.more = more

    @property
    def body(self) -> dict[str, Any]:
        """The fields of RFC 9457, and whatever else was given."""
        title = HTTPStatus(self.status).phrase
        fixed = {"type": f"/problems/{self.kind}", "title": title, "status": self.status}
        return {**fixed, "detail": str(self), **self.more}

    def copy(self) -> Problem:
        """The same problem, to be raised by somebody else."""
        return Problem(self.status, self.kind, str(self), headers=self.headers, **self.more)

    def response(self) -> JSONResponse:
        """The whole answer."""
        return JSONResponse(
            self.body, self.status, headers=self.headers or None, media_type=MEDIA_TYPE
        )


UNEXPECTED = Problem(
    500, "unexpected", "Something went wrong here. Send the same message again, with its id."
)
"""What a client is told of an error nobody foresaw: the text of an exception may hold secrets."""

DATABASE_AWAY = Problem(
    503,
    "database-away",
    "The database does not answer. Send the same request again in a moment.",
    headers={"Retry-After": "2"},
)


def unknown_thread(thread_id: object) -> Problem:
    """The same answer for a thread that does not exist and for one of somebody else's."""
    return Problem(404, "thread-unknown", f"There is no thread {str(thread_id)!r} of yours.")


def cause(error: BaseException) -> str:
    """Return what a log may say of an error: never its details, which can quote what was written.

    Args:
        error: of PostgreSQL, or any other.
    """
    said = getattr(getattr(error, "diag", None), "message_primary", None)
    if said is None and isinstance(error, (psycopg.OperationalError, ConnectionError)):
        said = str(error).partition("\n")[0]  # of the connection
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of the application a problem with a JSON body."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        return error.response()

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        return Problem(error.status_code, kind, str(error.detail), headers=error.headers).response()

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without `input`: an error body is no place to repeat what somebody sent.
        fields = [
            {
                "field": storable(".".join(str(part) for part in each["loc"]))[:200],
                "message": each["msg"],
            }
            for each in error.errors()
        ]
        told = "; ".join(f"{each['field']}: {each['message']}" for each in fields[:3])
        problem = Problem(422, "invalid-request", f"The request is not valid. {told}")
        return JSONResponse({**problem.body, "errors": fields}, 422, media_type=MEDIA_TYPE)

    @app.exception_handler(psycopg.OperationalError)
    async def _away(_: Request, error: psycopg.OperationalError) -> JSONResponse:
        log.error("the database did not answer: %s", cause(error))
        return DATABASE_AWAY.response()

    @app.exception_handler(Exception)
    async def _unexpected(_: Request, error: Exception) -> JSONResponse:
        log.error("unexpected error", exc_info=error)
        return UNEXPECTED.response()
