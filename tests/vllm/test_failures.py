"""What chapter 15 breaks on a real server: each failure has its sign, and a way on."""

import time

import httpx
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from course_lib.models import ModelServerError, RemoteChatModel, chat_model
from course_lib.serving import free_port, vllm_server

ENDLESS = {"max_tokens": 1900, "extra_body": {"ignore_eos": True}}


def eventually(holds, seconds=20):
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds()


def test_an_answer_that_nobody_reads_is_aborted(served):
    before = served.metrics()["vllm:generation_tokens_total"]
    stream = chat_model(**ENDLESS).stream("hello")
    next(stream)
    stream.close()
    assert eventually(lambda: served.metrics()["vllm:num_requests_running"] == 0)
    assert served.metrics()["vllm:generation_tokens_total"] - before < 1900


def test_a_stalled_stream_ends_in_the_timeout_and_the_server_goes_on(served):
    stream = chat_model(timeout=2, **ENDLESS).stream("hello")
    next(stream)
    served.pause()
    try:
        with pytest.raises(ModelServerError, match=r"nothing came for 2\.0 s"):
            list(stream)
    finally:
        served.resume()
    assert chat_model().invoke("hello").text


def test_more_answers_than_the_cache_holds_all_come(served):
    """Chapter 15 shows it with a smaller cache; here nobody is turned away either."""
    answers = chat_model(max_tokens=40).batch([f"a cafe {n}" for n in range(40)])
    assert len(answers) == 40 and all(answer.text for answer in answers)


def test_the_key_guards_some_paths_only_and_a_run_goes_on_after_the_server_died():
    port = free_port()
    options = {"port": port, "options": ["--api-key=secret"], "on_progress": None}
    server = vllm_server(**options)
    body = {"model": server.model, "prompt": "hello", "max_tokens": 4}
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as client:
        guarded = [client.post("/v1/completions", json=body), client.get("/v1/models")]
        open_ones = [client.post("/tokenize", json=body), client.get("/metrics")]
    assert [each.status_code for each in guarded] == [401, 401]
    assert [each.status_code for each in open_ones] == [200, 200]

    model = RemoteChatModel(base_url=server.api, model=server.model, api_key="secret", **ENDLESS)
    noted = []

    def note(state: MessagesState):
        noted.append(len(state["messages"]))

    def answer(state: MessagesState):
        return {"messages": [model.invoke(state["messages"])]}

    builder = StateGraph(MessagesState).add_sequence([note, answer]).add_edge(START, "note")
    graph, config = builder.compile(InMemorySaver()), {"configurable": {"thread_id": "bo"}}
    question = {"messages": [("user", "hello")]}
    with pytest.raises(ModelServerError, match="broke off"):
        for n, _ in enumerate(graph.stream(question, config, stream_mode="messages")):
            if n == 5:
                server.kill()
    assert graph.get_state(config).next == ("answer",)
    server.stop()
    with vllm_server(**options):
        model.max_tokens = 20
        state = graph.invoke(None, config)
    assert [message.type for message in state["messages"]] == ["human", "ai"] and noted == [1]
