"""What survives a crash: child processes that are killed, and the runs that others finish."""

from __future__ import annotations

import json
import operator
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from functools import partial
from typing import Annotated

import pytest
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.runtime import RunControl, get_runtime
from typing_extensions import TypedDict

from course_lib.display import read_runs, show_runs
from course_lib.persistence import open_checkpointer, postgres
from course_lib.serving import (
    ChildError,
    PaymentError,
    kill_this_process,
    pay,
    payment_service,
    run_child,
    start_child,
)

STEPS = [f"step{number}" for number in range(1, 7)]
THREAD = {"configurable": {"thread_id": "one"}}
KILLED = "killed by SIGKILL" if os.name != "nt" else "killed by SIGTERM"


class Steps(TypedDict):
    done: Annotated[list[str], operator.add]


def write_line(ledger, step):
    with open(ledger, "a", encoding="utf-8") as file:
        print(os.getpid(), step, get_runtime().execution_info.task_id, file=file)


def step(name, ledger, crash, state):
    if crash == f"before {name}":
        kill_this_process()
    write_line(ledger, name)
    if crash == f"after {name}":
        kill_this_process()
    return {"done": [name]}


def run_steps(url, ledger, value, crash=None, durability="sync"):
    with open_checkpointer(url) as saver:
        steps = [(name, partial(step, name, ledger, crash)) for name in STEPS]
        graph = StateGraph(Steps).add_sequence(steps).add_edge(START, STEPS[0])
        return graph.compile(checkpointer=saver).invoke(value, THREAD, durability=durability)


@pytest.fixture
def place(request, tmp_path, server):
    """An empty database of the kind that the test asks for, and the path of a ledger."""
    ledger = tmp_path / "ledger.txt"
    if request.param == "postgres":
        with postgres("crash", scratch=True) as running:
            yield running.url, ledger
    else:
        yield f"sqlite:///{tmp_path / 'crash.db'}", ledger


ON_POSTGRES = pytest.param("postgres", marks=pytest.mark.soak)
BOTH = pytest.mark.parametrize("place", ["sqlite", ON_POSTGRES], indirect=True)
FEW_KILLS = (("sqlite", "step3"), ("postgres", "step6"))
"""The two of the sixty that `make test` runs."""
KILLS = [
    pytest.param(
        saver,
        name,
        id=f"{saver}-{name}-{turn}",
        marks=() if turn == 0 and (saver, name) in FEW_KILLS else pytest.mark.soak,
    )
    for turn in range(5)
    for saver in ("sqlite", "postgres")
    for name in STEPS
]


@pytest.mark.parametrize(("place", "name"), KILLS, indirect=["place"])
def test_resume_after_kill_repeats_no_finished_step_and_loses_none(place, name):
    url, ledger = place
    assert run_child(run_steps, url, ledger, {"done": []}, f"before {name}").ended == KILLED
    before = [step for _, step, _ in read_runs(ledger)] if ledger.exists() else []
    assert before == STEPS[: STEPS.index(name)]
    end = run_steps(url, ledger, None)
    assert end["done"] == [step for _, step, _ in read_runs(ledger)] == STEPS


@BOTH
def test_kill_between_the_line_and_the_checkpoint_gives_two_lines_one_key_one_charge(place):
    url, ledger = place
    assert run_child(run_steps, url, ledger, {"done": []}, "after step3").ended == KILLED
    assert run_steps(url, ledger, None)["done"] == STEPS
    lines = [line for line in read_runs(ledger) if line[1] == "step3"]
    assert len(lines) == 2 and len({pid for pid, _, _ in lines}) == 2
    assert len({key for _, _, key in lines}) == 1
    with payment_service() as service:
        for _, name, key in lines:
            pay(service.url, name, 10, key)
        assert len(service.charges) == 1 and service.requests == 2


@pytest.mark.soak
def test_exit_keeps_nothing_after_a_kill(tmp_path):
    url, ledger = f"sqlite:///{tmp_path / 'exit.db'}", tmp_path / "ledger.txt"
    run_child(run_steps, url, ledger, {"done": []}, "before step4", durability="exit")
    with open_checkpointer(url) as saver:
        assert list(saver.list(THREAD)) == []
    assert run_child(run_steps, url, ledger, None).ended == (
        "by an error: EmptyInputError: Received no input for __start__"
    )


@task
def pay_for(name, ledger):
    write_line(ledger, name)
    return name


def run_tasks(url, ledger, value, crash=None):
    with open_checkpointer(url) as saver:

        @entrypoint(checkpointer=saver)
        def plan(names):
            done = []
            for name in names:
                if name == crash:
                    time.sleep(1)  # the result of a task is stored in the background
                    kill_this_process()
                done.append(pay_for(name, ledger).result())
            return done

        return plan.invoke(value, THREAD, durability="sync")


@pytest.mark.soak
@BOTH
def test_finished_tasks_are_replayed_by_another_process(place):
    url, ledger = place
    assert run_child(run_tasks, url, ledger, STEPS, "step4").ended == KILLED
    assert run_tasks(url, ledger, None) == STEPS
    assert [step for _, step, _ in read_runs(ledger)] == STEPS


def drained(url, ledger, value):
    def slow(state):
        print("slow begins")
        time.sleep(1)
        write_line(ledger, "slow")

    def after(state):
        write_line(ledger, "after")

    control = RunControl()
    signal.signal(signal.SIGTERM, lambda *_: control.request_drain("deploy"))
    with open_checkpointer(url) as saver:
        graph = StateGraph(Steps).add_sequence([slow, after]).add_edge(START, "slow")
        graph.compile(checkpointer=saver).invoke(value, THREAD, control=control)


@pytest.mark.soak
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a program can handle")
@BOTH
def test_drain_on_sigterm_ends_the_step_and_another_process_runs_the_rest(place):
    url, ledger = place
    with start_child(drained, url, ledger, {"done": []}) as child:
        child.wait_for("slow begins")
        child.terminate()
        assert child.wait().ended == "by an error: GraphDrained: Graph drained: deploy"
    assert [step for _, step, _ in read_runs(ledger)] == ["slow"]
    assert run_child(drained, url, ledger, None).ended == "normally"
    assert [step for _, step, _ in read_runs(ledger)] == ["slow", "after"]


def greet(name, times=1):
    print("hello", name * times, flush=True)


def test_a_function_of_a_cell_runs_in_another_process_with_what_it_refers_to():
    scope = {"greeting": "hello"}
    exec("import os\ndef shout(name):\n    print(greeting, name, os.getpid())", scope)
    child = run_child(scope["shout"], "Ann")
    assert child.ended == "normally" and child.output == f"hello Ann {child.pid}"
    assert child.pid != os.getpid()


def test_the_output_is_kept_when_the_child_is_killed():
    def work():
        print("begun", flush=True)
        kill_this_process()

    child = run_child(work)
    assert (child.ended, child.output) == (KILLED, "begun")


def test_an_error_of_the_child_is_named():
    child = run_child(greet, None)
    assert child.ended.startswith("by an error: TypeError: unsupported operand")


@pytest.mark.parametrize("function", [None, "greet", 3])
def test_what_is_no_function_is_refused_with_the_remedy(function):
    with pytest.raises(TypeError, match="Hand over the function"):
        run_child(function)


def test_what_cannot_travel_is_refused_with_the_remedy():
    lock = threading.Lock()
    with pytest.raises(TypeError, match="inside the function, and hand over their paths"):
        run_child(lambda: lock.acquire())


def test_a_child_that_takes_too_long_is_killed_and_named():
    with pytest.raises(ChildError, match="had not ended after 1"):
        run_child(time.sleep, 60, seconds=1)


@pytest.mark.soak
def test_waiting_for_a_text_that_never_comes_says_what_came_instead():
    with start_child(greet, "Ann") as child:
        with pytest.raises(ChildError, match="hello Ann"):
            child.wait_for("goodbye")
    with start_child(time.sleep, 60) as child:
        with pytest.raises(ChildError, match="still runs after"):
            child.wait_for("goodbye", seconds=0.1)
        assert child.ended == "still running"
    assert child.ended == KILLED
    child.terminate()  # harmless now


def parent(pid_file):
    child = start_child(time.sleep, 60)
    with open(pid_file, "w") as file:
        file.write(str(child.pid))
    kill_this_process()


@pytest.mark.soak
@pytest.mark.skipif(sys.platform == "win32", reason="reads the process table")
def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path):
    import psutil

    run_child(parent, tmp_path / "pid")
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_show_runs_counts_lines_and_keys(tmp_path, capsys):
    ledger = tmp_path / "ledger.txt"
    ledger.write_text("70 hotel k1\n70 train k2\n71 train k2\n71 train k3\n")
    show_runs(ledger)
    rows = [[w.strip() for w in row.split("|")] for row in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["step", "process 1", "process 2", "keys"]
    assert rows[2:4] == [["hotel", "1 x", "", "1"], ["train", "1 x", "2 x", "2"]]


def test_a_ledger_that_cannot_be_read_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="no step has written a line"):
        show_runs(tmp_path / "none.txt")
    (tmp_path / "odd.txt").write_text("70 hotel k1\n70 the hotel k1\n")
    with pytest.raises(ValueError, match="Line 2 of 'odd"):
        show_runs(tmp_path / "odd.txt")


def test_the_payment_service_charges_once_for_each_key():
    with payment_service() as service:
        first = pay(service.url, "hotel", 120, "k1")
        again = pay(service.url, "hotel", 120, "k1")
        assert (first["charged"], again["charged"]) == (True, False)
        assert first["receipt"] == again["receipt"]
        pay(service.url, "hotel", 120, "k2")
        pay(service.url, "hotel", 120)
        pay(service.url, "hotel", 120)
        assert [each["key"] for each in service.charges] == ["k1", "k2", None, None]
        with pytest.raises(PaymentError, match="this key paid for hotel for 120"):
            pay(service.url, "train", 120, "k1")
        for amount in (0, -1, True, "120", None):
            with pytest.raises(PaymentError, match="a number above 0"):
                pay(service.url, "hotel", amount, "k3")
        assert len(service.charges) == 4 and service.requests == 6


def test_the_payment_service_charges_once_for_requests_at_the_same_time():
    with payment_service() as service:
        work = [
            threading.Thread(target=pay, args=(service.url, "hotel", 120, "k1")) for _ in range(20)
        ]
        for each in work:
            each.start()
        for each in work:
            each.join()
        assert (len(service.charges), service.requests) == (1, 20)


def test_a_request_that_is_no_charge_is_refused():
    with payment_service() as service:
        for path, body in (("/charges", b"not json"), ("/charges", b"[]"), ("/other", None)):
            body = json.dumps({"item": "hotel", "amount": 1}).encode() if body is None else body
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(urllib.request.Request(service.url + path, body))
            assert refused.value.code in (400, 404)
        assert service.charges == []


def test_a_payment_service_that_is_down_is_named_with_the_remedy():
    with payment_service() as service:
        url = service.url
    with pytest.raises(ConnectionError, match="Start one with payment_service"):
        pay(url, "hotel", 120)
