"""Text on its way to the browser: Markdown to HTML that cannot run, and letters that cannot hide.

Whatever a model, a tool or a person wrote may hold HTML, and HTML runs scripts
(`<img src=x onerror=...>`). Markdown goes through markdown-it-py with HTML switched off, and what
comes out through nh3, which keeps a short list of tags and drops everything else. Everything that
is no Markdown goes into text nodes and needs neither.
"""

from __future__ import annotations

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore

from course_lib.chat.formulas import add_formulas

TAGS = {
    "a",
    "blockquote",
    "br",
    "code",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = ("http://", "https://", "mailto:")

MISLEADING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ud800-\udfff]"
)
"""Controls, halves of surrogate pairs, and characters that embed, isolate or override a direction:
text with them may read otherwise than it is."""

ISOLATE = re.compile("[\u2066-\u2068]([^\u2028-\u202e\u2066-\u206f\r\n]*)\u2069")
"""A piece of one line whose direction is isolated from the rest, as HTML's `bdi` does: right around
a name in the other direction. It begins and ends in this line and holds no other."""

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Characters that take no room, or only room. In prose some are right (the direction marks of
Hebrew and Arabic, the joiners of Persian). What is approved has them only in `VISIBLE_PARTS`."""

_BASE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2934\u2935\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff][\ufe0e\ufe0f]?[\U0001f3fb-\U0001f3ff]?"
)
_KEYCAP = "[#*0-9]\ufe0f?\u20e3"
_FLAG = "\U0001f3f4" + (  # England, Scotland, Wales; other tags could hide a text
    "\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074"
    "|\U000e0077\U000e006c\U000e0073)\U000e007f"
)
_JOINING = "\u0626\u0628\u062a-\u062e\u0633-\u063a\u0641-\u0647\u064a\u067e\u0686\u06a9\u06af\u06cc"
_NON_JOINER = f"(?<=[{_JOINING}])\u200c(?=[\u0620-\u064a\u0671-\u06d3])"
_VIRAMA = "\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca"
_CONJUNCT = f"(?<=[{_VIRAMA}])[\u200c\u200d]"
_VARIANT = "[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff][\U000e0100-\U000e01ef]"
VISIBLE_PARTS = re.compile(
    f"{_KEYCAP}|{_FLAG}|{_BASE}(?:\u200d{_BASE})*|{_NON_JOINER}|{_CONJUNCT}|{_VARIANT}"
)
"""What may hold an invisible character because it shows: an emoji with its presentation selector,
skin tone and joined emoji, the non-joiner of Persian between two letters that would join, one
joiner behind the virama of an Indian script (RFC 5892, appendix A), and one selector behind a
Chinese character, for the form that a name has."""


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # No pictures: one from the network would tell its server who reads, and when.
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")
    markdown.core.ruler.before("text_join", "misleading", _mark_misleading)
    add_formulas(markdown)
    return markdown.enable(["table", "strikethrough"])


def _mark_misleading(state: StateCore) -> None:
    """A rule for markdown-it: see what was written as an entity, and what could reorder code."""
    for token in state.tokens:
        for each in (token, *(token.children or ())):
            if each.type in ("text_special", "fence", "code_block", "code_inline"):
                each.content = MISLEADING.sub(_named, each.content)
            if "title" in each.attrs:
                each.attrs["title"] = MISLEADING.sub(_named, str(each.attrs["title"]))


@lru_cache(maxsize=1024)
def to_html(text: str) -> str:
    """Turn Markdown into HTML that is safe to put into a page.

    Args:
        text: from anybody.

    Returns:
        Tags of `TAGS` only; links to `SCHEMES` only, and those open outside.
    """
    return nh3.clean(
        _markdown().render(plain(text)),
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_absolute_link,
        link_rel="noopener noreferrer",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


def _absolute_link(tag: str, name: str, value: str) -> str | None:
    """Keep a link only where it names its scheme: a relative one would lead into JupyterLab."""
    keep = name != "href" or value.lower().startswith(SCHEMES)
    return value if keep else None


def plain(text: str) -> str:
    """Return a text in which what would change the direction of the rest is visible.

    Args:
        text: from anybody. A piece that is isolated within its line stays as it is.
    """
    return _marked(text, ISOLATE, MISLEADING)


def exact(text: str) -> str:
    """Return a text in which everything unseen is visible, for what a person is asked to approve.

    Args:
        text: from anybody. What belongs to `VISIBLE_PARTS` stays as it is.
    """
    return MISLEADING.sub(_named, _marked(text, VISIBLE_PARTS, INVISIBLE))


def _marked(text: str, kept: re.Pattern[str], marked: re.Pattern[str]) -> str:
    """A text with some characters made visible, but not in the pieces that are kept."""
    shown, end = [], 0
    for piece in kept.finditer(text):
        inside = piece[1] if kept.groups else ""
        whole = piece[0].replace(inside, marked.sub(_named, inside)) if inside else piece[0]
        shown += [marked.sub(_named, text[end : piece.start()]), whole]
        end = piece.end()
    return "".join([*shown, marked.sub(_named, text[end:])])


def _named(found: re.Match[str]) -> str:
    return f"\u27e8U+{ord(found[0]):04X}\u27e9"
