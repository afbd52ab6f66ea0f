"""An error in a notebook as the reader's own lines and the message, with all the rest folded away.

`course_lib` sets this up when a notebook imports it. LangGraph runs a node many calls below the
cell, so that Jupyter's own form of an error is mostly lines that are not the reader's.
"""

from __future__ import annotations

import html
import linecache
import re
import sys
import traceback
from typing import Any

from course_lib.display.output import DisplayOutput, display_output
from course_lib.display.values import class_name, text_of

LINES = 2
"""How many of the reader's lines are shown: the innermost, and the one that led there."""

FOLDED = '<details class="course-traceback">'
"""What the folded part begins with; `tools/notebooks.py` stores none of what is inside."""

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def shorten_errors(shell: Any) -> bool:
    """Let a notebook show every error in its short form, and return whether it does now.

    Args:
        shell: IPython's; nothing is changed unless it belongs to a notebook's kernel.
    """
    if not hasattr(shell, "kernel") or hasattr(shell, "_course_showtraceback"):
        return hasattr(shell, "kernel")
    shell._course_showtraceback = shell._showtraceback

    def show(kind: type[BaseException], error: BaseException, lines: list[str]) -> None:
        own = _own_lines(shell, error)
        if not own:  # a SyntaxError: Jupyter's form of it is as short
            shell._course_showtraceback(kind, error, lines)
            return
        said = f"{class_name(error)}: {text_of(error)}"
        shell._course_showtraceback(kind, error, [*own, said])
        display_output(_folded("\n".join(lines)))

    shell._showtraceback = show
    return True


def _own_lines(shell: Any, error: BaseException) -> list[str]:
    """The innermost lines of a traceback that are in cells, each with the cell's name."""
    own = []
    for frame, number in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_filename
        kind, cell = shell.compile.format_code_name(name) or ("", "")
        if kind != "Cell":
            continue
        within = frame.f_code.co_name
        where = f"Cell {cell}, line {number}"
        where += "" if within.startswith("<") else f", in {within}"
        own.append(f"{where}\n    {linecache.getline(name, number).strip()}")
    return own[-LINES:]


def _folded(text: str) -> DisplayOutput:
    """The full traceback, folded away."""
    return DisplayOutput(
        "(the full traceback is folded away)",
        "text/html",
        f'{FOLDED}<summary style="cursor:pointer">Full traceback</summary>'
        '<pre style="max-height:400px;overflow:auto;font-size:12px">'
        f"{html.escape(ANSI.sub('', text))}</pre></details>",
    )


def shorten_errors_here() -> bool:
    """Do the same for the notebook that this process is the kernel of, if it is one."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shorten_errors(shell)
