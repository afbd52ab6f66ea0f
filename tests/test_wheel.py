"""A wheel of the library holds every file that git tracks in it, such as scripts and styles."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.settings import ROOT

LISTING = """
import json
from setuptools.dist import Distribution
distribution = Distribution({"script_name": "setup.py"})
distribution.parse_config_files(["pyproject.toml"])
build = distribution.get_command_obj("build_py")
build.ensure_finalized()
found = [path for _, _, path in build.find_all_modules()]
for _, folder, _, names in build.get_data_files_without_manifest():
    found += [f"{folder}/{name}" for name in names]
print(json.dumps(found))
"""
"""What setuptools would copy into a wheel, by the configuration in `pyproject.toml`."""


def files_of_wheel(folder: Path) -> set[str]:
    command = [sys.executable, "-c", LISTING]
    listed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return {os.path.normpath(path) for path in json.loads(listed.stdout)}


def tracked_files() -> set[str]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("This is no git checkout, so nobody says which files belong to it.")
    command = ["git", "ls-files", "course_lib"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {path for path in listed.stdout.split("\n") if path and (ROOT / path).exists()}


def test_a_wheel_holds_every_file_of_the_library():
    missing = tracked_files() - files_of_wheel(ROOT)
    assert not missing, f"add their endings to package-data in pyproject.toml: {sorted(missing)}"


def test_a_file_with_another_ending_would_be_missed(tmp_path):
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for name in ("README.md", "LICENSE"):
        (tmp_path / name).write_text("")
    folder = tmp_path / "course_lib" / "chat"
    folder.mkdir(parents=True)
    for name in ("__init__.py", "panel.js", "panel.other"):
        (folder / name).write_text("")
    (tmp_path / "course_lib" / "__init__.py").write_text("")
    found = {path for path in files_of_wheel(tmp_path) if path.startswith("course_lib/chat")}
    assert found == {"course_lib/chat/__init__.py", "course_lib/chat/panel.js"}


WITHOUT_DATA = """
import course_lib
from course_lib.chat import ChatPanel
from course_lib.display import show_table
from course_lib.fastapi_app import create_app, make_token
from course_lib.fastapi_app import app
from course_lib.persistence import ThreadDirectory, erase, open_checkpointer, open_store
from course_lib.serving import api_workers, django_site, langgraph_server
from course_lib.settings import DATA
assert not DATA.exists(), DATA
print(course_lib.__file__)
"""


@pytest.mark.soak
def test_without_data_a_wheel_brings_what_a_graph_of_ones_own_needs(tmp_path):
    for path in files_of_wheel(ROOT):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "COURSE_HOME": str(tmp_path / "home")}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_DATA],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(str(tmp_path))
