"""Pin today's versions: `constraints.txt` from `pyproject.toml`, for every platform at once.

Holds names and versions only, so it works with any package index. Needs uv.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

uv = shutil.which("uv")
if uv is None:
    sys.exit("make lock needs uv (pip install uv); everything else works without it.")
command = [uv, "pip", "compile", "pyproject.toml", "--extra", "dev", "--universal", "--upgrade"]
command += ["--python-version", "3.11", "--no-header", "--no-annotate", "--quiet"]
command += ["--no-emit-index-url", "--no-emit-find-links"]
pins = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
if pins.returncode:
    sys.exit(pins.stderr)
heading = "# Every version the course was last proved with. Made by `make lock`; do not edit.\n"
(ROOT / "constraints.txt").write_text(heading + pins.stdout, encoding="utf-8")
print(f"constraints.txt: {len(pins.stdout.splitlines())} pins")
