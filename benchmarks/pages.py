"""Measure how late a token is shown by the pages of chapters 13 and 14; print numbers as JSON.

The graph answers `stamp` with one token: the time at which the model made it. All processes run on
this machine, so they share its clock. The two services are asked in turn.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from page_delays import page_delays  # noqa: E402
from served_graphs import write_config  # noqa: E402

from course_lib.doctor import find_chromium  # noqa: E402
from course_lib.persistence import postgres  # noqa: E402
from course_lib.serving import api_workers, django_site, langgraph_server  # noqa: E402
from course_lib.serving.api_workers import ApiWorkers  # noqa: E402
from course_lib.serving.django_site import DjangoSite  # noqa: E402

STAMPS = 30
"""How many messages are sent to each service, after one that is not measured."""
PASSWORD = "correct horse battery"
STAMP = re.compile(r"made at (\d+)")

Send = Callable[[], Any]


def fastapi_requests(client: httpx.Client, workers: ApiWorkers) -> Send:
    """How a program sends a message to the service of chapter 13: a context of its response."""
    url, headers = workers.urls[0], {"Authorization": f"Bearer {workers.token('bench')}"}

    def send() -> Any:
        body = {"message_id": str(uuid4()), "text": "stamp"}
        return client.stream("POST", f"{url}/chat/stream", json=body, headers=headers)

    return send


def django_requests(client: httpx.Client, site: DjangoSite) -> Send:
    """The same for the site of chapter 14, with a person who is signed in."""

    def token_in(page: httpx.Response) -> str:
        found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found is not None
        return found[1]

    form = {"username": "bench", "password": PASSWORD}
    token = token_in(client.get(f"{site.url}/login/"))
    page = client.post(f"{site.url}/login/", data={**form, "csrfmiddlewaretoken": token})
    headers = {"X-CSRFToken": token_in(page)}

    def send() -> Any:
        body = {"request_id": str(uuid4()), "text": "stamp"}
        return client.stream("POST", f"{site.url}/send/", json=body, headers=headers)

    return send


def event_delay(send: Send) -> float:
    """From the model's token to its event at a program, in milliseconds."""
    with send() as response:
        response.raise_for_status()
        text = delay = ""
        for piece in response.iter_text():
            text += piece
            made = STAMP.search(text)
            if made and not delay:
                delay = str(time.time() * 1000 - float(made[1]))
    if not delay:
        raise RuntimeError(f"no stamp came: {text[-300:]}")
    return float(delay)


def open_pages(chromium: Any, workers: ApiWorkers, site: DjangoSite) -> dict[str, Any]:
    """Both pages, signed in."""
    pages = {"fastapi": chromium.new_page(), "django": chromium.new_page()}
    pages["fastapi"].goto(f"{workers.urls[0]}/#token={workers.token('page')}")
    pages["django"].goto(site.url)
    pages["django"].locator("#id_username").fill("bench")
    pages["django"].locator("#id_password").fill(PASSWORD)
    pages["django"].locator("#id_password").press("Enter")
    return pages


def delays_in_browser(workers: ApiWorkers, site: DjangoSite) -> dict[str, list[float]] | None:
    """From the model's token to its letters in each page, in milliseconds; None with no browser."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        return None
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        delays = page_delays(open_pages(chromium, workers, site), STAMPS)
        chromium.close()
    return delays


def summary(delays: list[float]) -> list[float]:
    """The median, and the longest."""
    return [statistics.median(delays), max(delays)]


def main() -> None:
    """Start both services, measure them in turn, and print the numbers."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        server = opened.enter_context(langgraph_server(write_config(folder)))
        site = opened.enter_context(django_site(server.url, assistant="echo"))
        site.add_person("bench", PASSWORD)
        database = opened.enter_context(postgres("pages", scratch=True))
        path = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        echo = {"app": "api_graphs:make_app", "variables": path}
        workers = opened.enter_context(api_workers(1, database_url=database.url, **echo))
        options = {"trust_env": False, "timeout": 60, "follow_redirects": True}
        client = opened.enter_context(httpx.Client(**options))
        senders = {
            "fastapi": fastapi_requests(client, workers),
            "django": django_requests(client, site),
        }
        events: dict[str, list[float]] = {name: [] for name in senders}
        for round_number in range(STAMPS + 1):
            for name, send in senders.items():
                delay = event_delay(send)
                events[name] += [delay] if round_number else []
        pages = delays_in_browser(workers, site)
    numbers = {"event": {name: summary(found) for name, found in events.items()}}
    if pages:
        numbers["page"] = {name: summary(found) for name, found in pages.items()}
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
