"""LangGraph's development server as a child process."""

from __future__ import annotations

import sys
from pathlib import Path

from course_lib.serving.ports import free_port
from course_lib.serving.process import Server, ServerError, start
from course_lib.settings import ROOT


def langgraph_server(
    config: Path = ROOT / "langgraph.json", *, port: int | None = None, seconds: float = 60
) -> Server:
    """Start LangGraph's development server on the graphs of a `langgraph.json`.

    It needs no key and no network, keeps its threads in memory, and is meant by its makers for
    development and testing (its licence is Elastic 2.0).

    Args:
        config: the `langgraph.json`.
        port: TCP port on 127.0.0.1; a free one when left out.
        seconds: how long to wait until it is healthy.

    Raises:
        ServerError: no such file, the port is taken, or the server did not become healthy.
    """
    if not config.is_file():
        raise ServerError(f"There is no file {str(config)!r}. Name the langgraph.json to serve.")
    place = free_port() if port is None else port
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
    return start(command, f"http://127.0.0.1:{place}", "/ok", variables=variables, seconds=seconds)
