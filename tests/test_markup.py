"""What reaches the page as HTML can neither run nor load anything."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from course_lib.chat.markup import ATTRIBUTES, TAGS, exact, plain, to_html

HOSTILE = json.loads(Path(__file__).with_name("hostile.json").read_text())
LONG = ["> " * 2000 + "deep", "[" * 5000, "*" * 5000, "a" * 100_000, "`" * 5000, "|" * 5000]


class Strict(HTMLParser):
    """Collects every tag and attribute there is."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_the_corpus_is_large_and_varied():
    assert len(HOSTILE) >= 200 and len({each["text"] for each in HOSTILE}) == len(HOSTILE)
    assert len({each["kind"] for each in HOSTILE}) >= 20


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda each: each["kind"])
def test_hostile_text_leaves_only_harmless_tags(hostile):
    page = Strict()
    page.feed(to_html(hostile["text"]))
    for tag, attributes in page.found:
        assert tag in TAGS
        allowed = ATTRIBUTES.get(tag, set()) | ({"target", "rel"} if tag == "a" else set())
        assert set(attributes) <= allowed
        assert attributes.get("href", "https://").startswith(("http://", "https://", "mailto:"))


@pytest.mark.parametrize("text", LONG, ids=["quote", "bracket", "star", "word", "tick", "table"])
def test_text_made_to_exhaust_the_parser_is_turned_all_the_same(text):
    assert len(to_html(text)) < 20 * len(text) + 100


def test_markdown_is_markdown():
    html = to_html(
        "**bold** and `code`\n\n1. one\n2. two\n\n| a |\n|---|\n| b |\n\n```\nx < y\n```"
    )
    for part in ("<strong>bold</strong>", "<code>code</code>", "<li>one</li>", "<td>b</td>"):
        assert part in html
    assert "x &lt; y" in html


def test_links_open_outside_and_pictures_stay_links():
    html = to_html("[a](https://example.org) ![b](https://example.org/b.png)")
    assert html.count('target="_blank"') == 2 and html.count('rel="noopener noreferrer"') == 2
    assert "<img" not in html


def test_what_turns_text_around_is_made_visible():
    assert plain("safe\u202eexe.txt") == "safe⟨U+202E⟩exe.txt"
    assert plain("👩\u200d🚀") == "👩\u200d🚀"  # a joiner in an emoji is right in prose
    assert exact("pay\u200b 10\ufeff") == "pay⟨U+200B⟩ 10⟨U+FEFF⟩"
