"""`EventSource` in a real Chromium: a turn that ends is begun again, which `fetch` does not do."""

from __future__ import annotations

import threading
import time

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent

pytestmark = pytest.mark.browser

WAIT_MILLISECONDS = 100
"""How long `EventSource` waits before it connects again: the stream may say so itself."""


@pytest.fixture
def asked():
    """An application that streams answers; yields its address and the requests it got."""
    app, requests = FastAPI(), []

    @app.get("/")
    async def page():
        return HTMLResponse("<!doctype html><title>page</title>")

    @app.api_route("/ask", methods=["GET", "POST"], response_class=EventSourceResponse)
    async def ask(request: Request, text: str):
        requests.append((request.method, request.headers.get("authorization"), text))
        yield ServerSentEvent(event="token", data={"text": "hello"}, retry=WAIT_MILLISECONDS)
        yield ServerSentEvent(event="end", data={})

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", requests
    server.should_exit = True
    thread.join()


def test_event_source_begins_a_turn_again_when_it_ended_normally(asked, browser):
    url, requests = asked
    page = browser.new_page()
    page.goto(url)
    page.evaluate("window.source = new EventSource('/ask?text=book a table'); 0")
    for _ in range(200):
        if len(requests) >= 3:
            break
        page.wait_for_timeout(50)
    assert requests[:3] == [("GET", None, "book a table")] * 3
    page.close()


def test_fetch_reads_a_stream_to_its_end_and_asks_once(asked, browser):
    url, requests = asked
    page = browser.new_page()
    page.goto(url)
    text = page.evaluate(
        "async () => (await fetch('/ask?text=book a table', { method: 'POST' })).text()"
    )
    assert "event: end" in text
    page.wait_for_timeout(10 * WAIT_MILLISECONDS)
    assert requests == [("POST", None, "book a table")]
    page.close()


def test_event_source_has_no_way_to_send_a_header_or_a_body(asked, browser):
    url, requests = asked
    page = browser.new_page()
    page.goto(url)
    page.evaluate(
        "window.source = new EventSource('/ask?text=hi', { method: 'POST', body: 'x', "
        "headers: { Authorization: 'Bearer x' } }); 0"
    )
    for _ in range(100):
        if requests:
            break
        page.wait_for_timeout(50)
    assert requests[0] == ("GET", None, "hi")
    page.close()
