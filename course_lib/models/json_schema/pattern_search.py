"""Texts in which a pattern is found, searched for by Hypothesis in a process of its own.

Hypothesis checks what it makes up with Python's `re`, which can take years for a pattern such as
`(a+)+$`, and holds up every thread of its process meanwhile. So the search runs in another process,
which is ended when its time is over, and which may use 2 GB of memory.

The file is also the program of that process. It imports nothing of `course_lib`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_BYTES = 2 * 2**30
"""How much memory the search may use, where the operating system can limit it."""


def matching_texts(
    pattern: str, low: int, high: int | None, *, most: int, seconds: float
) -> list[str] | None:
    """Return short texts in which a pattern is found, the simplest first.

    None where none is found before the time is over.

    Args:
        pattern: a regular expression.
        low: fewest characters of a text.
        high: most characters of a text; None for no limit.
        most: how many texts are wanted. Fewer come if there are no more, or if the time is over.
        seconds: how long the search may take.
    """
    asked = json.dumps([pattern, low, high, most])
    command = [sys.executable, "-P", __file__]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run(
            command,
            input=asked.encode(),
            capture_output=True,
            timeout=seconds,
            env=environment,
            check=False,
        )
        written = done.stdout
    except subprocess.TimeoutExpired as late:
        if not late.stdout:
            return None
        written = late.stdout
    return [json.loads(line) for line in written.splitlines(keepends=True) if line.endswith(b"\n")]


def _search(pattern: str, low: int, high: int | None, most: int) -> None:
    """Write the texts, each as a line of JSON as soon as it is found."""
    import hypothesis
    from hypothesis.configuration import set_hypothesis_home_dir

    set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "namu-course-hypothesis")
    # What JSON Schema writes as (?<name>...) is (?P<name>...) for Python.
    in_python = re.sub(r"\(\?<(?![=!])", "(?P<", pattern)
    found: list[str] = []
    while len(found) < most:
        text = None
        for alphabet in ("ascii", "utf-8"):
            with suppress(hypothesis.errors.HypothesisException, re.error, RecursionError):
                text = _found(hypothesis, in_python, alphabet, low, high, found)
                break
        if text is None:
            return
        sys.stdout.write(json.dumps(text) + "\n")
        sys.stdout.flush()
        found.append(text)


def _found(
    hypothesis: Any, pattern: str, alphabet: str, low: int, high: int | None, but: list[str]
) -> str:
    import random

    strategies = hypothesis.strategies
    matches = strategies.from_regex(pattern, alphabet=strategies.characters(codec=alphabet))
    settings = hypothesis.settings(database=None, derandomize=True, deadline=None, max_examples=500)
    return hypothesis.find(
        matches,
        lambda text: low <= len(text) and (high is None or len(text) <= high) and text not in but,
        settings=settings,
        random=random.Random(0),
    )


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:
        return  # Windows has no such limit
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))


if __name__ == "__main__":
    _limit_memory()
    _search(*json.load(sys.stdin))
