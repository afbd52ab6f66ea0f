"""What reaches the page as HTML can neither run nor load anything."""

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.chat.markup import ATTRIBUTES, TAGS, exact, plain, to_html

HOSTILE = json.loads(Path(__file__).with_name("hostile.json").read_text())
LONG = {
    "quote": "> " * 2000 + "deep",
    "bracket": "[" * 5000,
    "star": "*" * 5000,
    "word": "a" * 100_000,
    "tick": "`" * 5000,
    "table": "|" * 5000,
    "formula": "\\[" * 5000,
    "formula in a line": "\\(" * 5000,
    "formula of lines": "\\[\n" * 3000,
    "dollar": "$a" * 5000,
    "dollars": "$$\n" * 3000,
    "isolate": "\u2068" * 5000,
}


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


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
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


def words(html):
    """What a reader sees of HTML: its text, a line for each line."""
    return unescape(re.sub(r"<[^>]+>", "", html)).strip()


FORMULAS = [
    r"\[ \frac{a_1}{b_2} \]",
    r"\(x^*\) or \(y^*\)",
    "$a*b$ and $c*d$",
    "$$a_1 * b_2 * c_3$$",
    "$2*a*b$ is $10 * x_1 * y_1$",
    "$$\nx\n=\ny\n$$",
    "\\[\na\n- b\n+ c\n# d\n> e\n\\]",
    "\\[\n\\begin{aligned}\na &= b \\\\\n&< c\n\\end{aligned}\n\\]",
    "the sum\n$$\na\n- b\n$$\nis small",
    "\\[ a_1*b*c \\], \\[ d*e*f \\].",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_stay_as_they_were_written(text):
    html = to_html(text)
    assert words(html) == text and not {"em", "strong", "h1", "ul", "li"} & tags(html)


def tags(html):
    page = Strict()
    page.feed(html)
    return {tag for tag, _ in page.found}


@pytest.mark.parametrize("before", ["- ", "> ", "1. ", "# ", "**bold** and "])
def test_formulas_survive_inside_other_markdown(before):
    for formula in (r"\[ a_1*b*c \]", r"\(a*b\)", "$$a_1*b*c$$", "$a*b*c$"):
        assert words(to_html(before + formula)).endswith(formula)
    lines = "> $$\n> a\n> - b\n> $$"
    assert words(to_html(lines)) == "$$\na\n- b\n$$"


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10, **not** 7$",
        "from $5 to $10 *each*",
        "US$5, **$6** and **7$**",
        "*a* $ *b* $ *c*",
        "\\$5 *and* \\$6",
        "$HOME/bin *and* $PATH",
        "$$ *alone*",
        "\\[ *never closed*",
        "$$\n\n*a blank line is no formula*\n\n$$",
    ],
)
def test_prices_and_single_signs_are_no_formulas(text):
    html = to_html(text)
    assert {"em", "strong"} & tags(html) and "*" not in words(html)


def test_code_with_a_formula_in_it_is_code():
    for text in (r"`\(a*b\)`", "```\n$$\nx\n$$\n```", "    \\[ x \\]"):
        assert "<code>" in to_html(text)


FORMULA_SIGNS = ["$", "$$", "\\[", "\\]", "\\(", "\\)", "\n", "`", "> ", "- "]


@given(st.lists(st.sampled_from([*FORMULA_SIGNS, *(each["text"] for each in HOSTILE)]), max_size=8))
def test_hostile_text_between_the_signs_of_a_formula_is_as_harmless(parts):
    page = Strict()
    page.feed(to_html("".join(parts)))
    for tag, attributes in page.found:
        assert tag in TAGS and not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "https://").startswith(("http://", "https://", "mailto:"))


RIGHT_TO_LEFT = [
    "\u05e9\u05dc\u05d5\u05dd\u200f (world)!",
    "\u061c\u0645\u0631\u062d\u0628\u0627 \u200e(C++)\u200e",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Hello \u2068\u05e9\u05dc\u05d5\u05dd\u2069, and \u2066Anna\u2069!",
]


@pytest.mark.parametrize("text", RIGHT_TO_LEFT)
def test_marks_that_right_to_left_prose_needs_stay(text):
    assert plain(text) == text and words(to_html(text)) == text


@pytest.mark.parametrize(
    "mark", [*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x2070))]
)
@pytest.mark.parametrize("entity", ["{}", "&#{0};", "&#x{0:x};"], ids=["as it is", "dec", "hex"])
def test_what_could_reorder_the_rest_is_seen_however_it_is_written(mark, entity):
    written = mark if entity == "{}" else entity.format(ord(mark))
    for text in ("safe{}exe.txt", "a{0}b{0}c", "[link{}](https://example.org)", "**a{}b**"):
        shown = to_html(text.format(*[written] * 2))
        assert mark not in shown and f"U+{ord(mark):04X}" in shown
    assert mark not in to_html(f"[a](https://example.org '{written}')")


def test_only_an_isolate_that_ends_in_its_line_and_holds_no_other_stays():
    for text in (
        "\u2068a\nb\u2069",
        "\u2067\u2066a\u2069 \u2066b\u2069\u2069",
        "\u2068a",
        "a\u2069",
    ):
        assert "\u27e8U+20" in plain(text)
    assert plain("\u2068a\u202eb\u2069").count("\u27e8") == 3
    assert "\u27e8U+2066" in to_html("`\u2066if x\u2069`")  # in code the order of letters counts
    assert "\u27e8U+2068" in exact("pay \u206810\u2069")


EMOJI = [
    "\u26a0\ufe0f",
    "\u2764\ufe0e",
    "1\ufe0f\u20e3",
    "\U0001f1f0\U0001f1f7",
    "\U0001f44d\U0001f3fd",
    "\U0001f469\u200d\U0001f680",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2764\ufe0f\u200d\U0001f525",
    "\U0001f575\U0001f3fb\u200d\u2642\ufe0f",
    "\U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]


WORDS = [
    "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sri, in Sinhala
    "\u0930\u094d\u200d\u092f",  # a half ra, in Hindi and Marathi
    "\u09b0\u09cd\u200c\u09af",  # in Bengali
    "\u845b\U000e0100\u57ce",  # a Japanese name with its own form of a character
]


@pytest.mark.parametrize("word", WORDS)
def test_words_and_names_survive_where_something_is_approved(word):
    assert exact(f"Book for {word}?") == f"Book for {word}?"


@pytest.mark.parametrize("emoji", EMOJI)
def test_emoji_and_persian_survive_where_something_is_approved(emoji):
    assert exact(f"{emoji} Delete?") == f"{emoji} Delete?"
    assert exact(RIGHT_TO_LEFT[2]) == RIGHT_TO_LEFT[2]


@pytest.mark.parametrize(
    "hidden",
    [
        "pay\ufe0f",
        "\u26a0\ufe0f\ufe0f",
        "\u26a0\U000e0100",
        "a\u200db",
        "a\u200cb",
        "\u0627\u200c\u0628",
        "\U0001f680\u200d",
        "\U0001f3f4\U000e0070\U000e0061\U000e0079\U000e007f",
        "10\u200f5",
        "\u3164",
        "\u0dca\u200d\u200d",
        "\u0930\u200d",
        "\u845b\U000e0100\U000e0101",
        "a\U000e0100",
    ],
)
def test_what_no_letter_needs_is_seen_where_something_is_approved(hidden):
    assert "\u27e8U+" in exact(hidden)
