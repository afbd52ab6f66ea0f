"""Servers as child processes: real, healthy before use, and gone afterwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import psutil
import pytest
from langgraph_sdk import get_sync_client

from course_lib.serving import (
    ServerError,
    copy_project,
    free_port,
    is_free,
    langgraph_server,
    start,
    webhook_receiver,
)
from course_lib.serving.ended import end_processes, has_ended

pytestmark = pytest.mark.slow

HTTP = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]


def gone(port, seconds=10):
    deadline = time.monotonic() + seconds
    while not is_free(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    return is_free(port)


@pytest.mark.soak
def test_langgraph_server_serves_namu_and_stops():
    with langgraph_server() as server:
        client = get_sync_client(url=server.url)
        thread = client.threads.create(metadata={"user": "ann"})
        message = {"messages": [{"role": "user", "content": "a cafe in Mapo"}]}
        state = client.runs.wait(thread["thread_id"], "namu", input=message)
        assert state["intent"] == "NEW_SEARCH"
        port = int(server.url.rsplit(":", 1)[1])
    assert gone(port) and not server.folder.exists()


@pytest.mark.parametrize("whole_group", [False, True], ids=["process", "group"])
def test_a_server_ends_with_the_process_that_started_it(whole_group):
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("this system has no SIGKILL")
    port = free_port()
    code = (
        "import sys, time\n"
        "from course_lib.serving.process import start\n"
        f"start({[*HTTP, str(port)]!r}, 'http://127.0.0.1:{port}', '/')\n"
        "print('up', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout.readline() == "up\n" and not is_free(port)
    if whole_group:
        os.killpg(parent.pid, signal.SIGKILL)
    else:
        os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert gone(port), "the server outlived its parent"


def test_a_server_whose_guard_was_killed_is_stopped_all_the_same():
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("this system has no SIGKILL")
    port = free_port()
    server = start([*HTTP, str(port)], f"http://127.0.0.1:{port}", "/")
    os.kill(server._process.pid, signal.SIGKILL)
    server.stop()
    assert gone(port)


def test_a_killed_server_is_gone_at_once_and_its_log_stays_until_it_is_stopped(monkeypatch):
    port = free_port()
    server = start([*HTTP, str(port)], f"http://127.0.0.1:{port}", "/")
    server.kill()
    assert is_free(port) and "GET /" in server.log
    monkeypatch.setattr(os, "killpg", None, raising=False)  # its number may be another's by now
    server.kill()
    server.stop()
    assert not server.folder.exists()


LEAVES_THE_SESSION = """
import subprocess, sys
full = "import sys, time; x = b'1' * 400_000_000; print(1, flush=True); time.sleep(60)"
child = subprocess.Popen(
    [sys.executable, "-c", full], stdout=subprocess.PIPE, start_new_session=True
)
child.stdout.readline()
from http.server import test, SimpleHTTPRequestHandler
test(SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind="127.0.0.1")
"""
"""A server like PostgreSQL: its child is in a session of its own, and its memory takes the system a
moment to take back."""


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_no_process_of_a_server_runs_on_once_it_has_ended(end):
    port = free_port()
    server = start(
        [sys.executable, "-c", LEAVES_THE_SESSION, str(port)], f"http://127.0.0.1:{port}", "/"
    )
    processes = server.processes()
    assert len(processes) == 2
    getattr(server, end)()
    assert all(map(has_ended, processes))
    assert server.processes() == []
    server.stop()


def test_a_process_that_was_frozen_or_is_a_zombie_has_ended_once_it_was_killed():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    process = psutil.Process(child.pid)
    assert not has_ended(process)
    process.suspend()
    assert not has_ended(process)
    end_processes([process])
    assert has_ended(process)  # though nobody has asked for its exit status
    child.wait()
    assert has_ended(process)
    end_processes([process])  # harmless


def test_a_guard_started_by_hand_ends_a_child_that_will_not_go():
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("this system has no SIGKILL")
    stubborn = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print(os.getpid(), flush=True); time.sleep(60)"
    )
    code = (
        "import sys; from course_lib.serving import supervisor; supervisor.GRACE_SECONDS = 0.3; "
        f"supervisor.main([sys.executable, '-c', {stubborn!r}])"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    guard = subprocess.Popen([sys.executable, "-c", code], text=True, **pipes)
    child = int(guard.stdout.readline())
    guard.stdin.close()
    assert guard.wait(20) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    port = free_port()
    start([*HTTP, str(port)], f"http://127.0.0.1:{port}", "/").stop()


@pytest.mark.soak
@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps no order between the two")
def test_a_frozen_server_answers_nothing_until_it_goes_on_and_can_be_stopped_frozen():
    port = free_port()
    with start([*HTTP, str(port)], f"http://127.0.0.1:{port}", "/") as server:
        server.pause()
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(server.url, trust_env=False, timeout=0.5)
        server.resume()
        assert httpx.get(server.url, trust_env=False, timeout=30).status_code == 200
        server.pause()
    assert gone(port)


def test_stopping_twice_is_harmless():
    port = free_port()
    server = start([*HTTP, str(port)], f"http://127.0.0.1:{port}", "/")
    assert httpx.get(server.url, trust_env=False).status_code == 200
    server.stop()
    server.stop()
    assert gone(port)


def test_a_taken_port_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServerError, match=r"Port \d+ is taken"):
            langgraph_server(port=taken.getsockname()[1])


@pytest.mark.soak
def test_a_server_that_ends_tells_the_lines_that_matter(tmp_path):
    broken = tmp_path / "langgraph.json"
    broken.write_text('{"dependencies": ["."], "graphs": {"x": "no_such_module:graph"}}')
    with pytest.raises(ServerError, match="no_such_module"):
        langgraph_server(broken)
    with pytest.raises(ServerError, match=r"no file .*missing\.json"):
        langgraph_server(tmp_path / "missing.json")


def test_a_server_that_never_gets_ready_is_stopped_and_told():
    port = free_port()
    command = [sys.executable, "-c", "import time; print('still thinking'); time.sleep(60)"]
    with pytest.raises(ServerError, match="not ready after 1 s"):
        start(command, f"http://127.0.0.1:{port}", "/", seconds=1)


def test_a_copied_project_has_the_keys_that_are_asked_for_and_is_never_written_over(tmp_path):
    config = copy_project(tmp_path / "a" / "copy", auth={"path": "./auth.py:auth"})
    settings = json.loads(config.read_text())
    assert settings["auth"] == {"path": "./auth.py:auth"} and "guide" in settings["graphs"]
    names = {path.name for path in config.parent.iterdir()}
    assert names == {"langgraph.json", "guide.py", "namu.py", "auth.py", "storage.py"}
    with pytest.raises(FileExistsError):
        copy_project(config.parent)


def test_a_webhook_receiver_returns_what_came_in_its_order_and_refuses_what_is_no_json():
    with webhook_receiver() as receiver:
        for n in (1, 2):
            assert httpx.post(receiver.url, json={"n": n}, trust_env=False).status_code == 204
        assert httpx.post(receiver.url, content=b"{", trust_env=False).status_code == 400
        assert [receiver.wait(5)["n"], receiver.wait(5)["n"]] == [1, 2]
        with pytest.raises(TimeoutError, match="No webhook came"):
            receiver.wait(0.01)
    receiver.stop()
