"""Remove folders when the process that made them has ended, however it ended.

A process that is killed cannot remove its folders. This one runs beside it and reads the paths of
the folders from standard input, a line each. When the input ends, it waits for the servers in those
folders, which end at the same moment (see `course_lib.serving.supervisor`), and removes them.

    python -m course_lib.operations.leftovers
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from course_lib.operations.database_programs import variables
from course_lib.serving.ended import has_ended

WAIT_SECONDS = 20.0
"""How long to wait for the servers before the folders are removed all the same, in seconds."""


@dataclass
class Leftovers:
    """A process that removes the folders it was told of when this process ends."""

    _process: subprocess.Popen[str]

    def note(self, folder: Path) -> None:
        """Tell a folder that has to be removed in the end."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{folder}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """Remove the folders now, and end the process; harmless a second time."""
        self._process.communicate(timeout=2 * WAIT_SECONDS)


def watch_leftovers() -> Leftovers:
    """Start the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "course_lib.operations.leftovers"],
        env={**os.environ, **variables()},
        cwd="/" if os.name != "nt" else None,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a signal to the notebook's group is not for this process
        text=True,
    )
    return Leftovers(process)


def remove(folders: list[Path], seconds: float = WAIT_SECONDS) -> None:
    """Wait for the processes that use folders, and remove the folders."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(map(_is_used, folders)):
        time.sleep(0.1)
    while time.monotonic() < deadline + 5 and any(folder.exists() for folder in folders):
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def _is_used(folder: Path) -> bool:
    for process in psutil.process_iter():
        try:
            if has_ended(process):
                continue
            if any(str(folder) in each for each in [process.cwd(), *process.cmdline()]):
                return True
        except psutil.Error:
            continue
    return False


def main() -> int:
    """Read folders until standard input ends, then remove them."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    remove([Path(line.rstrip("\n")) for line in sys.stdin])
    return 0


if __name__ == "__main__":
    sys.exit(main())
