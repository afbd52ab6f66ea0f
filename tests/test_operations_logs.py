"""The log without a person's words, and the audit log with them, masked and chained."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from observed_service import observed_service, token_of, untouched_logging

from course_lib.models.gateway.request_log import RequestLog
from course_lib.models.line_file import LineFile
from course_lib.operations.audit import AuditLog, read_audit, verify_audit
from course_lib.operations.logs import UVICORN, read_log, write_logs
from course_lib.operations.masking import detect_phone, mask
from course_lib.operations.request_ids import ids_now
from course_lib.persistence import postgres
from course_lib.settings import ROOT


@pytest.fixture(scope="module")
def database():
    with postgres("logs", scratch=True) as running:
        yield running


async def test_the_log_has_every_turn_with_its_ids_and_no_word_of_anybody(database, tmp_path):
    async with observed_service(tmp_path, database.url, CHAT_VERSION="2026-11-27") as service:
        said = await service.say("my wish is private")
        failed = await service.say("fail")
        asked = await service.say("ask whether I like kimchi")
    lines = read_log(service.log)
    turns = [line for line in lines if line["event"] == "turn"]
    assert [line["outcome"] for line in turns] == ["done", "failed", "waiting"]
    assert [line["problem"] for line in turns] == [None, "unexpected", None]
    for line, answer in zip(turns, (said, failed, asked), strict=True):
        assert (
            line["request_id"] == answer.headers["X-Request-ID"] and line["version"] == "2026-11-27"
        )
        assert list(line)[:3] == ["time", "level", "event"]
    assert turns[0]["run_id"] == said.json()["run_id"]
    assert turns[0]["thread_id"] == said.json()["thread_id"]
    assert turns[0]["seconds"] >= turns[0]["first_token_seconds"] >= 0
    error = next(line for line in lines if line["level"] == "error")
    assert error["error"] == "RuntimeError" and error["run_id"] == turns[1]["run_id"]
    assert error["frames"][-1].startswith("api_graphs.py:") and error["frames"][-1].endswith(
        " answer"
    )
    text = service.log.read_text()
    for words in ("wish", "private", "kimchi", "hunter2", "re: my", "Go on", "ann"):
        assert words not in text


def lines_of(tmp_path, write):
    path = tmp_path / "log.jsonl"
    with untouched_logging():
        listener = write_logs(path)
        for name in UVICORN:  # a server of another test may have changed it
            logging.getLogger(name).setLevel(logging.INFO)
        write()
        listener.stop()
    return read_log(path)


def test_lines_of_uvicorn_have_the_same_form_and_no_query(tmp_path):
    def write():
        access = logging.getLogger("uvicorn.access")
        address = ("1.2.3.4:5", "GET", "/state?text=my-wish", "1.1", 200)
        access.info('%s - "%s %s HTTP/%s" %d', *address)
        told = logging.getLogger("uvicorn.error")
        told.error("Shutting %s", "down")
        told.info('%s - "WebSocket %s" [accepted]', "1.2.3.4:5", "/ws?text=my-wish")
        told.info('%s - "WebSocket %s" %d', "1.2.3.4:5", "/ws?text=my-wish", 403)

    request, error, *sockets = lines_of(tmp_path, write)
    assert [(each["event"], each["path"]) for each in sockets] == [("websocket", "/ws")] * 2
    assert not any(word in json.dumps(sockets) for word in ("1.2.3.4", "my-wish"))
    facts = {"event": "request", "method": "GET", "path": "/state", "status": 200, "level": "info"}
    assert facts.items() <= request.items() and "1.2.3.4" not in json.dumps(request)
    assert error["event"] == "Shutting down" and error["logger"] == "uvicorn.error"


def test_of_what_libraries_and_exceptions_say_only_the_place_is_kept(tmp_path):
    def write():
        logging.getLogger("some.library").warning("got %r", "my wish")
        try:
            raise ValueError("my wish")
        except ValueError:
            logging.getLogger("chat").exception("it failed: %s", "my wish")
            logging.getLogger("uvicorn.error").error(
                "Exception in ASGI application\n", exc_info=True
            )

    library, own, server = lines_of(tmp_path, write)
    assert library["place"].startswith(__file__) and library["logger"] == "some.library"
    for line in (own, server):
        assert line["error"] == "ValueError" and len(line["frames"]) == 1
    assert own["event"] == "it failed: %s" and server["event"] == "Exception in ASGI application"
    assert "wish" not in json.dumps([library, own, server])


async def test_the_audit_log_has_prompts_and_decisions_masked_and_who_it_was(database, tmp_path):
    async with observed_service(tmp_path, database.url) as service:
        asked = await service.say("ask 010-1234-5678 or kim@example.com", user="ann@example.com")
        body = {
            "thread_id": asked.json()["thread_id"],
            "question_id": asked.json()["questions"][0]["id"],
            "answer": {"approve": True},
        }
        await service.client.post("/resume", json=body, headers=token_of("ann@example.com"))
    prompt, waits, decision, end = read_audit(service.audit)
    assert prompt["kind"] == "prompt" and prompt["text"] == "ask [phone] or [email]"
    assert prompt["user"] == "ann@example.com" and prompt["tenant"] == "one"
    assert waits["outcome"] == "waiting" and end["outcome"] == "done"
    assert decision["kind"] == "decision" and decision["answer"] == {"approve": True}
    assert decision["question_id"] == body["question_id"]
    assert decision["request_id"] != prompt["request_id"]
    assert verify_audit(service.audit) == []
    assert service.audit.stat().st_mode & 0o077 == 0


async def test_the_audit_log_has_the_calls_of_tools(database, tmp_path):
    from langchain_core.messages import AIMessage
    from langchain_core.tools import tool
    from langgraph.graph import START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode

    @tool
    def book(name: str, phone: str) -> str:
        """Book a table."""
        return "booked"

    def build(saver, store):
        def ask(state: MessagesState):
            call = {"name": "book", "args": {"name": "Kim", "phone": "010 1234 5678"}, "id": "1"}
            return {"messages": [AIMessage("", tool_calls=[call])]}

        builder = StateGraph(MessagesState)
        builder.add_node("ask", ask)
        builder.add_node("tools", ToolNode([book]))
        builder.add_edge(START, "ask")
        builder.add_edge("ask", "tools")
        return builder.compile(checkpointer=saver, store=store)

    async with observed_service(tmp_path, database.url, build) as service:
        answer = await service.say("book it")
    _, call, _ = read_audit(service.audit)
    assert call["kind"] == "tool call" and call["tool"] == "book"
    assert call["arguments"] == {"name": "Kim", "phone": "[phone]"}
    assert call["run_id"] == answer.json()["run_id"]


@pytest.fixture
def audit_of_two_workers(tmp_path):
    path = tmp_path / "audit.jsonl"
    logs = [AuditLog(path), AuditLog(path)]
    for n in range(6):
        logs[n % 2].write("prompt", {"text": f"text {n}"})
    for log in logs:
        log.close()
    assert verify_audit(path) == []
    return path


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [lines[0].replace("text 0", "text 9"), *lines[1:]], "was changed"),
        (lambda lines: [*lines[:2], *lines[3:]], "number 3 of its worker follows number 1"),
        (lambda lines: lines[1:], "number 2 of its worker follows number 0"),
        (lambda lines: [lines[2], lines[1], lines[0], *lines[3:]], "follows number"),
        (
            lambda lines: [*lines[:3], lines[2], *lines[3:]],
            "number 2 of its worker follows number 2",
        ),
        (lambda lines: [*lines, "forged"], "line 7 is no line of an audit log"),
    ],
    ids=["changed", "taken out", "first taken out", "swapped", "repeated", "forged"],
)
def test_a_change_of_the_audit_log_is_found(audit_of_two_workers, change, told):
    lines = audit_of_two_workers.read_text().splitlines()
    audit_of_two_workers.write_text("\n".join(change(lines)) + "\n")
    assert told in " / ".join(verify_audit(audit_of_two_workers))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("call 010-1234-5678.", "call [phone]."),
        ("01012345678", "[phone]"),
        ("+82 10 1234 5678, +82-2-123-4567", "[phone], [phone]"),
        ("02-735-4567 or (02) 735 4567", "[phone] or [phone]"),
        ("전화 010.1234.5678로", "전화 [phone]로"),
        ("kim.lee+x@example.co.kr", "[email]"),
        ("4111 1111 1111 1111", "[credit_card]"),
        ("from 192.168.0.1", "from [ip]"),
        ("on 2026-11-26 at 19:30 for 12,000 won", "on 2026-11-26 at 19:30 for 12,000 won"),
        ("1764222222 is a time", "1764222222 is a time"),
        ("Where is Gyeongbokgung?", "Where is Gyeongbokgung?"),
        ("경복궁 근처", "경복궁 근처"),
    ],
)
def test_masking_finds_what_has_a_form_and_leaves_the_rest(text, masked):
    assert mask(text) == masked
    assert mask({"a": [text], "n": 5, "none": None}) == {"a": [masked], "n": 5, "none": None}


def test_ids_are_not_taken_for_telephone_numbers():
    assert not any(detect_phone(str(uuid4())) for _ in range(2_000))


def test_there_are_no_ids_outside_of_a_request():
    assert ids_now() == {}


def test_an_audit_log_of_many_threads_has_one_chain(tmp_path):
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.write("tool call", {"arguments": n}), range(400)))
    log.close()
    assert verify_audit(path) == [] and len(read_audit(path)) == 400


@contextmanager
def no_room_behind(path, more):
    """The system takes only so many more bytes of a file, as a full disk does."""
    resource = pytest.importorskip("resource")
    size = path.stat().st_size if path.exists() else 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("more", [0, 1, 9, 60], ids=lambda more: f"{more} bytes of it")
def test_a_line_that_the_disk_did_not_take_is_missed_and_the_next_one_is_whole(tmp_path, more):
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    log.write("prompt", {"text": "one"})
    with no_room_behind(path, more), pytest.raises(OSError):
        log.write("prompt", {"text": "two"})
    log.write("prompt", {"text": "three"})
    log.close()
    assert [line["text"] for line in read_audit(path)] == ["one", "three"]
    assert read_audit(path).torn == ((2,) if more else ())
    faults = verify_audit(path)
    assert "number 3" in faults[-1]
    half = ["line 2 is half a line, as a killed worker or a full disk leaves it"]
    assert faults[:-1] == (half if more else [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
async def test_a_full_disk_for_logs_and_traces_holds_up_no_turn(database, tmp_path):
    full = {f"CHAT_{name}_FILE": "/dev/full" for name in ("TRACES", "LOG", "AUDIT")}
    async with observed_service(tmp_path, database.url, **full) as service:
        said = await service.say("hello")
        again = await service.say("and again", said.json()["thread_id"])
    assert (said.status_code, again.status_code) == (200, 200)


def test_a_log_that_was_moved_away_is_begun_again(tmp_path):
    path = tmp_path / "log.jsonl"

    def write():
        for number in (1, 2):
            logging.getLogger("chat").warning("line %s", number)
            deadline = time.monotonic() + 10
            while not path.exists() or f"line {number}" not in path.read_text():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            if number == 1:
                path.rename(tmp_path / "log.jsonl.1")

    assert [line["event"] for line in lines_of(tmp_path, write)] == ["line 2"]
    assert [line["event"] for line in read_log(tmp_path / "log.jsonl.1")] == ["line 1"]


def test_an_audit_log_that_was_moved_or_removed_is_begun_again_and_its_chain_goes_on(tmp_path):
    path, old = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    log = AuditLog(path)
    for text in ("one", "two"):
        log.write("prompt", {"text": text})
    path.rename(old)
    log.write("prompt", {"text": "three"})
    assert [line["text"] for line in read_audit(path)] == ["three"]
    assert path.stat().st_mode & 0o077 == 0
    assert verify_audit(old) == [] == verify_audit(old, path)
    assert "number 3 of its worker follows number 0" in verify_audit(path)[0]
    path.write_text(path.read_text().replace("three", "four"))
    log.write("end", {})
    assert verify_audit(old, path) == [
        "the line before line 2 of audit.jsonl of the same worker was changed"
    ]
    path.unlink()
    log.write("prompt", {"text": "five"})
    log.close()
    assert [line["text"] for line in read_audit(path)] == ["five"]
    assert verify_audit(old, path) == [
        "line 1 of audit.jsonl: number 5 of its worker follows number 2"
    ]


def write_log_lines(path):
    with untouched_logging():
        listener = write_logs(path)
        logging.getLogger("chat").warning("a whole line")
        listener.stop()


def write_audit_line(path):
    log = AuditLog(path)
    log.write("prompt", {"text": "경복궁"})
    log.close()


def write_gateway_line(path):
    scope = {"type": "http", "path": "/v1/models", "method": "GET", "headers": []}

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        pass

    asyncio.run(RequestLog(app, path)(scope, None, send))


WRITERS = [write_log_lines, write_audit_line, write_gateway_line]


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_what_follows_the_half_line_of_a_killed_process_is_whole(tmp_path, write):
    path = tmp_path / "log.jsonl"
    write(path)
    whole = path.read_bytes()
    reader = read_audit if write is write_audit_line else read_log
    assert len(reader(path)) == 1 and reader(path).torn == ()
    for cut in range(1, len(whole) - 1, 7):
        path.write_bytes(whole + whole[:cut])
        assert len(reader(path)) == 1 and reader(path).torn == (2,), cut
        write(path)
        assert len(reader(path)) == 2 and reader(path).torn == (2,), cut
    path.write_bytes(whole[:-1])  # only the line break is missing: nothing is lost
    write(path)
    assert len(reader(path)) == 2 and reader(path).torn == ()


def test_half_lines_of_an_audit_log_are_told_apart_from_forged_ones(audit_of_two_workers):
    text = audit_of_two_workers.read_text()
    audit_of_two_workers.write_text(text + text[:50] + "\n" + "forged\n")
    assert verify_audit(audit_of_two_workers) == [
        "line 7 is half a line, as a killed worker or a full disk leaves it",
        "line 8 is no line of an audit log",
    ]


@pytest.mark.parametrize("garbage", ["[]", "7", "forged", '"text"', "<html>", "\x00\x00"])
def test_a_file_that_is_no_log_is_named_with_its_line(tmp_path, garbage):
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"event": "turn"}}\n\n{garbage}\n')
    for reader in (read_log, read_audit):
        with pytest.raises(ValueError, match=r"Line 3 of .*log\.jsonl is no JSON object"):
            reader(path)


def test_separators_of_unicode_in_what_somebody_said_end_no_line(tmp_path):
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path)
    log.write("prompt", {"text": "one\u2028two\x85three"})
    log.close()
    assert [line["text"] for line in read_log(path)] == ["one\u2028two\x85three"]


KILLED = """
import sys, threading
from pathlib import Path
from course_lib.models.line_file import LineFile
file = LineFile(Path(sys.argv[1]))
print("up", flush=True)
while True:
    file.write('{"text": "' + "x" * 300_000 + '"}\\n')
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_lines_of_processes_that_are_killed_while_they_write_never_mix(tmp_path):
    path = tmp_path / "log.jsonl"
    for _ in range(6):
        command = [sys.executable, "-c", KILLED, str(path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
        try:
            assert child.stdout.readline() == b"up\n"
            file = LineFile(path)
            for number in range(20):
                file.write(json.dumps({"number": number}) + "\n")
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        file.write('{"number": 20}\n')
        file.close()
    lines = read_log(path)
    numbers = [line["number"] for line in lines if "number" in line]
    assert numbers == [*range(21)] * 6
    assert {len(line["text"]) for line in lines if "text" in line} <= {300_000}


def test_a_file_in_a_folder_that_was_removed_is_an_error_and_comes_back_with_it(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    file = LineFile(folder / "log.jsonl")
    file.write('{"number": 1}\n')
    folder.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        file.write('{"number": 2}\n')
    folder.mkdir()
    file.write('{"number": 3}\n')
    file.close()
    file.close()
    assert read_log(folder / "log.jsonl") == [{"number": 3}]
