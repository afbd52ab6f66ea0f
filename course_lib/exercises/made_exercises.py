"""Which exercise files are still as the generator made them, so that no learner's work is lost.

`solutions/exercises.json` holds a fingerprint of each file that was made. A file with another one
is somebody's work: a cell was run, or something was typed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def record_of(root: Path) -> Path:
    """Return the file that holds the fingerprints; it may not exist yet.

    Args:
        root: the checkout.
    """
    return root / "solutions" / "exercises.json"


def read_record(root: Path) -> dict[str, str]:
    """Return the fingerprint of each exercise file as it was made, by the file's name.

    Empty if there is no record or an unreadable one: every file counts as somebody's work then.

    Args:
        root: the checkout.
    """
    try:
        stored = json.loads(record_of(root).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def write_record(root: Path, made: dict[str, str]) -> None:
    """Store the fingerprints if they differ from the stored ones.

    Args:
        root: the checkout.
        made: a fingerprint for each file's name.
    """
    if made != read_record(root):
        text = json.dumps(made, indent=1, sort_keys=True) + "\n"
        record_of(root).write_text(text, encoding="utf-8")


def fingerprint(text: str) -> str | None:
    """Return what tells the cells of an exercise file from others, or None for no notebook.

    The metadata do not count: a front end writes them when somebody only opens and saves a file.

    Args:
        text: of a notebook file.
    """
    try:
        cells = [_content(cell) for cell in json.loads(text)["cells"]]
        stored = json.dumps(cells, sort_keys=True).encode()
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return hashlib.sha256(stored).hexdigest()


def _content(cell: dict[str, Any]) -> list[Any]:
    """What a learner writes in a cell or gets from running it."""
    source = cell.get("source") or ""
    attached, outputs = cell.get("attachments") or {}, cell.get("outputs") or []
    return [cell.get("cell_type"), "".join(source), attached, outputs, cell.get("execution_count")]
