"""Starting JupyterLab, and the seconds until it answers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from course_lib.serving import free_port


def seconds_until_open(folder: Path) -> float:
    """Run `make lab` in a folder and return the seconds until the server answers."""
    port = free_port()
    base = Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3")
    command = ["make", "lab", f"PORT={port}", f"PYTHON={base}"]
    return seconds_to_serve(command, folder, port, time.perf_counter())


def seconds_to_serve(command: list[str], folder: Path, port: int, began: float) -> float:
    """Start a server, wait until it answers, and stop it.

    Args:
        command: starts it.
        folder: where to run the command.
        port: of 127.0.0.1, where it will answer.
        began: when the time that counts began, as `time.perf_counter` gives it.

    Returns:
        Seconds from `began` to the first answer.

    Raises:
        RuntimeError: the command ended before that.
    """
    environment = {**os.environ, "COURSE_NO_BROWSER": "1"}
    environment.pop("VIRTUAL_ENV", None)
    silent = subprocess.DEVNULL
    server = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=silent, stderr=silent, start_new_session=True
    )
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=1).read()
                return time.perf_counter() - began
            except (urllib.error.URLError, OSError):
                if server.poll() is not None:
                    raise RuntimeError(f"{command} ended before it served") from None
                time.sleep(0.1)
    finally:
        os.killpg(server.pid, 15)
        server.wait()
