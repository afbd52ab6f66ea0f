"""Errors, in the language of the person: what was wrong, and the one thing to do next.

Every endpoint that the page's script calls is wrapped by `endpoint`. It answers errors as JSON, so
that the script never takes a sign-in page for an answer.
"""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import httpx
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.csrf import csrf_failure as default_csrf_failure
from langgraph_sdk.errors import APIError, APIStatusError, ConflictError, NotFoundError

from .words import say

if TYPE_CHECKING:
    from .models import User

log = logging.getLogger("chat")

Endpoint = Callable[..., Awaitable[HttpResponseBase]]


class Problem(Exception):
    """A request that cannot be answered.

    Args:
        status: the HTTP status.
        kind: its name in `words.WORDS`, which a program can compare.
        values: for the gaps of the sentence.
    """

    def __init__(self, status: int, kind: str, **values: object) -> None:
        super().__init__(kind)
        self.status = status
        self.kind = kind
        self.text = say(kind, **values)

    def response(self) -> JsonResponse:
        """The whole answer."""
        return JsonResponse({"kind": self.kind, "detail": self.text}, status=self.status)


SERVER_ERRORS = (APIError, httpx.HTTPError)
"""What the SDK raises: an answer that is an error, or no answer at all."""


def problem_of(error: Exception) -> Problem:
    """What a person is told of an error of the LangGraph server.

    Its own text is not shown: it may hold what a node was doing.

    Args:
        error: one of `SERVER_ERRORS`.
    """
    if isinstance(error, NotFoundError):
        return Problem(404, "thread-unknown")
    if isinstance(error, ConflictError):
        return Problem(409, "busy")
    if isinstance(error, APIStatusError):
        log.warning("the LangGraph server answered %s", error.status_code)
        return Problem(502, "server-error")
    log.warning("the LangGraph server does not answer: %s", type(error).__name__)
    return Problem(503, "server-away")


def endpoint(method: str) -> Callable[[Endpoint], Endpoint]:
    """Make a view of `view(request, user, body, **parts_of_the_address)`.

    Args:
        method: `GET` or `POST`. The body of a POST is a JSON object.
    """

    def decorate(view: Endpoint) -> Endpoint:
        @functools.wraps(view)
        async def answer(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            if request.method != method:
                return HttpResponse(status=405, headers={"Allow": method})
            try:
                # Not `request.user`, which asks the database in the event loop and is refused.
                user: User = await request.auser()
                if not user.is_authenticated:
                    raise Problem(401, "sign-in-needed")
                body = _json_object(request) if method == "POST" else {}
                return await view(request, user, body, **parts)
            except Problem as problem:
                return problem.response()
            except SERVER_ERRORS as error:
                return problem_of(error).response()

        return answer

    return decorate


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a request whose CSRF token is missing or wrong, to the script as JSON.

    Args:
        request: what was refused.
        reason: for the log of the site; it is not for the person.
    """
    if request.content_type == "application/json":
        return Problem(403, "csrf").response()
    return default_csrf_failure(request, reason)


def _json_object(request: HttpRequest) -> dict[str, Any]:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    try:
        body = json.loads(request.body or b"{}", parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Problem(400, "bad-request") from None
    if not isinstance(body, dict):
        raise Problem(400, "bad-request")
    return body
