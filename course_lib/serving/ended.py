"""Whether a process has ended. One that was killed runs on until the system gets to it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import psutil

LOOK_SECONDS = 0.01


def has_ended(process: psutil.Process) -> bool:
    """Whether a process runs no more.

    A zombie has ended: where nobody collects its exit status, as in containers, it stays for ever.
    """
    with contextlib.suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() in (
            psutil.STATUS_ZOMBIE,
            psutil.STATUS_DEAD,
        )
    return True


def end_processes(processes: Sequence[psutil.Process], seconds: float = 10) -> None:
    """Kill processes, and wait until they have ended.

    SIGKILL only tells the system to end a process. Until it has, the process holds its files and
    locks, and who starts a server on the same folder meanwhile is refused.

    Args:
        processes: some of them may have ended already.
        seconds: how long to wait at most. A process that waits for a dead disk does not end.
    """
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(map(has_ended, processes)):
        time.sleep(LOOK_SECONDS)
