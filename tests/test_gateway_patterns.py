"""No schema holds the gateway up: patterns, references, sizes. Others are answered meanwhile.

The gateway runs in a process of its own. One that matched these patterns with Python's `re` would
answer nobody, and the requests here would end at their time limit.
"""

import asyncio
import json
import threading
import time

import httpx
import pytest
from gateway_thread import served_gateway

from course_lib.json_checks import fits
from course_lib.serving import model_gateway

HTTP = httpx.Client(trust_env=False, timeout=120)
QUOTED = "call it '" + "a" * 40 + "!'"
TEXT = {"type": "string"}


@pytest.fixture(scope="module")
def gateway():
    with model_gateway() as running:
        yield running


def post(api, schema, said=QUOTED, *, form="tool"):
    body = {"model": "namu-large", "messages": [{"role": "user", "content": said}]}
    if form == "tool":
        function = {"name": "f", "parameters": schema}
        body |= {"tools": [{"type": "function", "function": function}], "tool_choice": "required"}
    elif form == "format":
        described = {"name": "answer", "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": described}
    return HTTP.post(f"{api}/chat/completions", json=body)


def object_with(**properties):
    return {"type": "object", "properties": properties, "required": list(properties)}


def arguments_in(answer):
    message = answer.json()["choices"][0]["message"]
    calls = message.get("tool_calls")
    return json.loads(calls[0]["function"]["arguments"] if calls else message["content"])


def error_in(answer):
    assert answer.status_code == 400, answer.text[:300]
    return answer.json()["error"]["message"]


def in_pattern(pattern):
    return object_with(code={"type": "string", "pattern": pattern})


def in_items(pattern):
    text = {"type": "string", "pattern": pattern}
    return object_with(codes={"type": "array", "minItems": 2, "items": text})


def in_references(pattern):
    inner = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Code"}}
    defined = {"Code": {"type": "string", "pattern": pattern}, "Codes": inner}
    part = {"$ref": "#/$defs/Codes"}
    return {**object_with(order=object_with(codes=part)), "$defs": defined}


def in_alternatives(pattern):
    return object_with(code={"anyOf": [{"type": "string", "pattern": pattern}, {"type": "null"}]})


def in_pattern_properties(pattern):
    return {**object_with(**{"a" * 40 + "!": TEXT}), "patternProperties": {pattern: TEXT}}


def in_closed_pattern_properties(pattern):
    inner = {"type": "object", "patternProperties": {pattern: TEXT}, "minProperties": 1}
    return object_with(map={**inner, "additionalProperties": False})


def in_property_names(pattern):
    names = {"type": "object", "propertyNames": {"pattern": pattern}, "minProperties": 1}
    return object_with(map=names)


PLACES = [
    in_pattern,
    in_items,
    in_references,
    in_alternatives,
    in_pattern_properties,
    in_closed_pattern_properties,
    in_property_names,
]
CATASTROPHIC = [
    r"^(a+)+$",
    r"^(\w+\s?)*$",
    r"^(a|aa|\w)+$",
    r"^([a-z]+)*[0-9]?$",
    r"^(.*a){12}$",
    r"^(?=(a+)+$)a+$",
    r"^(a*)*\1a?$",
]


def answered_beside(gateway, ask):
    """Return the answer to a request, after others were answered while it was worked on."""
    found = []
    thread = threading.Thread(target=lambda: found.append(ask()))
    thread.start()
    while True:
        was_running = thread.is_alive()
        other = post(gateway.api, None, "hello", form="words")
        assert other.status_code == 200
        if not was_running:
            break
        time.sleep(0.05)  # a processor that only asks would be missing elsewhere
    thread.join()
    return found[0]


SHIFTED = CATASTROPHIC[3:] + CATASTROPHIC[:3]
FIRST = list(zip(PLACES, CATASTROPHIC, strict=True))
QUICK = (in_pattern_properties, in_closed_pattern_properties)
PAIRS = [
    pair if pair in FIRST and pair[0] in QUICK else pytest.param(*pair, marks=pytest.mark.soak)
    for pair in [*FIRST, *zip(PLACES, SHIFTED, strict=True)]
]
"""Each pattern in two places, and each place with two patterns."""


@pytest.mark.parametrize("place, pattern", PAIRS)
def test_a_catastrophic_pattern_gets_an_answer_that_fits_or_a_clear_error(gateway, place, pattern):
    answer = answered_beside(gateway, lambda: post(gateway.api, place(pattern)))
    if answer.status_code == 200:
        assert fits(arguments_in(answer), place(pattern)), answer.text[:300]
    else:
        said = error_in(answer)
        assert "pattern" in said.lower() and pattern in said.replace("\\\\", "\\")


@pytest.mark.soak
@pytest.mark.parametrize("form", ["tool", "format"])
def test_a_pattern_that_only_the_search_for_a_text_would_suffer_from(gateway, form):
    """Hypothesis checks its texts with `re`; here they never match, and there are many ways."""
    pattern = r"^(a+)+b?$(?!)"
    answer = answered_beside(gateway, lambda: post(gateway.api, in_pattern(pattern), form=form))
    assert pattern in error_in(answer) and "Write the value into the message" in error_in(answer)


@pytest.mark.parametrize(
    "pattern, said",
    [
        (r"^(?:(?:a{500}){500}){500}$", "count to smaller numbers"),
        ("(" * 600 + ")" * 600, "has 1200 characters. Use at most 1000"),
        (r"^(?<letter>a)\k<letter>$", "Write a group as (...)"),
        ("(", "no regular expression"),
    ],
)
@pytest.mark.parametrize("place", [in_pattern, in_closed_pattern_properties])
def test_a_pattern_that_cannot_be_used_is_named_with_what_to_do(gateway, place, pattern, said):
    assert "pattern '" in error_in(post(gateway.api, place(pattern)))
    assert said in error_in(post(gateway.api, place(pattern)))


@pytest.mark.soak
def test_a_text_too_long_for_a_lookaround_is_not_tried(gateway):
    schema = in_pattern(r"^(?=.*\d)[a-z\d]+$")
    assert arguments_in(post(gateway.api, schema, "say 'abc1'")) == {"code": "abc1"}
    long = "ab" * 50_000 + "1"
    answer = answered_beside(gateway, lambda: post(gateway.api, schema, f"say '{long}'"))
    assert len(arguments_in(answer)["code"]) < 10


def nested(levels, innermost):
    for _ in range(levels):
        innermost = {"type": "array", "minItems": 1, "items": innermost}
    return innermost


def doubled(levels):
    """Definitions that each refer to the next one twice."""
    defined = {f"A{levels}": TEXT}
    for n in range(levels):
        defined[f"A{n}"] = object_with(**{x: {"$ref": f"#/$defs/A{n + 1}"} for x in "ab"})
    return {**object_with(x={"$ref": "#/$defs/A0"}), "$defs": defined}


@pytest.mark.parametrize(
    "schema, said",
    [
        (doubled(30), "references of the schema multiply"),
        (object_with(**{f"p{n}": TEXT for n in range(5_001)}), "more than 5000 properties"),
        (
            object_with(**{f"p{n}": {"pattern": f"^{n}$"} for n in range(101)}),
            "more than 100 patterns",
        ),
        (object_with(x=nested(101, TEXT)), "more than 100 levels"),
        (object_with(x=nested(30, {"not": {}})), "tried 50000 values, or searched for"),
        ({**object_with(x={"$ref": "#/enum/0"}), "enum": [{"minItems": 10**9}]}, "no answer"),
    ],
    ids=["references", "properties", "patterns", "levels", "impossible", "hidden"],
)
def test_a_schema_that_asks_for_too_much_is_refused_with_its_limit(gateway, schema, said):
    assert said in error_in(answered_beside(gateway, lambda: post(gateway.api, schema)))


@pytest.mark.parametrize(
    "schema, said",
    [
        pytest.param(
            object_with(**{f"p{n}": TEXT for n in range(3_000)}), "hello", marks=pytest.mark.soak
        ),
        pytest.param(
            object_with(**{f"p{n}": {"enum": [1, 2, 3]} for n in range(3_000)}),
            "hello",
            marks=pytest.mark.soak,
        ),
        (object_with(x={**nested(1, {"type": "integer"}), "minItems": 3_000}), "hello"),
        pytest.param(object_with(x=TEXT), "'" + "," * 30_000 + "'", marks=pytest.mark.soak),
        pytest.param(object_with(x=TEXT), "「" * 30_000, marks=pytest.mark.soak),
        pytest.param(object_with(x=TEXT), "'" + "," * 100_000 + "'", marks=pytest.mark.soak),
        pytest.param(object_with(x=TEXT), "「" * 100_000, marks=pytest.mark.soak),
        (object_with(x={"type": "string", "format": "email"}), "a." * 50_000),
        (doubled(8), "hello"),
    ],
    ids=[
        "properties",
        "choices",
        "elements",
        "commas",
        "quotes",
        "many commas",
        "many quotes",
        "address",
        "references",
    ],
)
def test_a_large_request_is_answered_and_others_meanwhile(gateway, schema, said):
    answer = answered_beside(gateway, lambda: post(gateway.api, schema, said))
    assert answer.status_code == 200, answer.text[:300]
    assert set(arguments_in(answer)) == set(schema["properties"])


def test_different_numbers_are_counted_up_once():
    whole = {"type": "array", "minItems": 400, "uniqueItems": True, "items": {"type": "integer"}}
    with served_gateway() as running:
        answer = post(running.url, object_with(x={**whole, "minItems": 40}))
        assert len(set(arguments_in(answer)["x"])) == 40
        assert "found no value" in error_in(post(running.url, object_with(x=whole)))


class Gate:
    """A turn that no slow request gets before the gate is opened, and then one after the other."""

    is_open = False

    def __init__(self):
        self.one = asyncio.Lock()

    async def __aenter__(self):
        while not self.is_open:
            await asyncio.sleep(0.01)
        await self.one.acquire()

    async def __aexit__(self, *error):
        self.one.release()


def test_quick_requests_never_wait_for_slow_ones():
    with served_gateway() as running:
        gate = running.gateway.slow = Gate()
        schema, slow = in_pattern(r"^never-searched-before-\d{3}$"), []
        ask = lambda: slow.append(post(running.url, schema, "hello"))  # noqa: E731
        threads = [threading.Thread(target=ask) for _ in range(12)]
        for thread in threads:
            thread.start()
        for _ in range(12):
            assert post(running.url, None, "hello", form="words").status_code == 200
            assert arguments_in(post(running.url, object_with(x=TEXT))) == {"x": "a" * 40 + "!"}
        assert not slow
        gate.is_open = True
        for thread in threads:
            thread.join()
    assert [fits(arguments_in(answer), schema) for answer in slow] == [True] * 12
