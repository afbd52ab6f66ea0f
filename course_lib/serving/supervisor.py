"""Run a command as long as somebody holds the other end of standard input.

`course_lib.serving.process` starts servers through this, in a session of their own: when the
process that started one ends, however it ends, its end of the pipe closes, and the server is
stopped with all of its processes.

    python -m course_lib.serving.supervisor COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

GRACE_SECONDS = 10.0
"""How long a command may take to end when it was asked to, in seconds. A worker that drains tells
its proxy first (`CHAT_DRAIN_NOTICE_SECONDS`), and only then begins to end."""


def main(command: list[str]) -> int:
    """Run a command until it ends, standard input does, or a signal asks; return its status."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    over = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a notebook's interrupt is not for the server
    for name in ("SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: over.set())
    for wait in (child.wait, wait_for_end_of_input):
        threading.Thread(target=_then_set, args=(wait, over), daemon=True).start()
    over.wait()
    _stop(child)
    return child.returncode or 0


def _then_set(wait: Callable[[], object], over: threading.Event) -> None:
    wait()
    over.set()


def wait_for_end_of_input() -> None:
    """Return when whoever holds the other end of standard input has closed it, or has ended."""
    # Not through sys.stdin, whose lock would hold up the end of the process.
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Ask the child and all processes of this session to end, and end those that do not."""
    if os.name == "nt" or os.getpgrp() != os.getpid():  # by hand, in somebody else's group
        child.terminate()
        try:
            child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        return
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(os.getpid(), signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(GRACE_SECONDS)
    os.killpg(os.getpid(), signal.SIGKILL)  # whatever is left, this process with it


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
