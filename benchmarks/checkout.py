"""What a learner waits for in this checkout: importing, `check()`, nbval, starting JupyterLab."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from laboratory import seconds_until_open
from timing import ROOT, Row, measure, python

CHAPTERS = ("00_start_here", "01_build_a_state_graph", "02_choose_a_reducer")


def bench_import() -> list[Row]:
    """What importing costs: the library alone, and choosing the model."""
    core = "from langchain_core.language_models.chat_models import BaseChatModel"
    seconds = measure(
        15,
        nothing=python("-c", "pass"),
        library=python("-c", "import course_lib"),
        core=python("-c", core),
        model=python("-c", "from course_lib.models.selection import chat_model; chat_model()"),
    )
    own = seconds["library"] - seconds["nothing"]
    return [
        {"what": "import course_lib, of its own", "value": f"{1000 * own:.0f} ms", "bar": "50 ms"},
        {
            "what": "chat_model() over importing langchain-core's chat models",
            "value": f"{seconds['model'] / seconds['core']:.2f} x",
            "bar": "1.15 x",
        },
    ]


def bench_check() -> list[Row]:
    """How long a learner waits for check()."""
    code = (
        "import time, contextlib, io\n"
        "from course_lib.exercises import ch01, ch02\n"
        "from course_lib.exercises.exercise import Exercise, code_of\n"
        "from pathlib import Path\n"
        "slowest = 0\n"
        "for path in sorted(Path('solutions').glob('*.ipynb')):\n"
        "    scope = {}\n"
        "    for source in code_of(path):\n"
        "        began = time.perf_counter()\n"
        "        with contextlib.redirect_stdout(io.StringIO()): exec(source, scope)\n"
        "        if '.check(' in source: slowest = max(slowest, time.perf_counter() - began)\n"
        "print(slowest)"
    )
    with tempfile.TemporaryDirectory() as home:
        told = [
            subprocess.run(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env={**os.environ, "COURSE_HOME": home},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for _ in range(5)
        ]
    slowest = statistics.median(map(float, told))
    return [
        {"what": "slowest check() of all exercises", "value": f"{slowest:.2f} s", "bar": "0.5 s"}
    ]


def bench_nbval() -> list[Row]:
    """nbval over the chapters against nbval over as many empty notebooks."""
    options = ["--nbval", "--nbval-sanitize-with", str(ROOT / "tests/nbval_sanitize.cfg")]
    options += ["-q", "-p", "no:cacheprovider", "-n", "0"]
    with tempfile.TemporaryDirectory() as scratch:
        empty = []
        for name in CHAPTERS:
            notebook = json.loads((ROOT / f"notebooks/{name}.ipynb").read_text("utf-8"))
            cell = {"cell_type": "code", "id": "pass", "metadata": {}, "source": "pass"}
            notebook["cells"] = [{**cell, "outputs": [], "execution_count": 1}]
            path = Path(scratch, f"{name}.ipynb")
            path.write_text(json.dumps(notebook), encoding="utf-8")
            empty.append(str(path))
        full = [f"notebooks/{name}.ipynb" for name in CHAPTERS]
        seconds = measure(
            3,
            chapters=python("-m", "pytest", *options, *full),
            empty=python("-m", "pytest", *options, *empty),
        )
    ratio = seconds["chapters"] / seconds["empty"]
    return [
        {
            "what": f"nbval over {len(CHAPTERS)} chapters over as many empty notebooks",
            "value": f"{ratio:.2f} x ({seconds['chapters']:.1f} s over {seconds['empty']:.1f} s)",
            "bar": "3 x",
        }
    ]


def bench_start() -> list[Row]:
    """`make lab` on a finished environment, until the server answers."""
    seconds = statistics.median(seconds_until_open(ROOT) for _ in range(3))
    return [
        {"what": "second `make lab` to a ready server", "value": f"{seconds:.1f} s", "bar": "8 s"}
    ]
