"""Namu on a file of the learner's own: the conversation is there in the next process."""

import os
import subprocess
import sys

import pytest

from course_lib.namu import build_lasting_namu, conversations_file
from course_lib.namu.lasting import _opened

TALK = """
import sys
from course_lib.namu import build_lasting_namu
namu = build_lasting_namu()
config = {"configurable": {"thread_id": "t"}}
state = namu.invoke({"messages": [{"role": "user", "content": sys.argv[1]}]}, config)
print(len(state["messages"]), namu.store is not None)
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "own home"))
    yield
    _opened.cache_clear()


def talk(text):
    run = subprocess.run(
        [sys.executable, "-c", TALK, text], capture_output=True, text=True, env=os.environ
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split()


@pytest.mark.soak
def test_the_next_process_finds_the_conversation():
    first, second = talk("a cafe in Mapo"), talk("the second one")
    assert int(second[0]) > int(first[0]) and second[1] == "True"
    assert conversations_file().is_file()


def test_two_graphs_of_one_kernel_share_one_open_file():
    assert build_lasting_namu().checkpointer is build_lasting_namu().checkpointer


def test_a_file_that_cannot_be_written_is_a_warning_and_the_chat_goes_on():
    conversations_file().mkdir(parents=True)  # a folder stands in its place
    with pytest.warns(UserWarning, match="kept in memory"):
        namu = build_lasting_namu()
    config = {"configurable": {"thread_id": "t"}}
    assert namu.invoke({"messages": [("user", "hello")]}, config)["messages"]
