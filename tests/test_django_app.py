"""The Django site in one process, against a real LangGraph server: turns, owners, edits, errors."""

from __future__ import annotations

import asyncio
import io
import json
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID, uuid4

import django_configured  # noqa: F401 - configures Django before its models are imported
import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import AsyncClient
from django.urls import get_resolver, reverse
from django.utils import timezone
from langgraph_sdk import get_client, get_sync_client
from served_graphs import write_config

from course_lib.django_app.chat import edits, mapping
from course_lib.django_app.chat.langgraph import client as langgraph_client
from course_lib.django_app.chat.models import User, UserThread
from course_lib.django_app.chat.words import WORDS
from course_lib.serving import langgraph_server
from course_lib.serving.http_thread import serve

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.django_db(transaction=True)]

HOSTILE = [e["text"] for e in json.loads((Path(__file__).parent / "hostile.json").read_text())]
KOREAN = {"Accept-Language": "ko-KR,ko;q=0.9"}
PARTS = {"thread_id": uuid4(), "run_id": uuid4()}
ADDRESSES = {
    pattern.name: list(pattern.pattern.converters)
    for included in get_resolver().url_patterns
    if getattr(included, "namespace", None) == "chat"
    for pattern in included.url_patterns
}
"""Every address of the chat by name, with the parts that it has."""
OPEN = {"health"}
PAGES = {"home", "thread"}
READS = {"state", "events"}
WRITES = set(ADDRESSES) - OPEN - PAGES - READS
OF_A_THREAD = {name for name, parts in ADDRESSES.items() if "thread_id" in parts}


@pytest.fixture(scope="module")
def langgraph(tmp_path_factory):
    """One LangGraph server for all tests of this file."""
    with langgraph_server(write_config(tmp_path_factory.mktemp("graphs"))) as running:
        yield running.url


@pytest.fixture(autouse=True)
def site_settings(langgraph, settings):
    settings.CHAT_LANGGRAPH_URL = langgraph
    settings.CHAT_ASSISTANT = "echo"
    return settings


@pytest.fixture
def ann():
    return User.objects.create_user("ann")


@pytest.fixture
async def browser(ann):
    return await signed_in(ann)


async def signed_in(user, **more):
    browser = AsyncClient(**more)
    await browser.aforce_login(user)
    return browser


def address(name, **parts):
    given = {**PARTS, **parts}
    return reverse(f"chat:{name}", kwargs={part: given[part] for part in ADDRESSES[name]})


async def post(browser, name, body=None, headers=None, **parts):
    sent = {"content_type": "application/json", "headers": headers}
    return await browser.post(address(name, **parts), json.dumps(body or {}), **sent)


async def events_in(response):
    """The events of a streamed answer, as (name, data, id)."""
    assert response.streaming, response.content.decode()
    text = b"".join([chunk async for chunk in response.streaming_content]).decode()
    found = []
    for block in text.split("\n\n")[:-1]:
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((lines["event"], json.loads(lines["data"]), lines.get("id")))
    return found


async def say(browser, text, thread=None, request_id=None, **more):
    """Send a message; return the events of its turn."""
    body = {"request_id": request_id or str(uuid4()), "text": text}
    if thread:
        body["thread_id"] = thread
    return await events_in(await post(browser, "send", body, **more))


def thread_in(events):
    assert events[0][0] == "start"
    return events[0][1]["thread_id"]


def tokens_in(events):
    return "".join(data["text"] for name, data, _ in events if name == "token")


async def state_of(browser, thread):
    return (await browser.get(address("state", thread_id=thread))).json()


async def texts_of(browser, thread):
    return [each["text"].strip() for each in (await state_of(browser, thread))["messages"]]


async def begun(browser, *texts):
    """A conversation with these turns."""
    thread = None
    for text in texts:
        thread = thread_in(await say(browser, text, thread))
    return thread


async def put(ann, *messages):
    """A conversation that holds these messages, without a run."""
    row = await mapping.create(ann, str(uuid4()), "prepared")
    threads = langgraph_client().threads
    await threads.update(str(row.thread_id), metadata={"graph_id": "echo"})  # else a run does it
    values = {"messages": list(messages)}
    await threads.update_state(str(row.thread_id), values, as_node="answer")
    return str(row.thread_id)


async def test_a_turn_streams_its_events_and_is_kept(browser):
    request_id = str(uuid4())
    events = await say(browser, "slow 5", request_id=request_id)
    names = [name for name, *_ in events]
    assert names[:2] == ["start", "person"] and names[-1] == "end"
    assert names.count("token") == 5 and tokens_in(events) == "w0 w1 w2 w3 w4 "
    steps = [(data["node"], data["state"]) for name, data, _ in events if name == "step"]
    nodes = [(node, state) for node in ("note", "answer") for state in ("running", "done")]
    assert steps == nodes
    assert events[1][1] == {"id": request_id, "text": "slow 5"}
    state = await state_of(browser, thread_in(events))
    assert [(each["role"], each["text"]) for each in state["messages"]] == [
        ("person", "slow 5"),
        ("assistant", "w0 w1 w2 w3 w4 "),
    ]
    assert state["messages"][0]["id"] == request_id and state["run_id"] is None


async def test_a_request_sent_again_is_not_a_second_turn(browser):
    request_id = str(uuid4())
    first = await say(browser, "once", request_id=request_id)
    second = await say(browser, "once", request_id=request_id)  # not even a second conversation
    assert thread_in(first) == thread_in(second) and first[0] == second[0]
    assert await UserThread.objects.acount() == 1
    assert await texts_of(browser, thread_in(first)) == ["once", "re: once"]


async def test_a_stream_that_broke_is_read_again_behind_the_last_event(browser):
    events = await say(browser, "slow 8")
    ids = [event_id for _, _, event_id in events if event_id]
    start = events[0][1]
    place = address("events", **{key: start[key] for key in ("thread_id", "run_id")})
    for n, (_, _, event_id) in enumerate(events):
        if event_id:
            rest = await browser.get(place, headers={"Last-Event-ID": event_id})
            rest = await events_in(rest)
            assert rest[0] == events[0] and rest[1:] == events[n + 1 :]
    again = await events_in(await browser.get(place))
    assert again == events and len(set(ids)) == len(ids)


async def test_a_browser_that_goes_away_does_not_stop_the_run(browser):
    body = {"request_id": str(uuid4()), "text": "slow 10"}
    response = await post(browser, "send", body)
    stream = aiter(response.streaming_content)
    start = json.loads((await anext(stream)).decode().split("data: ")[1])
    while b"w1 " not in await anext(stream):
        pass
    await stream.aclose()
    run = await langgraph_client().runs.get(start["thread_id"], start["run_id"])
    assert run["status"] in ("pending", "running")
    await langgraph_client().runs.join(start["thread_id"], start["run_id"])
    texts = await texts_of(browser, start["thread_id"])
    assert texts == ["slow 10", " ".join(f"w{n}" for n in range(10))]


async def test_a_run_can_be_stopped_and_the_conversation_goes_on(browser):
    thread = await begun(browser, "hello")
    response = await post(
        browser, "send", {"request_id": str(uuid4()), "text": "slow 400", "thread_id": thread}
    )
    stream = aiter(response.streaming_content)
    while b"w1 " not in await anext(stream):
        pass
    assert (await state_of(browser, thread))["run_id"]
    busy = await post(
        browser, "send", {"request_id": str(uuid4()), "text": "two", "thread_id": thread}
    )
    assert (busy.status_code, busy.json()["kind"]) == (409, "busy")
    message = (await state_of(browser, thread))["messages"][0]["id"]
    edit = await post(
        browser, "edit-message", {"message_id": message, "text": "x"}, thread_id=thread
    )
    assert (edit.status_code, edit.json()["kind"]) == (409, "busy")
    assert (await post(browser, "stop", thread_id=thread)).status_code == 204
    rest = b"".join([chunk async for chunk in stream]).decode()
    assert rest.endswith('event: end\ndata: {"status": "interrupted"}\n\n')
    assert (await post(browser, "stop", thread_id=thread)).status_code == 204  # nothing to stop
    await say(browser, "next", thread)
    assert (await texts_of(browser, thread))[-1] == "re: next"


async def test_a_question_is_answered_once(browser):
    events = await say(browser, "ask me")
    thread = thread_in(events)
    assert ("step", {"node": "answer", "state": "asks"}) in [event[:2] for event in events]
    (question,) = (await state_of(browser, thread))["questions"]
    assert question["value"] == {"question": "Go on?"}
    refused = await post(
        browser, "send", {"request_id": str(uuid4()), "text": "other", "thread_id": thread}
    )
    assert (refused.status_code, refused.json()["kind"]) == (409, "question-open")
    body = {"request_id": str(uuid4()), "key": question["key"], "answer": {"approve": "perhaps"}}
    refused = await post(browser, "answer", body, thread_id=thread)
    assert (refused.status_code, refused.json()["kind"]) == (422, "answer-does-not-fit")
    body["answer"] = {"approve": True}
    first = await events_in(await post(browser, "answer", body, thread_id=thread))
    again = await events_in(await post(browser, "answer", body, thread_id=thread))
    assert first[0] == again[0]  # a double click is one run
    other = {**body, "request_id": str(uuid4())}
    closed = await post(browser, "answer", other, thread_id=thread)
    assert (closed.status_code, closed.json()["kind"]) == (409, "question-closed")
    assert await texts_of(browser, thread) == ["ask me", "You said yes."]


UNSENDABLE = {"over 64 bits": "1" * 30, "no number": "1e400", "deep": "[" * 300 + "]" * 300}


async def test_an_answer_that_cannot_be_sent_on_is_refused_and_the_question_stays(browser):
    thread = await begun(browser, "ask me")
    (question,) = (await state_of(browser, thread))["questions"]
    for what, value in UNSENDABLE.items():
        sent = (
            f'{{"request_id": "{uuid4()}", "key": "{question["key"]}", '
            f'"answer": {{"approve": true, "more": {value}}}}}'
        )
        place = address("answer", thread_id=thread)
        refused = await browser.post(place, sent, content_type="application/json")
        assert (refused.status_code, refused.json()["kind"]) == (400, "bad-request"), what
    assert (await state_of(browser, thread))["questions"] == [question]
    most = {"approve": True, "more": [-(2**63), 2**63 - 1, 0.5, [[["한"]]]]}
    body = {"request_id": str(uuid4()), "key": question["key"], "answer": most}
    await events_in(await post(browser, "answer", body, thread_id=thread))
    assert await texts_of(browser, thread) == ["ask me", "You said yes."]


@pytest.mark.parametrize(("headers", "column"), [({}, 0), (KOREAN, 1)], ids=["en", "ko"])
async def test_an_error_of_the_graph_is_told_in_the_persons_language_without_its_text(
    browser, headers, column
):
    events = await say(browser, "fail", headers=headers)
    (problem,) = [data for name, data, _ in events if name == "problem"]
    assert problem == {"kind": "run-failed", "detail": WORDS["run-failed"][column]}
    assert "hunter2" not in str(events)
    # The same request again is another attempt, and no second message.
    again = await say(browser, "fail", thread_in(events), events[1][1]["id"], headers=headers)
    assert again[0][1]["run_id"] != events[0][1]["run_id"]
    assert await texts_of(browser, thread_in(events)) == ["fail"]


async def test_a_thread_that_the_server_lost_begins_anew_with_a_note(browser, ann):
    thread = await begun(browser, "before")
    await langgraph_client().threads.delete(thread)
    events = await say(browser, "after", thread)
    assert events[1][:2] == (
        "notice",
        {"kind": "thread-lost", "detail": WORDS["thread-lost"][0]},
    )
    new = thread_in(events)
    assert new != thread and await texts_of(browser, new) == ["after", "re: after"]
    assert [str(row.thread_id) async for row in ann.threads.all()] == [new]
    await langgraph_client().threads.delete(new)
    page = await browser.get("/", headers=KOREAN)
    assert page.status_code == 200 and WORDS["thread-lost"][1] in page.content.decode()
    assert await ann.threads.acount() == 0
    assert WORDS["thread-lost"][1] not in (await browser.get("/", headers=KOREAN)).content.decode()


@pytest.fixture
def failing():
    """A server that answers everything with 500."""

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_DELETE = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    serve(server)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("away", "kind", "status"),
    [
        (False, "server-error", 502),
        # The SDK tries a server that is away for 7.5 seconds.
        pytest.param(True, "server-away", 503),
    ],
)
async def test_a_server_that_fails_or_is_away_is_told_in_the_persons_language(
    ann, browser, site_settings, failing, away, kind, status
):
    await UserThread.objects.acreate(thread_id=uuid4(), user=ann, title="mine", used=timezone.now())
    site_settings.CHAT_LANGGRAPH_URL = "http://127.0.0.1:9" if away else failing
    page = await browser.get("/", headers=KOREAN)
    assert page.status_code == status and WORDS[kind][1] in page.content.decode()
    assert "mine" in page.content.decode()  # the list is in Django's own database
    answer = await post(browser, "send", {"request_id": str(uuid4()), "text": "hello"})
    assert (answer.status_code, answer.json()["kind"]) == (status, kind)
    assert answer.json()["detail"] == WORDS[kind][0]
    assert await ann.threads.acount() == 1  # a failed request leaves no conversation behind


async def test_an_assistant_that_is_missing_costs_no_conversation(browser, ann, site_settings):
    thread = await begun(browser, "kept")
    site_settings.CHAT_ASSISTANT = "nobody"
    answer = await post(
        browser, "send", {"request_id": str(uuid4()), "text": "hello", "thread_id": thread}
    )
    assert answer.status_code == 502 and await ann.threads.acount() == 1


@pytest.mark.parametrize("name", sorted(OF_A_THREAD))
async def test_a_strangers_thread_answers_like_one_that_does_not_exist(browser, ann, name):
    thread = await put(ann, {"type": "human", "content": "mine alone", "id": "m1"})
    stranger = await signed_in(await User.objects.acreate_user("stranger"))
    body = {
        "request_id": str(uuid4()),
        "text": "x",
        "message_id": "m1",
        "key": "k",
        "answer": 1,
    }
    answers = []
    for each in (thread, uuid4()):
        if name in WRITES:
            answer = await post(stranger, name, {**body, "thread_id": str(each)}, thread_id=each)
        else:
            answer = await stranger.get(address(name, thread_id=each))
        answers.append((answer.status_code, answer.content.replace(str(each).encode(), b"")))
    assert answers[0] == answers[1] and answers[0][0] == 404
    assert await texts_of(browser, thread) == ["mine alone"]


async def test_a_message_to_a_strangers_thread_is_refused(browser, ann):
    thread = await put(ann, {"type": "human", "content": "mine alone", "id": "m1"})
    stranger = await signed_in(await User.objects.acreate_user("stranger"))
    for each in (thread, str(uuid4())):
        body = {"request_id": str(uuid4()), "text": "x", "thread_id": each}
        answer = await post(stranger, "send", body)
        assert (answer.status_code, answer.json()["kind"]) == (404, "thread-unknown")
    assert await texts_of(browser, thread) == ["mine alone"]


async def test_a_strangers_run_cannot_be_read_through_a_thread_of_ones_own(browser):
    events = await say(browser, "slow 3")
    run = events[0][1]["run_id"]
    stranger = await signed_in(await User.objects.acreate_user("stranger"))
    own = await begun(stranger, "hello")
    place = address("events", thread_id=own, run_id=run)
    found = await events_in(await stranger.get(place))
    assert [name for name, *_ in found] == ["start", "problem"]
    assert found[1][1]["kind"] == "run-lost" and "w0" not in str(found)


async def test_a_conversation_is_deleted_while_an_answer_is_written(browser, ann):
    body = {"request_id": str(uuid4()), "text": "slow 100"}
    stream = aiter((await post(browser, "send", body)).streaming_content)
    thread = json.loads((await anext(stream)).decode().split("data: ")[1])["thread_id"]
    while b"w1 " not in await anext(stream):
        pass
    assert (await post(browser, "delete", thread_id=thread)).status_code == 204
    rest = b"".join([chunk async for chunk in stream]).decode()
    assert "w99" not in rest
    assert await ann.threads.acount() == 0
    assert (await browser.get(address("state", thread_id=thread))).status_code == 404


@pytest.mark.parametrize("name", sorted(set(ADDRESSES) - OPEN))
async def test_who_is_not_signed_in_gets_nothing(name):
    browser = AsyncClient()
    answer = await (post(browser, name) if name in WRITES else browser.get(address(name)))
    if name in PAGES:
        assert answer.status_code == 302 and answer["Location"].startswith("/login/?next=/")
    else:
        assert (answer.status_code, answer.json()["kind"]) == (401, "sign-in-needed")


LEADS = {
    "/t/x": "/t/x",
    "/login/": "/",
    "//elsewhere.example/": "/",
    "https://elsewhere.example/": "/",
    "/\\elsewhere.example": "/",
    "javascript:alert(1)": "/",
}
"""Where a sign-in leads, for each `next`."""


@pytest.mark.parametrize(("wanted", "found"), LEADS.items(), ids=LEADS)
async def test_a_sign_in_leads_to_this_site_only_and_changes_the_session(wanted, found):
    await User.objects.acreate_user("bo", password="correct horse battery")
    browser = AsyncClient()
    session = await browser.asession()
    await session.asave()  # a session that somebody else may know
    form = {"username": "bo", "password": "correct horse battery", "next": wanted}
    answer = await browser.post("/login/", form)
    assert (answer.status_code, answer["Location"]) == (302, found)
    assert (await browser.asession()).session_key != session.session_key
    answer = await browser.get("/login/", {"next": wanted})  # signed in already
    assert (answer.status_code, answer["Location"]) == (302, found)


@pytest.mark.parametrize("name", sorted(WRITES))
async def test_csrf_stays_on(ann, name):
    browser = await signed_in(ann, enforce_csrf_checks=True)
    answer = await post(browser, name, headers=KOREAN)
    assert (answer.status_code, answer.json()["kind"]) == (403, "csrf")
    assert answer.json()["detail"] == WORDS["csrf"][1]
    page = await browser.get("/")
    token = page.content.decode().split('csrfmiddlewaretoken" value="')[1].split('"')[0]
    answer = await post(browser, name, headers={"X-CSRFToken": token})
    assert answer.status_code != 403
    assert (await browser.get(address(name))).status_code == 405


BAD = {
    "no JSON": b"{",
    "no object": b"[]",
    "deep": b"[" * 60_000,
    "NaN": b'{"text": NaN}',
    "no fields": b"{}",
    "wrong types": b'{"text": 1, "request_id": [], "thread_id": {}, "message_id": 0, "key": {}}',
    "half a letter": b'{"text": "\\ud800", "message_id": "\\ud800", "key": "\\ud800"}',
    "NUL": b'{"text": "a\\u0000", "message_id": "\\u0000", "key": "\\u0000", "answer": "\\u0000"}',
    "not UTF-8": b'{"text": "\xff"}',
    "empty": b'{"text": " ", "message_id": "", "key": "", "answer": null}',
    "too long": b'{"text": "%s", "message_id": "m"}' % (b"a" * 4_001),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
async def test_a_malformed_body_is_refused(browser, ann, body):
    thread = await put(ann, {"type": "human", "content": "mine", "id": "m"})
    request_id = f'"request_id": "{uuid4()}", '.encode()
    for name in ("send", "answer", "edit-message", "delete-message", "instruction"):
        for sent in (body, body.replace(b"{", b"{" + request_id, 1)):
            if name == "delete-message" and b'"m"' in sent:
                continue  # a good request
            place = address(name, thread_id=thread)
            answer = await browser.post(place, sent, content_type="application/json")
            assert answer.status_code in (400, 422), (name, answer.content)
    assert await texts_of(browser, thread) == ["mine"]


async def test_a_message_is_edited_and_deleted_and_the_state_before_stays(browser):
    thread = await begun(browser, "one", "two")
    before = await state_of(browser, thread)
    first, second = before["messages"][0]["id"], before["messages"][1]["id"]
    place = {"thread_id": thread}
    answer = await post(browser, "edit-message", {"message_id": first, "text": "1"}, **place)
    assert answer.status_code == 204
    assert (
        await post(browser, "delete-message", {"message_id": second}, **place)
    ).status_code == 204
    assert await texts_of(browser, thread) == ["1", "two", "re: two"]
    for name in ("edit-message", "delete-message"):
        gone = await post(browser, name, {"message_id": second, "text": "x"}, **place)
        assert (gone.status_code, gone.json()["kind"]) == (404, "message-unknown")
    at = {"checkpoint_id": before["checkpoint_id"]}
    old = await langgraph_client().threads.get_state(thread, checkpoint=at)
    assert old["values"]["messages"][0]["content"] == "one"
    await say(browser, "three", thread)  # the thread is as good as before
    assert (await texts_of(browser, thread))[-1] == "re: three"


async def test_an_answer_of_the_assistant_cannot_be_edited(browser):
    thread = await begun(browser, "one")
    answer_id = (await state_of(browser, thread))["messages"][1]["id"]
    body = {"message_id": answer_id, "text": "put into its mouth"}
    assert (await post(browser, "edit-message", body, thread_id=thread)).status_code == 404


async def test_with_a_call_of_a_tool_its_answer_is_deleted(ann):
    call = {"name": "find", "args": {}, "id": "c1", "type": "tool_call"}
    thread = await put(
        ann,
        {"type": "human", "content": "find it", "id": "m1"},
        {"type": "ai", "content": "I look.", "id": "m2", "tool_calls": [call]},
        {"type": "tool", "content": "found", "id": "m3", "tool_call_id": "c1"},
        {"type": "ai", "content": "Here it is.", "id": "m4"},
    )
    await edits.delete_message(UUID(thread), "m2")
    state = await langgraph_client().threads.get_state(thread)
    assert [each["id"] for each in state["values"]["messages"]] == ["m1", "m4"]


async def test_a_shorter_list_deletes_nothing(browser):
    thread = await begun(browser, "one", "two")
    state = await langgraph_client().threads.get_state(thread)
    shorter = {"messages": state["values"]["messages"][:2]}
    await langgraph_client().threads.update_state(thread, shorter)
    assert await texts_of(browser, thread) == ["one", "re: one", "two", "re: two"]


async def test_an_instruction_is_a_system_message(browser):
    thread = await begun(browser, "one")
    await post(browser, "instruction", {"text": "Be brief."}, thread_id=thread)
    last = (await state_of(browser, thread))["messages"][-1]
    assert (last["role"], last["text"]) == ("system", "Be brief.")


@pytest.mark.parametrize(
    ("headers", "begin"), [({}, "Earlier in this"), (KOREAN, "앞서 나눈")], ids=["en", "ko"]
)
async def test_a_summary_takes_the_place_of_older_turns(browser, headers, begin):
    thread = await begun(browser, "one")
    alone = await post(browser, "shorten", thread_id=thread)
    assert (alone.status_code, alone.json()["kind"]) == (409, "nothing-to-shorten")
    await say(browser, "two", thread)
    await say(browser, "three", thread)
    answer = await post(browser, "shorten", headers=headers, thread_id=thread)
    assert answer.status_code == 204
    state = await state_of(browser, thread)
    assert [each["role"] for each in state["messages"]] == ["system", "person", "assistant"]
    summary, *kept = [each["text"] for each in state["messages"]]
    assert summary.startswith(begin) and summary.endswith("one; two")
    assert kept == ["three", "re: three"]


async def test_the_three_mappings_lead_to_a_thread_and_metadata_lead_back(browser, ann):
    older = await begun(browser, "older words")
    newer = await begun(browser, "newer words")

    async def shown_in(client):
        page = (await client.get("/")).content.decode()
        return json.loads(page.split('id="page-data" type="application/json">')[1].split("<")[0])[
            "thread_id"
        ]

    assert await shown_in(browser) == newer  # the session
    await browser.get(address("thread", thread_id=older))
    assert await shown_in(browser) == older
    device = await signed_in(ann)
    assert await shown_in(device) == older  # the field of the user
    await post(browser, "new")
    assert await shown_in(browser) is None and await shown_in(device) == older
    await User.objects.aupdate(thread_id=None)
    await Session.objects.all().adelete()
    device = await signed_in(ann)
    assert await shown_in(device) == newer  # the table
    await UserThread.objects.all().adelete()
    await User.objects.aupdate(thread_id=None)
    stranger = await signed_in(await User.objects.acreate_user("stranger"))
    assert await shown_in(stranger) is None
    device = await signed_in(ann)
    assert await shown_in(device) == newer  # the metadata of the threads
    titles = [row.title async for row in ann.threads.all()]
    assert titles == ["newer words", "older words"]


async def test_every_thread_of_a_person_is_recovered_not_only_ten(ann):
    await asyncio.gather(*[mapping.create(ann, str(uuid4()), f"n{n}") for n in range(12)])
    await UserThread.objects.all().adelete()
    assert await mapping.recover(ann) == 12


class Tags(HTMLParser):
    """The tags of a page, and the text of its messages."""

    def __init__(self):
        super().__init__()
        self.tags, self.texts, self._inside = [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._inside = ("class", "text") in attrs
        if self._inside:
            self.texts.append("")

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.texts[-1] += data


async def test_hostile_history_is_text_in_the_page(browser, ann):
    texts = [text.replace("\x00", "") for text in HOSTILE if text.strip("\x00 \n\t")]
    roles = ("human", "ai")
    messages = [{"type": role, "content": text} for text in texts for role in roles]
    thread = await put(ann, *messages)
    await UserThread.objects.aupdate(title=texts[0][:80])
    page = await browser.get(address("thread", thread_id=thread))
    tags = Tags()
    tags.feed(page.content.decode())
    # The site's own script, and the data it begins with.
    assert tags.tags.count("script") == 2
    assert not {"img", "iframe", "svg", "object", "style", "video"} & set(tags.tags)
    shown = [text.replace("\r\n", "\n").replace("\r", "\n") for text in texts for _ in roles]
    assert [t.replace("\r\n", "\n").replace("\r", "\n") for t in tags.texts] == shown
    assert "script-src 'self'" in page["Content-Security-Policy"]


async def test_a_process_has_one_client_for_each_event_loop():
    here = langgraph_client()
    assert langgraph_client() is here

    async def elsewhere():
        await langgraph_client().threads.count()
        return langgraph_client()

    for _ in range(3):
        other = await asyncio.to_thread(asyncio.run, elsewhere())
        assert other is not here
    await here.threads.count()


def idle_since(user, thread, days):
    used = timezone.now() - timezone.timedelta(days=days)
    UserThread.objects.create(thread_id=thread, user=user, title="t", used=used)


def cleaned(*options):
    out = io.StringIO()
    call_command("cleanup_threads", *options, stdout=out)
    return [line.split(",")[0] for line in out.getvalue().splitlines()]


def test_cleanup_reports_first_and_deletes_afterwards(ann, langgraph, site_settings):
    site_settings.CHAT_SITE = f"clean-{uuid4()}"  # no other test's threads
    server = get_sync_client(url=langgraph)

    def thread(user, site=site_settings.CHAT_SITE):
        metadata = {"site": site, "user": str(user), "title": "t"}
        return server.threads.create(metadata=metadata)["thread_id"]

    old, new, unmapped, orphan = thread(ann.pk), thread(ann.pk), thread(ann.pk), thread(uuid4())
    foreign = thread(uuid4(), "another program")
    idle_since(ann, old, 40)
    idle_since(ann, new, 20)
    idle_since(ann, uuid4(), 1)  # the server has no such thread
    found = ["idle: 1", "lost by the server: 1", "without an owner: 1", "missing in the table: 1"]
    assert cleaned("--dry-run") == found
    assert UserThread.objects.count() == 3 and server.threads.get(orphan)
    assert cleaned() == found
    assert {str(row.thread_id) for row in ann.threads.all()} == {new, unmapped}
    left = {each["thread_id"] for each in server.threads.search(ids=[old, new, unmapped, orphan])}
    assert left == {new, unmapped} and server.threads.get(foreign)
    assert cleaned() == [line.split(":")[0] + ": 0" for line in found]


def test_cleanup_says_when_the_server_is_away(site_settings):
    site_settings.CHAT_LANGGRAPH_URL = "http://127.0.0.1:9"
    with pytest.raises(CommandError, match="ConnectError"):
        cleaned()


def test_no_migration_is_missing():
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


async def test_an_async_client_of_the_sdk_reads_what_the_site_wrote(browser, langgraph, ann):
    """Whoever has the server's address sees everything: it must not be reachable from outside."""
    thread = await begun(browser, "hello")
    async with get_client(url=langgraph) as sdk:
        found = await sdk.threads.get(thread)
    assert found["metadata"]["user"] == str(ann.pk)
