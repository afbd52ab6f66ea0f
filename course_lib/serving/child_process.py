"""Functions in processes of their own, which may be killed in the middle.

    run = run_child(pay_for_a_trip, url, kill_before="palace")
    print(run.ended)                      # killed by SIGKILL

    with start_child(serve) as child:
        child.wait_for("ready")
        child.terminate()                 # what a deploy sends: SIGTERM

The function travels as bytes (cloudpickle), with what it refers to, so a function of a notebook's
cell can run in another process. A child never outlives the process that started it.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Self

from course_lib.serving.supervisor import wait_for_end_of_input

SECONDS = 60.0
"""How long `run_child` and `wait_for` wait unless they are given another time."""


class ChildError(RuntimeError):
    """A child process did not do what was waited for; the text holds the end of its output."""


@dataclass
class ChildProcess:
    """A function that runs, or ran, in a process of its own.

    Args:
        pid: the number that the operating system gave to the process.
    """

    pid: int
    _process: subprocess.Popen[bytes] = field(repr=False)
    _log: Path = field(repr=False)
    _output: str | None = field(default=None, init=False, repr=False)

    @property
    def output(self) -> str:
        """What the process has printed so far."""
        if self._output is not None:
            return self._output
        return self._log.read_text(encoding="utf-8", errors="replace").strip()

    @property
    def ended(self) -> str:
        """How the process ended: `normally`, `killed by SIGKILL`, or the error it raised."""
        status = self._process.poll()
        if status is None:
            return "still running"
        if status == 0:
            return "normally"
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        if os.name == "nt" and status == signal.SIGTERM:
            return "killed by SIGTERM"
        return f"by an error: {(self.output.splitlines() or ['it said nothing'])[-1]}"

    def wait_for(self, text: str, seconds: float = SECONDS) -> None:
        """Wait until the process has printed a text.

        Args:
            text: a part of what it prints.
            seconds: how long to wait.

        Raises:
            ChildError: the process ended first, or the time was over; it goes on running then.
        """
        deadline = time.monotonic() + seconds
        while text not in self.output:
            over = self._process.poll() is not None
            if text in self.output:
                return
            if over or time.monotonic() > deadline:
                why = f"ended {self.ended}" if over else f"still runs after {seconds:g} s"
                raise ChildError(
                    f"The child process was to print {text!r}, and it {why}. Its last lines: "
                    f"{self._last_lines()}. Print the text with flush=True."
                )
            time.sleep(0.01)

    def wait(self, seconds: float = SECONDS) -> Self:
        """Wait until the process has ended.

        Args:
            seconds: how long to wait.

        Raises:
            ChildError: the time was over; the process is killed.
        """
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ChildError(
                f"The child process had not ended after {seconds:g} s and was killed. Its last "
                f"lines: {self._last_lines()}. Give it more seconds, or end its loop."
            ) from None
        except BaseException:  # the cell was interrupted: nothing is left running
            self.kill()
            raise
        self._close()
        return self

    def terminate(self) -> None:
        """Ask the process to end, as a deploy does: SIGTERM. Harmless when it has ended."""
        self._process.terminate()

    def kill(self) -> None:
        """End the process at once, in the middle of whatever it does: SIGKILL."""
        self._process.kill()
        self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._output is None:
            self._output = self.output
            if self._process.stdin:
                with suppress(OSError):
                    self._process.stdin.close()
            self._log.unlink(missing_ok=True)

    def _last_lines(self) -> str:
        return " / ".join(self.output.splitlines()[-3:]) or "none"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        if self._process.poll() is None:
            self.kill()
        self._close()


def run_child(
    function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS, **named: Any
) -> ChildProcess:
    """Call a function in a process of its own, and wait until that process has ended.

    Args:
        function: is sent to the process with what it refers to.
        arguments: what it is called with.
        seconds: how long it may run.
        named: more arguments, by name.

    Returns:
        The process that ended; `ended` says how, and `output` what it printed.

    Raises:
        TypeError: the function or an argument cannot be sent to another process.
        ChildError: the process did not end in time.
    """
    return start_child(function, *arguments, **named).wait(seconds)


def start_child(function: Callable[..., Any], *arguments: Any, **named: Any) -> ChildProcess:
    """Call a function in a process of its own, and return while it runs.

    Args:
        function: is sent to the process with what it refers to.
        arguments: what it is called with.
        named: more arguments, by name.

    Raises:
        TypeError: the function or an argument cannot be sent to another process.
    """
    cargo = _as_bytes(function, arguments, named)
    handle, name = tempfile.mkstemp(prefix="course-child-", suffix=".log")
    with os.fdopen(handle, "wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib.serving.child_process"],
            env={
                **os.environ,
                "PYTHONUTF8": "1",
                "PYTHONUNBUFFERED": "1",
                "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
            },
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    child = ChildProcess(process.pid, process, Path(name))
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it ended before it read; `ended` says why
        process.stdin.write(cargo)
        process.stdin.flush()
    return child  # its standard input stays open: when it closes, the child ends


def kill_this_process() -> NoReturn:
    """End the process that calls this at once: nothing is closed, stored or printed any more.

    It is SIGKILL, which no program can catch; on Windows it is TerminateProcess.
    """
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    while True:  # the signal may need a moment
        time.sleep(1)


def _as_bytes(function: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> bytes:
    if not callable(function):
        raise TypeError(
            f"A {type(function).__name__} cannot be run in a child process. Hand over the function "
            "without calling it, and its arguments after it."
        )
    import cloudpickle

    try:
        return cloudpickle.dumps((function, arguments, named))
    except Exception as error:
        called = getattr(function, "__name__", repr(function))
        raise TypeError(
            f"{called} cannot be sent to another process: {error}. Open files, connections, locks "
            "and savers inside the function, and hand over their paths or URLs."
        ) from error


def _end_with_the_parent() -> None:
    wait_for_end_of_input()
    os._exit(1)


def main() -> int:
    """Run the function that comes over standard input; return the exit status."""
    function, arguments, named = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    try:
        function(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - the last line of the output says what it was
        print(f"{type(error).__name__}: {error}")  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
