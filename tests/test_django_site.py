"""The Django site as a process: it starts, is killed in the middle of an answer, and goes on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from uuid import uuid4

import httpx
import pytest
from served_graphs import write_config

from course_lib.persistence import postgres
from course_lib.serving import ServerError, django_site, free_port, is_free, langgraph_server
from course_lib.settings import ROOT

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def langgraph(tmp_path_factory):
    with langgraph_server(write_config(tmp_path_factory.mktemp("graphs"))) as running:
        yield running.url


def sign_in(site, name):
    """A browser of a person; `X-CSRFToken` is set as the page's script sets it."""
    browser = httpx.Client(base_url=site.url, follow_redirects=True, timeout=60)
    form = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token_in(browser, "/")}
    page = browser.post("/login/", data=form)
    assert page.status_code == 200 and page.url.path == "/", page.text
    browser.headers["X-CSRFToken"] = token_in(browser, "/")
    return browser


def token_in(browser, path):
    return re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get(path).text)[1]


def events_of(response):
    """The events of a stream as they arrive."""
    text = ""
    for piece in response.iter_text():
        *blocks, text = (text + piece).split("\n\n")
        for block in blocks:
            lines = dict(line.split(": ", 1) for line in block.split("\n"))
            yield lines["event"], json.loads(lines["data"]), lines.get("id")


@pytest.mark.soak
def test_an_answer_survives_the_site_that_streamed_it(langgraph, server):
    """On PostgreSQL here; the browser tests kill a site on SQLite."""
    database = postgres("django", scratch=True)
    with django_site(langgraph, assistant="echo", database_url=database.url) as site:
        site.add_person("ann", PASSWORD)
        browser = sign_in(site, "ann")
        body = {"request_id": str(uuid4()), "text": "slow 60"}
        seen, last = [], None
        with pytest.raises(httpx.HTTPError):
            with browser.stream("POST", "/send/", json=body) as response:
                for name, data, event_id in events_of(response):
                    last = event_id or last
                    if name == "start":
                        thread, run = data["thread_id"], data["run_id"]
                    seen += [data["text"]] if name == "token" else []
                    if len(seen) == 5:
                        site.kill()
        site.restart()
        events = f"/t/{thread}/runs/{run}/events/"
        with browser.stream("GET", events, headers={"Last-Event-ID": last}) as response:
            rest = list(events_of(response))
        seen += [data["text"] for name, data, _ in rest if name == "token"]
        assert seen == [f"w{n} " for n in range(60)]
        assert rest[-1][:2] == ("end", {"status": "success"})
        texts = [each["text"] for each in browser.get(f"/t/{thread}/state/").json()["messages"]]
        assert texts == ["slow 60", "".join(seen)]
        assert "idle: 0" in site.manage("cleanup_threads", "--dry-run")
        folder, port = site._folder, int(site.url.rsplit(":", 1)[1])
    assert is_free(port) and not folder.exists()
    database.stop()


def test_what_is_wrong_is_said_before_anything_runs(langgraph):
    with pytest.raises(ServerError, match="CHAT_DATABASE_URL begins with 'mysql'"):
        django_site(langgraph, database_url="mysql://somewhere")
    with pytest.raises(ServerError, match="CHAT_LANGGRAPH_URL is not set"):
        django_site("")


@pytest.mark.soak
def test_a_password_that_is_too_simple_is_refused(langgraph):
    with django_site(langgraph, assistant="echo") as site:
        with pytest.raises(ServerError, match="too short"):
            site.add_person("ann", "short")
        page = httpx.post(f"{site.url}/login/", data={"username": "ann", "password": "short"})
        assert page.status_code == 403  # a form without its token
        long = b"a" * 70_000
        json_type = {"Content-Type": "application/json"}
        for content in (long, iter([long])):  # with its length, and without
            answer = httpx.post(f"{site.url}/send/", content=content, headers=json_type)
            assert answer.status_code == 413


@pytest.mark.soak
def test_a_copy_under_another_name_works_without_the_course(tmp_path):
    """Whoever copies the folder changes nothing in it but `graphs.py`."""
    copy = tmp_path / "mysite"
    shutil.copytree(ROOT / "course_lib" / "django_app", copy)
    (copy / "graphs.py").unlink()
    key = tmp_path / "secret.key"
    key.write_text("k" * 64)
    key.chmod(0o600)
    hidden = tmp_path / "course_lib.py"
    hidden.write_text("raise ImportError('the course is not there')\n")
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "CHAT_SECRET_KEY_FILE": str(key),
        "CHAT_DATABASE_URL": f"sqlite:///{tmp_path / 'chat.sqlite3'}",
        "CHAT_LANGGRAPH_URL": f"http://127.0.0.1:{free_port()}",
    }
    code = "import mysite.asgi, mysite.summaries, sys; assert 'course_lib' not in sys.modules"
    for command in (["-m", "mysite", "migrate"], ["-c", code]):
        subprocess.run(
            [sys.executable, *command],
            env=environment,
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
    page = "django_app/chat/static/chat/sse.js", "fastapi_app/static/sse.js"
    django_copy, fastapi_copy = [(ROOT / "course_lib" / each).read_text() for each in page]
    assert django_copy == fastapi_copy
