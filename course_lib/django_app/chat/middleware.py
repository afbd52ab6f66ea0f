"""The headers that tell a browser what a page may load."""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Only the page's own files. A text of a model that became HTML could load and run nothing."""


@sync_and_async_middleware
def page_policy(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Add the policy to every answer.

    Args:
        get_response: the rest of the site.
    """

    def added(response: HttpResponseBase) -> HttpResponseBase:
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        if not response.streaming:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    if iscoroutinefunction(get_response):

        async def answer(request: HttpRequest) -> HttpResponseBase:
            return added(await get_response(request))

        return answer

    return lambda request: added(get_response(request))
