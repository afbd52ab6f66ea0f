"""The model switch: it lists what a server has, and a run is answered by the model it names."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

import pytest
from gateway_thread import served_gateway
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from openai_server import openai_server
from typing_extensions import TypedDict

from course_lib.chat import ChatController, ChatPanel, Transcript
from course_lib.models import MODELS, ModelSwitch, OfflineChatModel, offered_models
from course_lib.models.offered import MAX_MODELS
from course_lib.namu import build_namu
from course_lib.serving import free_port


@contextmanager
def listing(answer, *, status=200, kind="application/json"):
    """A server that answers `GET /v1/models` with a body, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status if self.path == "/v1/models" else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def models(*names):
    return {"object": "list", "data": [{"id": name, "object": "model"} for name in names]}


def asked(url, model="mine", key="any"):
    return offered_models(
        {"COURSE_LLM_BASE_URL": url, "COURSE_LLM_MODEL": model, "COURSE_LLM_API_KEY": key}
    )


def test_without_a_server_the_offline_model_is_offered_by_both_names():
    found = offered_models({})
    assert found.names == MODELS and found.fallback == MODELS[0]
    assert found.server is None and found.notice == ""


def test_the_servers_models_are_listed_the_named_one_first_and_the_offline_one_last():
    with listing(models("zeta", "mine", "alpha", "alpha")) as url:
        found = asked(url)
    assert found.names == ("mine", "alpha", "zeta", "namu-offline")
    assert (found.first, found.fallback, found.server) == ("mine", "namu-offline", url)
    assert found.notice == ""


def test_forty_models_are_all_offered_and_of_too_many_the_first_with_a_notice():
    names = [f"model-{n:03}" for n in range(40)]
    with listing(models(*names)) as url:
        assert asked(url, "model-007").names[0] == "model-007"
        assert sorted(asked(url, "model-007").names) == [*names, "namu-offline"]
    many = [f"model-{n:03}" for n in range(MAX_MODELS + 12)]
    with listing(models(*many)) as url:
        found = asked(url, many[-1])
    assert found.first == many[-1] and len(found.names) == MAX_MODELS + 2
    assert f"lists {len(many)} models" in found.notice and url in found.notice


def test_a_server_that_is_down_leaves_the_offline_model_first_and_says_what_to_do():
    url = f"http://127.0.0.1:{free_port()}/v1"
    found = asked(url)
    assert found.names == ("namu-offline", "mine") and found.first == found.fallback
    assert f"Nobody answers at {url}" in found.notice and "Start the server" in found.notice
    assert found.notice.endswith("Until then the offline model, namu-offline, answers.")


def test_a_wrong_key_is_named_and_is_not_in_the_text():
    with served_gateway(key="right") as gateway:
        found = asked(gateway.url, gateway.model, "a-wrong-key")
        assert asked(gateway.url, gateway.model, "right").first == gateway.model
    assert found.names == ("namu-offline", gateway.model)
    assert "refuses the key (401" in found.notice and "COURSE_LLM_API_KEY" in found.notice
    assert "a-wrong-key" not in found.notice + repr(found)


@pytest.mark.parametrize(
    ("answer", "status", "kind"),
    [
        ({"detail": "Not Found"}, 404, "application/json"),
        ({"detail": "Method Not Allowed"}, 405, "application/json"),
        (b"<html>Welcome</html>", 200, "text/html"),
        (["mine"], 200, "application/json"),
        ({"data": ["mine"]}, 200, "application/json"),
        ({"models": []}, 200, "application/json"),
        (b"\xff\xfe", 200, "application/json"),
    ],
)
def test_a_server_without_a_list_is_offered_by_the_name_in_the_settings(answer, status, kind):
    with listing(answer, status=status, kind=kind) as url:
        found = asked(url)
    assert found.names == ("mine", "namu-offline")
    assert f"{url} has no list of models" in found.notice and "/v1" in found.notice


def test_a_server_that_fails_or_is_slow_is_treated_as_one_that_is_down():
    with listing({"error": {"message": "loading"}}, status=503) as url:
        found = asked(url)
    assert found.first == "namu-offline" and "answered 503" in found.notice
    with served_silence() as url:
        variables = {"COURSE_LLM_BASE_URL": url, "COURSE_LLM_MODEL": "mine"}
        found = offered_models(variables, timeout=0.2)
    assert found.first == "namu-offline" and "within 0.2 s" in found.notice


@contextmanager
def served_silence():
    """A port that takes connections and never answers."""
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"http://127.0.0.1:{silent.getsockname()[1]}/v1"


def test_a_model_that_the_server_does_not_have_is_named_with_those_that_it_has():
    with listing(models("a", "b", "c", "d")) as url:
        found = asked(url, "mine")
    assert found.names == ("namu-offline", "a", "b", "c", "d")
    assert "does not list the model 'mine'" in found.notice and "'a', 'b', 'c', ..." in found.notice
    with listing(models()) as url:
        found = asked(url, "mine")
    assert found.names == ("namu-offline",) and "Its list is empty" in found.notice


def test_names_that_are_no_text_are_left_out():
    with listing({"data": [{"id": None}, {"id": 4}, {"id": ""}, {"id": "mine"}]}) as url:
        assert asked(url).names == ("mine", "namu-offline")


def test_the_offline_model_gets_another_name_beside_a_model_of_its_name():
    with openai_server() as server:
        found = asked(server.url, MODELS[0])
    assert found.first == MODELS[0] and found.fallback == "namu-offline (no server)"
    assert isinstance(found.models[found.fallback], OfflineChatModel)
    assert not isinstance(found.models[found.first], OfflineChatModel)


class Settings(TypedDict):
    model: str


def studio(found):
    return build_namu(model=found.switch(), checkpointer=InMemorySaver(), context_schema=Settings)


async def test_every_call_of_a_run_goes_to_the_model_that_its_context_names():
    with openai_server() as server:
        found = asked(server.url, MODELS[0])
        transcript = Transcript()
        chat = ChatController(studio(found), on_event=transcript.handle)
        for name, requests in ((MODELS[1], 3), (found.fallback, 3), (found.first, 6)):
            chat.context = {"model": name}
            await chat.send("a cafe in Mapo")
            assert transcript.entries[-1]["kind"] == "answer"
            assert len(server.requests) == requests
        sent = [request["model"] for request in server.requests]
        assert sent == [MODELS[1]] * 3 + [MODELS[0]] * 3
        assert "(no server)" not in json.dumps(server.requests)


async def test_scripted_replies_over_http_stream_into_the_chat_and_say_who_answered():
    with openai_server() as server:
        found = asked(server.url, MODELS[0])
        server.script = [
            [{"content": '{"intent": "CONVERSATION"}'}],
            [{"content": "Good "}, {"content": "evening."}],
        ]
        transcript = Transcript()
        chat = ChatController(studio(found), context={"model": found.first})
        chat.on_event = transcript.handle
        await chat.send("hello")
    assert transcript.entries[-1]["text"] == "Good evening." and transcript.model == MODELS[0]
    work = next(entry for entry in transcript.entries if entry["kind"] == "work")
    assert work["summary"].endswith("tokens unknown")  # a script sends no usage


async def test_a_run_without_a_context_is_answered_by_the_first_model():
    switch = ModelSwitch({"a": OfflineChatModel(model=MODELS[1]), "b": OfflineChatModel()})
    assert switch.invoke("hello").response_metadata["model_name"] == MODELS[1]
    assert (await switch.ainvoke("hello", model="b")).response_metadata["model_name"] == MODELS[0]
    whole = "".join(chunk.text for chunk in switch.stream("hello", model="b"))
    pieces = [chunk.text async for chunk in switch.astream("hello", model="b")]
    assert whole == "".join(pieces) and len(pieces) > 3


def test_a_name_that_is_not_offered_is_refused_with_the_names_that_are():
    switch = ModelSwitch({"a": OfflineChatModel(), "b": OfflineChatModel()})
    with pytest.raises(ValueError, match=r"no model 'c' to choose.*'a', 'b'"):
        switch.invoke("hello", model="c")
    with pytest.raises(ValueError, match="at least one model"):
        ModelSwitch({})


async def test_a_context_that_is_an_object_or_has_no_field_model_is_understood():
    class Chosen:
        model = "b"

    switch = ModelSwitch({"a": OfflineChatModel(model=MODELS[1]), "b": OfflineChatModel()})

    async def say(state: MessagesState):
        return {"messages": [await switch.ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState, context_schema=Chosen).add_node(say).add_edge(START, "say")
    graph = builder.compile()
    for context, model in ((Chosen(), MODELS[0]), (object(), MODELS[1]), (None, MODELS[1])):
        state = await graph.ainvoke({"messages": [("user", "hello")]}, context=context)
        assert state["messages"][-1].response_metadata["model_name"] == model


@pytest.mark.soak
async def test_after_a_server_went_away_try_again_with_the_offline_model_ends_the_turn():
    transcript = Transcript()
    with served_gateway() as gateway:
        found = asked(gateway.url, gateway.model)
        chat = ChatController(studio(found), context={"model": found.first})
        chat.on_event = transcript.handle
        gateway.set_faults(status=503)
        found.models[found.first].max_retries = 0
        await chat.send("a park in Mapo")
        assert [entry["kind"] for entry in transcript.entries][-2:] == ["problem", "unfinished"]
    chat.context = {"model": found.fallback}
    await chat.continue_run()
    assert transcript.entries[-1]["text"].startswith("Here are three parks in Mapo-gu")
    assert transcript.model == "namu-offline"
    assert list((await chat.tree()).branches) == ["main"]


async def test_the_panel_offers_the_models_and_shows_the_notice_above_every_thread():
    found = asked(f"http://127.0.0.1:{free_port()}/v1")

    class Offered(TypedDict):
        model: Literal[*found.names]

    graph = build_namu(model=found.switch(), checkpointer=InMemorySaver(), context_schema=Offered)
    panel = ChatPanel(graph, notes=[found.notice, ""])
    (choice,) = panel.run_context.choices.values()
    assert [label for label, _ in choice.options] == list(found.names)
    assert choice.value == "namu-offline"
    await panel.send("hello")
    assert panel.view.model_name == "namu-offline"
    assert panel.transcript.entries[0]["text"] == found.notice
    await panel.new_thread()
    assert [entry["text"] for entry in panel.transcript.entries] == [found.notice]
