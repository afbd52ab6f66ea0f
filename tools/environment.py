"""Make or mend the course's environment, `.venv`, and run commands in it.

Standard library only, and written so that even an old Python can read it as far as the message
that tells which Python is needed. Used by the Makefile: `python3 tools/environment.py VERB`.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
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
NEEDED = (3, 11)
WINDOWS = os.name == "nt"


class SetupError(Exception):
    """Something stands in the way; the message says what, and the one thing to do next."""


def say(text: str) -> None:
    """Tell the person what is happening, at once."""
    print("namu: " + text, flush=True)


def check_python() -> None:
    """Refuse an old Python."""
    if sys.version_info < NEEDED:
        raise SetupError(
            "this is Python {}.{} ({}), and the course needs {}.{} or newer.\n"
            "Install one, then name it: make lab PYTHON=python3.12".format(
                *sys.version_info[:2], sys.executable, *NEEDED
            )
        )


def check_writable() -> None:
    """Refuse a folder that cannot be written to."""
    probe = ROOT / f".write-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise SetupError(
            f"cannot write to {ROOT} ({error.strerror}).\n"
            "The environment goes into .venv there. Clone the course "
            "into a folder that is yours."
        ) from None


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Let one set-up run at a time; a second one waits and says so."""
    path = ROOT / ".venv-setup.lock"
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
    return same and set(found.get("extras", ())) >= set(extras) and venv_python().exists()


def _stamp() -> dict[str, object]:
    """What the last finished set-up wrote; empty if there was none."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def make_venv(extras: Sequence[str] = ()) -> None:
    """Create or mend `.venv`, and do nothing where it is ready.

    Args:
        extras: names of optional dependency groups to install as well, such as `dev`.

    Raises:
        SetupError: no usable Python, no permission, or the installation failed.
    """
    check_python()
    if is_ready(extras):
        return
    check_writable()
    with only_one():
        if is_ready(extras):
            return
        began = time.monotonic()
        uv = None if os.environ.get("COURSE_NO_UV") else shutil.which("uv")
        if VENV.exists() and not _usable():
            say(".venv is half-made or was made elsewhere; making it anew")
            shutil.rmtree(VENV)
        extras = sorted({*extras, *_stamp().get("extras", ())})  # what was there stays there
        STAMP.unlink(missing_ok=True)
        if not VENV.exists():
            say("creating .venv with " + ("uv" if uv else "venv and pip"))
            create = [uv, "venv", "--quiet", "--python", sys.executable, str(VENV)]
            run(create if uv else [sys.executable, "-m", "venv", str(VENV)], "create .venv")
        elif not uv and not _has_pip():
            run([str(venv_python()), "-m", "ensurepip", "--upgrade"], "put pip into .venv")
        target = ".[{}]".format(",".join(extras)) if extras else "."
        say("installing the pinned packages (about 600 MB on disk; minutes on a slow line) ...")
        install = [str(venv_python()), "-m", "pip", "install", "--quiet"]
        install += ["--disable-pip-version-check", "--no-warn-script-location"]
        if uv:
            install = [uv, "pip", "install", "--quiet", "--python", str(venv_python())]
        run([*install, "--editable", target, "--constraint", "constraints.txt"], "install packages")
        quiet_lab()
        STAMP.write_text(json.dumps(wanted_stamp(extras)), encoding="utf-8")
        say(f"environment ready after {time.monotonic() - began:.0f} s")


def _usable() -> bool:
    """Whether the Python in `.venv` runs, is of the right version and lives in this folder."""
    code = "import sys; print(sys.version_info[:2] == {!r}, sys.prefix)"
    try:
        told = subprocess.run(
            [str(venv_python()), "-c", code.format(tuple(sys.version_info[:2]))],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    same, _, prefix = told.stdout.strip().partition(" ")
    return told.returncode == 0 and same == "True" and Path(prefix).resolve() == VENV.resolve()


def _has_pip() -> bool:
    """Whether `.venv` has pip; one that uv made has none."""
    look = [str(venv_python()), "-c", "import pip"]
    return subprocess.run(look, capture_output=True).returncode == 0


def quiet_lab() -> None:
    """Switch JupyterLab's news prompt off, for this environment only."""
    folder = VENV / "share" / "jupyter" / "lab" / "settings"
    folder.mkdir(parents=True, exist_ok=True)
    notification = {"fetchNews": "false", "checkForUpdates": False}
    overrides = {"@jupyterlab/apputils-extension:notification": notification}
    (folder / "overrides.json").write_text(json.dumps(overrides, indent=1), encoding="utf-8")


def run(command: list[str], what: str) -> None:
    """Run one step of the set-up.

    Raises:
        SetupError: the step failed; `.venv` has no stamp then, and the next try mends it.
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
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run([str(venv_python()), *command], cwd=ROOT, env=environment).returncode


def main(arguments: list[str]) -> int:
    """Do what the Makefile asks: `venv`, or `run EXTRAS COMMAND ...`."""
    verb = arguments[0] if arguments else "venv"
    return telling(lambda: _do(verb, arguments[1:]))


def _do(verb: str, arguments: list[str]) -> int:
    if verb == "venv":
        make_venv()
        say(f"ready: {venv_python().relative_to(ROOT)}")
        return 0
    if verb == "run":
        make_venv(tuple(filter(None, arguments[0].split(","))))
        return in_venv(*arguments[1:])
    raise SetupError(f"no such verb: {verb!r}. Use the commands that `make help` lists.")


def telling(work: Callable[[], int]) -> int:
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
