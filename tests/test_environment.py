"""Set-up: one list of packages, pins without addresses, and a clear word for every obstacle."""

import importlib
import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import tomllib

import pytest

from course_lib.settings import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture
def setup(tmp_path, monkeypatch):
    """tools/environment.py, working on an empty folder instead of this checkout."""
    spec = importlib.util.spec_from_file_location("environment", ROOT / "tools/environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = tmp_path / "한글 and space"
    folder.mkdir()
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(module, "ROOT", folder)
    monkeypatch.setattr(module, "VENV", folder / ".venv")
    monkeypatch.setattr(module, "STAMP", folder / ".venv" / "course-stamp.json")
    module.steps = []

    def run(command, what):
        """Make the bare environment for real, and stand in for the installation."""
        module.steps.append(what)
        if what.startswith("create"):
            bare = [sys.executable, "-m", "venv", "--without-pip", str(module.VENV)]
            subprocess.run(bare, check=True)
        else:
            site = next((module.VENV / "lib").glob("python*/site-packages"))
            for name in ("course_lib", "jupyterlab", "langgraph", "pip"):
                (site / f"{name}.py").touch()

    monkeypatch.setattr(module, "run", run)
    return module


def test_conda_users_get_the_same_packages():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    listed = re.findall(r"^      - ([a-z].*)$", text, re.M)
    assert listed == PROJECT["dependencies"]
    assert f"python{PROJECT['requires-python']}" in text


def test_every_dependency_is_pinned_and_no_pin_names_a_host():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.M))
    needed = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    names = {re.match(r"[A-Za-z0-9._-]+", line)[0].lower() for line in needed}
    assert names <= set(pins)
    assert not re.search(r"https?:|@|--|/", text.split("\n", 1)[1])


def test_the_default_install_stays_light():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"^(torch|nvidia|triton|vllm|transformers)", text, re.M)


def test_set_up_runs_once_and_then_has_nothing_to_do(setup):
    setup.make_venv()
    assert setup.steps == ["create .venv", "install packages"]
    setup.make_venv()
    assert len(setup.steps) == 2


def test_make_lab_and_the_command_for_conda_take_the_same_settings(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    lab = importlib.import_module("lab")
    started = []
    monkeypatch.setattr(lab, "_running_lab", lambda: None)
    monkeypatch.setattr(lab, "exec_command", lambda command, **_: started.append(command) or 0)
    lab.open_lab(browser=False)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    folder = ROOT / re.search(r"^jupyter lab --LabApp.app_settings_dir=(\S+)", readme, re.M)[1]
    assert f"--LabApp.app_settings_dir={folder}" in started[0]
    settings = json.loads((folder / "overrides.json").read_text(encoding="utf-8"))
    assert settings["@jupyter-widgets/jupyterlab-manager:plugin"] == {"saveState": True}
    assert settings["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_new_pins_or_extras_are_installed_without_making_everything_anew(setup):
    setup.make_venv()
    setup.make_venv(("dev",))
    assert setup.steps[2:] == ["install packages"]
    setup.make_venv()
    assert len(setup.steps) == 3
    (setup.ROOT / "constraints.txt").write_text("# other\n", encoding="utf-8")
    setup.make_venv()
    assert setup.steps[3:] == ["install packages"]


@pytest.mark.parametrize("trouble", ["empty", "dead python", "no pip", "moved"])
def test_a_half_made_or_moved_environment_is_made_anew(setup, trouble, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_NO_UV", "1")
    setup.VENV.mkdir()
    if trouble == "dead python":
        (setup.VENV / "bin").mkdir()
        (setup.VENV / "bin" / "python").write_text("not a program")
    if trouble in ("no pip", "moved"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", setup.VENV], check=True)
    if trouble == "moved":
        setup.run([], "install packages")
        setup.steps.clear()
        setup.STAMP.write_text(json.dumps({**setup.wanted_stamp([]), "folder": "/elsewhere"}))
    setup.make_venv()
    assert setup.steps == ["create .venv", "install packages"]
    assert "making it again" in capsys.readouterr().out


def test_a_package_that_went_missing_is_installed_again(setup):
    setup.make_venv()
    next(setup.VENV.glob("lib/python*/site-packages/jupyterlab.py")).unlink()
    setup.make_venv()
    assert setup.steps == ["create .venv", "install packages", "install packages"]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_venv_that_is_no_folder_is_left_alone_and_told(setup, kind):
    if kind == "file":
        setup.VENV.write_text("mine")
    else:
        setup.VENV.symlink_to(setup.ROOT)
    with pytest.raises(setup.SetupError, match="Move it away"):
        setup.make_venv()
    assert setup.VENV.exists()


def test_a_python_without_ensurepip_is_told_what_to_install(setup, monkeypatch):
    monkeypatch.setenv("COURSE_NO_UV", "1")
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(setup.SetupError, match="python3-venv"):
        setup.make_venv()


def test_an_old_python_is_told_which_one_is_needed():
    script = (ROOT / "tools/python_version.py").read_text(encoding="utf-8")
    pretend = "import sys; sys.version_info = (3, 6, 8)\n"
    done = subprocess.run([sys.executable, "-c", pretend + script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Python 3.6" in done.stderr and "3.11" in done.stderr and "PYTHON=" in done.stderr


def test_a_folder_that_cannot_be_written_is_named(setup, monkeypatch):
    monkeypatch.setattr(setup, "ROOT", setup.ROOT / "not there")
    with pytest.raises(setup.SetupError, match=r"cannot write to .*not there"):
        setup.check_writable(setup.ROOT)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(setup):
    setup.ROOT.chmod(0o500)
    try:
        with pytest.raises(setup.SetupError, match="Permission denied"):
            setup.check_writable(setup.ROOT)
    finally:
        setup.ROOT.chmod(0o700)


def test_a_taken_port_is_named_and_another_one_offered(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "tools")
    lab = importlib.import_module("lab")
    monkeypatch.setattr(lab, "_running_lab", lambda: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(lab.SetupError, match=f"port {port} is taken") as refused:
            lab.open_lab(port)
    offered = int(re.search(r"PORT=(\d+)", str(refused.value))[1])
    assert offered > port


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1", "8888 9999"])
def test_a_port_that_is_none_is_refused(port):
    done = subprocess.run(
        [sys.executable, "tools/lab.py", port], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"'{port}' is no port" in done.stderr and "Traceback" not in done.stderr


def test_a_second_set_up_waits_for_the_first(setup, tmp_path):
    code = (
        "import sys, pathlib, importlib.util as u; "
        "s = u.spec_from_file_location('e', sys.argv[1]); m = u.module_from_spec(s); "
        "s.loader.exec_module(m); m.ROOT = pathlib.Path(sys.argv[2])\n"
        "with m.setup_lock(m.ROOT): print('mine', flush=True)"
    )
    command = [sys.executable, "-c", code, str(ROOT / "tools/environment.py"), str(setup.ROOT)]
    with setup.setup_lock(setup.ROOT):
        second = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        assert "another set-up" in second.stdout.readline()
    assert second.communicate(timeout=30)[0] == "mine\n"


def test_a_failed_step_says_how_to_go_on(monkeypatch):
    spec = importlib.util.spec_from_file_location("environment", ROOT / "tools/environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(module.SetupError, match="run the same command again"):
        module.run([sys.executable, "-c", "raise SystemExit(3)"], "install packages")


def test_an_unknown_verb_is_one_line_and_no_traceback():
    done = subprocess.run(
        [sys.executable, "tools/environment.py", "dance"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "dance" in done.stderr and "Traceback" not in done.stderr


def test_no_tracked_file_carries_a_path_of_a_machine_or_is_large():
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if path.suffix == ".png" or not path.exists():
            continue
        assert path.stat().st_size < 20_000_000, name
        if path.suffix == ".safetensors":
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".ipynb", ".json", ".md", ".toml", ".txt", ".yml"):
            assert not re.search(r"(?<![\w./])/(root|home|Users|tmp|work)/\w", text), name


def test_kernel_metadata_of_the_notebooks_names_no_environment():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        assert json.loads(path.read_text("utf-8"))["metadata"]["kernelspec"]["name"] == "python3"
