"""Traces: one turn found by any of its ids, in every log, and without what people wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import matplotlib
import pytest
from gateway_thread import served_gateway
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, MessagesState, StateGraph
from matplotlib import pyplot
from observed_service import observed_service, token_of

from course_lib.operations import draw_waterfall, open_tracing, read_log, read_spans, spans_of
from course_lib.operations.audit import read_audit
from course_lib.operations.spans import Span, SpanEvent, checkpoints_of, depth_of
from course_lib.persistence import postgres
from course_lib.settings import ROOT

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def database():
    with postgres("tracing", scratch=True) as running:
        yield running


def names(spans):
    return sorted(span.name for span in spans)


async def test_one_search_finds_a_turn_in_every_log(database, tmp_path):
    wanted, gateway_log = "request-of-ann", tmp_path / "gateway.jsonl"
    with served_gateway(log_file=gateway_log) as gateway:
        model = gateway.chat_model()

        def build(saver, store):
            async def agent(state: MessagesState):
                return {"messages": [await model.ainvoke(state["messages"])]}

            builder = StateGraph(MessagesState)
            builder.add_node("agent", agent)
            builder.add_edge(START, "agent")
            builder.add_edge("agent", END)
            return builder.compile(checkpointer=saver, store=store)

        async with observed_service(tmp_path, database.url, build) as service:
            answer = await service.say("Hello", headers={"X-Request-ID": wanted})
            other = await service.say("Hello again")
    assert answer.json()["status"] == "done" and answer.headers["X-Request-ID"] == wanted
    assert other.headers["X-Request-ID"] != wanted

    def lines(found):
        return [line for line in found if line.get("request_id") == wanted]

    run_id = answer.json()["run_id"]
    assert [line["run_id"] for line in lines(read_log(service.log))] == [run_id]
    assert {line["run_id"] for line in lines(read_audit(service.audit))} == {run_id}
    assert [line["status"] for line in lines(read_log(gateway_log))] == [200]
    assert len(read_log(gateway_log)) == 2
    with PostgresSaver.from_conn_string(database.url) as saver:
        stored = [
            each.config["configurable"] for each in saver.list(None, filter={"request_id": wanted})
        ]
    assert {each["thread_id"] for each in stored} == {answer.json()["thread_id"]}
    spans = spans_of(read_spans(service.traces), request_id=wanted)
    graph = next(span for span in spans if span.name == "graph")
    assert set(checkpoints_of(graph)) == {each["checkpoint_id"] for each in stored}
    depths = {span.name: depth_of(span, spans) for span in spans}
    assert depths == {
        "POST /chat": 0,
        "turn": 1,
        "lock wait": 2,
        "graph": 2,
        "node agent": 3,
        "model call": 4,
        "POST": 5,
    }
    call = next(span for span in spans if span.name == "model call")
    assert call.attributes["model"] == gateway.model and call.attributes["output_tokens"] > 0


async def test_a_turn_is_found_by_thread_run_checkpoint_and_request(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        first = await service.say("one")
        thread = first.json()["thread_id"]
        second = await service.say("two", thread)
        await service.say("three")
        history = await service.client.get(
            "/history", params={"thread_id": thread}, headers=token_of("ann")
        )
    spans = read_spans(service.traces)
    run = spans_of(spans, run_id=second.json()["run_id"])
    expected = [
        "POST /chat",
        "graph",
        "lock wait",
        "model call",
        "node answer",
        "node note",
        "turn",
    ]
    assert names(run) == expected
    newest = history.json()[0]["checkpoint_id"]
    assert spans_of(spans, checkpoint_id=newest) == run
    assert spans_of(spans, request_id=second.headers["X-Request-ID"]) == run
    whole = spans_of(spans, thread_id=thread)
    assert len(whole) == 2 * len(run) and set(map(id, run)) < set(map(id, whole))
    assert spans_of(spans, checkpoint_id="unknown") == spans_of(spans, run_id="unknown") == []
    with pytest.raises(ValueError, match="Give a thread_id"):
        spans_of(spans)
    stored = {each["checkpoint_id"] for each in history.json()}
    told = {each for span in whole for each in checkpoints_of(span)}
    assert told == stored


async def test_traces_hold_no_text_of_persons_models_and_errors(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        await service.say("a secret wish")
        failed = await service.say("fail")
        asked = await service.say("ask me")
        question = asked.json()["questions"][0]["id"]
        body = {"thread_id": asked.json()["thread_id"], "question_id": question}
        await service.client.post(
            "/resume", json={**body, "answer": {"approve": True}}, headers=token_of("ann")
        )
        await service.client.get("/threads?note=a-secret-query", headers=token_of("ann"))
    assert failed.status_code == 500
    text = service.traces.read_text()
    for words in ("secret", "wish", "hunter2", "You said", "Go on", "approve"):
        assert words not in text
    spans = read_spans(service.traces)
    nodes = [span for span in spans if span.name == "node answer"]
    facts = [(span.ok, span.attributes.get("error.type")) for span in nodes]
    assert facts == [(True, None), (False, "RuntimeError"), (True, "GraphInterrupt"), (True, None)]
    turns = [(span.ok, span.attributes["outcome"]) for span in spans if span.name == "turn"]
    assert turns == [(True, "done"), (False, "failed"), (True, "waiting"), (True, "done")]


async def test_a_stream_of_many_tokens_has_no_more_spans_than_one_of_few(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        few = await service.say("slow 2", path="/chat/stream")
        many = await service.say("slow 20", path="/chat/stream")
    spans = read_spans(service.traces)
    found = [spans_of(spans, request_id=each.headers["X-Request-ID"]) for each in (few, many)]
    assert names(found[0]) == names(found[1]) and len(found[0]) == 7


@pytest.mark.parametrize(
    "given", ["", "short", "x" * 65, "two words", 'a","event":"forged', "요청-요청-요청"]
)
async def test_a_malformed_request_id_is_replaced(given):
    from course_lib.models.request_ids import request_id_from

    made = request_id_from(given)
    assert made != given and request_id_from(made) == made


def test_half_lines_are_left_out_wherever_they_stand_and_garbage_is_named(tmp_path):
    span = Span("turn", "1", "2", None, 0, 10)
    line = json.dumps({**vars(span), "events": []})
    path = tmp_path / "traces.jsonl"
    for cut in range(len(line)):
        path.write_text(f"{line}\n{line[:cut]}")
        assert read_spans(path) == [span]
        path.write_text(f"{line[:cut]}\n{line}\n")  # another process went on on a new line
        assert read_spans(path) == [span]
    (tmp_path / "other.jsonl").write_text(f"{line}\n")
    assert read_spans(tmp_path) == [span, span]
    path.write_text(f"garbage\n{line}\n")
    with pytest.raises(ValueError, match=r"Line 1 .* is no span"):
        read_spans(path)


def test_a_trace_goes_on_behind_half_a_line_and_in_a_new_file_when_its_own_was_moved(tmp_path):
    path, old = tmp_path / "traces.jsonl", tmp_path / "traces.jsonl.1"
    path.write_text('{"name": "tu')
    provider = open_tracing(path)
    tracer = provider.get_tracer("test")
    for name in ("one", "two"):
        tracer.start_span(name).end()
        assert provider.force_flush()
        if name == "one":
            path.rename(old)
    tracer.start_span("three").end()
    provider.shutdown()
    assert names(read_spans(old)) == ["one"]
    assert names(read_spans(path)) == ["three", "two"]


def test_a_waterfall_draws_every_span_where_it_began_and_as_long_as_it_took():
    spans = [
        Span("POST /chat", "t", "a", None, 0, 10_000_000),
        Span("node one", "t", "d", "c", 3_000_000, 5_000_000, ok=False),
        Span("turn", "t", "b", "a", 1_000_000, 9_000_000),
        Span(
            "graph",
            "t",
            "c",
            "b",
            2_000_000,
            8_000_000,
            True,
            {},
            (SpanEvent("checkpoint", 4_000_000, {}),),
        ),
    ]
    figure = draw_waterfall(spans)
    axes = figure.axes[0]
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert bars == [(0, 10), (1, 8), (2, 6), (3, 2)]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert [label.strip() for label in labels] == ["POST /chat", "turn", "graph", "node one"]
    assert [len(label) - len(label.lstrip()) for label in labels] == [0, 3, 6, 9]
    ticks = [segment for lines in axes.collections for segment in lines.get_segments()]
    assert [segment[0][0] for segment in ticks] == [4]
    pyplot.close(figure)
    with pytest.raises(ValueError, match="no spans"):
        draw_waterfall([])


LANGSMITH = """
import asyncio, sys
from pathlib import Path
from opentelemetry import trace
from course_lib.operations import open_tracing
provider = open_tracing(Path(sys.argv[1]))
trace.set_tracer_provider(provider)
from api_graphs import build
from langchain_core.tracers.langchain import wait_for_all_tracers
from langgraph.checkpoint.memory import InMemorySaver
config = {"configurable": {"thread_id": "thread-1"}, "metadata": {"request_id": "request-1"}}
graph = build(InMemorySaver(), None)
asyncio.run(graph.ainvoke({"messages": [("user", "a private wish")]}, config))
wait_for_all_tracers()
provider.shutdown()
"""


@pytest.mark.soak
@pytest.mark.slow
def test_langsmiths_own_spans_go_to_the_file_without_a_key_or_a_network(tmp_path):
    path = tmp_path / "traces.jsonl"
    switches = ("TRACING", "OTEL_ENABLED", "OTEL_ONLY", "HIDE_INPUTS", "HIDE_OUTPUTS")
    env = {name: value for name, value in os.environ.items() if not name.startswith("LANG")}
    env |= {f"LANGSMITH_{name}": "true" for name in switches}
    env |= {"LANGSMITH_ENDPOINT": "http://127.0.0.1:9"}  # nobody answers there
    env |= {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
    command = [sys.executable, "-c", LANGSMITH, str(path)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == ""
    spans = read_spans(path)
    assert names(spans) == ["Echo", "LangGraph", "answer", "note"]
    facts = ("langsmith.metadata.thread_id", "langsmith.metadata.request_id")
    assert {tuple(span.attributes[name] for name in facts) for span in spans} == {
        ("thread-1", "request-1")
    }
    assert "wish" not in path.read_text()


@pytest.mark.parametrize(
    "garbage",
    [
        "[]",
        "7",
        "null",
        '{"events": 3}',
        "[" * 100_000,
        "\x00\x01",
        '{"name": "turn", "trace_id": "1", "span_id": "2", "parent_id": null, "start_ns": "now", '
        '"end_ns": null, "events": []}',
    ],
)
def test_garbage_is_named_by_its_line(tmp_path, garbage):
    path = tmp_path / "traces.jsonl"
    path.write_text(f"{garbage}\n{garbage}\n")
    with pytest.raises(ValueError, match=r"Line 1 of .* is no span"):
        read_spans(path)
    path.write_bytes(b"\xff\xfe\n\n")
    with pytest.raises(ValueError, match=r"Line 1 of .* is no span"):
        read_spans(path)


def test_what_a_new_worker_wrote_behind_half_a_line_is_read(tmp_path):
    event = SpanEvent("checkpoint", 5, {"checkpoint_id": "c"})
    span = Span("turn", "1", "2", None, 0, 10, events=(event,))
    line = json.dumps({**vars(span), "events": [vars(event)]})
    path = tmp_path / "traces.jsonl"
    for cut in range(0, len(line), 7):
        path.write_text(f"{line}\n{line[:cut]}{line}\n{line}\n")
        assert read_spans(path) == [span, span, span], cut


def test_spans_that_go_round_in_a_circle_have_a_depth():
    circle = [Span("a", "1", "a", "b", 0, 1), Span("b", "1", "b", "a", 0, 1)]
    assert depth_of(circle[0], circle) == 2
