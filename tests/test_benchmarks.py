"""The programs of the benchmarks find what they import; nobody runs them with every commit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
PROGRAMS = [
    path
    for path in sorted(BENCHMARKS.glob("*.py"))
    if '__name__ == "__main__"' in path.read_text(encoding="utf-8") and path.stem != "run"
]


@pytest.mark.soak
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_of_the_benchmarks_finds_its_imports(program):
    look = f"import runpy; runpy.run_path({str(program)!r}, run_name='looked at')"
    run = subprocess.run(
        [sys.executable, "-c", look], cwd=BENCHMARKS, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr[-2000:]


def test_there_are_programs_to_look_at():
    assert {"chat", "pages", "operations"} <= {each.stem for each in PROGRAMS}
