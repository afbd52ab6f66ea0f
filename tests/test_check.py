"""What `make test` does when a stage hangs: it ends, tells where, and leaves nothing behind."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parent.parent
HANGING_TEST = """
import subprocess, sys, time

def test_it():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(f"CHILD={child.pid}", file=open("child", "w"))
    time.sleep(600)
"""


@pytest.fixture
def run_stage():
    return runpy.run_path(str(ROOT / "tools" / "check.py"))["_run"]


@pytest.mark.soak
def test_a_stage_that_hangs_is_ended_and_tells_where_it_stood(
    run_stage, tmp_path: Path, capfd: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "test_hanging.py").write_text(HANGING_TEST)
    monkeypatch.chdir(tmp_path)
    where = [str(tmp_path), "--rootdir", str(tmp_path), "-c", os.devnull]
    plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:timeout"]
    starts_in = {**os.environ, "PWD": str(tmp_path)}
    script = f"import os, sys; os.chdir({str(tmp_path)!r}); os.execv(sys.executable, sys.argv[1:])"

    status = run_stage([sys.executable, "-c", script, *plain, *where], starts_in, seconds=15)

    assert status == 124
    told = capfd.readouterr()
    assert "not done after 15 s" in told.out
    assert "test_hanging.py" in told.err and "in test_it" in told.err
    child = int((tmp_path / "child").read_text().removeprefix("CHILD="))
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_stage_that_ends_gives_its_status(run_stage):
    assert run_stage([sys.executable, "-c", "raise SystemExit(3)"], dict(os.environ)) == 3


@pytest.mark.soak
def test_a_test_that_hangs_fails_by_itself(tmp_path: Path):
    (tmp_path / "test_hanging.py").write_text(HANGING_TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "-o", "timeout=3"]
    run = subprocess.run(
        [*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    os.kill(int((tmp_path / "child").read_text().removeprefix("CHILD=")), 9)
    assert run.returncode == 1
    assert "Timeout (>3.0s)" in run.stdout and "time.sleep(600)" in run.stdout


def test_every_test_of_the_course_has_such_a_limit(pytestconfig: pytest.Config):
    assert 60 <= float(pytestconfig.getini("timeout")) <= 900
