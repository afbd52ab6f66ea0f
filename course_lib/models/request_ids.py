"""The id of the request that is being worked on: one id through all servers that take part in it.

A service that has got a request sets `REQUEST_ID`. The clients of model servers send it on as the
header `X-Request-ID`, and every log names it, so that one search finds a turn in all of them.
"""

from __future__ import annotations

import re
from contextvars import ContextVar
from uuid import uuid4

HEADER = "X-Request-ID"
"""The header in which proxies, services and model servers pass the id on."""

WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")
"""What an id may look like. Anything else could forge a line of a log, or fill it."""

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that the running task works for; None outside of a request."""


def request_id_from(given: str | None) -> str:
    """Return an id that came with a request, or a new one where it is missing or malformed.

    Args:
        given: the value of the header `X-Request-ID`.
    """
    return given if given and WELL_FORMED.fullmatch(given) else uuid4().hex
