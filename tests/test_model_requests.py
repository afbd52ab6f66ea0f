"""What a model server refuses is said at once, under its name, and asked for once."""

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langchain_core.caches import InMemoryCache
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import RetryPolicy
from openai_server import openai_server

from course_lib.models import (
    MODELS,
    ModelRequestError,
    ModelServerError,
    RemoteChatModel,
    answer_wait,
)
from course_lib.models.http_clients import is_this_machine, proxy_for
from course_lib.namu import build_namu

HTML = "<!doctype html><html><title>Sign in</title></html>"
SSE = "text/event-stream"
CHUNK = {
    "id": "1",
    "object": "chat.completion.chunk",
    "created": 0,
    "model": "m",
    "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}}],
}


class _Fixed(BaseHTTPRequestHandler):
    """A server that gives every request the same answer: a status, a type and a body."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        status, kind, body = self.server.answer
        sent = body if isinstance(body, bytes) else body.encode()
        self.send_response(status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        if kind:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(sent) + self.server.held_back))
        self.end_headers()
        self.wfile.write(sent)
        self.close_connection = True

    def do_GET(self):  # where a redirect leads to
        page = self.server.elsewhere.encode()
        self.send_response(200)
        self.send_header(
            "Content-Type", "text/html" if page.startswith(b"<") else "application/json"
        )
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *args):
        pass


@pytest.fixture
def fixed():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Fixed)
    server.asked, server.held_back, server.headers, server.elsewhere = [], 0, {}, HTML
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


WAYS = ["invoke", "ainvoke", "stream", "astream", "structured"]


def ask(way, llm, **options):
    """Ask a model in one of the ways that there are, and return the text."""

    async def all_of(chunks):
        return "".join([chunk.text async for chunk in chunks])

    match way:
        case "invoke":
            return llm.invoke("hello", **options).text
        case "ainvoke":
            return asyncio.run(llm.ainvoke("hello", **options)).text
        case "stream":
            return "".join(chunk.text for chunk in llm.stream("hello", **options))
        case "astream":
            return asyncio.run(all_of(llm.astream("hello", **options)))
        case _:
            schema = {"title": "A", "type": "object", "properties": {"a": {"type": "string"}}}
            return str(llm.with_structured_output(schema).invoke("hello", **options))


def error_body(message, **more):
    return json.dumps({"error": {"message": message, **more}})


REFUSALS = {
    "unknown model": (
        (404, "application/json", error_body("The model `m` does not exist.", code=404)),
        "has no model 'm'.*models",
    ),
    "unknown model, by code": (
        (404, "application/json", error_body("no", code="model_not_found")),
        "has no model 'm'",
    ),
    "wrong path": ((404, "application/json", '{"detail": "Not Found"}'), "not the address of.*/v1"),
    "plain 404": ((404, "text/plain", "404 page not found"), "not the address of.*/v1"),
    "HTML 404": ((404, "text/html", HTML), "not the address of.*web page"),
    "no POST here": ((405, "text/html", HTML), "not the address of.*web page"),
    "a way elsewhere": ((302, None, ""), "not the address of.*302"),
    "unknown model, in Ollama's words": (
        (404, "application/json", """{"error": "model 'm' not found"}"""),
        "has no model 'm': model 'm' not found",
    ),
    "unknown model, in plain words": ((404, "text/plain", "no such model"), "has no model 'm'"),
    "key, by a page": (
        (401, "text/html", HTML),
        r"refuses the key \(401: a web page, 'Sign in'\) for the model 'm'",
    ),
    "forbidden, by a page": ((403, "text/html", HTML), r"refuses the key \(403: a web page.*'m'"),
    "too large, by a page": ((413, "text/html", HTML), r"the model 'm' \(413\): a web page"),
    "bad request, by FastAPI": (
        (422, "application/json", '{"detail": [{"loc": ["body"], "msg": "no n"}]}'),
        r"the model 'm' \(422\).*no n",
    ),
    "nothing": ((204, None, ""), "not the address of"),
    "nothing of any type": ((200, None, "hello"), "not the address of"),
    "JSON's null": ((200, "application/json", "null"), "not the address of"),
    "a list": ((200, "application/json", "[1]"), "not the address of"),
    "no UTF-8": ((200, "application/json", b'{"choices": "\xff"}'), "not the address of"),
    "HTML": ((200, "text/html", HTML), "not the address of.*200 with text/html"),
    "another JSON": ((200, "application/json", '{"ok": true}'), "not the address of.*ok"),
    "no choices": ((200, "application/json", '{"choices": null}'), "not the address of"),
    "half of a JSON": ((200, "application/json", '{"choices": ['), "not the address of"),
    "an error under 200": (
        (200, "application/json", error_body("quota")),
        "the model 'm', answered with an error: quota",
    ),
    "an error in a word": (
        (200, "application/json", '{"error": "quota"}'),
        "the model 'm', answered with an error: quota",
    ),
    "refused key": (
        (401, "application/json", error_body("bad key")),
        "refuses the key.*bad key.*'m'",
    ),
    "forbidden": (
        (403, "application/json", error_body("not you")),
        "refuses the key.*not you.*'m'",
    ),
    "no credit": (
        (429, "application/json", error_body("pay", code="insufficient_quota")),
        "'m'.*no credit left",
    ),
    "bad request": ((400, "application/json", error_body("too hot")), r"'m' \(400\).*too hot"),
}
ASKED_IN_EACH_WAY = [
    pytest.param(name, way, id=f"{name}-{way}") for name in REFUSALS for way in WAYS
]


@pytest.mark.one_in(5)
@pytest.mark.parametrize("name, way", ASKED_IN_EACH_WAY)
def test_what_will_be_refused_again_is_said_at_once_and_asked_for_once(fixed, name, way):
    fixed.answer, said = REFUSALS[name]
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=3)
    with pytest.raises(ModelRequestError, match=said) as caught:
        ask(way, model)
    assert fixed.url in str(caught.value) and not isinstance(caught.value, ConnectionError)
    assert len(fixed.asked) == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize("body", ["", "data: [DONE]\n\n", "data: nonsense\n\n", f"{HTML}\n\n"])
def test_a_stream_without_an_answer_is_none_of_an_openai_server(fixed, body, way):
    fixed.answer = (200, SSE, body)
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    with pytest.raises(ModelRequestError, match="not the address of an OpenAI-compatible server"):
        ask(way, model)
    assert len(fixed.asked) == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_nonsense_behind_the_first_chunk_is_a_broken_answer(fixed, way):
    fixed.answer = (200, SSE, f"data: {json.dumps(CHUNK)}\n\ndata: nonsense\n\n")
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    with pytest.raises(ModelServerError, match=r"broke off .*not JSON"):
        ask(way, model)


FAILURES = {
    "busy": ((429, "application/json", error_body("slow down")), "'m', answered 429: slow down"),
    "warming up": (
        (503, "application/json", '{"detail": "warming up"}'),
        "'m', answered 503: warm",
    ),
    "a proxy's page": ((502, "text/html", HTML), "'m', answered 502: a web page, 'Sign in'"),
    "silence": ((500, None, ""), "'m', answered 500"),
    "502 under 200": ((200, "application/json", error_body("up", code=502)), "'m'.*502.*: up"),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_that_may_pass_names_the_model_and_what_the_server_says(fixed, name, way):
    fixed.answer, said = FAILURES[name]
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=0)
    with pytest.raises(ModelServerError, match=said):
        ask(way, model)


@pytest.mark.one_in(3)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("broken", ["cut", "no gzip"])
@pytest.mark.parametrize(("status", "said"), [(401, "refuses the key"), (404, "has no model 'm'")])
def test_a_refusal_whose_words_cannot_be_read_is_that_refusal(fixed, way, broken, status, said):
    fixed.answer = (status, "application/json", error_body("no"))
    if broken == "cut":
        fixed.held_back = 50
    else:
        fixed.headers = {"Content-Encoding": "gzip"}
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=2)
    with pytest.raises(ModelRequestError, match=f"{said}"):
        ask(way, model)
    assert len(fixed.asked) == 1


@pytest.mark.parametrize("way", ["invoke", "astream"])
def test_a_failure_whose_words_cannot_be_read_is_asked_again(fixed, way):
    fixed.answer, fixed.held_back = (503, "application/json", error_body("busy")), 50
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=1)
    with pytest.raises(ModelServerError):
        ask(way, model)
    assert len(fixed.asked) == 2


@pytest.mark.one_in(7)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("elsewhere", [HTML, "[1]", "null", '"hello"'])
@pytest.mark.parametrize("status", [302, 303])
def test_a_redirect_to_something_else_is_told(fixed, way, elsewhere, status):
    fixed.answer, fixed.elsewhere = (status, None, ""), elsewhere
    fixed.headers = {"Location": "/login"}
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=0)
    with pytest.raises(ModelRequestError, match="not the address of"):
        ask(way, model)


@pytest.mark.one_in(2)
@pytest.mark.parametrize("way", WAYS)
def test_redirects_without_an_end_are_no_server_that_is_away(fixed, way):
    fixed.answer = (307, None, "")
    fixed.headers = {"Location": "/v1/chat/completions"}
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=0)
    with pytest.raises(ModelRequestError, match="redirects lead nowhere"):
        ask(way, model)


FIRST_EVENTS = {
    "refused key": (
        {"error": {"message": "bad key", "code": 401}},
        "refuses the key .401: bad key. for the model 'm'",
    ),
    "refused key, by name": (
        {"error": {"message": "bad key", "code": "invalid_api_key"}},
        "refuses the key .* for the model 'm'",
    ),
    "unknown model": (
        {"error": {"message": "no such thing", "code": "model_not_found"}},
        "has no model 'm': no such thing",
    ),
    "unknown model, by number": (
        {"error": {"message": "The model does not exist", "code": 404}},
        "has no model 'm'",
    ),
    "vLLM's older form": (
        {"object": "error", "message": "The model `m` does not exist.", "code": 404},
        "has no model 'm': The model",
    ),
    "no credit": ({"error": {"message": "pay", "code": "insufficient_quota"}}, "no credit left"),
}


@pytest.mark.one_in(4)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", FIRST_EVENTS)
def test_a_refusal_under_200_has_its_own_name_streamed_or_not(fixed, way, name):
    body, said = FIRST_EVENTS[name]
    kind = (SSE, f"data: {json.dumps(body)}\n\n") if "stream" in way else None
    fixed.answer = (200, *(kind or ("application/json", json.dumps(body))))
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=2)
    with pytest.raises(ModelRequestError, match=said):
        ask(way, model)
    assert len(fixed.asked) == 1


SPOKEN = {"role": "assistant", "content": "hi"}


def whole(message=SPOKEN, **more):
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "model": "m", "choices": [choice], **more}


def calling(call):
    return {**SPOKEN, "tool_calls": [call]}


NONSENSE = {
    "no choice": {"choices": []},
    "a choice that is a number": {"choices": [1]},
    "no message": {"choices": [{}]},
    "message null": {"choices": [{"message": None}]},
    "message without a role": whole({"content": "hi"}),
    "content of a number": whole({**SPOKEN, "content": 5}),
    "content of numbers": whole({**SPOKEN, "content": [5]}),
    "usage of a number": whole(usage=5),
    "usage of words": whole(usage={"prompt_tokens": "many"}),
    "details of a number": whole(usage={"prompt_tokens": 1, "prompt_tokens_details": 5}),
    "calls of a number": whole({**SPOKEN, "tool_calls": 5}),
    "a call of a number": whole(calling(1)),
    "a call of nothing": whole(calling({})),
    "a call of null": whole(calling({"id": "a", "function": None})),
    "a call with a number for a name": whole(calling({"function": {"name": 5}})),
    "a call with a number for an id": whole(calling({"id": 7, "function": {"name": "f"}})),
    "a call with a number for its arguments": whole(calling({"function": {"arguments": 7}})),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", NONSENSE)
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_an_answer_of_nonsense_is_told_with_the_place(fixed, name, way):
    fixed.answer = (200, "application/json", json.dumps(NONSENSE[name]))
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    with pytest.raises(
        ModelRequestError, match=r"'m', its answer is none of that protocol: choice|us"
    ):
        ask(way, model)
    assert len(fixed.asked) == 1


def delta(**sent):
    return {**CHUNK, "choices": [{"index": 0, "delta": sent}]}


BAD_CHUNKS = {
    "a number": 1,
    "null": None,
    "a list": [],
    "a word": "x",
    "choices of a number": {"choices": 1},
    "a choice of a number": {"choices": [1]},
    "content of a number": delta(content=5),
    "usage of words": {"choices": [], "usage": {"prompt_tokens": "many"}},
    "calls of a number": delta(tool_calls=5),
    "a call of a number": delta(tool_calls=[1]),
    "a call of nothing": delta(tool_calls=[{"index": 0}]),
    "a call with a number for a name": delta(tool_calls=[{"index": 0, "function": {"name": 5}}]),
}


@pytest.mark.one_in(3)
@pytest.mark.parametrize("name", BAD_CHUNKS)
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_chunk_of_nonsense_is_told_first_or_later(fixed, name, way):
    sent = f"data: {json.dumps(BAD_CHUNKS[name])}\n\n"
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    fixed.answer = (200, SSE, sent)
    with pytest.raises(ModelRequestError, match=r"not the address of .* a chunk of its answer is"):
        ask(way, model)
    fixed.answer = (200, SSE, f"data: {json.dumps(CHUNK)}\n\n{sent}")
    with pytest.raises(ModelServerError, match=r"broke off .*a chunk of its answer is"):
        ask(way, model)


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_chunk_that_is_no_utf8_is_no_answer(fixed, way):
    fixed.answer = (200, SSE, b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n')
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    with pytest.raises(ModelRequestError, match="not the address of"):
        ask(way, model)


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_stream_that_was_not_asked_for_is_told(fixed, way):
    fixed.answer = (200, SSE, f"data: {json.dumps(CHUNK)}\n\n")
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    with pytest.raises(ModelRequestError, match="a stream, which was not asked for"):
        ask(way, model)


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_is_cut_short_is_no_server_that_is_away(fixed, way):
    fixed.answer, fixed.held_back = (200, "application/json", json.dumps(whole())), 50
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=0)
    with pytest.raises(ModelServerError, match=r"broke off in the middle .* message body"):
        ask(way, model)


class _Patient(_Fixed):
    """A server that sends what keeps a connection open, and then its answer."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        kind, first, keeps_open, times, answer = self.server.answer
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        try:
            self._write(first)
            for _ in range(times):
                for part in keeps_open:
                    self._write(part)
                    time.sleep(0.01)
            self._write(answer)
        except OSError:
            pass  # the client went away
        self.close_connection = True

    def _write(self, text):
        self.wfile.write(text.encode())
        self.wfile.flush()


@pytest.fixture
def patient(fixed, monkeypatch):
    fixed.RequestHandlerClass = _Patient
    monkeypatch.setattr(answer_wait, "TIMES", 1.5)
    return fixed


KEPT_OPEN = {
    "comments": (SSE, [": keep-alive\n\n"]),
    "comments in pieces": (SSE, [":", " data: {", "}\r", "\n\r\n"]),
    "empty lines": (SSE, ["\n"]),
    "blanks": ("application/json", [" ", "\n", "\r\n"]),
}
FOR_EACH_WAY = [
    (name, way)
    for name in KEPT_OPEN
    for way in WAYS
    if (KEPT_OPEN[name][0] == SSE) == ("stream" in way)
]


@pytest.mark.parametrize(("name", "way"), FOR_EACH_WAY)
def test_a_connection_that_is_only_kept_open_is_not_waited_for_without_end(patient, name, way):
    kind, keeps_open = KEPT_OPEN[name]
    patient.answer = (kind, "", keeps_open, 2_000, "")
    model = RemoteChatModel(base_url=patient.url, model="m", api_key="k", timeout=0.2)
    with pytest.raises(ModelServerError, match=r"did not answer for the model 'm': for 0\.3 s"):
        ask(way, model)
    assert len(patient.asked) == 1


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_an_answer_that_stops_and_is_only_kept_open_broke_off(patient, way):
    first = f"data: {json.dumps(CHUNK)}\n\n"
    patient.answer = (SSE, first, [": keep-alive\n\n"], 2_000, "")
    model = RemoteChatModel(base_url=patient.url, model="m", api_key="k", timeout=0.2)
    with pytest.raises(ModelServerError, match=r"broke off in the middle .*for 0\.3 s"):
        ask(way, model)


@pytest.mark.parametrize(("name", "way"), FOR_EACH_WAY)
def test_an_answer_behind_what_keeps_a_connection_open_is_an_answer(patient, name, way):
    kind, keeps_open = KEPT_OPEN[name]
    end = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    streamed = f"data: {json.dumps(CHUNK)}\n\ndata: {json.dumps(end)}\n\ndata: [DONE]\n\n"
    body = json.dumps(whole({"role": "assistant", "content": '{"a": "hi"}'}))
    patient.answer = (kind, "", keeps_open, 3, streamed if kind == SSE else body)
    assert "hi" in ask(way, RemoteChatModel(base_url=patient.url, model="m", api_key="k"))


@pytest.mark.one_in(3)
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", None])
@pytest.mark.parametrize(
    "more",
    [{}, {"usage": None}, {"usage": {"prompt_tokens": 3}}, {"usage": {"total_tokens": 3.0}}],
)
def test_what_servers_leave_out_is_no_nonsense(fixed, kind, more):
    fixed.answer = (200, kind, json.dumps({"choices": [{"message": SPOKEN}], **more}))
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    assert ask("invoke", model) == ask("ainvoke", model) == "hi"


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
def test_arguments_that_a_server_sends_as_an_object_are_arguments(fixed, way):
    call = {"index": 0, "id": "a", "function": {"name": "look", "arguments": {"where": "Mapo"}}}
    end = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    if "stream" in way:
        chunks = [delta(role="assistant", content="", tool_calls=[call]), end]
        sent = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks)
        fixed.answer = (200, SSE, sent)
    else:
        fixed.answer = (200, "application/json", json.dumps(whole(calling(call))))
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")

    async def collect():
        return [chunk async for chunk in model.astream("hello")]

    match way:
        case "invoke":
            answer = model.invoke("hello")
        case "ainvoke":
            answer = asyncio.run(model.ainvoke("hello"))
        case _:
            chunks = asyncio.run(collect()) if way == "astream" else list(model.stream("hello"))
            answer = chunks[0].__add__(chunks[1:])
    assert [(each["name"], each["args"]) for each in answer.tool_calls] == [
        ("look", {"where": "Mapo"})
    ]


def message_of(fixed, way, calls_in_pieces, *, calls=None, finish_reason="tool_calls"):
    """The answer of a model, streamed in pieces or whole."""
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    if way == "invoke":
        message = {**SPOKEN, "tool_calls": calls}
        fixed.answer = (200, "application/json", json.dumps(whole(message)))
        return model.invoke("hello")
    end = {**CHUNK, "choices": [{"index": 0, "delta": None, "finish_reason": finish_reason}]}
    chunks = [delta(role="assistant", content="", tool_calls=[p]) for p in calls_in_pieces]
    sent = "".join(f"data: {json.dumps(each)}\n\n" for each in [*chunks, end])
    fixed.answer = (200, SSE, sent)
    builder = StateGraph(MessagesState)
    builder.add_node("ask", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph = builder.add_edge(START, "ask").compile()
    last = {}
    for mode, part in graph.stream({"messages": ["hi"]}, stream_mode=["messages", "values"]):
        last = part if mode == "values" else last
    return last["messages"][-1]


@pytest.mark.one_in(3)
@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize(
    "arguments",
    [
        '{"amount": 12',
        '{"to": "Seo',
        "{bad",
        "bad",
        '{"a": [1, {"b": "c',
        "[1]",
        "5",
        '"{}"',
        '{"a": 1}}',
    ],
)
def test_arguments_that_are_broken_are_never_completed(fixed, way, arguments):
    first = {"index": 0, "id": "a", "function": {"name": "pay", "arguments": ""}}
    halves = arguments[: len(arguments) // 2], arguments[len(arguments) // 2 :]
    pieces = [first, *({"index": 0, "function": {"arguments": half}} for half in halves)]
    call = {"id": "a", "function": {"name": "pay", "arguments": arguments}}
    answer = message_of(fixed, way, pieces, calls=[call], finish_reason="length")
    assert not answer.tool_calls
    (broken,) = answer.invalid_tool_calls
    assert broken["name"] == "pay" and broken["args"].startswith(arguments)


@pytest.mark.parametrize("arguments", ["", "{}", '{"q": "a]b}"}', '{"q": {"r": [1, 2]}}'])
def test_arguments_that_are_whole_stay_as_they_are(fixed, arguments):
    first = {"index": 0, "id": "a", "function": {"name": "look", "arguments": ""}}
    pieces = [first, *({"index": 0, "function": {"arguments": letter}} for letter in arguments)]
    (call,) = message_of(fixed, "stream", pieces).tool_calls
    assert (call["name"], call["args"]) == ("look", json.loads(arguments or "{}"))


@pytest.mark.parametrize(
    "calls",
    [
        [(0, "a", "look", '{"q": 1}'), (0, "b", "see", '{"r": 2}')],
        [(0, None, "look", '{"q": 1}'), (0, None, "see", '{"r": 2}')],
        [(0, "", "look", '{"q": 1}'), (0, "", "look", '{"q": 2}')],
        [(0, "a", "look", '{"q": 1}'), (0, "a", "see", '{"r": 2}')],
        [(None, "a", "look", '{"q": 1}'), (None, "b", "see", '{"r": 2}')],
        [(3, "a", "look", '{"q": 1}'), (7, "b", "see", '{"r": 2}')],
    ],
)
def test_two_calls_stay_two_whatever_index_and_id_they_have(fixed, calls):
    pieces = [
        {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
        for index, call_id, name, arguments in calls
    ]
    made = message_of(fixed, "stream", pieces).tool_calls
    wanted = [(name, json.loads(arguments)) for _, _, name, arguments in calls]
    assert [(call["name"], call["args"]) for call in made] == wanted
    assert len({call["id"] for call in made}) == 2 and all(call["id"] for call in made)


def test_a_name_that_is_repeated_in_each_piece_is_one_name(fixed):
    pieces = [
        {"index": 0, "id": "a", "function": {"name": "look", "arguments": part}}
        for part in ('{"q"', ": 1", "}")
    ]
    (call,) = message_of(fixed, "stream", pieces).tool_calls
    assert (call["name"], call["args"]) == ("look", {"q": 1})


@pytest.mark.parametrize("role", ["ai", "model", "assistant", "bot"])
def test_the_answer_of_a_server_that_names_another_role_is_an_answer(fixed, role):
    fixed.answer = (200, "application/json", json.dumps(whole({**SPOKEN, "role": role})))
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k")
    assert (model.invoke("hello").type, ask("ainvoke", model)) == ("ai", "hi")


@pytest.mark.parametrize(
    "url",
    [
        "localhost:1/v1",
        "http://127.0.0.1:1/v1\n",
        "http://exa mple/v1",
        "http://[::1/v1",
        "http://host:port/v1",
        "ftp://host/v1",
        f"//ann:{'secret'}@host/v1",
    ],
)
def test_what_is_no_address_is_told_when_the_model_is_made(url):
    with pytest.raises(ValueError, match="is no address of a server") as caught:
        RemoteChatModel(base_url=url, model="m", api_key="k")
    assert "ann:secret" not in str(caught.value)


def test_a_key_that_is_no_key_is_told():
    model = RemoteChatModel(base_url="http://127.0.0.1:1/v1", model="m", api_key="열쇠")
    with pytest.raises(ModelRequestError, match="which no key has"):
        model.invoke("hello")


def test_a_password_in_the_address_is_not_told(fixed):
    fixed.answer = (401, "application/json", error_body("no"))
    url = fixed.url.replace("://", f"://ann:{'secret'}@")
    with pytest.raises(ModelRequestError, match="refuses the key") as caught:
        RemoteChatModel(base_url=url, model="m", api_key="k").invoke("hello")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("way", WAYS)
def test_the_model_that_was_asked_for_is_named_not_the_one_of_the_constructor(way):
    with openai_server() as server:
        model = RemoteChatModel(base_url=server.url, model=MODELS[0], api_key="k")
        for asking in (model, model.bind(model="gpt-none")) if way != "structured" else (model,):
            options = {"model": "gpt-none"} if asking is model else {}
            with pytest.raises(ModelRequestError, match="has no model 'gpt-none'"):
                ask(way, asking, **options)
        assert ask(way, model)


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_key_is_refused_and_the_right_one_taken(way):
    with openai_server(key="right") as server:
        options = {"base_url": server.url, "model": MODELS[0]}
        with pytest.raises(ModelRequestError, match="refuses the key"):
            ask(way, RemoteChatModel(api_key="wrong", **options))
        assert ask(way, RemoteChatModel(api_key="right", **options))


@pytest.mark.parametrize(
    ("answer", "error", "tries"),
    [
        ((401, "application/json", error_body("no")), ModelRequestError, 1),
        ((200, "text/html", HTML), ModelRequestError, 1),
        ((404, "application/json", error_body("no such model")), ModelRequestError, 1),
        ((503, "application/json", error_body("busy")), ModelServerError, 3),
    ],
)
def test_the_retry_policy_tries_again_what_may_succeed_and_nothing_else(
    fixed, answer, error, tries
):
    fixed.answer = answer
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=0)
    graph = StateGraph(MessagesState)
    policy = RetryPolicy(max_attempts=3, initial_interval=0.01)
    graph.add_node(
        "agent", lambda s: {"messages": model.invoke(s["messages"])}, retry_policy=policy
    )
    graph.add_edge(START, "agent")
    with pytest.raises(error):
        graph.compile().invoke({"messages": [("user", "hello")]})
    assert len(fixed.asked) == tries


class _Proxy(_Fixed):
    """A proxy that answers every request itself, and notes the address that was asked for."""


@pytest.fixture
def proxied(fixed, monkeypatch):
    answer = {**CHUNK, "object": "chat.completion"}
    answer["choices"] = [{"index": 0, "message": {"role": "assistant", "content": "proxied"}}]
    fixed.answer = (200, "application/json", json.dumps(answer))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", fixed.url.removesuffix("/v1"))
    return fixed


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_both_kinds_of_call_go_through_the_proxy(proxied, way):
    model = RemoteChatModel(base_url="http://models.invalid/v1", model="m", api_key="k")
    assert ask(way, model) == "proxied"
    assert proxied.asked == ["http://models.invalid/v1/chat/completions"]


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_no_proxy_is_respected_by_both_kinds_of_call(proxied, monkeypatch, way):
    monkeypatch.setenv("no_proxy", "models.invalid")
    model = RemoteChatModel(
        base_url="http://models.invalid/v1", model="m", api_key="k", max_retries=0
    )
    with pytest.raises(ModelServerError, match=r"Nobody answers at http://models\.invalid/v1 "):
        ask(way, model)
    assert proxied.asked == []


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_dead_proxy_is_named(monkeypatch, way):
    monkeypatch.setenv("http_proxy", "http://user:secret@127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    model = RemoteChatModel(
        base_url="http://models.invalid/v1", model="m", api_key="k", max_retries=0
    )
    with pytest.raises(
        ModelServerError, match=r"through the proxy http://127\.0\.0\.1:9 "
    ) as caught:
        ask(way, model)
    assert "NO_PROXY" in str(caught.value) and "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:8000/v1", True),
        ("http://127.8.8.8/v1", True),
        ("http://localhost:1/v1", True),
        ("http://llm.localhost/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://0.0.0.0:8000/v1", True),
        ("http://localhost.example.com/v1", False),
        ("http://10.0.0.1/v1", False),
        ("https://api.openai.com/v1", False),
    ],
)
def test_this_machine_is_known_by_each_of_its_addresses(url, here, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://p:1")
    monkeypatch.setenv("https_proxy", "http://p:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert is_this_machine(url) is here and (proxy_for(url) is None) is here


@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("reason", ["length", "content_filter", "stop"])
def test_why_an_answer_ended_is_in_its_metadata(reason, way):
    with openai_server() as server:
        server.script.append([{"content": "half"}])
        server.finish_reason = reason
        model = RemoteChatModel(
            base_url=server.url, model=MODELS[0], api_key="k", streaming=way == "stream"
        )
        answer = model.invoke("hello")
    assert answer.text == "half" and answer.response_metadata["finish_reason"] == reason


@pytest.mark.parametrize("way", ["invoke", "stream"])
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_what_the_model_thinks_is_kept_apart_from_what_it_says(field, way):
    with openai_server() as server:
        server.script.append([{field: "I will "}, {field: "greet."}, {"content": "Hello"}])
        model = RemoteChatModel(
            base_url=server.url, model=MODELS[0], api_key="k", streaming=way == "stream"
        )
        answer = model.invoke("hello")
    assert answer.text == "Hello"
    assert answer.additional_kwargs["reasoning_content"] == "I will greet."


def test_a_cut_structured_answer_says_so():
    with openai_server() as server:
        server.script.append([{"content": '{"a": "b'}])
        server.finish_reason = "length"
        model = RemoteChatModel(base_url=server.url, model=MODELS[0], api_key="k")
        with pytest.raises(ModelRequestError, match=r"not complete.*max_tokens"):
            ask("structured", model)


@pytest.mark.parametrize("unfit", ['{"intent": "SPA"}', "I do not know.", "", "[]", "{"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_route_that_does_not_fit_is_a_conversation_and_no_error(unfit, way):
    with openai_server() as server:
        server.script.append([{"content": unfit}])
        model = RemoteChatModel(base_url=server.url, model=MODELS[0], api_key="k")
        namu, question = build_namu(model=model), {"messages": [("user", "a cafe in Mapo")]}
        state = namu.invoke(question) if way == "invoke" else asyncio.run(namu.ainvoke(question))
    assert state["intent"] == "CONVERSATION"
    assert state["messages"][-1].type == "ai" and state["messages"][-1].text


@pytest.mark.soak
def test_models_with_other_settings_share_no_cached_answer():
    cache = InMemoryCache()
    with openai_server() as one, openai_server() as other:
        settings = [
            {"base_url": one.url},
            {"base_url": other.url},
            {"base_url": one.url, "model": MODELS[1]},
            {"base_url": one.url, "stop": ["Namu"]},
            {"base_url": one.url, "max_tokens": 3},
            {"base_url": one.url, "temperature": 0.5},
        ]
        for _ in range(2):
            for each in settings:
                options = {"model": MODELS[0], "api_key": "k", "cache": cache, **each}
                RemoteChatModel(**options).invoke("hello")
        assert len(one.requests) == len(settings) - 1 and len(other.requests) == 1
