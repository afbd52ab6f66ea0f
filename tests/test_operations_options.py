"""What `stack()` refuses, with a message that names it, before it has started anything."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile

import pytest

from course_lib.operations import database_pair, stack
from course_lib.operations.stack_options import MODEL_OPTIONS, PORT_NAMES, check_model, choose_ports
from course_lib.serving import ServerError, free_port, langgraph_server, model_gateway, vllm_server

NO_PORTS = [0, -1, -8080, 65_536, 99_999, "8080", "", None, 80.0, True, [8080]]


@pytest.fixture
def nothing_starts(monkeypatch):
    """No process is started, and no folder is made."""

    def refuse(*arguments, **more):
        raise AssertionError("something was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(tempfile, "mkdtemp", refuse)


@pytest.mark.parametrize("port", NO_PORTS, ids=repr)
@pytest.mark.parametrize("name", ["proxy", "database-a", "jobs"])
def test_what_is_no_port_is_named_with_its_part(nothing_starts, name, port):
    with pytest.raises(ValueError) as told:
        stack(ports={name: port})
    assert str(told.value) == (
        f"ports[{name!r}]={port!r} is no TCP port. Give a whole number from 1 to 65535, or leave "
        "it out, and a free one is taken."
    )


@pytest.mark.parametrize("port", [each for each in NO_PORTS if each is not None], ids=repr)
@pytest.mark.parametrize("begin", [model_gateway, langgraph_server], ids=lambda each: each.__name__)
def test_every_server_with_a_port_refuses_what_is_none(nothing_starts, begin, port):
    with pytest.raises(ValueError, match="is no TCP port"):
        begin(port=port)


@pytest.mark.parametrize("port", NO_PORTS, ids=repr)
def test_a_pair_of_databases_refuses_what_is_no_port(nothing_starts, port):
    with pytest.raises(ValueError, match=r"the port of the database's standby=.* is no TCP port"):
        database_pair((free_port(), port))


def test_vllm_refuses_what_is_no_port(nothing_starts, monkeypatch, tmp_path):
    from course_lib.serving import vllm_process

    monkeypatch.setattr(vllm_process, "vllm_program", lambda: tmp_path / "vllm")
    (tmp_path / "config.json").touch()
    with pytest.raises(ValueError, match="port=70000 is no TCP port"):
        vllm_server(tmp_path, port=70_000)


@pytest.mark.parametrize("listens", [True, False], ids=["listens", "only bound"])
@pytest.mark.parametrize("name", ["worker-2", "proxy-status", "database-b"])
def test_a_taken_port_is_named_with_its_part(nothing_starts, name, listens):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        if listens:
            other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError) as told:
            stack(ports={"worker-1": free_port(), name: port})
    assert str(told.value).startswith(f"Port {port}, for the part {name!r}, is taken by another")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no privileged ports")
def test_a_port_that_the_system_refuses_is_named_with_the_reason(nothing_starts, monkeypatch):
    def bind(self, address):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", bind)
    with pytest.raises(ServerError, match=r"for the part 'proxy', cannot be used: Permission den"):
        stack(ports={"proxy": 443})


def test_a_name_without_a_port_and_one_port_for_two_are_refused(nothing_starts):
    with pytest.raises(ValueError, match=r"names web, which is no part with a port\. Use: da"):
        stack(ports={"web": 8080})
    with pytest.raises(ValueError, match="Two parts cannot have one port"):
        stack(ports=dict.fromkeys(("worker-1", "worker-2"), free_port()))


def test_parts_that_were_given_no_port_get_different_free_ones():
    mine = free_port()
    ports = choose_ports({"jobs": mine})
    assert set(ports) == set(PORT_NAMES) and ports["jobs"] == mine
    assert len(set(ports.values())) == len(PORT_NAMES) == 10


@pytest.mark.parametrize("name", ["port", "tokens_per_secnd", "key", "log_file", "faults"])
def test_an_option_that_the_model_has_not_is_refused(nothing_starts, name):
    with pytest.raises(TypeError, match=f"no option '{name}'. Those of the model are: break_after"):
        stack(**{name: 8080})


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"size": "huge"}, "size='huge': .*Use one of small, medium, large"),
        ({"tokens_per_second": 0}, "tokens_per_second=0: .*greater than 0"),
        ({"concurrent": 1.5}, "concurrent=1.5: "),
        ({"status": 500}, "status=500: "),
        ({"queue": "many"}, "queue='many': "),
    ],
    ids=lambda each: str(each)[:20],
)
def test_a_value_that_the_model_cannot_have_is_refused(nothing_starts, given, told):
    with pytest.raises(ValueError, match=told):
        stack(**given)


def test_every_option_of_a_model_server_is_an_option_of_the_stack():
    check_model("small", {"tokens_per_second": 80, "stall_after": 3, "times": 1})
    assert set(MODEL_OPTIONS) > {"first_token_seconds", "prompt_tokens_per_second", "context"}
