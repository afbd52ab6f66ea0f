"""Running things in turn, and the seconds that they took."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

Row = dict[str, object]
"""A row of a table: `what` was measured, its `value` with the unit, and the `bar` it has to meet.

Both are texts."""


def measure(runs: int, **commands: Callable[[], float]) -> dict[str, float]:
    """Run all commands in turn, once unmeasured and then `runs` times; return median seconds."""
    for command in commands.values():
        command()
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            taken[name].append(command())
    return {name: statistics.median(values) for name, values in taken.items()}


def interval(values: list[float]) -> list[float]:
    """The median, and a bootstrap interval of it that holds in 95 % of the cases."""
    chance = random.Random(18)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(2_000))
    return [statistics.median(values), medians[49], medians[1949]]


def python(*arguments: str, cwd: Path = ROOT) -> Callable[[], float]:
    """Return a function that runs Python with these arguments and returns the seconds it took."""

    def run() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=cwd, check=True, capture_output=True)
        return time.perf_counter() - began

    return run


def numbers_of(script: str, *arguments: str) -> dict[str, Any]:
    """Run a script of this folder's and return the numbers it prints as JSON."""
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / script), *arguments],
            cwd=ROOT,
            env={**os.environ, "COURSE_HOME": home, "TMPDIR": home, "LANGSMITH_TRACING": "false"},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def seconds_of(command: list[str], folder: Path) -> float:
    """Run a command in a folder and return the seconds it took."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began
