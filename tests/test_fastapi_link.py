"""The command of the chat service that prints a link for somebody: `python -m ... ann`."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import jwt
import pytest

from course_lib.fastapi_app.auth import ALGORITHM, AUDIENCE, read_token
from course_lib.settings import ROOT

KEY = "k" * 64


def link_with(tmp_path, *options, key=KEY, mode=0o600):
    """Run the command with a key in a file, and return how it ended."""
    file = tmp_path / "chat.key"
    file.write_text(f"{key}\n")
    file.chmod(mode)
    return subprocess.run(
        [sys.executable, "-m", "course_lib.fastapi_app", *options],
        cwd=ROOT,
        env={**os.environ, "CHAT_TOKEN_KEY_FILE": str(file)},
        capture_output=True,
        text=True,
    )


def test_the_link_opens_the_page_as_the_person_with_these_roles(tmp_path):
    options = [
        "안나",
        "--tenant",
        "school",
        "--role",
        "booker",
        "--role",
        "admin",
        "--hours",
        "0.5",
    ]
    told = link_with(tmp_path, *options, "--url", "https://chat.example/").stdout.strip()
    url, token = told.split("#token=")
    person = read_token(KEY.encode(), token)
    assert (url, person.user, person.tenant) == ("https://chat.example/", "안나", "school")
    assert person.roles == ("booker", "admin")
    claims = jwt.decode(token, KEY, algorithms=[ALGORITHM], audience=AUDIENCE)
    assert claims["exp"] - claims["iat"] == 1800 and claims["exp"] > time.time()


@pytest.mark.one_in(3)
@pytest.mark.parametrize(
    ("options", "more", "told"),
    [
        (["ann"], {"key": "short"}, "has 5 bytes and needs 32. Make one with"),
        (["ann"], {"mode": 0o644}, "can be read by others. Run: chmod 600"),
        (["ann", "--hours", "0"], {}, "--hours is 0.0. Give a number above zero"),
        (["ann", "--hours", "nan"], {}, "--hours is nan"),
        ([], {}, "required: user"),
    ],
)
def test_what_is_wrong_is_told_and_no_token_is_made(tmp_path, options, more, told):
    done = link_with(tmp_path, *options, **more)
    assert done.returncode != 0 and done.stdout == "" and told in done.stderr
