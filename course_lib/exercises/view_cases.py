"""How many requests of 20 clients a Django view answers at once: exercise 1 of chapter 14.

The views wait inside until all clients are there, or until no more come. Django's settings belong
to a whole process, so the cases run in a process of their own.
"""

from __future__ import annotations

import asyncio
import functools
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

CLIENTS = 20
UNCHANGED_SECONDS = 0.8
"""When nobody came in for so long, nobody else will."""
LONGEST_SECONDS = 10.0

CASES: dict[str, tuple[str, str, str]] = {
    "an asynchronous view, ASGI server": (
        *("asgi3", "waits"),
        "A view that awaits lets the event loop begin the next request.",
    ),
    "an asynchronous view with a blocking call, ASGI server": (
        *("asgi3", "blocks"),
        "A blocking call stops the event loop, so no other request can begin.",
    ),
    "a plain view, ASGI server": (
        *("asgi3", "plain"),
        "Under ASGI, Django runs a plain view in a thread, and each request gets one of its own.",
    ),
    "a plain view, WSGI server with 10 threads": (
        *("wsgi", "plain"),
        "Each request keeps a thread until its view has answered. The others wait for a thread.",
    ),
    "an asynchronous view, WSGI server with 10 threads": (
        *("wsgi", "waits"),
        "A WSGI server has no event loop: the view runs in a loop of its own, in the thread of "
        "the request.",
    ),
}
"""For each case the kind of server, the view, and why it is so."""


class Gate:
    """Where the requests wait, and how many there were at most."""

    def __init__(self) -> None:
        self.most = self._inside = 0
        self.opened = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Count one request."""
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1

    def open_when_full(self) -> int:
        """Let all requests go on when no more come, and return how many there were."""
        seen, since = -1, time.monotonic()
        while self.most < CLIENTS and time.monotonic() - since < UNCHANGED_SECONDS:
            if self.most != seen:
                seen, since = self.most, time.monotonic()
            time.sleep(0.01)
        self.opened.set()
        return self.most


@functools.cache
def most_at_once() -> dict[str, int]:
    """For each case, how many of the requests were inside the view at the same time, at most."""
    from course_lib.serving import run_child

    child = run_child(_measure)
    if child.ended != "normally":
        raise RuntimeError(f"The views could not be measured: {child.output[-200:]}")
    found: dict[str, int] = json.loads(child.output.splitlines()[-1])
    return found


def _measure() -> None:
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    gates: dict[str, Gate] = {}
    views = _views(gates)
    # A tuple of patterns may stand in place of the name of a module.
    patterns = tuple(path(f"{name}/", view) for name, view in views.items())
    settings.configure(ROOT_URLCONF=patterns, ALLOWED_HOSTS=["127.0.0.1"], MIDDLEWARE=[])
    applications = {"asgi3": get_asgi_application(), "wsgi": get_wsgi_application()}
    found: dict[str, int] = {}
    for interface, application in applications.items():
        with _served(application, interface) as port:
            for case, (needed, view, _) in CASES.items():
                if needed == interface:
                    gates[view] = Gate()
                    found[case] = _send_all(port, view, gates[view])
    print(json.dumps(found))  # noqa: T201


def _views(gates: dict[str, Gate]) -> dict[str, Callable[..., Any]]:
    from django.http import HttpResponse

    def plain(request: HttpRequest) -> HttpResponse:
        gate = gates["plain"]
        with gate.inside():
            gate.opened.wait(LONGEST_SECONDS)
        return HttpResponse("ok")

    async def blocks(request: HttpRequest) -> HttpResponse:
        gate = gates["blocks"]
        with gate.inside():
            gate.opened.wait(LONGEST_SECONDS)
        return HttpResponse("ok")

    async def waits(request: HttpRequest) -> HttpResponse:
        gate = gates["waits"]
        with gate.inside():
            while not gate.opened.is_set():
                await asyncio.sleep(0.01)
        return HttpResponse("ok")

    return {"plain": plain, "blocks": blocks, "waits": waits}


@contextmanager
def _served(application: Any, interface: Any) -> Iterator[int]:
    import uvicorn

    # Under WSGI, uvicorn has ten threads.
    config = uvicorn.Config(
        application, port=0, interface=interface, lifespan="off", log_level="critical"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def _send_all(port: int, view: str, gate: Gate) -> int:
    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", f"/{view}/")
        connection.getresponse().read()
        connection.close()

    clients = [threading.Thread(target=ask) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    most = gate.open_when_full()
    for client in clients:
        client.join()
    return most
