"""Rows under headers."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from course_lib.display.output import DisplayOutput, display_output
from course_lib.display.values import LONG, RAISED, summary_line

MARK = " *"
"""What stands behind a value that changed."""

MAX_ROWS = 1_000
"""How many rows a table shows; of more the number is told."""

MAX_WIDTH = 300
"""To how many characters the cells of a text column are filled up."""

MAX_LINES = 200
"""How many lines a cell shows; of more the number is told."""

SPACES = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
"""What would end a row of text, or move its columns; a front end shows a blank for it."""

CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f]")
"""What a terminal takes for an order (such as ESC) and nobody sees; it is written out."""


def show_table(rows: Iterable[Iterable[Any]], headers: Sequence[str]) -> None:
    """Show rows under headers.

    Args:
        rows: any values; text is shown as it is, a list of texts line by line, everything else
            by `summary_line`.
        headers: one heading for each column.

    Raises:
        ValueError: a row has more or fewer cells than there are headers.
    """
    display_output(table(rows, headers))


def table(rows: Iterable[Iterable[Any]], headers: Sequence[str]) -> DisplayOutput:
    """Return what `show_table` shows; the arguments are the same."""
    rows = [list(row) for row in rows]  # they may come from an iterator, such as zip()
    for number, row in enumerate(rows, 1):
        if len(row) != len(headers):
            raise ValueError(
                f"Row {number} has {len(row)} cells, and there are {len(headers)} headers. Give "
                "every row one cell for each header."
            )
    headers = [str(each) for each in headers]
    if (more := len(rows) - MAX_ROWS) > 0:
        rows[MAX_ROWS:] = [[f"... {more:,} more rows", *[""] * (len(headers) - 1)]]
    cells = [[[_cut(line) for line in _lines_of(value)] for value in row] for row in rows]
    text = [[SPACES.sub(" ", "; ".join(lines)) for lines in row] for row in cells]
    columns = list(zip(headers, *text, strict=True))
    widths = [min(MAX_WIDTH, max(map(len, column))) for column in columns]
    lines = [_line(headers, widths), "-+-".join("-" * width for width in widths)]
    lines += [_line(row, widths) for row in text]
    head = "".join(f'<th style="text-align: left">{html.escape(name)}</th>' for name in headers)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in cells)
    source = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return DisplayOutput("\n".join(line.rstrip() for line in lines), "text/html", source)


def _cut(line: str) -> str:
    line = CONTROLS.sub(lambda found: repr(found[0])[1:-1], line)
    if len(line) <= LONG:
        return line
    return f"{line[:LONG].rstrip()}... ({len(line):,} characters)"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))


def _cell(lines: Sequence[str]) -> str:
    marked = [
        f"<b>{html.escape(line)}</b>" if line.endswith(MARK) else html.escape(line)
        for line in lines
    ]
    return f'<td style="text-align: left">{"<br>".join(marked)}</td>'


def _lines_of(value: Any) -> Iterator[str]:
    """A table cell's lines: a text as it is, a list of texts one by one, all else in short."""
    lines: Any = None
    with suppress(*RAISED):  # a list of another class may raise anything
        found = [value] if isinstance(value, str) else [*value] if isinstance(value, list) else None
        if found is not None and all(issubclass(type(line), str) for line in found):
            lines = found
    if lines is None:
        lines = [summary_line(value)]
    if (more := len(lines) - MAX_LINES) > 0:
        lines[MAX_LINES:] = [f"... {more:,} more lines"]
    yield from map(str.__str__, lines)
