"""Run a command as long as somebody holds the other end of standard input.

`course_lib.servers` starts servers through this: when the process that started one ends, however
it ends, its end of the pipe closes, and the server is stopped.

    python -m course_lib.guard COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5.0


def main(command: list[str]) -> int:
    """Run a command until it ends or standard input does; return its exit status."""
    options = {} if os.name == "nt" else {"start_new_session": True}
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    signal.signal(signal.SIGTERM, lambda *_: stop(child))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a notebook's interrupt is not for the server
    threading.Thread(target=_watch, args=(child,), daemon=True).start()
    return child.wait()


def _watch(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    stop(child)


def stop(child: subprocess.Popen[bytes]) -> None:
    """Ask a process and all of its own to end, and end them if they do not."""
    _signal(child, signal.SIGTERM)
    try:
        child.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, getattr(signal, "SIGKILL", signal.SIGTERM))


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            child.terminate()
        else:
            os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
