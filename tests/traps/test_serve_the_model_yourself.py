"""What surprises in chapter 15, as LangChain, openai and httpx behave today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from course_lib.exercises.scripted_server import scripted_server
from course_lib.models import ModelRequestError, ModelServerError, OfflineChatModel, RemoteChatModel
from course_lib.serving import free_port
from course_lib.serving.http_thread import serve


@pytest.fixture
def local():
    """A server that answers every GET with 200; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serve(server)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_fallback_is_asked_only_while_nothing_was_streamed():
    whole = [chunk.text for chunk in OfflineChatModel().stream("hello")]
    early = OfflineChatModel(fail_times=1).with_fallbacks([OfflineChatModel()])
    assert "".join(chunk.text for chunk in early.stream("hello")) == "".join(whole)
    late = OfflineChatModel(fail_after_tokens=5).with_fallbacks([OfflineChatModel()])
    pieces = []
    with pytest.raises(Exception, match="break off"):
        for chunk in late.stream("hello"):
            pieces.append(chunk.text)
    assert pieces and len("".join(pieces)) < len("".join(whole))


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [(400, ModelRequestError, 1), (404, ModelRequestError, 1), (429, ModelServerError, 3)],
)
def test_only_what_may_pass_is_asked_again(status, error, requests):
    with scripted_server(lambda number: status) as (url, seen):
        model = RemoteChatModel(base_url=url, api_key="none", model="m", max_retries=2)
        with pytest.raises(error):
            model.invoke("hello")
        assert len(seen) == requests


def test_httpx_asks_a_proxy_even_for_this_machine(local, monkeypatch):
    for name in ("NO_PROXY", "no_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(httpx.ConnectError):
        httpx.get(local)
    assert httpx.get(local, trust_env=False).status_code == 200
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert httpx.get(local).status_code == 200
