"""Whoever follows the README of a service's folder has a chat with a graph of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from course_lib.persistence import postgres
from course_lib.serving import api_workers, free_port, langgraph_server, start
from course_lib.settings import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.soak]

SERVICES = {"fastapi_app": "chat_service", "django_app": "mysite"}
"""The folders, and what their READMEs call the copies."""


def copied(name: str, place: Path) -> Path:
    copy = place / SERVICES[name]
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(ROOT / "course_lib" / name, copy, ignore=ignored))


def block(guide: Path, language: str) -> str:
    """The first block of code in a README, without the list's indent."""
    found = re.search(rf"```{language}\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    assert found, f"{guide} has no block of {language}"
    return "\n".join(line.removeprefix("   ") for line in found[1].split("\n"))


def commands(guide: Path) -> list[str]:
    """The lines that a person types into a shell."""
    blocks = re.findall(r"```sh\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    return [line.strip() for each in blocks for line in each.splitlines() if line.strip()]


def environment_of(lines: list[str], **more: str) -> dict[str, str]:
    """The variables that the README exports, some of them with other values."""
    words = " ".join(line.removeprefix("export ") for line in lines if line.startswith("export"))
    given = dict(word.split("=", 1) for word in words.split())
    return {**os.environ, **given, **more}


def run(lines: list[str], beginning: str, place: Path, text: str = "", **variables: str) -> str:
    """Run the line of a README that begins so, with this Python."""
    (line,) = [each for each in lines if each.startswith(beginning)]
    quoted = line.replace("python ", f"'{sys.executable}' ")
    options = {"cwd": place, "env": variables, "input": text, "text": True, "shell": True}
    done = subprocess.run(quoted, capture_output=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_fastapi_service_is_copied_as_its_readme_says(tmp_path):
    copy = copied("fastapi_app", tmp_path)
    lines = commands(copy / "README.md")
    (tmp_path / "my_chat.py").write_text(block(copy / "README.md", "python"))
    variables = environment_of(lines, PYTHONPATH=str(ROOT))
    run(lines, "(umask 077; python", tmp_path, **variables)
    key = tmp_path / variables["CHAT_TOKEN_KEY_FILE"]
    assert key.stat().st_mode & 0o077 == 0
    link = run(lines, "python -m chat_service ann", tmp_path, **variables)
    assert link.startswith("http://127.0.0.1:8000/#token=")
    app = next(line for line in lines if line.startswith("uvicorn")).split()[2]
    with (
        postgres("copied_readme", scratch=True) as database,
        api_workers(
            1,
            database_url=database.url,
            app=app,
            variables={"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        ) as workers,
    ):
        headers = {"Authorization": f"Bearer {workers.token('ann')}"}
        body = {"message_id": str(uuid4()), "text": "hello"}
        answer = httpx.post(f"{workers.urls[0]}/chat", json=body, headers=headers, timeout=60)
    assert answer.json()["answer"]["text"] == "You said: hello"


def test_the_django_site_is_copied_as_its_readme_says(tmp_path):
    copy = copied("django_app", tmp_path)
    lines = commands(copy / "README.md")
    (copy / "graphs.py").write_text(block(copy / "README.md", "python"))
    (copy / "langgraph.json").write_text(block(copy / "README.md", "json"))
    password = "correct horse battery"
    with langgraph_server(copy / "langgraph.json", folder=copy) as server:
        variables = environment_of(lines, CHAT_LANGGRAPH_URL=server.url)
        run(lines, "(umask 077; python", tmp_path, **variables)
        run(lines, "python -m mysite migrate", tmp_path, **variables)
        run(lines, "python -m mysite add_person ann", tmp_path, text=password, **variables)
        app = next(line for line in lines if line.startswith("uvicorn")).split()[1]
        url = f"http://127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "uvicorn", app, f"--port={url.rpartition(':')[2]}"]
        variables |= {
            "PYTHONPATH": str(tmp_path),
            "CHAT_SECRET_KEY_FILE": str(tmp_path / variables["CHAT_SECRET_KEY_FILE"]),
            "CHAT_DATABASE_URL": f"sqlite:///{tmp_path / 'chat.sqlite3'}",
        }
        with (
            start(command, url, "/health/", variables=variables),
            httpx.Client(base_url=url, follow_redirects=True, timeout=60) as browser,
        ):
            token = re.compile(r'csrfmiddlewaretoken" value="(\w+)"')
            form = {"username": "ann", "password": password}
            form["csrfmiddlewaretoken"] = token.search(browser.get("/login/").text)[1]
            page = browser.post("/login/", data=form)
            headers = {"X-CSRFToken": token.search(page.text)[1]}
            body = {"request_id": str(uuid4()), "text": "hello"}
            events = browser.post("/send/", json=body, headers=headers).text
    assert '"text": "You said: hello"' in events
