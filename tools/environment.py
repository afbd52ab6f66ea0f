"""Make or repair the course's environment, `.venv`, and run commands in it.

Standard library only, for it runs before anything is installed. Used by the Makefile:
`python3 tools/environment.py VERB`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:  # an old Python need not have these
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "course-stamp.json"
WINDOWS = os.name == "nt"


class SetupError(Exception):
    """Something stands in the way; the message says what, and the one thing to do next."""


def say(text: str) -> None:
    """Tell the person what is happening, at once."""
    print("namu: " + text, flush=True)


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to."""
    probe = folder / f".write-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise SetupError(
            f"cannot write to {folder} ({error.strerror}).\n"
            "The environment goes into .venv there. Clone the course "
            "into a folder that is yours."
        ) from None


@contextlib.contextmanager
def setup_lock(folder: Path) -> Iterator[None]:
    """Let one set-up run at a time; a second one waits and says so."""
    path = folder / ".venv-setup.lock"
    with open(path, "a+") as handle:
        said = False
        while not _try_lock(handle):
            if not said:
                say("another set-up of this folder is running; waiting for it to finish ...")
                said = True
            time.sleep(0.5)
        yield


def _try_lock(handle: IO[str]) -> bool:
    try:
        if WINDOWS:
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Only "somebody else holds it" means wait; some network disks cannot lock at all.
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


def venv_python() -> Path:
    """Return the Python of `.venv`."""
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")


def wanted_stamp(extras: Sequence[str]) -> dict[str, object]:
    """Return what a finished environment's stamp says."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes())
    version = "{}.{}".format(*sys.version_info[:2])
    return {
        "inputs": digest.hexdigest(),
        "python": version,
        "folder": str(ROOT),
        "extras": sorted(extras),
    }


def is_ready(extras: Sequence[str]) -> bool:
    """Whether the environment was finished for exactly today's inputs and this folder."""
    found = _stamp()
    wanted = wanted_stamp(extras)
    same = all(found.get(key) == wanted[key] for key in ("inputs", "python", "folder"))
    return same and set(found.get("extras", ())) >= set(extras) and _works()


def _works() -> bool:
    """Whether the Python in `.venv` runs and finds what the course stands on."""
    code = (
        "import sys, importlib.util as u; "
        "sys.exit(not all(map(u.find_spec, ('course_lib', 'jupyterlab', 'langgraph'))))"
    )
    return answer_of(code) is not None


def _stamp() -> dict[str, object]:
    """What the last finished set-up wrote; empty if there was none."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def make_venv(extras: Sequence[str] = ()) -> None:
    """Create or repair `.venv`, and do nothing where it is ready.

    Args:
        extras: names of optional dependency groups to install as well, such as `dev`.

    Raises:
        SetupError: no usable Python, no permission, or the installation failed.
    """
    if is_ready(extras):
        return
    check_writable(ROOT)
    with setup_lock(ROOT):
        if is_ready(extras):
            return
        began = time.monotonic()
        uv = None if os.environ.get("COURSE_NO_UV") else shutil.which("uv")
        if VENV.is_symlink() or VENV.is_file():
            raise SetupError(
                ".venv is a file or a link, and the environment goes into a folder of that name.\n"
                "Move it away, then run the same command again."
            )
        before = _stamp()
        moved = before.get("folder", str(ROOT)) != str(ROOT)
        if VENV.exists() and (moved or not _usable(with_pip=not uv)):
            say(".venv is half-made, or was made elsewhere or by another Python; making it again")
            shutil.rmtree(VENV)
        extras = sorted({*extras, *before.get("extras", ())})  # what was there stays there
        STAMP.unlink(missing_ok=True)
        if not VENV.exists():
            _create(uv)
        target = ".[{}]".format(",".join(extras)) if extras else "."
        say("installing the pinned packages (about 700 MB on disk; minutes on a slow line) ...")
        install = [str(venv_python()), "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check", "--no-warn-script-location"]
        if uv:
            install = [uv, "pip", "install", "--quiet", "--python", str(venv_python())]
        run([*install, "--editable", target, "--constraint", "constraints.txt"], "install packages")
        if not _works():
            raise SetupError(
                "the packages are installed, and yet cannot be found: .venv is damaged.\n"
                "Remove it with `make clean`, then run the same command again."
            )
        STAMP.write_text(json.dumps(wanted_stamp(extras)), encoding="utf-8")
        say(f"environment ready after {time.monotonic() - began:.0f} s")


def _create(uv: str | None) -> None:
    """Make a bare `.venv`."""
    say("creating .venv with " + ("uv" if uv else "venv and pip"))
    if uv:
        run([uv, "venv", "--quiet", "--python", sys.executable, str(VENV)], "create .venv")
        return
    if importlib.util.find_spec("ensurepip") is None:
        raise SetupError(
            "this Python cannot make environments: its ensurepip is missing.\n"
            "Install it (Debian and Ubuntu: sudo apt-get install python3-venv), or install uv."
        )
    run([sys.executable, "-m", "venv", str(VENV)], "create .venv")


def _usable(with_pip: bool) -> bool:
    """Whether the Python in `.venv` runs, is of the right version and, if asked, has pip."""
    told = answer_of("import sys; print(sys.version_info[:2])" + "; import pip" * with_pip)
    return told == str(tuple(sys.version_info[:2]))


def answer_of(code: str) -> str | None:
    """What a line of code prints in `.venv`; None where it fails or there is no Python at all."""
    try:
        told = subprocess.run(
            [str(venv_python()), "-c", code], capture_output=True, encoding="utf-8", timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip() if told.returncode == 0 else None


def run(command: list[str], what: str) -> None:
    """Run one step of the set-up.

    Raises:
        SetupError: the step failed; `.venv` has no stamp then, and the next try repairs it.
    """
    environment = {**os.environ, "PYTHONUTF8": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment)
    if done.returncode:
        raise SetupError(
            f"could not {what} (exit status {done.returncode}; its own words are above).\n"
            "If the network was away, "
            "run the same command again: it goes on from there."
        )


def in_venv(*command: str) -> int:
    """Run a Python command line inside the environment and return its exit status."""
    return exec_command([str(venv_python()), *command])


def exec_command(command: list[str], **variables: str) -> int:
    """Turn this process into another program, so that every signal reaches it.

    Windows has no such thing: there the program runs as a child, and its exit status is returned.
    """
    environment = {**os.environ, "PYTHONUTF8": "1", **variables}
    os.chdir(ROOT)
    if WINDOWS:
        return subprocess.run(command, env=environment).returncode
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def main(arguments: list[str]) -> int:
    """Do what the Makefile asks: `venv`, or `run EXTRAS COMMAND ...`."""
    verb = arguments[0] if arguments else "venv"
    return run_and_report(lambda: _do(verb, arguments[1:]))


def _do(verb: str, arguments: list[str]) -> int:
    if verb == "venv":
        make_venv()
        say(f"ready: {venv_python().relative_to(ROOT)}")
        return 0
    if verb == "run":
        make_venv(tuple(filter(None, arguments[0].split(","))))
        return in_venv(*arguments[1:])
    raise SetupError(f"no such verb: {verb!r}. Use the commands that `make help` lists.")


def run_and_report(work: Callable[[], int]) -> int:
    """Do some work and turn what stands in its way into one clear message and an exit status."""
    try:
        return work()
    except SetupError as problem:
        print(f"namu: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nnamu: stopped; the next run goes on from here", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
