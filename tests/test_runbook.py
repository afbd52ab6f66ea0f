"""docs/runbook.md: each fault is made in a real service, and the entry's own commands end it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import psycopg
import pytest
from runbook_commands import blocks, entries, run_block
from small_disk import NoSmallDiskError, small_disk
from tcp_forwarder import forwarder
from waiting import wait_until

from course_lib.persistence import connect, postgres
from course_lib.persistence.idle_time import cutoff_id
from course_lib.serving import api_workers, model_gateway
from course_lib.settings import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.soak,
    pytest.mark.skipif(os.name == "nt", reason="the runbook's commands are those of a Unix shell"),
]
APP = "runbook_graphs:make_app"
TRIED = (
    "Out of memory",
    "Database down",
    "Stuck thread",
    "Model slow",
    "Disk full",
    "Poisoned checkpoint",
)
ROLE = "person"
FAILED = 'chat_turns_total{outcome="failed",problem="unexpected"}'
PARTS = ("How you see it.", "What the person sees.", "It is over when")


class Service:
    """One API worker before a database that can be taken away, and a model that can be slow."""

    def __init__(self, workers, gateway, database, forward):
        self.workers, self.gateway, self.forward = workers, gateway, forward
        self.database_url = database.url
        token = workers.token("ann", tenant="one")
        self.client = httpx.Client(
            trust_env=False,
            timeout=60,
            headers={"Authorization": f"Bearer {token}"},
            limits=httpx.Limits(max_keepalive_connections=0),  # uvicorn closes it after a 500
        )

    @property
    def url(self):
        return self.workers.urls[0]

    @property
    def names(self):
        return {"CHAT_URL": self.url, "CHAT_DATABASE_URL": self.database_url}

    @property
    def process(self):
        """The worker itself, behind the process that guards it."""
        return server_process(self.workers.servers[0])

    def say(self, text, thread=None, message_id=None):
        body = {"message_id": message_id or str(uuid4()), "text": text}
        if thread:
            body["thread_id"] = thread
        return self.client.post(f"{self.url}/chat", json=body)

    def send(self, text, thread, message_id):
        """Send a message in a thread of its own, and return at once."""
        loop = asyncio.new_event_loop()
        future = loop.run_in_executor(None, lambda: self.say(text, thread, message_id))
        return loop, future

    def measured(self, series):
        """One number of the service's `/metrics`; 0 where it has not been counted yet."""
        told = self.client.get(f"{self.url}/metrics").text
        found = re.search(rf"^{re.escape(series)} (\S+)$", told, re.M)
        return float(found[1]) if found else 0.0

    def new_thread(self):
        answer = self.say("Hello")
        assert answer.status_code == 200, f"{answer.text}\n{self.workers.servers[0].log}"
        return answer.json()["thread_id"]

    def texts(self, thread):
        state = self.client.get(f"{self.url}/state", params={"thread_id": thread})
        assert state.status_code == 200, state.text
        return [each["text"] for each in state.json()["messages"] if each["role"] == ROLE]


def server_process(server):
    guard = psutil.Process(server._process.pid)
    return next(
        each for each in guard.children(recursive=True) if "supervisor" not in each.cmdline()[-1]
    )


@pytest.fixture(scope="module")
def service():
    with (
        model_gateway(size="small") as gateway,
        postgres("runbook", scratch=True) as database,
        forwarder(database.url) as forward,
        api_workers(1, database_url=forward.url, app=APP, variables=variables(gateway)) as workers,
    ):
        running = Service(workers, gateway, database, forward)
        yield running
        running.client.close()
        running.gateway.stop()


def variables(gateway):
    return {
        **gateway.variables,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        "CHAT_WAIT_SECONDS": "2",
    }


def test_every_entry_says_how_to_see_it_what_to_do_and_when_it_is_over():
    found = entries()
    assert [name for name in found if "```sh" in found[name]] == list(TRIED)
    for name in TRIED:
        assert all(part in found[name] for part in PARTS), name
    assert "GPU memory" in found["On a GPU"] and "driver" in found["On a GPU"]


def test_out_of_memory_ends_with_a_new_worker(service):
    if sys.platform != "linux":
        pytest.skip("Only Linux lets one process limit the memory of another (prlimit).")
    thread, message = service.new_thread(), str(uuid4())
    old = service.process
    room = old.memory_info().vms + 200 * 2**20
    old.rlimit(psutil.RLIMIT_AS, (room, room))
    failed = service.say("hoard", thread, message)
    assert failed.status_code == 500, failed.text
    wait_until(lambda: "MemoryError" in service.workers.servers[0].log)  # a thread writes it
    wait_until(lambda: service.measured(FAILED) == 1)
    given = {**service.names, "API_PID": str(old.pid)}
    looked = run_block("Out of memory", 1, **given)
    assert int(looked.stdout.split()[1]) > 50_000  # kilobytes
    assert run_block("Out of memory", 2, **given).returncode == 0
    old.wait(60)  # it drains and ends by itself
    service.workers.restart(0)
    assert run_block("Out of memory", 3, **service.names).returncode == 0
    assert service.say("hoard", thread, message).status_code == 200
    assert service.texts(thread) == ["Hello", "hoard"]
    service.workers.restart(0)  # without the 400 MB


def test_database_down_is_over_without_a_restart_of_the_service(service):
    thread, message = service.new_thread(), str(uuid4())
    given = {**service.names, "CHAT_DATABASE_URL": service.forward.url}
    before = service.process.pid
    service.forward.close()
    try:
        health = service.client.get(f"{service.url}/health")
        assert (health.status_code, health.json()["type"]) == (503, "/problems/database-away")
        failed = service.say("Are you there?", thread, message)
        assert failed.status_code == 503 and "again" in failed.json()["detail"]
        assert "no response" in run_block("Database down", 1, **given).stdout
        assert run_block("Database down", 2, **given).returncode != 0
    finally:
        service.forward.open()
    wait_until(lambda: run_block("Database down", 2, **given).returncode == 0)
    assert service.say("Are you there?", thread, message).status_code == 200
    assert service.texts(thread) == ["Hello", "Are you there?"]
    assert service.process.pid == before


@pytest.mark.parametrize("frozen", [False, True], ids=["waits", "frozen"])
def test_a_stuck_thread_is_freed(service, frozen):
    thread, message = service.new_thread(), str(uuid4())
    given = {**service.names, "THREAD": thread}
    assert "free" in run_block("Stuck thread", 1, **given).stdout
    loop, stuck = service.send("forever", thread, message)
    wait_until(lambda: "held by" in run_block("Stuck thread", 1, **given).stdout)
    assert service.say("Hello?", thread).status_code == 409
    wait_until(lambda: service.measured("chat_turns_running") == 1)  # the stuck one alone
    assert service.measured('chat_turns_total{outcome="failed",problem="thread-busy"}') >= 1
    if frozen:
        service.workers.servers[0].pause()
        try:
            freed = run_block("Stuck thread", 3, **given)
        finally:
            service.workers.servers[0].resume()
    else:
        freed = run_block("Stuck thread", 2, **given)
    assert freed.returncode == 0 and "free now" in freed.stdout, freed.stderr
    assert run_block("Stuck thread", 4, **given).returncode == 0
    ended = loop.run_until_complete(stuck)
    loop.close()
    assert ended.json()["status"] != "done"
    assert service.say("And now?", thread).status_code == 200
    assert service.texts(thread)[-1] == "And now?"


def test_a_slow_model_is_found_and_replaced(service):
    thread, message = service.new_thread(), str(uuid4())
    gateway = service.gateway
    given = {
        **service.names,
        "MODEL_URL": gateway.url,
        "MODEL_KEY": "any",
        "MODEL_NAME": gateway.model,
    }
    assert "status 0" in run_block("Model slow", 2, **given).stdout
    gateway.set_faults(stall_after=0)
    loop, waiting = service.send("Hello again", thread, message)
    running = re.compile(r"^gateway_requests_running 1", re.M)
    wait_until(lambda: running.search(run_block("Model slow", 1, **given).stdout))
    assert "status 28" in run_block("Model slow", 2, **given).stdout
    process = server_process(gateway)
    ended = run_block("Model slow", 3, **given, MODEL_PID=str(process.pid))
    assert ended.returncode == 0
    process.wait(60)
    failed = loop.run_until_complete(waiting)
    loop.close()
    gateway.stop()
    # It stays for the tests that come after this one, in whatever order they run.
    service.gateway = model_gateway(size="small", port=int(gateway.url.rpartition(":")[2]))
    assert "status 0" in run_block("Model slow", 2, **given).stdout
    answer = service.say("Hello again", thread, message)
    assert answer.status_code == 200, (failed.text, answer.text)
    assert service.texts(thread) == ["Hello", "Hello again"]
    assert service.gateway.metrics()["gateway_requests_total"] >= 1


def test_a_poisoned_checkpoint_is_removed_and_its_rows_are_kept(offline, tmp_path):
    service = offline
    thread = service.new_thread()
    assert service.say("What is open today?", thread).status_code == 200
    given = {**service.names, "THREAD": thread, "KEPT_ROWS": str(tmp_path / "rows.jsonl")}
    assert run_block("Poisoned checkpoint", 4, **given).returncode == 0
    with connect(service.database_url, autocommit=True) as connection:
        count = "SELECT count(*) FROM checkpoints WHERE thread_id = %s"
        before = connection.execute(count, [thread]).fetchone()[0]
        connection.execute(
            "UPDATE checkpoint_blobs SET blob = %s WHERE thread_id = %s AND channel = 'messages' "
            "AND version = (SELECT max(version) FROM checkpoint_blobs WHERE thread_id = %s AND "
            "channel = 'messages')",
            [b"\xc1 no msgpack", thread, thread],
        )
    state = service.client.get(f"{service.url}/state", params={"thread_id": thread})
    failed = service.say("And tomorrow?", thread, message := str(uuid4()))
    assert (state.status_code, failed.status_code) == (500, 500)
    wait_until(lambda: service.measured(FAILED) == 1)
    found = run_block("Poisoned checkpoint", 1, **given)
    assert "cannot be read" in found.stdout
    assert run_block("Poisoned checkpoint", 4, **given).returncode == 1
    would = run_block("Poisoned checkpoint", 2, **given)
    assert would.returncode == 0 and "would remove" in would.stdout, would.stderr
    done = run_block("Poisoned checkpoint", 3, **given)
    assert done.returncode == 0 and "removed" in done.stdout, done.stderr
    assert run_block("Poisoned checkpoint", 4, **given).returncode == 0
    assert service.say("And tomorrow?", thread, message).status_code == 200
    assert service.texts(thread)[-1] == "And tomorrow?"
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    removed = [each["row"] for each in rows if each["table"] == "checkpoints"]
    assert 0 < len(removed) < before
    with connect(service.database_url, autocommit=True) as connection:
        for row in removed:  # as the docstring says, a row can go back
            connection.execute(
                "INSERT INTO checkpoints SELECT * FROM jsonb_populate_record("
                "NULL::checkpoints, %s::jsonb)",
                [json.dumps(row)],
            )
        back = "SELECT count(*) FROM checkpoints WHERE checkpoint_id = ANY(%s)"
        ids = [row["checkpoint_id"] for row in removed]
        assert connection.execute(back, [ids]).fetchone()[0] == len(ids)


@pytest.fixture(scope="module")
def offline():
    """A service with the offline model in the worker itself."""
    with (
        postgres("runbook", scratch=True) as database,
        api_workers(
            1, database_url=database.url, app=APP, variables=offline_variables()
        ) as workers,
    ):
        running = Service(workers, None, database, None)
        yield running
        running.client.close()


def offline_variables():
    return {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}


@pytest.fixture
def full_disk():
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("Only root may mount a small file system (tmpfs, Linux).")
    with postgres("runbook", scratch=True) as server:
        if not server.embedded:
            pytest.skip("COURSE_DATABASE_URL names a server that cannot see this disk.")
        name = f"course_small_{os.getpid()}_{uuid4().hex[:8]}"
        try:
            with small_disk(server.url, name) as made:
                yield made
        except NoSmallDiskError as error:
            pytest.skip(f"This machine does not let root mount a tmpfs: {error}")


HOLD = """
import sys, time
from small_disk import small_disk
with small_disk(*sys.argv[1:]) as (url, reserve):
    print(reserve.parent, flush=True)
    time.sleep(600)
"""


@pytest.mark.usefixtures("full_disk")  # which skips where nothing can be mounted
def test_a_killed_disk_test_leaves_no_disk_and_no_database():
    with postgres("runbook", scratch=True) as server:
        name = f"course_small_{os.getpid()}_{uuid4().hex[:8]}"
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, server.url, name],
            env={**os.environ, **offline_variables()},
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            folder = Path(process.stdout.readline().strip())
            assert folder.is_mount()
            process.kill()
        wait_until(lambda: not folder.exists())
        with connect(server.url) as connection:
            left = "SELECT count(*) FROM pg_tablespace WHERE spcname = %s"
            assert connection.execute(left, [name]).fetchone()[0] == 0


def test_a_full_disk_is_over_after_a_clean_up(full_disk):
    url, reserve = full_disk
    with api_workers(1, database_url=url, app=APP, variables=offline_variables()) as workers:
        service = Service(workers, None, type("Database", (), {"url": url}), None)
        thread, message = service.new_thread(), str(uuid4())
        fill(url, thread)
        failed = service.say("Is there room?", thread, message)
        assert failed.status_code == 503, failed.text
        wait_until(lambda: "lost its database or its model" in workers.servers[0].log)
        wait_until(
            lambda: service.measured('chat_turns_total{outcome="failed",problem="run-lost"}') == 1
        )
        assert service.texts(thread)[0] == "Hello"  # reading works
        assert "checkpoint_blobs" in run_block("Disk full", 1, **service.names).stdout
        for number in (2, 3, 4):
            done = run_block("Disk full", number, **service.names, RESERVE_FILE=str(reserve))
            assert done.returncode == 0, done.stderr
        answer = service.say("Is there room?", thread, message)
        assert answer.status_code == 200, answer.text
        assert service.texts(thread) == ["Hello", "Is there room?"]
        service.client.close()


def fill(url, thread):
    """Fill the disk with the history of a thread that nobody has used for a year."""
    newest = cutoff_id("365d")
    with connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint, "
            "metadata) SELECT 'old', '', %s, checkpoint, metadata FROM checkpoints "
            "WHERE thread_id = %s ORDER BY checkpoint_id DESC LIMIT 1",
            [newest, thread],
        )
        for size in (200_000, 20_000, 4_000, 500):
            with suppress(psycopg.errors.DiskFull):
                while True:
                    connection.execute(
                        "INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, "
                        "type, blob) VALUES ('old', '', 'messages', %s, 'msgpack', %s)",
                        [f"0.{uuid4()}", os.urandom(size)],
                    )


def test_a_block_that_is_not_in_the_runbook_is_an_error():
    assert len(blocks("Stuck thread")) == 4
    with pytest.raises(AssertionError, match="THREAD"):
        run_block("Stuck thread", 1, CHAT_DATABASE_URL="postgresql://nobody")
