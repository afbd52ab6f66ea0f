"""`jsonschema` as the course imports it: quickly, and with every format that it has without us."""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.skipif(
    find_spec("rfc3987_syntax") is None, reason="rfc3987_syntax is not installed"
)

CHECKS = """
import json, sys
from course_lib.json_validation import FormatChecker
early = "rfc3987_syntax" in sys.modules
def fits(value, form):
    return FormatChecker().conforms(value, form)
found = [fits(text, form) for form in ("iri", "iri-reference") for text in %s]
print(json.dumps([early, sorted(FormatChecker.checkers), found, "rfc3987_syntax" in sys.modules]))
"""
TEXTS = ["https://example.com/종로", "//[", "http://[", "a b"]


def told(code):
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.soak
def test_the_grammar_of_addresses_is_read_when_one_is_checked_and_says_the_same():
    code = CHECKS % TEXTS
    plain = told(code.replace("course_lib.json_validation", "jsonschema"))
    assert plain[0], "jsonschema no longer reads the grammar early: this module can go"
    assert len(set(plain[2])) == 2
    assert told(code) == [False, *plain[1:]]
