"""Open JupyterLab on the first page: `python3 tools/lab.py [PORT]`, the Makefile's `make lab`."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from environment import (
    ROOT,
    WINDOWS,
    SetupError,
    answer_of,
    exec_command,
    make_venv,
    run_and_report,
    say,
    venv_python,
)

FIRST_PAGE = "notebooks/00_start_here.ipynb"

LAB_SETTINGS = ROOT / "tools" / "jupyterlab"
"""Defaults for JupyterLab in this folder: no news, and a chat is saved with its notebook.

A saved panel can be read without its kernel then; JupyterLab's own default leaves an error in its
place. The README's command for conda names the same folder.
"""


def open_lab(port: int | None = None, browser: bool = True) -> int:
    """Open JupyterLab on the first page.

    Args:
        port: TCP port on 127.0.0.1; the first free one from 8888 on when left out.
        browser: whether to open a browser window.

    Raises:
        SetupError: the port asked for is taken.
    """
    running = _running_lab()
    if running is not None:
        url = f"{running['url']}lab/tree/{FIRST_PAGE}?token={running.get('token', '')}"
        say("JupyterLab already runs for this folder; use that one:\n      " + url)
        if browser:
            import webbrowser

            webbrowser.open(url)
        return 0
    if port is not None:
        _check_port(port)
    first = port if port is not None else _free_port(8888)
    if port is None and first != 8888:
        say(f"port 8888 is taken by another program; using {first}")
    command = [
        str(venv_python()),
        "-m",
        "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={first}",
        f"--ServerApp.port_retries={0 if port is not None else 50}",
        f"--ServerApp.root_dir={ROOT}",
        f"--LabApp.app_settings_dir={LAB_SETTINGS}",
        f"--LabApp.default_url=/lab/tree/{FIRST_PAGE}",
        "--ServerApp.log_level=WARN",
        "--ServerApp.answer_yes=True",  # one Ctrl-C is enough
    ]
    if not browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        say("you are root, so JupyterLab runs as root; do that in a container only")
        command.append("--allow-root")
    say(f"opening JupyterLab on {FIRST_PAGE} (Ctrl-C stops it)")
    return exec_command(command, LANGSMITH_TRACING="false")


def _check_port(port: int) -> None:
    try:
        _bind(port)
    except PermissionError:
        raise SetupError(
            f"port {port} is for the system's own programs.\nName one above 1023, as in: make lab "
            "PORT=9000"
        ) from None
    except OSError:
        raise SetupError(
            f"port {port} is taken by another program.\n"
            f"Name another one: make lab PORT={_free_port(port + 1)}"
        ) from None


def _running_lab() -> dict[str, object] | None:
    """The JupyterLab server of this folder, if one answers; read from Jupyter's runtime files."""
    code = (
        "import json; from jupyter_core.paths import jupyter_runtime_dir as d; "
        "from pathlib import Path; "
        "print(json.dumps([json.loads(p.read_text()) for p in Path(d()).glob('jpserver-*.json')]))"
    )
    servers = json.loads(answer_of(code) or "[]")
    for server in servers:
        here = Path(server.get("root_dir", "/nowhere")).resolve() == ROOT
        if here and not _is_free(int(server["port"])):
            return server
    return None


def _is_free(port: int) -> bool:
    try:
        _bind(port)
    except OSError:
        return False
    return True


def _bind(port: int) -> None:
    """Take a port of 127.0.0.1 for a moment; raises OSError where that cannot be."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if not WINDOWS:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


def _free_port(first: int) -> int:
    return next(port for port in range(first, 65536) if _is_free(port))


def main(arguments: list[str]) -> int:
    """Set up if needed and open JupyterLab, on the port asked for or the first free one."""
    asked = " ".join(arguments)
    if asked and not (asked.isdecimal() and 0 < int(asked) < 65536):
        raise SetupError(f"{asked!r} is no port. Name a number, as in: make lab PORT=9000")
    make_venv()
    port = int(asked) if asked else None
    return open_lab(port, browser=not os.environ.get("COURSE_NO_BROWSER"))


if __name__ == "__main__":
    sys.exit(run_and_report(lambda: main(sys.argv[1:])))
