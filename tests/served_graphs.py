"""The graphs that a LangGraph server serves in the tests of the Django site."""

from __future__ import annotations

import json
from pathlib import Path

from api_graphs import build

from course_lib.settings import ROOT

echo = build(None, None)
"""Repeats what it is told; see `api_graphs`."""


def write_config(folder: Path) -> Path:
    """Write a `langgraph.json` with the graphs `echo` and `namu`, and return its path."""
    graphs = {"echo": "served_graphs:echo", "namu": "course_lib.django_app.graphs:namu"}
    config = {"dependencies": [str(ROOT), str(ROOT / "tests")], "graphs": graphs}
    path = folder / "langgraph.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
