"""Everything `make test`, `make soak` and `make test-vllm` prove, with one closing line.

`make test`:

1. ruff: lint and formatting
2. prose: the language rules, by tools/prose.py
3. the library's promises: tests/ without the browser
4. nbval: every cell of notebooks/ and solutions/ runs and shows what is stored, with the network
   switched off where the system lets us (Linux)
5. the browser: chapter 00 in a real JupyterLab and a real Chromium

`make soak` (`check.py soak`) runs the tests that take long, of the library and in the browser: all
graphs on all savers, whole stacks whose processes are killed, the pages of the services, and the
cases that `make test` leaves out where many ask the same code (`one_in` in tests/conftest.py).

`make test-vllm` (`check.py vllm`), the first two with the network switched off:

1. the tests of the tiny model, of the server's start and end, and of the earlier chapters on it
2. nbval: chapters 15 and 16 against a real vLLM server
3. the browser: that chapter's panel in a real JupyterLab
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import psutil

from course_lib.settings import SERVED_MODELS

ROOT = Path(__file__).resolve().parent.parent
CODE = ["course_lib", "tests", "tools", "benchmarks"]
NBVAL = [
    "--nbval",
    "--nbval-sanitize-with",
    "tests/nbval_sanitize.cfg",
    "--nbval-cell-timeout",
    "60",
    "--dist",
    "loadscope",
]
WITH_VLLM = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("notebooks/1[56]_*.ipynb"))]
"""The chapters that use `make vllm`; `make test-vllm` runs them."""
ONLY_WITH_VLLM = [path for path in WITH_VLLM if "15_" in path]
"""Those that cannot run without it. Chapter 16 shows stored loads where it may not measure."""
PANEL_ON_VLLM = "tests/browser/test_model_server.py"
WITHOUT_CELLS = ["-p", "no:nbval"]
"""For tests in Python: loading what compares cells takes each process a second and more."""
OFFLINE = ("notebooks", "vllm", "chapters 15 and 16")
"""The stages that run with the network switched off."""
STAGE_SECONDS = 2400
"""A stage takes 1 to 12 minutes on two cores. One that takes this long hangs: it is ended, with
the tracebacks of its processes, and the other stages still run. pytest-timeout ends a single test
the same way (`timeout` in pyproject.toml)."""


def stages_of(track: str) -> dict[str, list[str]]:
    """Return the stages of a track, each as arguments for Python.

    Args:
        track: `` for the course as everybody has it, `soak` for its long tests, `vllm` for
            chapters 15 and 16.
    """
    if track == "vllm":
        return {
            "vllm": _pytest("tests/vllm"),
            "chapters 15 and 16": [*_pytest(*WITH_VLLM), *NBVAL, "--nbval-cell-timeout", "300"],
            "its panel": _pytest(PANEL_ON_VLLM),
        }
    workers = _workers(8)
    pages = _pytest("tests/browser", *_workers(3), *WITHOUT_CELLS, f"--ignore={PANEL_ON_VLLM}")
    if track == "soak":
        long_tests = _pytest("tests", "-m", "soak", *workers)
        return {
            "soak": [*long_tests, *WITHOUT_CELLS, "--ignore=tests/browser"],
            "browser": [*pages, "-m", "soak"],
        }
    cells = [*NBVAL, *(f"--ignore={path}" for path in ONLY_WITH_VLLM)]
    return {
        "ruff check": ["-m", "ruff", "check", "--quiet"],
        "ruff format": ["-m", "ruff", "format", "--quiet", "--check", *CODE],
        "prose": ["tools/prose.py"],
        "library": [
            *_pytest("tests", "-m", "not soak", *workers),
            *WITHOUT_CELLS,
            "--ignore=tests/browser",
            "--ignore=tests/vllm",
        ],
        "notebooks": [*_pytest("notebooks", "solutions"), *workers, *cells],
        "browser": [*pages, "-m", "not soak"],
    }


def main(track: str = "") -> int:
    """Run all stages of a track, even after a failure, and return the exit status."""
    with tempfile.TemporaryDirectory(prefix="course-") as scratch:
        environment = _environment(Path(scratch))
        if track != "vllm":
            environment["COURSE_NO_VLLM"] = "1"  # chapter 16 shows stored loads
            # Several tests run at once. NumPy's threads of each would only wait for one another.
            environment |= dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
        totals = {"passed": 0, "failed": 0, "skipped": 0}
        for name, command in stages_of(track).items():
            print(f"\n== {name}", flush=True)
            began = time.monotonic()
            report = Path(scratch) / f"{name.replace(' ', '-')}.xml"
            extra = [f"--junitxml={report}"] if "pytest" in command else []
            python = _without_network() if name in OFFLINE else [sys.executable]
            status = _run([*python, *command, *extra], environment)
            for kind, count in _counts(report, status).items():
                totals[kind] += count
            verdict = "ok" if status == 0 else f"FAILED (exit status {status})"
            print(f"== {name}: {verdict}, {time.monotonic() - began:.0f} s", flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in totals.items()))
    return 1 if totals["failed"] else 0


def _run(command: list[str], environment: dict[str, str], seconds: float = STAGE_SECONDS) -> int:
    """Run a stage and return its exit status, after `seconds` with where each process stood.

    pytest writes the traceback of every thread when it is sent SIGABRT.
    """
    with subprocess.Popen(command, cwd=ROOT, env=environment) as stage:
        try:
            return stage.wait(seconds)
        except subprocess.TimeoutExpired:
            print(f"\nnot done after {seconds:.0f} s; where each of its processes is:", flush=True)
            started = psutil.Process(stage.pid)
            processes = [*started.children(recursive=True), started]
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    print(f"{process.pid}: {' '.join(process.cmdline())[:200]}", flush=True)
                    process.send_signal(signal.SIGABRT)
            _, alive = psutil.wait_procs(processes, timeout=10)
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            return 124


def _pytest(*targets: str) -> list[str]:
    return ["-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", *targets]


def _workers(most: int) -> list[str]:
    """Options of pytest-xdist for at most so many processors.

    There is one worker more than that, as many tests wait for a server or for a clock. A worker
    takes tests that are neighbours, so that the servers of a file are seldom started twice, and
    steals from the others when it has none left.
    """
    return ["-n", str(min(os.cpu_count() or 2, most) + 1), "--dist", "worksteal"]


def _without_network() -> list[str]:
    """The Python to start where only loopback can be reached; the plain one if that cannot be."""
    unshare = shutil.which("unshare")
    if unshare:
        alone = [unshare, "--net"] if os.geteuid() == 0 else [unshare, "--net", "--map-root-user"]
        python = [*alone, sys.executable, "tools/loopback.py"]
        if subprocess.run([*python, "-c", ""], cwd=ROOT, capture_output=True).returncode == 0:
            print("the network is switched off for this stage", flush=True)
            return python
    print("the network could not be switched off here; running with it", flush=True)
    return [sys.executable]


def _environment(scratch: Path) -> dict[str, str]:
    """The environment of every stage: the offline model, and nothing of the person's touched."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith((*SERVED_MODELS, "LANGSMITH_"))}
    # Some hundred processes are started: none is to compile the course's modules once more.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {
        **kept,
        "COURSE_HOME": str(scratch / "home"),
        "LANGSMITH_TRACING": "false",
        "COURSE_CHECK_SECONDS": "120",  # a busy machine is no endless loop
        "PYTHONUTF8": "1",
    }


def _counts(report: Path, status: int) -> dict[str, int]:
    """What a stage adds to the closing line; one without a report counts as one check."""
    if not report.exists():
        return {"passed": int(status == 0), "failed": int(status != 0), "skipped": 0}
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    number = {
        key: sum(int(s.get(key, 0)) for s in suites)
        for key in ("tests", "failures", "errors", "skipped")
    }
    failed = number["failures"] + number["errors"]
    # A run that failed without a failing test (nothing collected, a crash) is still a failure.
    failed = max(failed, int(status != 0))
    passed = number["tests"] - number["failures"] - number["errors"] - number["skipped"]
    return {"passed": max(passed, 0), "failed": failed, "skipped": number["skipped"]}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
