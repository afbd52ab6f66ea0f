"""Which lines of a traceback are the learner's, and how they are told."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path


def learners_line(frames: Iterable[traceback.FrameSummary]) -> str:
    """Return the innermost line of the learner's in words; empty where there is none.

    Args:
        frames: of a traceback or a stack, outermost first.
    """
    own = [frame for frame in frames if is_learners(frame.filename)]
    if not own:
        return ""
    frame = own[-1]
    line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f"{frame.name}, line {frame.lineno} of your cell: {line}"


def crash_text(error: BaseException) -> str:
    """Return what the learner reads about an error that their code raised.

    Args:
        error: what was raised.
    """
    try:
        said = str(error) or "(no message)"
    except Exception:  # noqa: BLE001 - a learner's exception class may be broken itself
        said = "(its message cannot be shown)"
    text = f"Your code stopped with {type(error).__name__}: {said}"
    line = learners_line(traceback.extract_tb(error.__traceback__))
    if line:
        return f"{text}\nIn {line}"
    # LangGraph notes on an error which node was running.
    notes = " ".join(getattr(error, "__notes__", ()))
    node = re.search(r"task with name '([^']+)'", notes)
    where = f"in the node {node[1]!r}" if node else "while your answer was in use"
    return f"{text}\nIt was raised {where}, not on a line of yours."


def is_learners(filename: str) -> bool:
    """Return whether a source file is the learner's: no library's and not this package's.

    Args:
        filename: as a frame has it.
    """
    name = Path(filename)
    library = [Path(sysconfig.get_path(key)) for key in ("stdlib", "platstdlib", "purelib")]
    package = Path(__file__).resolve().parent.parent
    if filename.startswith("<frozen") or "site-packages" in name.parts:
        return False
    return not any(name.is_relative_to(folder) for folder in (*library, package))
