"""Formulas in LaTeX inside Markdown: they stay text, whatever Markdown their letters look like.

A model writes `\\[...\\]`, `\\(...\\)`, `$$...$$` and `$...$`. To Markdown `\\[` is an escaped
bracket, `_` and `*` are emphasis, and a line of `=` or `-` makes a heading or a list of what is
around it.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

ENDS = {"\\[": "\\]", "\\(": "\\)", "$$": "$$"}
"""How a formula begins and ends that may go over several lines."""

DISPLAYED = ("\\[", "$$")
"""How a formula begins that has lines of its own."""

IN_LINE = re.compile(r"\$(?=[^\s$])([^$\n]*[^\s$\\])\$(?!\d)")
"""`$...$` by pandoc's rule: no space inside the signs, and no digit behind the second."""

PRICE = re.compile(r"[\d.,](?=.*\s)[^\\^_{]*", re.DOTALL)
"""What stands between the signs of two prices rather than of a formula: a number and words."""


def add_formulas(markdown: MarkdownIt) -> None:
    """Teach a parser that formulas are text.

    Args:
        markdown: gets two rules, for formulas in a line and for formulas with lines of their own.
    """
    markdown.inline.ruler.before("escape", "formula", _formula)
    interrupted = ["paragraph", "reference", "blockquote", "list"]
    markdown.block.ruler.before("code", "formula", _formula_lines, {"alt": interrupted})


def formula_end(text: str, start: int, stop: int) -> int | None:
    """Return where the formula ends that begins at a position, None where there is none.

    Args:
        text: Markdown.
        start: position of its first character.
        stop: position that it must not go beyond.
    """
    begin = text[start : start + 2]
    if begin in ENDS:
        end = text.find(ENDS[begin], start + 2, stop)
        if end > start + 2:
            return end + 2
        if begin != "$$":
            return None
    found = IN_LINE.match(text, start, stop)
    if found is None or PRICE.fullmatch(found[1]):
        return None
    return found.end()


def _formula(state: StateInline, silent: bool) -> bool:
    """A rule for markdown-it: a formula in a line."""
    end = formula_end(state.src, state.pos, state.posMax)
    if end is None:
        return False
    if not silent:
        for n, line in enumerate(state.src[state.pos : end].split("\n")):
            if n:
                state.push("softbreak", "br", 0)
            state.push("text", "", 0).content = line
    state.pos = end
    return True


def _formula_lines(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A rule for markdown-it: a formula that begins a line is a paragraph, up to its end."""
    start = state.bMarks[first] + state.tShift[first]
    begin = state.src[start : start + 2]
    if begin not in DISPLAYED or state.is_code_block(first):
        return False
    end = state.src.find(ENDS[begin], start + 2, state.eMarks[last - 1])
    if end <= start + 2:
        return False
    line = first
    while state.eMarks[line] < end:
        line += 1
        if line >= last or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
    if line == first and state.src[end + 2 : state.eMarks[line]].strip(" \t.,;:"):
        return False  # an ordinary paragraph that begins with a formula
    if silent:
        return True
    content = state.getLines(first, line + 1, state.blkIndent, False).strip()
    state.line = line + 1
    state.push("paragraph_open", "p", 1).map = [first, state.line]
    inline = state.push("inline", "", 0)
    inline.content, inline.map, inline.children = content, [first, state.line], []
    state.push("paragraph_close", "p", -1)
    return True
