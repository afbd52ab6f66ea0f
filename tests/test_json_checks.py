"""Foreign schemas and patterns: the same verdicts as before, in a time that nobody can stretch."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.json_checks import checker, fits, is_found, pattern_fault, schema_fault
from course_lib.models.language.arguments import quoted_texts

LETTERS = st.sampled_from(["a", "b", "[ab]", "[^a]", ".", "a?", "b*", "(?:)", "^", "$"])
PATTERNS = st.recursive(
    LETTERS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map("|".join)
        | st.builds("({}){}".format, inner, st.sampled_from(["", "*", "+?", "{1,2}"]))
        | st.builds("({}{})".format, st.sampled_from(["?=", "?!"]), inner)
    ),
    max_leaves=5,
)


@given(PATTERNS, st.text("abc", max_size=6))
def test_a_pattern_is_found_where_python_finds_it(pattern, text):
    assert pattern_fault(pattern) is None
    assert is_found(pattern, text) is (re.search(pattern, text) is not None)
    assert fits(text, {"pattern": pattern}) is is_found(pattern, text)
    assert fits({text: 1}, {"patternProperties": {pattern: False}}) is not is_found(pattern, text)


def test_what_is_beyond_the_limits_is_neither_found_nor_not():
    assert is_found(r"(a*)*\1b$", "a" * 500) is None
    assert is_found(r"(?=x)x", "y" * 1_000) is None
    assert is_found("(", "(") is None and is_found("a" * 1_001, "a") is None
    assert is_found(r"(a+)+$", "a" * 100_000 + "!") is False
    assert is_found(r"(a+)+$", "a" * 100_000) is True
    for whole in ({"pattern": r"(a*)*\1b$"}, {"not": {"pattern": r"(a*)*\1b$"}}):
        assert not fits("a" * 500, whole), "what is not known does not fit"
    assert not fits("a", {"pattern": 7}) and not fits({"x" * 2_000: 1}, {"patternProperties": 1})


def test_a_long_text_is_checked_beside_a_pattern():
    schema = {"properties": {"code": {"pattern": r"^\w{1,255}$"}, "text": {"type": "string"}}}
    assert fits({"code": "A1", "text": "x" * 100_000}, schema)
    assert not fits({"code": "A 1", "text": "x" * 100_000}, schema)
    schema["properties"]["code"]["pattern"] = r"^(?=.*\d)\w+$"
    assert fits({"code": "A1", "text": "x" * 100_000}, schema)
    assert not fits({"code": "A", "text": "x" * 100_000}, schema)


def test_drafts_formats_and_faults():
    tuples = {"items": [{"type": "integer"}]}
    draft = {"$schema": "http://json-schema.org/draft-07/schema#"}
    assert not fits(["a"], {**draft, **tuples}) and fits([1, "a"], {**draft, **tuples})
    assert fits("x", {"$schema": "https://example.com/mine", "type": "string"})
    assert not fits("no date", {"format": "date"}) and fits("2026-11-27", {"format": "date"})
    assert fits("\ud800", {"type": "string", "maxLength": 1}) and not fits("\ud800", False)
    assert not fits(1, {"type": "nothing"}) and not fits(object(), {})
    assert schema_fault({"type": "object"}) is None
    assert "('properties', 'a', 'type')" in schema_fault({"properties": {"a": {"type": "no"}}})
    deep = {}
    for _ in range(5_000):
        deep = {"not": deep}
    assert "nested too deeply" in schema_fault(deep) and not fits(1, deep)


def test_nothing_is_read_from_the_network():
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/a.json"
        for schema in ({"$ref": url}, {"$dynamicRef": url}, {"$schema": url, "$ref": url}):
            assert not checker(schema)(1)
            schema_fault({"$schema": url, "properties": {"a": schema}})
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert asked == []


@given(st.text("ab'\"“”‘’「」 ", max_size=12))
def test_quoted_texts_are_those_of_the_plain_search(text):
    assert quoted_texts(text) == re.findall(r"['\"“‘「]([^'\"”’」]+)['\"”’」]", text)


CATASTROPHIC = [
    {"properties": {"code": {"pattern": "^(a+)+$"}}},
    {"properties": {"code": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"pattern": r"^(\w|a)*$"}}},
    {"patternProperties": {"^(c|co|o|d|e|ode)+x?$": {"pattern": "^(a|aa)+$"}}},
    {"properties": {"code": {"anyOf": [{"pattern": "^(a*)*b$"}, {"type": "integer"}]}}},
    {"additionalProperties": {"pattern": r"^(\w+\s?)+$"}},
    {"patternProperties": {"^(.*e){20}$": {}}, "additionalProperties": {"pattern": "^([a-z]+)*$"}},
]
FORM = """
from course_lib.chat.json_form import schema_errors
def refuses(schema, answer):
    return list(schema_errors(schema, answer)) == ["code"]
"""
FASTAPI = """
from types import SimpleNamespace
from course_lib.fastapi_app import problems, turns
def refuses(schema, answer):
    try:
        turns._check_answer(answer, SimpleNamespace(response_schema=schema))
    except problems.Problem as problem:
        return problem.kind == "answer-does-not-fit"
"""
DJANGO = """
from course_lib.django_app.chat.runs import _fits
def refuses(schema, answer):
    return not _fits(answer, schema)
"""
CHECK = """
import json, sys
for schema, right in json.load(sys.stdin):
    assert refuses(schema, {"code": "a" * 60 + "!"}), schema
    assert not refuses(schema, {"code": right}), schema
print("checked")
"""


SERVERS = [
    pytest.param(FASTAPI, id="fastapi", marks=pytest.mark.soak),
    pytest.param(DJANGO, id="django", marks=pytest.mark.soak),
]


@pytest.mark.parametrize("code", [pytest.param(FORM, id="form"), *SERVERS])
def test_a_persons_answer_meets_a_catastrophic_pattern(code):
    """In another process, which could be ended if it hung."""
    right = ["aaa", "aaa", "aaa", 1, "aaa", "aaab"]
    done = subprocess.run(
        [sys.executable, "-c", code + CHECK],
        input=json.dumps(list(zip(CATASTROPHIC, right, strict=True))),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.stdout == "checked\n", done.stderr[-2000:]
