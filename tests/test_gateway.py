"""The gateway: OpenAI's protocol as its own client speaks it, error bodies, speed and faults."""

import json
import threading

import httpx
import openai
import pytest
from gateway_thread import served_gateway
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from waiting import wait_until

from course_lib.__main__ import main
from course_lib.models.gateway import SIZES, Faults, GatewaySettings
from course_lib.models.gateway.command import SIZES as OFFERED
from course_lib.places import load_places
from course_lib.serving import ServerError, is_free, model_gateway

WISH = [{"role": "user", "content": "a quiet cafe in Mapo-gu"}]
SEARCH = {
    "type": "function",
    "function": {
        "name": "search_places",
        "parameters": {
            "type": "object",
            "properties": {"category": {"type": "string"}, "district": {"type": "string"}},
        },
    },
}
NO_RETRY = {"max_retries": 0, "timeout": 60}
HTTP = httpx.Client(trust_env=False, timeout=60)


@pytest.fixture(scope="module")
def server():
    with served_gateway() as running:
        yield running


@pytest.fixture
def gateway(server):
    server.set_faults()
    yield server
    server.set_faults()


def connect(gateway, **options):
    http = httpx.Client(trust_env=False)
    given = {"base_url": gateway.url, "api_key": "any", "http_client": http, **NO_RETRY, **options}
    return openai.OpenAI(**given)


@pytest.fixture
def client(gateway):
    with connect(gateway) as one:
        yield one


def ask(client, content="hello", **options):
    messages = [{"role": "user", "content": content}]
    return client.chat.completions.create(
        **{"model": "namu-large", "messages": messages, **options}
    )


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


def test_the_models_are_listed_and_described(client):
    assert [model.id for model in client.models.list()] == ["namu-large", "namu-large-brief"]
    assert client.models.retrieve("namu-large-brief").object == "model"
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("gpt-9")
    assert refused.value.code == "model_not_found"


def test_a_stream_says_the_same_as_a_whole_answer_and_ends_with_the_usage(client):
    whole = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    assert text_of(chunks) == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage and whole.usage.total_tokens > 2
    assert whole.usage.completion_tokens == len([c for c in chunks if text_of([c])])
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert not [c for c in ask(client, stream=True) if c.usage]


def test_a_tool_is_called_in_both_forms_and_its_answer_is_read(client):
    whole = ask(client, WISH[0]["content"], tools=[SEARCH]).choices[0]
    (call,) = whole.message.tool_calls
    wanted = {"category": "cafe", "district": "Mapo-gu"}
    assert json.loads(call.function.arguments) == wanted and whole.finish_reason == "tool_calls"
    pieces = [
        c.choices[0].delta.tool_calls[0]
        for c in ask(client, WISH[0]["content"], tools=[SEARCH], stream=True)
        if c.choices and c.choices[0].delta.tool_calls
    ]
    assert json.loads("".join(p.function.arguments for p in pieces)) == wanted
    assert pieces[0].id == call.id and pieces[0].function.name == "search_places"
    told = {"role": "tool", "tool_call_id": call.id, "content": "[]"}
    history = [*WISH, whole.message.model_dump(exclude_none=True), told]
    answer = client.chat.completions.create(
        model="namu-large", messages=history, tools=[SEARCH], tool_choice="none"
    )
    assert answer.choices[0].message.content and not answer.choices[0].message.tool_calls


@pytest.mark.parametrize(
    "choice", ["required", {"type": "function", "function": {"name": "search_places"}}]
)
def test_a_tool_that_is_forced_is_called(client, choice):
    answer = ask(client, "hello", tools=[SEARCH], tool_choice=choice)
    assert answer.choices[0].message.tool_calls[0].function.name == "search_places"


def test_a_function_without_parameters_takes_none(client):
    tool = {"type": "function", "function": {"name": "ping"}}
    answer = ask(client, tools=[tool], tool_choice="required")
    assert answer.choices[0].message.tool_calls[0].function.arguments == "{}"


class Wish(BaseModel):
    category: str
    people: int


def test_a_response_format_is_kept_to(client):
    answer = client.chat.completions.parse(
        model="namu-large",
        messages=[{"role": "user", "content": "a cafe for 4"}],
        response_format=Wish,
    )
    assert answer.choices[0].message.parsed == Wish(category="cafe", people=4)
    free = ask(client, "JSON with the key 'place'", response_format={"type": "json_object"})
    assert set(json.loads(free.choices[0].message.content)) == {"place"}


def test_max_tokens_and_stop_end_an_answer(client):
    short = ask(client, max_tokens=3)
    assert short.usage.completion_tokens == 3 and short.choices[0].finish_reason == "length"
    assert ask(client, max_completion_tokens=2).usage.completion_tokens == 2
    whole = ask(client).choices[0].message.content
    stopped = ask(client, stop=["Namu", "never said"]).choices[0]
    assert stopped.message.content == whole.split("Namu")[0] and stopped.finish_reason == "stop"


@pytest.mark.soak
def test_embeddings_are_served(client):
    one, other = client.embeddings.create(model="namu-embedding", input=["카페", "cafe"]).data
    assert len(one.embedding) == len(other.embedding) == 512
    plain = client.embeddings.create(
        model="namu-embedding", input="cafe", encoding_format="float"
    ).data[0]
    assert plain.embedding == pytest.approx(other.embedding, abs=1e-6)
    for wrong in ({"model": "other", "input": "a"}, {"model": "namu-embedding", "input": [""]}):
        with pytest.raises(openai.APIStatusError) as refused:
            client.embeddings.create(**wrong)
        assert refused.value.status_code in (400, 404)


@pytest.mark.parametrize(
    "more, said",
    [
        (b'"input": "\\ud800"', "parse the JSON body"),
        (b'"input": "a", "dimensions": NaN', "parse the JSON body"),
        (b'"input": "a", "dimensions": 8', "does not support specifying dimensions"),
        (b'"input": "a", "colour": 1', "Unrecognized request argument supplied: colour"),
        (b'"input": [1, 2]', "expected one of a string or an array of strings"),
    ],
)
def test_a_wrong_request_for_embeddings_is_refused(gateway, more, said):
    body = b'{"model": "namu-embedding", %s}' % more
    answer = HTTP.post(f"{gateway.url}/embeddings", content=body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]


def test_null_in_a_function_stands_for_a_part_that_is_left_out(client):
    tool = {"type": "function", "function": {"name": "stop", "parameters": None, "strict": None}}
    call = ask(client, tools=[tool], tool_choice="required").choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments) == ("stop", "{}")


def function(parameters, name="f"):
    return [{"type": "function", "function": {"name": name, "parameters": parameters}}]


def json_schema(schema):
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


NEVER = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 2, "maximum": 1}}}
NEVER["required"] = ["n"]
HUGE = {"type": "object", "properties": {"n": {"type": "array", "minItems": 10_001}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = {"role": "assistant", "tool_calls": [CALL]}
USER = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    "change, status, param, code",
    [
        ({"model": "gpt-9"}, 404, None, "model_not_found"),
        ({"model": 7}, 400, "model", "invalid_type"),
        ({"model": None}, 400, "model", "invalid_type"),
        ({"messages": "hello"}, 400, "messages", "invalid_type"),
        ({"messages": []}, 400, "messages", "empty_array"),
        (
            {"messages": [{"content": "hello"}]},
            400,
            "messages[0].role",
            "missing_required_parameter",
        ),
        ({"messages": [{**USER, "role": "king"}]}, 400, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0].content", "invalid_value"),
        (
            {"messages": [{"role": "user", "content": 7}]},
            400,
            "messages[0].content",
            "invalid_type",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            400,
            "messages[0].content[0].type",
            None,
        ),
        ({"messages": [USER, CALLED]}, 400, "messages[1].role", None),
        ({"messages": [CALLED, USER]}, 400, "messages[1].role", None),
        (
            {"messages": [USER, {"role": "tool", "tool_call_id": "c1", "content": "x"}]},
            400,
            "messages[1].role",
            None,
        ),
        ({"tools": []}, 400, "tools", "empty_array"),
        ({"tools": [{"type": "function"}]}, 400, "tools[0].function", "missing_required_parameter"),
        ({"tools": [{"type": "web_search"}]}, 400, "tools[0].type", "invalid_value"),
        (
            {"tools": function({})},
            400,
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        (
            {"tools": function({"type": "object"})},
            400,
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        (
            {"tools": function({"type": "object", "properties": {"a": {"type": "nothing"}}})},
            400,
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        ({"tools": function("text")}, 400, "tools[0].function.parameters", "invalid_type"),
        ({"tools": function(NEVER, name="a b")}, 400, "tools[0].function.name", "invalid_value"),
        (
            {"tools": function(NEVER), "tool_choice": "required"},
            400,
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        ({"response_format": json_schema(NEVER)}, 400, "response_format", None),
        ({"response_format": json_schema({"type": "array"})}, 400, "response_format", None),
        (
            {"response_format": {"type": "json_schema"}},
            400,
            "response_format.json_schema",
            "missing_required_parameter",
        ),
        ({"response_format": {"type": "json_object"}}, 400, "messages", None),
        ({"response_format": {"type": "xml"}}, 400, "response_format.type", "invalid_value"),
        ({"tool_choice": "auto"}, 400, "tool_choice", None),
        ({"tools": [SEARCH], "tool_choice": "any"}, 400, "tool_choice", "invalid_value"),
        (
            {"tools": [SEARCH], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            400,
            "tool_choice",
            None,
        ),
        ({"max_tokens": 0}, 400, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": "9"}, 400, "max_tokens", "invalid_type"),
        ({"temperature": 3.5}, 400, "temperature", "decimal_above_max_value"),
        ({"stop": [1]}, 400, "stop[0]", "invalid_type"),
        ({"stop": ["a"] * 5}, 400, "stop", "array_above_max_length"),
        ({"n": 2}, 400, "n", "unsupported_value"),
        ({"logprobs": True}, 400, "logprobs", "unsupported_value"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options", None),
        ({"tools": [SEARCH] * 129}, 400, "tools", "array_above_max_length"),
        ({"functions": [{"name": "f"}]}, 400, "functions", "unsupported_value"),
        ({"modalities": ["audio"]}, 400, "modalities", "unsupported_value"),
        ({"response_format": json_schema(HUGE)}, 400, "response_format", None),
        (
            {"tools": function(HUGE)},
            400,
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
        (
            {"messages": [{**USER, "content": "word " * 400_000}]},
            400,
            "messages",
            "context_length_exceeded",
        ),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, dict) else "",
)
def test_a_refused_request_gets_openais_error_body(gateway, change, status, param, code):
    body = {"model": "namu-large", "messages": [USER], **change}
    answer = HTTP.post(f"{gateway.url}/chat/completions", json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)
    assert error["message"][-1] in ".'" or len(error["message"]) > 20


@pytest.mark.parametrize(
    "body, said",
    [
        (b"", "parse the JSON body"),
        (b"{", "parse the JSON body"),
        (b'{"a": NaN}', "parse the JSON body"),
        (b"\xff\xfe", "parse the JSON body"),
        (b"[" * 100_000, "parse the JSON body"),
        (b"[]", "expected an object, but got an array"),
        (b'"text"', "expected an object, but got a string"),
        (b"{}", "Missing required parameter: 'model'"),
        (b'{"colour": 1}', "Unrecognized request argument supplied: colour"),
        (b'{"model": "\\ud800"}', "parse the JSON body"),
        (b'{"\\udfff": 1}', "parse the JSON body"),
    ],
)
def test_a_body_that_is_no_request_is_refused(gateway, body, said):
    answer = HTTP.post(f"{gateway.url}/chat/completions", content=body)
    assert answer.status_code == 400 and said in answer.json()["error"]["message"]


@pytest.mark.parametrize("depth", [100, 400, 800, 960, 990])
@pytest.mark.parametrize("where", ["tools", "schema", "content"])
def test_a_deeply_nested_request_is_answered_or_refused(gateway, where, depth):
    deep = "[" * depth + "]" * depth
    inner = {"type": "object", "properties": {"a": {"enum": ["DEEP"]}}}
    body = {"model": "namu-large", "messages": [USER]}
    if where == "tools":
        body["tools"] = function(inner)
    elif where == "schema":
        body["response_format"] = json_schema(inner)
    else:
        part = {"type": "text", "text": "json", "more": "DEEP"}
        body["messages"] = [{"role": "user", "content": [part]}]
        body["response_format"] = {"type": "json_object"}
    content = json.dumps(body).replace('"DEEP"', deep)
    answer = HTTP.post(f"{gateway.url}/chat/completions", content=content)
    assert answer.status_code in (200, 400), answer.text


def test_other_addresses_and_methods_are_refused_in_the_same_form(gateway):
    lost = HTTP.get(f"{gateway.url}/nothing")
    assert lost.status_code == 404
    assert "Invalid URL (GET /v1/nothing)" in lost.json()["error"]["message"]
    answer = HTTP.get(f"{gateway.url}/chat/completions")
    assert answer.status_code == 405 and "Not allowed" in answer.json()["error"]["message"]
    too_long = HTTP.post(f"{gateway.url}/chat/completions", content=b" " * (33 * 2**20))
    assert too_long.status_code == 413 and "shorter" in too_long.json()["error"]["message"]


def test_faults_that_are_no_object_are_refused_by_name(gateway):
    answer = HTTP.put(f"{gateway.url.removesuffix('/v1')}/faults", content=b"[]")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "body"


def test_only_the_right_key_is_accepted():
    with served_gateway(key="right") as gateway:
        with connect(gateway, api_key="wrong") as client:
            with pytest.raises(openai.AuthenticationError) as refused:
                ask(client)
            assert refused.value.code == "invalid_api_key"
            assert "right" not in str(refused.value).replace("Give the key", "")
        with connect(gateway, api_key="right") as client:
            assert ask(client).choices


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
SCHEMA_WORDS = st.sampled_from(
    ["type", "properties", "required", "enum", "$ref", "anyOf", "items", "pattern", "minimum"]
)
SCHEMAS = st.dictionaries(SCHEMA_WORDS, JSON | st.sampled_from(["object", "#/a"]), max_size=4)
OBJECTS = SCHEMAS.map(lambda found: {"properties": {}, **found, "type": "object"})
CHANGES = st.one_of(
    st.fixed_dictionaries({}, optional={name: JSON for name in ("messages", "tools", "stop")}),
    st.fixed_dictionaries({}, optional={name: JSON for name in ("tool_choice", "max_tokens", "n")}),
    st.fixed_dictionaries({}, optional={"response_format": JSON, "stream_options": JSON}),
    OBJECTS.map(lambda found: {"response_format": json_schema(found)}),
    OBJECTS.map(lambda found: {"tools": function(found), "tool_choice": "required"}),
    JSON.map(lambda found: {"messages": [{"role": "user", "content": found}]}),
    JSON.map(lambda found: {"messages": [USER, {"role": "assistant", "tool_calls": [found]}]}),
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(change=CHANGES, stream=st.booleans())
def test_no_request_makes_the_gateway_fail(server, change, stream):
    server.set_faults()
    body = json.dumps({"model": "namu-large", "messages": [USER], "stream": stream, **change})
    answer = HTTP.post(f"{server.url}/chat/completions", content=body)
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "status, error", [(503, openai.InternalServerError), (429, openai.RateLimitError)]
)
def test_refusals_that_are_asked_for_name_when_to_come_again(gateway, client, status, error):
    gateway.set_faults(status=status, retry_after=2, times=1)
    with pytest.raises(error) as refused:
        ask(client)
    assert refused.value.response.headers["retry-after"] == "2"
    assert refused.value.status_code == status
    assert ask(client).choices, "only one request was to be refused"


@pytest.mark.parametrize("tokens", [0, 1, 5, 1000])
@pytest.mark.parametrize("streams", [False, True])
def test_a_broken_answer_breaks_after_exactly_so_many_tokens(gateway, client, tokens, streams):
    length = ask(client).usage.completion_tokens
    gateway.set_faults(break_after=tokens)
    seen = []
    with pytest.raises((httpx.RemoteProtocolError, openai.APIConnectionError)):
        answer = ask(client, stream=streams)
        for chunk in answer if streams else ():
            seen += [chunk.choices[0]] if chunk.choices else []
    assert len([c for c in seen if c.delta.content]) == (min(tokens, length) if streams else 0)
    assert not any(c.finish_reason for c in seen)


@pytest.mark.parametrize("streams", [False, True])
def test_a_stalled_answer_is_given_up_by_the_client_and_frees_its_place(gateway, streams):
    gateway.set_faults(stall_after=2)
    with connect(gateway, timeout=0.3) as client:
        with pytest.raises((httpx.ReadTimeout, openai.APITimeoutError)):
            list(ask(client, stream=streams))
    wait_until(lambda: gateway.count("gateway_requests_running") == 0)


def test_requests_beyond_the_limit_wait_and_those_beyond_the_queue_are_refused():
    with served_gateway(concurrent=1, queue=1, faults=Faults(stall_after=0)) as gateway:
        streams = [connect(gateway, timeout=30) for _ in range(2)]
        for n, client in enumerate(streams):
            thread = threading.Thread(target=_swallow, args=(client,))
            thread.start()
            wait_until(lambda: gateway.count("gateway_requests_running") == 1)
            wait_until(lambda n=n: gateway.count("gateway_requests_waiting") == n)
        with connect(gateway) as third:
            with pytest.raises(openai.RateLimitError) as refused:
                ask(third)
            assert refused.value.response.headers["retry-after"] == "1"
        gateway.set_faults()
    assert gateway.count("gateway_requests_running") == 0, "the end of the server frees the place"


def _swallow(client):
    with pytest.raises((openai.APIError, httpx.HTTPError)):
        ask(client)


def test_a_long_prompt_delays_the_first_token_where_a_speed_of_reading_is_set():
    settings = GatewaySettings(first_token_seconds=0.5, prompt_tokens_per_second=100)
    assert settings.seconds_to_first_token(0) == 0.5
    assert settings.seconds_to_first_token(250) == 3
    assert GatewaySettings(first_token_seconds=0.5).seconds_to_first_token(250) == 0.5
    for speed in (0, -1):
        with pytest.raises(ValidationError, match="prompt_tokens_per_second"):
            GatewaySettings(prompt_tokens_per_second=speed)


def test_the_metrics_count_requests_tokens_and_seconds(gateway, client):
    def count(name, **labels):
        return gateway.count(name, **labels)

    names = ("gateway_prompt_tokens_total", "gateway_generation_tokens_total")
    before = [count(name) for name in names]
    done = count("gateway_requests_total", status="200")
    refused = count("gateway_requests_total", status="400")
    usage = ask(client, "hello there").usage
    with pytest.raises(openai.BadRequestError):
        ask(client, n=2)
    after = [count(name) for name in names]
    assert [new - old for new, old in zip(after, before, strict=True)] == [
        usage.prompt_tokens,
        usage.completion_tokens,
    ]
    assert count("gateway_requests_total", status="200") == done + 1
    assert count("gateway_requests_total", status="400") == refused + 1
    text = HTTP.get(gateway.url.replace("/v1", "/metrics")).text
    assert "# TYPE gateway_time_to_first_token_seconds histogram" in text


def test_a_smaller_size_reads_less_but_counts_the_same():
    arguments = '{"category": "cafe", "district": "Mapo-gu"}'
    call = {**CALL, "function": {"name": "search_places", "arguments": arguments}}
    found = [place.as_dict() for place in load_places() if place.category == "cafe"][:3]
    history = [
        {"role": "user", "content": "a cafe in Mapo-gu"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": json.dumps(found)},
        {"role": "assistant", "content": "I found three cafes."},
    ]
    chat = [USER, {"role": "assistant", "content": "Hello."}]
    change = {"role": "user", "content": "change it to Jongno-gu"}
    asked = {
        "none": [{"role": "user", "content": "a museum in Jung-gu"}],
        "one": [*history, change],
        "two": [*history, *chat, change],
        "korean": [{"role": "user", "content": "중구에 있는 박물관"}],
    }
    wanted = {
        "none": {"category": "museum", "district": "Jung-gu"},
        "one": {"category": "cafe", "district": "Jongno-gu"},
        "two": {"category": "cafe", "district": "Jongno-gu"},
        "korean": {"category": "museum", "district": "Jung-gu"},
    }
    right, counts = {}, set()
    for size in SIZES:
        with served_gateway(size=size) as gateway, connect(gateway) as client:
            found = {
                name: client.chat.completions.create(
                    model=gateway.model, messages=messages, tools=[SEARCH]
                )
                for name, messages in asked.items()
            }
        counts.add(tuple(answer.usage.prompt_tokens for answer in found.values()))
        right[size] = {
            name
            for name, answer in found.items()
            for call in answer.choices[0].message.tool_calls or ()
            if json.loads(call.function.arguments) == wanted[name]
        }
    assert right == {
        "small": {"none"},
        "medium": {"none", "one", "korean"},
        "large": set(asked),
    }
    assert len(counts) == 1, "what is not read is sent and paid for all the same"
    assert tuple(SIZES) == OFFERED


def test_a_started_gateway_answers_counts_and_leaves_nothing_behind():
    with model_gateway("small", key="secret") as small:
        assert "secret" not in str(small) and small.model == "namu-small"
        with openai.OpenAI(base_url=small.api, api_key="secret", max_retries=0) as client:
            assert ask(client, model=small.model).choices
            small.set_faults(status=503)
            with pytest.raises(openai.InternalServerError):
                ask(client, model=small.model)
        found = small.metrics()
        assert found["gateway_requests_total"] == 2
        assert found['gateway_requests_total{status="503"}'] == 1
        with pytest.raises(ValueError, match="Supported values are: 429 or 503"):
            small.set_faults(status=500)
        port = int(small.url.rpartition(":")[2])
    assert is_free(port) and not small.folder.exists()


def test_a_gateway_that_cannot_start_says_why(capsys):
    assert main(["gateway", "--context=0", "--stall-after=-1"]) == 2
    said = capsys.readouterr().err
    assert "--context: Input should be greater than or equal to 1." in said
    assert "--stall-after: Input should be greater than or equal to 0." in said
    with pytest.raises(SystemExit):
        main(["gateway", "--size=tiny"])
    assert "tiny" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no size 'tiny'"):
        GatewaySettings(size="tiny")
    with pytest.raises(ServerError, match=r"Port .* is taken"), served_gateway() as other:
        model_gateway(port=httpx.URL(other.url).port)


@pytest.mark.parametrize("port", ["0", "-1", "65536", "70000"])
def test_the_command_refuses_what_is_no_port(capsys, port):
    assert main(["gateway", "--port", port]) == 2
    assert f"--port: {port} is no TCP port" in capsys.readouterr().err
