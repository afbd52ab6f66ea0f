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
from markdown_it.rules_inline import StateInline

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a"),
    *("ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = ("http://", "https://", "mailto:")

MISLEADING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u206f\ud800-\udfff]"
)
"""Controls, halves of surrogate pairs, and characters that embed, isolate or override a direction:
text with them may read otherwise than it is."""

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Characters that take no room, or only room. In prose some are right (the direction marks of
Hebrew and Arabic, the joiners of Persian); in what is approved none is, but those of emoji."""

_BASE = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u27bf\u2934\u2935\u2b00-\u2bff"
    "\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]\ufe0f?[\U0001f3fb-\U0001f3ff]?"
)
EMOJI = re.compile(f"[#*0-9]\ufe0f?\u20e3|{_BASE}(?:\u200d{_BASE})*")
"""An emoji with what belongs to it: its presentation selector, skin tone, and joined emoji."""

FORMULA = re.compile(
    r"\\\[.+?\\\]|\\\(.+?\\\)|\$\$.+?\$\$|\$(?![\s\d.,])[^$\n]*?[^\s$\\]\$(?!\d)", re.DOTALL
)
"""A formula in LaTeX: `\\[...\\]`, `\\(...\\)`, `$$...$$` or `$...$`. A price such as
$5 is none."""


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # No pictures: one from the net would tell its server who reads, and when.
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")
    markdown.inline.ruler.before("escape", "formula", _formula)
    return markdown.enable(["table", "strikethrough"])


def _formula(state: StateInline, silent: bool) -> bool:
    """A rule for markdown-it: a formula is text, whatever Markdown its letters look like."""
    found = FORMULA.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("text", "", 0).content = found[0]
    state.pos = found.end()
    return True


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
        text: from anybody.
    """
    return MISLEADING.sub(_named, text)


def exact(text: str) -> str:
    """Return a text in which everything unseen is visible, for what a person is asked to approve.

    Args:
        text: from anybody. What belongs to an emoji stays as it is.
    """
    shown, end = [], 0
    for emoji in EMOJI.finditer(text):
        shown += [INVISIBLE.sub(_named, text[end : emoji.start()]), emoji[0]]
        end = emoji.end()
    return plain("".join([*shown, INVISIBLE.sub(_named, text[end:])]))


def _named(found: re.Match[str]) -> str:
    return f"\u27e8U+{ord(found[0]):04X}\u27e9"
