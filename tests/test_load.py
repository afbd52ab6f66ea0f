"""Load measurement reads what a server says, however the server writes it."""

import json
from http.server import BaseHTTPRequestHandler
from itertools import pairwise

import httpx
import pytest

from course_lib.serving import arrival_times, http_thread, run_arrivals, run_load


def piece(text=None, **more):
    delta = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": delta}], **more}


def on_lines(text):
    return "\n".join(f"data: {line}" for line in text.split("\n"))


SPELLINGS = {
    "as vLLM": (lambda event: f"data: {json.dumps(event, separators=(',', ':'))}", "\n\n"),
    "a space after the colon": (lambda event: f"data: {json.dumps(event)}", "\n\n"),
    "no space after data": (lambda event: f"data:{json.dumps(event)}", "\n\n"),
    "carriage returns": (lambda event: f"data: {json.dumps(event)}", "\r\n\r\n"),
    "comments between": (lambda event: f": ping\ndata: {json.dumps(event)}", "\n\n"),
    "several lines": (
        lambda event: "\n".join(
            f"data: {line}" for line in json.dumps(event, indent=1).split("\n")
        ),
        "\n\n",
    ),
}


@pytest.fixture
def serve():
    """Start a server that streams some events in one spelling; yields a function that does it."""
    servers = []

    def start(events, spelling="as vLLM", done=True):
        form, end = SPELLINGS[spelling]
        body = "".join(form(event) + end for event in events) + ("data: [DONE]" + end) * done

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for start in range(0, len(body), 7):  # in pieces that respect no line
                    self.wfile.write(body[start : start + 7].encode())
                    self.wfile.flush()

            def log_message(self, *arguments):
                pass

        server = http_thread.BusyHttpServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        http_thread.serve(server)
        return f"http://127.0.0.1:{server.server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()


ANSWER = [piece(""), piece("Seoul"), piece(" is"), piece(" big")]
USAGE = {"choices": [], "usage": {"completion_tokens": 3}}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("counted", [True, False])
async def test_tokens_are_counted_in_every_spelling(serve, spelling, counted):
    api = serve([*ANSWER, *([USAGE] if counted else [])], spelling)
    load = await run_load(api, "m", [[{"role": "user", "content": "hi"}]] * 3, concurrency=2)
    assert [answer.tokens for answer in load.answers] == [3, 3, 3]
    assert all(0 < a.first_token_seconds <= a.total_seconds for a in load.answers)


async def test_a_stream_that_ends_without_a_word_of_farewell_is_read_to_its_end(serve):
    load = await run_load(serve([*ANSWER, USAGE], done=False), "m", ["hi"], concurrency=1)
    assert load.answers[0].tokens == 3


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_an_error_inside_the_stream_is_an_error(serve, spelling):
    api = serve([piece("half"), {"error": {"message": "out of memory"}}], spelling)
    with pytest.raises(httpx.RemoteProtocolError, match="out of memory"):
        await run_load(api, "m", ["hi"], concurrency=1)


async def test_a_server_that_says_nothing_is_no_measurement_of_zero(serve):
    with pytest.raises(httpx.RemoteProtocolError, match="no text"):
        await run_load(serve([piece("")]), "m", ["hi"], concurrency=1)


async def test_an_open_loop_does_not_wait_for_answers(serve):
    api = serve([*ANSWER, USAGE])
    prompts = [[{"role": "user", "content": "hi"}]] * 20
    load = await run_arrivals(api, "m", prompts, rate=2000)
    assert len(load.answers) == 20 and load.concurrency > 1
    assert load.total(0.95) >= load.total(0.5) >= load.first_token(0.5) > 0
    assert load.requests_per_second == pytest.approx(20 / load.seconds)


async def test_an_open_loop_needs_a_rate():
    with pytest.raises(ValueError, match="rate is 0"):
        await run_arrivals("http://127.0.0.1:9/v1", "m", [], rate=0)


@pytest.mark.parametrize("count", [1, 2, 150, 2000])
@pytest.mark.parametrize("rate", [0.1, 26.1, 104.6])
def test_requests_at_random_moments_have_the_rate_that_was_asked_for(count, rate):
    for seed in range(3):
        moments = arrival_times(count, rate, seed)
        assert moments == sorted(moments) and len(moments) == count and moments[0] == 0
        assert moments[-1] < count / rate
        if count >= 150:
            half = sum(each < count / rate / 2 for each in moments)
            assert half == pytest.approx(count / 2, rel=0.25)
            gaps = [after - before for before, after in pairwise(moments)]
            # Of exponential times 63 % are below their mean; of equal ones half or none are.
            assert sum(gap < 1 / rate for gap in gaps) / len(gaps) == pytest.approx(0.63, abs=0.1)


def test_no_requests_have_no_moments():
    assert arrival_times(0, 5) == []
