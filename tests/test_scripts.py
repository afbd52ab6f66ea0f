"""The scripts of the widgets, which are joined from several files, are scripts."""

import re
import subprocess

import pytest
from playwright._impl._driver import compute_driver_executable

from course_lib.chat.graph_view import GraphView
from course_lib.chat.memory_view import MemoryView
from course_lib.chat.state_view import StateView
from course_lib.chat.thread_list_view import ThreadListView
from course_lib.chat.transcript_view import SCRIPTS, STYLES, TranscriptView
from course_lib.chat.turn_tree_view import TurnTreeView
from course_lib.display import TreeView
from course_lib.settings import ROOT

CHAT = ROOT / "course_lib" / "chat"
SIDE = {
    "fields.js",
    "graph.js",
    "graph_layout.js",
    "graph.css",
    "memory.js",
    "side.css",
    "state.js",
    "clock.js",
    "threads.js",
    "threads.css",
    "turn_tree.js",
    "turn_tree.css",
}
SEND = re.compile(r'send\(\{\s*kind: "(\w+)"')


@pytest.mark.parametrize(
    "widget",
    [TranscriptView, GraphView, StateView, MemoryView, ThreadListView, TurnTreeView, TreeView],
)
def test_a_browser_can_read_the_joined_script(widget, tmp_path):
    node, _ = compute_driver_executable()
    script = tmp_path / "joined.mjs"
    script.write_text(str(widget._esm), encoding="utf-8")
    run = subprocess.run([node, "--check", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_no_script_and_no_style_sheet_of_the_chat_is_left_out():
    parts = {path.name for path in CHAT.iterdir() if path.suffix in (".js", ".css")}
    assert parts == {*SCRIPTS, *STYLES, *SIDE}


def test_the_kernel_understands_what_the_browser_sends():
    sent = set(SEND.findall(str(TranscriptView._esm)))
    understood = set(re.findall(r'"kind": "(\w+)"', (CHAT / "panel_actions.py").read_text("utf-8")))
    assert sent and sent == understood


def test_no_script_is_longer_than_300_lines():
    for name in (*SCRIPTS, *STYLES, *SIDE):
        assert len((CHAT / name).read_text("utf-8").splitlines()) <= 300, name
