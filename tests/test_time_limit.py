"""Code that does not end is stopped with one sentence, and the checks after it work."""

import asyncio
import itertools
import signal
import subprocess
import sys
import threading
import time

import pytest
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from course_lib.exercises.exercise import Exercise, expect
from course_lib.exercises.time_limit import run_coroutine, run_within
from course_lib.settings import ROOT, SettingsError, read_check_seconds

pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"  # Python itself tells no SystemExit
)


class Count(TypedDict):
    n: int


def exercise(checker=lambda answer: answer()):
    return Exercise("02", 9, "a test", checker, ("none",), "Good.")


def busy():
    while True:
        pass


def asleep():
    time.sleep(1e6)


def waits_for_a_lock():
    threading.Event().wait()


def shrugs():
    for _ in itertools.count():
        try:
            time.sleep(0)
        except Exception:  # noqa: BLE001
            continue


def starts_a_busy_thread():
    thread = threading.Thread(target=busy)
    thread.start()
    thread.join()


async def never_returns():
    await asyncio.Event().wait()


async def spins():
    while True:
        await asyncio.sleep(0)


async def blocks():
    time.sleep(1e6)


def own_loop():
    asyncio.run(never_returns())


def graph_that_loops():
    builder = StateGraph(Count)
    builder.add_node("again", lambda state: {"n": state["n"] + 1})
    builder.add_edge(START, "again")
    builder.add_edge("again", "again")
    builder.compile().invoke({"n": 0}, {"recursion_limit": 10**9})


def two_nodes_that_sleep():
    builder = StateGraph(Count)
    for name in "ab":
        builder.add_node(name, lambda state: asleep())
        builder.add_edge(START, name)
    builder.compile().invoke({"n": 0})


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setenv("COURSE_CHECK_SECONDS", "0.3")


@pytest.mark.parametrize(
    "answer",
    [
        busy,
        asleep,
        waits_for_a_lock,
        shrugs,
        starts_a_busy_thread,
        own_loop,
        graph_that_loops,
        two_nodes_that_sleep,
    ],
    ids=lambda f: f.__name__,
)
def test_code_that_does_not_end_is_stopped_and_told(answer):
    found = exercise().outcome(answer)
    assert found.status == "stopped"
    assert found.text.startswith("Your code did not end: it was stopped after 0.3 s.")
    assert "of your cell: " in found.text
    assert "site-packages" not in found.text and "File " not in found.text
    assert len(found.text.splitlines()) == 3
    assert "then run the cell again" in found.text


@pytest.mark.parametrize("answer", [never_returns, spins, blocks], ids=lambda f: f.__name__)
def test_coroutines_that_do_not_end_are_stopped_and_their_line_is_told(answer):
    found = exercise(lambda answer: run_coroutine(answer())).outcome(answer)
    assert found.status == "stopped"
    assert f"It was in {answer.__name__}, line " in found.text


def test_a_busy_loop_runs_no_longer_after_it_was_stopped():
    before = set(threading.enumerate())
    for answer in (busy, starts_a_busy_thread, graph_that_loops):
        exercise().outcome(answer)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)  # it was asked to end; on a busy machine that takes a moment
        assert not thread.is_alive()


@pytest.mark.soak
def test_code_that_catches_even_the_stop_is_reported_as_running(monkeypatch):
    stop = threading.Event()

    def catches_everything():
        while not stop.is_set():
            try:
                while not stop.is_set():
                    pass
            except BaseException:  # noqa: BLE001
                continue

    found = exercise().outcome(catches_everything)
    stop.set()
    assert found.status == "stopped" and "restart the kernel" in found.text


def test_checks_after_one_that_was_stopped_work(monkeypatch):
    assert exercise().outcome(busy).status == "stopped"
    monkeypatch.setenv("COURSE_CHECK_SECONDS", "60")
    assert exercise(lambda f: expect("f()", 1, f(), "")).outcome(lambda: 1).status == "right"


def test_what_ends_in_time_returns_and_raises_as_ever():
    assert run_within(60, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        run_within(60, lambda: 1 / 0)
    assert run_coroutine(asyncio.sleep(0, 5)) == 5


def test_a_person_who_interrupts_the_kernel_ends_the_check():
    over, steps = threading.Event(), []

    def endless():
        while True:
            steps.append(1)
            time.sleep(0.001)

    def press():
        # As Jupyter does it: a real signal, which wakes the main thread from its waiting. Python
        # drops one that comes within a callback; a person presses again, and so does this.
        seconds = 0.3
        while not over.wait(seconds):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            seconds = 10

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_within(60, endless)
    finally:
        over.set()
        pressing.join()
    seen = len(steps)
    time.sleep(0.2)
    assert len(steps) == seen


async def test_a_coroutine_is_run_also_beside_a_running_loop():
    async def answer():
        return asyncio.get_running_loop()

    assert run_coroutine(answer()) is not asyncio.get_running_loop()
    with pytest.raises(ValueError):
        run_coroutine(_raises())


async def _raises():
    raise ValueError


SCRIPT = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
from course_lib.exercises.time_limit import DidNotEnd, run_within
def sleeps():
    with ThreadPoolExecutor(1) as pool:
        pool.submit(time.sleep, 1e6).result()
try:
    run_within(0.2, sleeps)
except DidNotEnd:
    print("stopped")
"""


def test_python_ends_although_a_thread_was_left_behind():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.strip()) == (0, "stopped"), done.stderr


@pytest.mark.parametrize("value", ["soon", "0", "-1", "inf", "nan"])
def test_a_limit_that_is_none_is_refused(value):
    with pytest.raises(SettingsError, match="COURSE_CHECK_SECONDS"):
        read_check_seconds({"COURSE_CHECK_SECONDS": value})
    assert read_check_seconds({}) == 10
