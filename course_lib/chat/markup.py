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

TAGS = {
    *("p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "a"),
    *("ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = ("http://", "https://", "mailto:")

MISLEADING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]"
)
"""Controls, and characters that change the direction of what follows: text that reads otherwise
than it is."""

INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""Characters that take no room, or only room. In prose some are right (in emoji); in what is
approved none is."""


@lru_cache(maxsize=1)
def _markdown() -> MarkdownIt:
    # No pictures: one from the net would tell its server who reads, and when.
    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")
    return markdown.enable(["table", "strikethrough"])


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
    """Make visible what would turn a text around."""
    return MISLEADING.sub(_named, text)


def exact(text: str) -> str:
    """Make visible everything unseen, for what a person is asked to approve."""
    return INVISIBLE.sub(_named, plain(text))


def _named(found: re.Match[str]) -> str:
    return f"\u27e8U+{ord(found[0]):04X}\u27e9"
