"""What a model server refuses is said at once, under its name, and asked for once."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from langchain_core.caches import InMemoryCache
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import RetryPolicy
from openai_server import openai_server

from course_lib.models import MODELS, ModelRequestError, ModelServerError, RemoteChatModel
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
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


@pytest.fixture
def fixed():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Fixed)
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}/v1"
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
    "HTML": ((200, "text/html", HTML), "not the address of.*200 with text/html"),
    "another JSON": ((200, "application/json", '{"ok": true}'), "not the address of.*ok"),
    "no choices": ((200, "application/json", '{"choices": null}'), "not the address of"),
    "half of a JSON": ((200, "application/json", '{"choices": ['), "not the address of"),
    "an error under 200": ((200, "application/json", error_body("quota")), "quota"),
    "refused key": ((401, "application/json", error_body("bad key")), "refuses the key.*bad key"),
    "forbidden": ((403, "application/json", error_body("not you")), "refuses the key.*not you"),
    "no credit": (
        (429, "application/json", error_body("pay", code="insufficient_quota")),
        "no credit left",
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
    retries = 0 if name == "no credit" else 3  # the client itself tries every 429 again
    model = RemoteChatModel(base_url=fixed.url, model="m", api_key="k", max_retries=retries)
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
