"""A limit of time for a learner's code: what does not end is stopped, and the kernel goes on.

The code runs in a thread of its own, so this works on every system and beside a notebook's event
loop. An exception raised from outside ends a busy loop. A coroutine is cancelled. A thread that
sleeps cannot be woken: it is left behind as a daemon and ends when it wakes. What computes inside
one call of a C function, such as `sum(itertools.count())`, cannot be stopped from Python.
"""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import contextvars
import ctypes
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, TypeVar

from course_lib.exercises.learner_lines import learners_line

T = TypeVar("T")

POLL_SECONDS = 0.1  # on Windows a wait hears Ctrl-C only when it returns
STOP_TRIES = 10
"""How often code that catches everything is asked to stop, `POLL_SECONDS` apart."""

SAMPLES, SAMPLE_SECONDS = 20, 0.003
"""How often, and how far apart, a thread is looked at to see whether it moves."""

_loops: dict[int, asyncio.AbstractEventLoop] = {}  # by the thread that runs it


class DidNotEnd(Exception):
    """A learner's code was still running when its time was over.

    Args:
        seconds: how long it was allowed to run.
        line: the learner's line at which it was, in words; empty where none is known.
        busy: whether it goes on in the background all the same.
    """

    def __init__(self, seconds: float, line: str, busy: bool) -> None:
        super().__init__(f"still running after {seconds:g} s")
        self.seconds, self.line, self.busy = seconds, line, busy


_STOP = SystemExit
"""Raised inside the learner's code: no `except Exception` catches it, no thread reports it."""


def run_within(seconds: float, job: Callable[[], T]) -> T:
    """Run a function in a thread of its own and return what it returns, or raise what it raises.

    Args:
        seconds: how long it may run.
        job: the function.

    Raises:
        DidNotEnd: it was still running then, and was stopped.
    """
    context, done = contextvars.copy_context(), threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(context.run(job))
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            errors.append(error)
        finally:
            done.set()

    before = set(threading.enumerate())
    # Threads that a daemon starts are daemons too: none of them keeps the kernel from ending.
    worker = threading.Thread(target=work, name="check", daemon=True)
    worker.start()
    deadline = time.monotonic() + seconds
    try:
        while not done.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                line = _line_of(worker, before)
                raise DidNotEnd(seconds, line, _stop(worker, before, done))
    except KeyboardInterrupt:
        _stop(worker, before, done)
        raise
    if errors:
        raise errors[0]
    return results[0]


def run_coroutine(job: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result, also where an event loop is running.

    Args:
        job: what an `async def` returned.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(_noted(job))
    # A notebook's loop is busy with the cell, so the coroutine gets a loop in another thread.
    results: list[T] = []
    errors: list[BaseException] = []
    context = contextvars.copy_context()

    def work() -> None:
        try:
            results.append(context.run(asyncio.run, _noted(job)))
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


async def _noted(job: Coroutine[Any, Any, T]) -> T:
    """Await a coroutine, and note its loop, so that it can be cancelled from another thread."""
    thread = threading.get_ident()
    _loops[thread] = asyncio.get_running_loop()
    try:
        return await job
    finally:
        _loops.pop(thread, None)


def _stop(worker: threading.Thread, before: set[threading.Thread], done: threading.Event) -> bool:
    """End a worker and the threads that it started; return whether one of them is still busy."""
    for _ in range(STOP_TRIES):
        threads = _threads_of(worker, before)
        for thread in threads:
            _interrupt(thread)
        done.wait(POLL_SECONDS)
        if not _any_moves(threads):  # all of them have ended, or sleep
            break
    left = _threads_of(worker, before)
    # At its end Python waits for the threads of executors, daemons or not.
    for thread in left:
        getattr(concurrent.futures.thread, "_threads_queues", {}).pop(thread, None)
    return _any_moves(left)


def _any_moves(threads: list[threading.Thread]) -> bool:
    """Whether one of these threads executes anything while this one looks at it."""
    first = [_position(thread) for thread in threads if thread.is_alive()]
    for _ in range(SAMPLES):
        time.sleep(SAMPLE_SECONDS)
        if first != [_position(thread) for thread in threads if thread.is_alive()]:
            return any(thread.is_alive() for thread in threads)
    return False


def _interrupt(thread: threading.Thread) -> None:
    loop = _loops.get(thread.ident or 0)
    if loop is not None and not loop.is_closed():
        loop.call_soon_threadsafe(_cancel_all, loop)
        return
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(_STOP)
    )


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()


def _threads_of(worker: threading.Thread, before: set[threading.Thread]) -> list[threading.Thread]:
    """The worker and the threads started since, of those that still run."""
    return [t for t in threading.enumerate() if t is worker or t not in before]


def _position(thread: threading.Thread) -> tuple[int, int] | None:
    frame = sys._current_frames().get(thread.ident or 0)
    return (id(frame), frame.f_lasti) if frame else None


def _line_of(worker: threading.Thread, before: set[threading.Thread]) -> str:
    """The learner's line at which the code is, in words; empty where no thread is at one."""
    for thread in _threads_of(worker, before):
        for frames in _stacks(thread):
            line = learners_line(traceback.StackSummary.extract((f, f.f_lineno) for f in frames))
            if line:
                return line
    return ""


def _stacks(thread: threading.Thread) -> Iterator[list[FrameType]]:
    """The frames of the coroutines that wait in a thread, outermost first, and its own."""
    loop = _loops.get(thread.ident or 0)
    for task in asyncio.all_tasks(loop) if loop is not None else ():
        awaited: Any = task.get_coro()
        chain = []
        while getattr(awaited, "cr_frame", None) is not None:
            chain.append(awaited.cr_frame)
            awaited = awaited.cr_await
        yield chain
    frame, stack = sys._current_frames().get(thread.ident or 0), []
    while frame is not None:
        stack.insert(0, frame)
        frame = frame.f_back
    yield stack
