"""LangGraph's development server as a child process, and a project for it to serve."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from course_lib.serving.ports import port_or_free
from course_lib.serving.process import Server, ServerError, start
from course_lib.settings import ROOT

PROJECT = Path(__file__).parent / "server_project"
"""A folder with two graphs, a login and a `langgraph.json`, to read and to copy."""


def copy_project(folder: Path, **keys: Any) -> Path:
    """Copy the course's server project into a folder that does not exist yet.

    Args:
        folder: is made, with the folders above it.
        keys: what the copy's `langgraph.json` has on top, such as `auth={"path": ...}`.

    Returns:
        The path of the `langgraph.json`.
    """
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("__*__*"))
    config = folder / "langgraph.json"
    settings = json.loads(config.read_text(encoding="utf-8")) | keys
    config.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return config


def langgraph_server(
    config: Path = ROOT / "langgraph.json",
    *,
    folder: Path | None = None,
    port: int | None = None,
    seconds: float = 60,
) -> Server:
    """Start LangGraph's development server on the graphs of a `langgraph.json`.

    It needs no key and no network, keeps its threads in memory, and is meant by its makers for
    development and testing (its licence is Elastic 2.0).

    Args:
        config: the `langgraph.json`.
        folder: where it runs. Paths in the `langgraph.json` begin there, and the server keeps its
            records in a folder `.langgraph_api` there; a scratch folder when left out.
        port: TCP port on 127.0.0.1; a free one when left out.
        seconds: how long to wait until it is healthy.

    Raises:
        ValueError: the port is no TCP port.
        ServerError: no such file, the port is taken, or the server did not become healthy.
    """
    if not config.is_file():
        raise ServerError(f"There is no file {str(config)!r}. Name the langgraph.json to serve.")
    place = port_or_free(port)
    command = [
        sys.executable,
        "-m",
        "langgraph_cli",
        "dev",
        f"--config={config.resolve()}",
        "--host=127.0.0.1",
        f"--port={place}",
        "--no-browser",
        "--no-reload",
        "--n-jobs-per-worker=10",
    ]
    variables = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGSMITH_TRACING": "false"}
    return start(
        command,
        f"http://127.0.0.1:{place}",
        "/ok",
        variables=variables,
        cwd=folder,
        seconds=seconds,
    )
