"""Secrets as files, and the search for leaked ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import traceback
from pathlib import Path

import pytest
from observed_service import environment

from course_lib.operations import SecretsError, find_leaked_secrets, read_secrets, write_secrets
from course_lib.operations.leaked_secrets import tracked_files
from course_lib.operations.secret_files import settings_with_secrets
from course_lib.operations.settings import OperationsSettingsError, read_operations_settings
from course_lib.settings import ROOT

URL = "postgresql://chat@127.0.0.1/chat"
PASSWORDS_OF_EXAMPLES = {"PASSWORD", "hunter2", "pass", "secret"}
"""Values in the repository that look like passwords and open nothing."""


@pytest.fixture
def folder(tmp_path):
    return write_secrets(tmp_path / "secrets", database_url=URL)


def test_secrets_are_read_and_not_shown(folder):
    secrets = read_secrets(folder)
    assert secrets.database_url.get_secret_value() == URL
    assert len(secrets.token_key.get_secret_value()) == 64
    assert URL not in repr(secrets) and "**********" in repr(secrets)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_variable_does_not_win_over_a_file(folder):
    other = {"DATABASE_URL": "postgresql://other", "CHAT_DATABASE_URL": "postgresql://other"}
    with environment({**other, "CHAT_MAX_LETTERS": "7"}):
        settings = settings_with_secrets(folder)
    assert settings.database_url == URL and settings.max_letters == 7


def test_a_file_that_others_can_read_is_refused_until_the_command_was_run(folder):
    path = folder / "token_key"
    for mode in (0o644, 0o640, 0o604):
        path.chmod(mode)
        with pytest.raises(SecretsError, match="can be read by others") as caught:
            read_secrets(folder)
        command = re.search(r"Run: (chmod .*)", str(caught.value))[1]
        subprocess.run(["sh", "-c", command], check=True)
        read_secrets(folder)


def test_a_missing_file_is_named_and_the_command_makes_it(folder):
    path = folder / "token_key"
    before = path.read_text()
    path.unlink()
    with pytest.raises(SecretsError, match="The secret 'token_key' is missing") as caught:
        read_secrets(folder)
    command = str(caught.value).partition("Make the file: ")[2].removesuffix(".")
    assert str(path) in command and before not in str(caught.value)
    # `python` is whichever runs this test.
    here = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], check=True, env=here)
    assert read_secrets(folder).token_key.get_secret_value() not in ("", before)


def test_an_empty_file_and_a_missing_folder_are_named(folder, tmp_path):
    (folder / "database_url").write_text(" \n")
    with pytest.raises(SecretsError, match=r"database_url' is empty. Write it: umask 077"):
        read_secrets(folder)
    with pytest.raises(SecretsError, match="Make it: mkdir -m 700"):
        read_secrets(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CHAT_TURNS_PER_MINUTE", "many", "CHAT_TURNS_PER_MINUTE is 'many'"),
        ("CHAT_TURNS_PER_MINUTE", "0", "greater than or equal to 1"),
        ("CHAT_DRAIN_NOTICE_SECONDS", "-1", "CHAT_DRAIN_NOTICE_SECONDS is '-1'"),
        ("PROMETHEUS_MULTIPROC_DIR", "", "PROMETHEUS_MULTIPROC_DIR is ''. Set it"),
        ("PROMETHEUS_MULTIPROC_DIR", "/no-such-folder", "Run: mkdir -m 700 /no-such-folder"),
        ("CHAT_LOG_FILE", "/no-such-folder/log", "Make it: mkdir -p /no-such-folder"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name, value, told):
    with environment({name: value}), pytest.raises(OperationsSettingsError, match=told):
        read_operations_settings()


def test_an_empty_variable_is_as_good_as_none():
    with environment({"CHAT_LOG_FILE": "", "CHAT_TURNS_PER_MINUTE": ""}):
        assert read_operations_settings().log_file is None


# In two parts each, so that this file has no secret in it.
PLANTED = {
    "AWS Access Key": ("aws = 'AKIA" + "Z7QH3VWN5TYR2KLM'", "aws.py"),
    "Private Key": ("-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\n", "key.pem"),
    "GitHub Token": ("token: ghp_" + "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx", "deploy.yaml"),
    "Basic Auth Credentials": ("url = postgresql://chat:" + "Tr0ub4dor@db/chat", "settings.ini"),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_a_planted_secret_is_found_where_it_stands(kind, tmp_path):
    text, name = PLANTED[kind]
    path = tmp_path / name
    path.write_text(f"one = 1\n\n{text}\n")
    found = find_leaked_secrets([path])
    assert [(each.path, each.line, each.kind) for each in found] == [(path, 3, kind)]


def test_an_allowed_value_is_allowed_and_no_other(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(
        "a = 'postgresql://chat:" + "example@db'\nb = 'postgresql://chat:" + "real@db'\n"
    )
    found = find_leaked_secrets([path], allowed={"example"})
    assert [each.line for each in found] == [2]


def test_no_secret_is_in_the_repository():
    try:
        paths = tracked_files(ROOT)
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("This is no git checkout, so nobody says which files belong to it.")
    found = find_leaked_secrets(
        [path for path in paths if path.is_file() and path.stat().st_size < 2_000_000],
        allowed=PASSWORDS_OF_EXAMPLES,
    )
    told = [f"{each.path.relative_to(ROOT)}:{each.line} {each.kind}" for each in found]
    assert not told, "make these secrets worthless, then take them out of the history"


def test_a_folder_where_a_file_should_be_is_named_and_the_commands_mend_it(tmp_path):
    made = write_secrets(tmp_path / "my secrets", database_url="postgresql://a@b/c")
    (made / "token_key").unlink()
    (made / "token_key").mkdir()  # as Docker does for a missing file
    with pytest.raises(SecretsError, match="'token_key' is a folder") as told:
        read_secrets(made)
    command = str(told.value).partition("make the file: ")[2]
    subprocess.run(["sh", "-c", command], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert len(read_secrets(made).token_key.get_secret_value()) == 64


def test_a_link_within_the_folder_is_followed_and_one_out_of_it_is_named(tmp_path):
    real = write_secrets(tmp_path / "made" / "..data", database_url="postgresql://a@b/c")
    made = real.parent
    for name in ("database_url", "token_key"):
        (made / name).symlink_to(Path("..data", name))  # as Kubernetes mounts a Secret
    assert read_secrets(made) == read_secrets(real)
    (real / "token_key").chmod(0o644)
    with pytest.raises(SecretsError, match="can be read by others"):
        read_secrets(made)
    (real / "token_key").rename(tmp_path / "elsewhere")
    with pytest.raises(SecretsError, match="is missing"):
        read_secrets(made)
    (made / "token_key").unlink()
    (made / "token_key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SecretsError, match="is a link to another folder") as told:
        read_secrets(made)
    if sys.platform == "linux":
        command = str(told.value).partition("Put the file there: ")[2]
        subprocess.run(command, shell=True, check=True)
        assert len(read_secrets(made).token_key.get_secret_value()) == 64


@pytest.mark.parametrize("content", [b"\xff\xfe secret", b"se\x00cret"])
def test_what_is_no_text_is_refused_without_a_byte_of_it(tmp_path, content):
    made = write_secrets(tmp_path / "made", database_url="postgresql://a@b/c")
    (made / "database_url").write_bytes(content)
    with pytest.raises(SecretsError, match="holds no text") as told:
        read_secrets(made)
    shown = "".join(traceback.format_exception(told.value))
    assert "secret'" not in shown and "\\xff" not in shown


def test_a_log_that_is_a_folder_is_named(tmp_path):
    with environment({"CHAT_LOG_FILE": str(tmp_path)}):
        with pytest.raises(OperationsSettingsError, match=r"CHAT_LOG_FILE is .* is a folder"):
            read_operations_settings()
