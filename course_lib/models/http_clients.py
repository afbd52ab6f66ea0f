"""The HTTP clients of a served model: the same way through proxies for both kinds of call."""

from __future__ import annotations

import ipaddress
import json
import re
import urllib.request
from typing import Any
from urllib.parse import urlsplit

import openai

from course_lib.addresses import hide_password
from course_lib.models.answer_shape import fault_of_answer
from course_lib.models.answer_wait import limit_wait
from course_lib.models.request_ids import HEADER, REQUEST_ID

NO_JSON = object()

WANTS_STREAM = re.compile(rb'"stream": ?true')
"""What a request for a stream holds; in a message's text the quotes would be escaped."""

RETRIED = (408, 409, 429, *range(500, 600))
"""Answers after which the client asks again."""


class UnexpectedAnswer(openai.OpenAIError):
    """A server answered with success, but not in OpenAI's protocol.

    It is an `OpenAIError`, which the client passes on without asking again.
    """


class ReportedError(UnexpectedAnswer):
    """A server answered with success, and with an error instead of an answer.

    Args:
        error: what stands under `error` in the body.
    """

    def __init__(self, error: Any) -> None:
        told = error.get("message") if isinstance(error, dict) else None
        super().__init__(str(told or error)[:300])
        self.code = error.get("code") if isinstance(error, dict) else None


def http_clients(url: str) -> dict[str, Any]:
    """Return the arguments of `ChatOpenAI` that hold its HTTP clients.

    Both go through the proxy that the environment names, unless `NO_PROXY` excludes the address
    or the address is this machine's own. The asynchronous client keeps no connection open between
    requests, because a kept connection belongs to the event loop that opened it, and one model
    may be used from several: the notebook's, a server's in a thread, or one of each `asyncio.run`.

    Args:
        url: the address of the model server.
    """
    trusts_env = not is_this_machine(url)
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(max_keepalive_connections=0)
    return {
        "http_client": openai.DefaultHttpxClient(
            trust_env=trusts_env, event_hooks={"request": [_name], "response": [_check]}
        ),
        "http_async_client": openai.DefaultAsyncHttpxClient(
            limits=limits,
            trust_env=trusts_env,
            event_hooks={"request": [_name_async], "response": [_check_async]},
        ),
    }


def checked_url(url: str) -> str:
    """Return the address of a server as it is.

    Raises:
        ValueError: no server can have it.
    """
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
        is_one = is_one and " " not in url and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is open
        is_one = False
    if not is_one:
        raise ValueError(
            f"{without_password(url)!r} is no address of a server. It begins with http:// or "
            "https://, and usually ends in /v1. Set COURSE_LLM_BASE_URL or the option base_url=."
        )
    return url


def is_this_machine(url: str) -> bool:
    """Whether an address belongs to this machine, so that no proxy can be on the way to it."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def proxy_for(url: str) -> str | None:
    """Return the proxy that a request to this address goes through, without its password."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None or is_this_machine(url) or urllib.request.proxy_bypass(parts.netloc):
        return None
    named = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    return f"{named.scheme}://{named.hostname}" + (f":{named.port}" if named.port else "")


def without_password(url: str) -> str:
    """Return an address without a user and a password in it, fit for a message.

    Args:
        url: as somebody typed it, right or wrong. What stands before an `@` goes, and with it more
            than the password where an `@` stands in the path.
    """
    return hide_password(url).replace("...@", "").rstrip("/")


def _name(request: Any) -> None:
    """Tell the model server which request the call is part of, so that both logs name it."""
    # A redirect keeps the extensions of a request, and asks another path.
    request.extensions.setdefault("asks", request.url.path)
    request_id = REQUEST_ID.get()
    if request_id is not None:
        request.headers[HEADER] = request_id


async def _name_async(request: Any) -> None:
    _name(request)


def _check(response: Any) -> None:
    limit_wait(response)
    if _is_to_be_read(response):
        try:
            response.read()
        except Exception as error:
            _refuse_unread(response, error)
            raise
        _check_answer(response)


async def _check_async(response: Any) -> None:
    limit_wait(response)
    if _is_to_be_read(response):
        try:
            await response.aread()
        except Exception as error:
            _refuse_unread(response, error)
            raise
        _check_answer(response)


def _refuse_unread(response: Any, error: Exception) -> None:
    """Raise for a refusal whose body cannot be read: it is a refusal also without its words.

    Raises:
        openai.APIStatusError: the answer refuses the request for good.
    """
    if response.is_success or response.status_code in RETRIED:
        return
    said = f"Its words cannot be read: {error}" if str(error) else "It gives no reason."
    raise openai.APIStatusError(said, response=response, body={"message": said}) from error


def _is_to_be_read(response: Any) -> bool:
    """Whether the whole body has to be looked at; a stream is read later, chunk by chunk.

    Raises:
        UnexpectedAnswer: the answer is of a type that no answer of a model has.
    """
    if not str(response.request.extensions.get("asks")).endswith("/chat/completions"):
        return False
    if response.is_redirect:
        return False
    if not response.is_success:
        return True
    kind = response.headers.get("content-type", "")
    is_stream = "event-stream" in kind
    if kind and not is_stream and "json" not in kind:
        named = kind.partition(";")[0][:100]
        raise UnexpectedAnswer(f"it answered {response.status_code} with {named}")
    if "json" in kind:
        return True
    wants_stream = WANTS_STREAM.search(response.request.content) is not None
    if is_stream and not wants_stream:
        raise UnexpectedAnswer("it answered with a stream, which was not asked for")
    return not wants_stream


def _check_answer(response: Any) -> None:
    try:
        answer = json.loads(response.content)
    except ValueError:
        answer = NO_JSON
    error = answer.get("error") if isinstance(answer, dict) else None
    if not response.is_success:
        if isinstance(error, dict) and error.get("code") == "insufficient_quota":
            # Waiting brings no credit: as an error of its own it is not asked for again.
            said = str(error.get("message") or "")
            raise openai.RateLimitError(said, response=response, body=error)
        return
    if isinstance(answer, dict) and answer.get("object") == "error":
        error = answer
    if error:
        raise ReportedError(error)
    if answer is NO_JSON:
        start = response.text[:100]
        raise UnexpectedAnswer(f"it answered {response.status_code} with {start!r}, no JSON")
    if fault := fault_of_answer(answer):
        raise UnexpectedAnswer(f"its answer is none of that protocol: {fault}")
