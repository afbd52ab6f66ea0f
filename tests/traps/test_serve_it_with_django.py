"""What surprises in chapter 14, as Django and LangGraph's SDK behave today.

A release that changes one of these changes what the chapter says.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import django_configured  # noqa: F401 - configures Django before its models are imported
import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from langgraph_sdk import get_client
from langgraph_sdk.client import ThreadsClient
from langgraph_sdk.schema import StreamPart

from course_lib.django_app.chat.models import User
from course_lib.exercises.view_cases import most_at_once
from course_lib.serving.http_thread import serve


class Words:
    """Three words, and how many of them were asked for."""

    def __init__(self):
        self.made = 0

    def plain(self):
        for word in ("one", "two", "three"):
            self.made += 1
            yield word

    async def asynchronous(self):
        for word in self.plain():
            yield word


async def first_piece(generator):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await anext(aiter(StreamingHttpResponse(generator)))
    return [str(each.message) for each in caught]


async def test_a_plain_generator_is_collected_before_its_first_piece_is_sent():
    words = Words()
    (warning,) = await first_piece(words.plain())
    assert words.made == 3 and "Use an asynchronous iterator instead" in warning
    words = Words()
    assert await first_piece(words.asynchronous()) == [] and words.made == 1


async def reads_session(request):
    return HttpResponse(request.session.get("thread_id"))


async def reads_user(request):
    return HttpResponse(request.user.username)


async def reads_both(request):
    user, thread_id = await request.auser(), await request.session.aget("thread_id")
    return HttpResponse(f"{user.username} {thread_id}")


async def takes_json(request):
    return HttpResponse(json.loads(request.body)["text"])


@pytest.fixture
async def browser(settings):
    settings.ROOT_URLCONF = (
        path("session/", reads_session),
        path("user/", reads_user),
        path("both/", reads_both),
        path("checked/", takes_json),
        path("exempt/", csrf_exempt(takes_json)),
    )
    made = AsyncClient(enforce_csrf_checks=True)
    await made.aforce_login(await User.objects.acreate_user("ann"))
    return made


@pytest.mark.django_db(transaction=True)
async def test_the_session_and_the_user_are_refused_in_an_asynchronous_view(browser):
    for address in ("/session/", "/user/"):
        with pytest.raises(SynchronousOnlyOperation):
            await browser.get(address)
    assert (await browser.get("/both/")).content == b"ann None"


@pytest.mark.django_db(transaction=True)
async def test_a_form_can_post_json_to_a_view_that_is_exempt(browser):
    sent = {"data": '{"text": "forged"}', "content_type": "text/plain"}
    assert (await browser.post("/exempt/", **sent)).content == b"forged"
    assert (await browser.post("/checked/", **sent)).status_code == 403


@pytest.mark.soak
def test_a_plain_view_gets_a_thread_for_each_request_only_under_asgi():
    assert most_at_once() == {
        "an asynchronous view, ASGI server": 20,
        "an asynchronous view with a blocking call, ASGI server": 1,
        "a plain view, ASGI server": 20,
        "a plain view, WSGI server with 10 threads": 10,
        "an asynchronous view, WSGI server with 10 threads": 10,
    }


def test_a_part_is_a_tuple_and_lists_are_cut_at_ten():
    part = StreamPart("values", {})
    with pytest.raises(TypeError):
        part["event"]
    assert part.event == part[0] == "values"
    for method in (ThreadsClient.search, ThreadsClient.get_history):
        assert inspect.signature(method).parameters["limit"].default == 10


class Counting(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # the connection is kept

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.wfile.write(b"7")

    def log_message(self, *_):
        """Write nothing."""


def test_a_client_of_one_event_loop_fails_in_the_next_one():
    found = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        server.handle_error = lambda *_: None  # the connection of the first loop breaks
        serve(server)
        client = get_client(url=f"http://127.0.0.1:{server.server_port}")

        async def count():
            return await client.threads.count()

        def count_twice():
            for _ in range(2):
                try:
                    found.append(asyncio.run(count()))
                except RuntimeError as error:
                    found.append(str(error))

        asking = threading.Thread(target=count_twice)
        asking.start()
        asking.join()
        server.shutdown()
    assert found == [7, "Event loop is closed"]
