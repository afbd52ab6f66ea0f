"""One function chooses the model, and three variables choose for it."""

import json
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer

import httpx
import pytest

from course_lib.models import (
    ModelRequestError,
    ModelServerError,
    chat_model,
    model_name,
    server_errors,
)
from course_lib.serving import Answer, LoadResult, free_port, run_load
from course_lib.serving.http_thread import serve
from course_lib.settings import SettingsError, read_settings


def test_without_variables_it_is_the_offline_model():
    assert model_name(chat_model()) == "namu-offline"


def test_options_go_to_the_model():
    assert chat_model(fail_times=1).fail_times == 1


class _Server(BaseHTTPRequestHandler):
    """A listener that speaks just enough of the protocol to show that it was reached."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body["model"], self.headers["Authorization"]))
        message = {"role": "assistant", "content": "from the server"}
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        }
        payload = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *args):
        pass


def test_three_variables_reach_any_openai_compatible_server(monkeypatch):
    server = HTTPServer(("127.0.0.1", 0), _Server)
    server.asked = []
    serve(server)
    monkeypatch.setenv("COURSE_LLM_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    monkeypatch.setenv("COURSE_LLM_MODEL", "tiny")
    monkeypatch.setenv("COURSE_LLM_API_KEY", "k")
    try:
        assert chat_model().invoke("hello").text == "from the server"
        assert server.asked == [("/v1/chat/completions", "tiny", "Bearer k")]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"COURSE_LLM_BASE_URL": "localhost:8000", "COURSE_LLM_MODEL": "m"}, "localhost:8000"),
        ({"COURSE_LLM_BASE_URL": "http://127.0.0.1:8000/v1"}, "COURSE_LLM_MODEL"),
        ({"COURSE_DATABASE_URL": "mysql://x"}, "mysql"),
        ({"COURSE_REQUIRE_BROWSER": "perhaps"}, "perhaps"),
    ],
)
def test_an_unusable_variable_is_named_with_its_value(variables, names):
    with pytest.raises(SettingsError, match=names):
        read_settings(variables)


def test_the_key_is_never_shown():
    settings = read_settings({"COURSE_LLM_API_KEY": "sk-very-secret"})
    assert "secret" not in repr(settings)


def test_importing_the_library_imports_neither_langgraph_nor_langchain():
    code = (
        "import sys, course_lib, course_lib.settings, course_lib.places, course_lib.models; "
        "print([m for m in sys.modules if m.startswith(('lang', 'pydantic', 'IPython'))])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


class _Failing(BaseHTTPRequestHandler):
    """A server that fails in the way its path names, as a real one would on the wire."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(time.monotonic())
        match self.path.split("/")[1]:
            case "silent":
                time.sleep(1.5)
            case "half":
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                piece = {"index": 0, "delta": {"content": "half"}, "finish_reason": None}
                chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0}
                told = json.dumps({**chunk, "model": "m", "choices": [piece]})
                self.wfile.write(f"data: {told}\n\n".encode())
                self.wfile.flush()
                if self.path.startswith("/half/stalls"):
                    time.sleep(1.5)
                    return
                if self.path.startswith("/half/ends"):
                    return  # in good order, as behind a proxy whose server has died
                if self.path.startswith("/half/told"):
                    problem = {"message": "the engine died", "type": "InternalServerError"}
                    self.wfile.write(f"data: {json.dumps({'error': problem})}\n\n".encode())
                    return
                if not self.server.may_break_off.wait(10):
                    return  # the half was not seen: the stream ends as if it were whole
                reset = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
                self.connection.close()
            case status:
                self.send_response(int(status))
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

    def log_message(self, *args):
        pass


@pytest.fixture
def failing(monkeypatch):
    """Where the failing server listens; `chat_model()` finds it, in the way that is asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Failing)
    server.asked, server.may_break_off = [], threading.Event()
    serve(server)

    def in_this_way(way):
        address = f"http://127.0.0.1:{server.server_port}/{way}/v1"
        monkeypatch.setenv("COURSE_LLM_BASE_URL", address)
        monkeypatch.setenv("COURSE_LLM_MODEL", "tiny")
        return server

    yield in_this_way
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("way", "error", "said", "options"),
    [
        ("404", ModelRequestError, "has no model 'tiny'.*COURSE_LLM_MODEL", {}),
        ("401", ModelRequestError, "refuses the key.*COURSE_LLM_API_KEY", {}),
        ("503", ModelServerError, "answered 503", {"max_retries": 0}),
        (
            "silent",
            ModelServerError,
            r"did not answer within 0\.3 s",
            {"timeout": 0.3, "max_retries": 0},
        ),
    ],
)
def test_a_server_that_fails_is_named_with_its_address(failing, way, error, said, options):
    port = failing(way).server_port
    with pytest.raises(error, match=rf"127\.0\.0\.1:{port}/{way}/v1.*{said}"):
        chat_model(**options).invoke("hello")


def test_nobody_at_the_address_is_told_with_it(monkeypatch):
    port = free_port()
    monkeypatch.setenv("COURSE_LLM_BASE_URL", f"http://127.0.0.1:{port}/v1")
    monkeypatch.setenv("COURSE_LLM_MODEL", "tiny")
    with pytest.raises(ModelServerError, match=rf"Nobody answers at http://127\.0\.0\.1:{port}/v1"):
        chat_model(max_retries=0).invoke("hello")


def test_a_busy_server_is_asked_again_after_growing_pauses(failing):
    server = failing("503")
    with pytest.raises(ModelServerError):
        chat_model(max_retries=2).invoke("hello")
    first, second, third = server.asked
    assert second - first > 0.2 and third - second > second - first


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_what_was_streamed_is_seen_before_the_answer_breaks_off(failing, asynchronous):
    server, model, seen = failing("half"), chat_model(), []
    server.may_break_off = threading.Event()  # the server waits until the half was seen here

    def see(chunk):
        seen.append(chunk.text)
        if chunk.text == "half":
            server.may_break_off.set()

    with pytest.raises(ModelServerError, match="broke off in the middle of an answer"):
        if asynchronous:
            async for chunk in model.astream("hello"):
                see(chunk)
        else:
            for chunk in model.stream("hello"):
                see(chunk)
    assert seen == ["half"] and server.may_break_off.is_set()
    assert len(server.asked) == 1, "a broken answer is not asked for again"


def test_a_failure_told_inside_the_stream_is_a_broken_answer_too(failing):
    failing("half/told")
    with pytest.raises(ModelServerError, match=r"broke off .*the engine died"):
        list(chat_model().stream("hello"))


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_stream_that_ends_too_early_in_good_order_is_a_broken_answer(failing, asynchronous):
    server, model, seen = failing("half/ends"), chat_model(streaming=True), []
    with pytest.raises(ModelServerError, match=r"broke off .*without a finish_reason"):
        if asynchronous:
            async for chunk in model.astream("hello"):
                seen.append(chunk.text)
        else:
            for chunk in model.stream("hello"):
                seen.append(chunk.text)
    with pytest.raises(ModelServerError, match="broke off"):  # and no half answer is stored
        await model.ainvoke("hello") if asynchronous else model.invoke("hello")
    assert seen[0] == "half" and len(server.asked) == 2


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_an_answer_that_stalls_is_a_broken_one_and_not_asked_for_again(failing, asynchronous):
    server, model = failing("half/stalls"), chat_model(timeout=0.3)
    with pytest.raises(ModelServerError, match=r"broke off .*nothing came for 0\.3 s"):
        if asynchronous:
            async for _ in model.astream("hello"):
                pass
        else:
            list(model.stream("hello"))
    assert len(server.asked) == 1


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_proxy_is_not_asked_for_a_server_on_this_machine(
    failing, monkeypatch, asynchronous
):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    failing("503")
    model = chat_model(max_retries=0)
    with pytest.raises(ModelServerError, match="answered 503"):
        await model.ainvoke("hello") if asynchronous else model.invoke("hello")


def test_an_option_goes_before_the_settings(failing):
    failing("503")
    assert model_name(chat_model(model="another")) == "another"


async def test_a_load_on_a_server_that_breaks_off_is_an_error_and_no_measurement(failing):
    address = f"http://127.0.0.1:{failing('503').server_port}/half/told/v1"
    with pytest.raises(httpx.RemoteProtocolError, match="the engine died"):
        await run_load(address, "m", ["hello"], concurrency=1)


def test_any_share_of_a_load_can_be_asked_for():
    load = LoadResult(2, 1.0, tuple(Answer(first, 1.0, 1) for first in (0.1, 0.2, 0.3)))
    asked = [load.first_token(share) for share in (0, 0.5, 1)]
    assert asked == sorted(asked) and asked[1] == pytest.approx(0.2)


def test_errors_that_are_each_others_cause_have_words_too():
    """`raise error from error` makes a ring, which a walk to the first cause would never leave."""
    alone, one, two = OSError("alone"), OSError("one"), OSError("two")
    alone.__cause__ = alone
    one.__cause__, two.__cause__ = two, one
    assert server_errors._root_cause(alone) == "alone"
    assert server_errors._root_cause(one) == "two"
